//! What ends a session, and that it ends cheaply.

use bytes::Bytes;
use proptest::prelude::*;
use srs_amf::Value;

use super::{Peer, connect, play, publish};
use crate::command::Command;
use crate::server::{Config, Event, Session};
use crate::{Error, Message, MessageKind, chunk, handshake};

#[test]
fn an_empty_stream_name_is_refused_and_the_peer_is_told() {
    for (command, name, code) in [
        (publish(""), "publish", "NetStream.Publish.BadName"),
        (play(""), "play", "NetStream.Play.StreamNotFound"),
        (Command::new("publish", 5.0, Value::Null), "publish", "NetStream.Publish.BadName"),
    ] {
        let mut peer = Peer::connected();
        assert_eq!(peer.say(&command), Err(Error::NoStreamName { command: name }));
        assert_eq!(peer.hear_codes(), [code]);
    }
}

#[test]
fn publish_before_connect_ends_the_session() {
    assert_eq!(Peer::new().say(&publish("s")), Err(Error::NotConnected { command: "publish" }));
}

#[test]
fn a_second_publish_is_refused_and_the_first_goes_on() {
    let mut peer = Peer::publishing();
    assert_eq!(peer.say(&publish("other")), Ok(vec![]));
    assert_eq!(peer.hear_codes(), ["NetStream.Publish.BadName"]);
    assert!(matches!(peer.send(&super::video(1)).unwrap()[..], [Event::Message(_)]));
}

#[test]
fn a_connect_without_an_object_ends_the_session() {
    let command = Command::new("connect", 1.0, Value::Null);
    assert!(matches!(Peer::new().say(&command), Err(Error::BadConnect { .. })));
}

#[test]
fn a_connect_nested_too_deep_ends_the_session() {
    let body =
        [b"\x02\x00\x07connect\x00\x3f\xf0\0\0\0\0\0\0".as_slice(), &b"\x03\x00\x01a".repeat(2000)].concat();
    let message = Message { kind: MessageKind::COMMAND_AMF0, timestamp: 0, stream_id: 0, body: body.into() };
    let ended = Peer::new().send(&message);
    assert!(matches!(ended, Err(Error::Command { source: srs_amf::Error::TooDeep { .. }, .. })), "{ended:?}");
}

#[test]
fn a_large_message_before_publish_ends_the_session() {
    let mut peer = Peer::connected();
    let message = Message { body: Bytes::from(vec![0; 40_000]), ..super::video(0) };
    assert!(matches!(peer.send(&message), Err(Error::Chunk(chunk::Error::TooMuchPartial { .. }))));
    assert_eq!(Peer::publishing().send(&message).unwrap().len(), 1);
}

#[test]
fn a_peer_that_asks_and_does_not_listen_is_ended() {
    let mut peer = Peer::connected();
    let ask = Command::new("FCPublish", 2.0, Value::Null);
    let ended = (0..10_000).find_map(|_| peer.say(&ask).err());
    assert!(matches!(ended, Some(Error::TooManyAnswers { .. })));
    assert!(peer.session.poll_output().unwrap().len() < 30_000);
}

#[test]
fn a_wrong_first_byte_ends_the_session() {
    let mut session = Session::new(Config::default(), [0; 32]);
    let ended = session.handle_input(&mut Bytes::from_static(b"GET /"));
    assert_eq!(ended, Err(Error::Handshake(handshake::Error::NotRtmp { version: b'G' })));
}

#[test]
fn errors_say_what_and_where() {
    let error = Peer::new().say(&Command::new("connect", 1.0, Value::Null)).unwrap_err();
    assert!(error.to_string().contains("byte 32"), "{error}");
}

proptest! {
    #[test]
    fn byte_soup_after_the_handshake_never_panics(soup in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut peer = Peer::new();
        let _ = peer.feed(&soup);
        let mut peer = Peer::publishing();
        let _ = peer.feed(&soup);
    }

    #[test]
    fn a_damaged_connect_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut message = connect(&[("fourCcList", Value::StrictArray(vec!["hvc1".into()]))]).with("x").message(0);
        let mut body = message.body.to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        message.body = body.into();
        let _ = Peer::new().send(&message);
    }
}
