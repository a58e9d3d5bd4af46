use bytes::Bytes;
use srs_amf::Value;

use super::{Command, MAX_COMMAND};
use crate::{Error, Message, MessageKind};

fn message(kind: MessageKind, body: &[u8]) -> Message {
    Message { kind, timestamp: 0, stream_id: 0, body: Bytes::copy_from_slice(body) }
}

#[test]
fn a_command_survives_the_round_trip() {
    let command = Command::new("publish", 5.0, Value::Null).with("stream?a=b").with("live");
    assert_eq!(Command::read(&command.message(1), 0), Ok(command));
}

#[test]
fn the_zero_byte_of_an_amf3_command_is_stepped_over_if_it_is_there() {
    let command = Command::new("createStream", 2.0, Value::Null);
    let plain = command.message(0).body;
    let wrapped = [&[0], &plain[..]].concat();
    assert_eq!(Command::read(&message(MessageKind::COMMAND_AMF3, &wrapped), 0), Ok(command.clone()));
    assert_eq!(Command::read(&message(MessageKind::COMMAND_AMF3, &plain), 0), Ok(command));
}

#[test]
fn missing_parts_have_their_usual_values() {
    let read = Command::read(&message(MessageKind::COMMAND_AMF0, b"\x02\x00\x01x"), 0);
    assert_eq!(read, Ok(Command::new("x", 0.0, Value::Null)));
}

#[test]
fn an_amf3_argument_without_a_twin_ends_the_arguments_only() {
    let mut body = Command::new("x", 1.0, Value::Null).with("kept").message(0).body.to_vec();
    body.extend_from_slice(b"\x11\x0c\x05ab");
    let read = Command::read(&message(MessageKind::COMMAND_AMF0, &body), 0);
    assert_eq!(read.unwrap().arguments, [Value::from("kept")]);
}

#[test]
fn a_broken_command_says_where() {
    let read = Command::read(&message(MessageKind::COMMAND_AMF0, b"\x02\x00\x09x"), 77);
    assert_eq!(read, Err(Error::Command { at: 77, source: srs_amf::Error::Truncated { at: 4 } }));
    assert!(read.unwrap_err().to_string().contains("77"));
}

#[test]
fn a_long_command_and_one_of_many_values_are_refused() {
    let long = Command::read(&message(MessageKind::COMMAND_AMF0, &vec![5; MAX_COMMAND + 1]), 0);
    assert!(matches!(long, Err(Error::LongCommand { .. })));
    let many = Command::read(&message(MessageKind::COMMAND_AMF0, &vec![5; MAX_COMMAND]), 0);
    assert!(matches!(many, Err(Error::Command { source: srs_amf::Error::TooMany { .. }, .. })));
}
