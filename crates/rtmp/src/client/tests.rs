//! The peer is our own server session, or a scripted one where servers differ.

use bytes::{Bytes, BytesMut};
use srs_amf::Value;

use super::{Config, Event, Role, Session};
use crate::chunk::{Bodies, Reader, Writer};
use crate::command::{Command, information};
use crate::user_control::{self, UserControl};
use crate::{Message, MessageKind, handshake, server};

fn config(role: Role) -> Config {
    let connect =
        Value::object([("tcUrl", "rtmp://h/live".into()), ("app", "live".into()), ("x-more", 1.0.into())]);
    Config::new(connect, "s?token=1", role)
}

fn publisher() -> Role {
    Role::Publish { kind: "live".to_owned() }
}

/// Hands bytes over in both directions, `step` at a time, until both sides are silent.
fn pump(client: &mut Session, server: &mut server::Session, step: usize) -> (Vec<Event>, Vec<server::Event>) {
    let (mut heard, mut asked) = (Vec::new(), Vec::new());
    loop {
        let (up, down) = (client.poll_output(), server.poll_output());
        if up.is_none() && down.is_none() {
            return (heard, asked);
        }
        for piece in up.iter().flat_map(|bytes| bytes.chunks(step)) {
            let mut input = Bytes::copy_from_slice(piece);
            while let Some(event) = server.handle_input(&mut input).unwrap() {
                asked.push(event);
            }
        }
        for piece in down.iter().flat_map(|bytes| bytes.chunks(step)) {
            let mut input = Bytes::copy_from_slice(piece);
            while let Some(event) = client.handle_input(&mut input).unwrap() {
                heard.push(event);
            }
        }
    }
}

fn pair(config: Config) -> (Session, server::Session) {
    (Session::new(config, [1; 32]), server::Session::new(server::Config::default(), [2; 32]))
}

/// A client that stands before `_result` of connect, and what the server writes with.
fn scripted(role: Role) -> Session {
    let mut client = Session::new(config(role), [1; 32]);
    assert_eq!(client.handle_input(&mut Bytes::from(vec![3; 1 + 2 * 1536])), Ok(None));
    client.poll_output();
    client
}

fn hear(client: &mut Session, message: &Message) -> Vec<Event> {
    let mut wire = BytesMut::new();
    Writer::new(128).write(message, &mut wire);
    let mut input = wire.freeze();
    std::iter::from_fn(|| client.handle_input(&mut input).unwrap()).collect()
}

fn result(transaction: f64, value: impl Into<Value>) -> Message {
    Command::new("_result", transaction, Value::Null).with(value).message(0)
}

fn status(level: &str, code: &str) -> Message {
    Command::new("onStatus", 0.0, Value::Null).with(information(level, code, "words")).message(1)
}

fn video(timestamp: u32, stream_id: u32) -> Message {
    Message { kind: MessageKind::VIDEO, timestamp, stream_id, body: Bytes::from_static(b"\x17\x01") }
}

#[test]
fn a_publisher_reaches_a_server_and_its_messages_arrive() {
    for style in [handshake::Style::Simple, handshake::Style::Digest] {
        for step in [1, 1000, usize::MAX] {
            let (mut client, mut server) = pair(Config { handshake: style, ..config(publisher()) });
            let (heard, asked) = pump(&mut client, &mut server, step);
            assert!(heard.is_empty());
            let [server::Event::Publish(request)] = &asked[..] else { panic!("{asked:?}") };
            assert_eq!(request.stream, "s?token=1");
            assert_eq!(request.connect.object, config(publisher()).connect);
            server.accept_publish();
            let (heard, _) = pump(&mut client, &mut server, step);
            assert!(matches!(heard[..], [Event::Started { .. }]));
            client.write(&video(0x0100_0000, 9));
            let (_, asked) = pump(&mut client, &mut server, step);
            assert_eq!(asked, [server::Event::Message(video(0x0100_0000, 1))]);
        }
    }
}

#[test]
fn a_publisher_that_closes_ends_cleanly() {
    let (mut client, mut server) = pair(config(publisher()));
    pump(&mut client, &mut server, 1000);
    server.accept_publish();
    pump(&mut client, &mut server, 1000);
    client.close();
    let (_, asked) = pump(&mut client, &mut server, 1000);
    assert_eq!(asked, [server::Event::EndOfStream]);
}

#[test]
fn a_player_reaches_a_server_and_hears_what_it_sends() {
    let (mut client, mut server) = pair(config(Role::Play));
    let (_, asked) = pump(&mut client, &mut server, 1000);
    let [server::Event::Play(request), server::Event::SetBufferLength(1000)] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(request.stream, "s?token=1");
    server.accept_play();
    server.stream_eof();
    server.status("status", "NetStream.Play.UnpublishNotify", "gone");
    let (heard, _) = pump(&mut client, &mut server, 1000);
    let [
        Event::Started { status },
        Event::Message(access),
        Event::Message(start),
        Event::StreamEof,
        Event::Status { code, .. },
    ] = &heard[..]
    else {
        panic!("{heard:?}")
    };
    assert_eq!(status.get("code").and_then(Value::as_str), Some("NetStream.Play.Start"));
    assert_eq!((access.kind, start.kind), (MessageKind::DATA_AMF0, MessageKind::DATA_AMF0));
    assert_eq!(code, "NetStream.Play.UnpublishNotify");
}

#[test]
fn a_server_of_this_program_is_known_by_its_answer() {
    let (mut client, mut server) = pair(config(Role::Play));
    pump(&mut client, &mut server, 1000);
    assert!(client.is_ours());
    let mut client = scripted(Role::Play);
    hear(&mut client, &result(1.0, Value::Null));
    assert!(!client.is_ours());
}

#[test]
fn a_refusal_carries_the_servers_words() {
    let (mut client, mut server) = pair(config(publisher()));
    pump(&mut client, &mut server, 1000);
    server.reject_with(Value::object([
        ("level", "error".into()),
        ("code", "NetStream.Publish.BadName".into()),
        ("description", "busy".into()),
        ("x-hint", "later".into()),
    ]));
    let (heard, _) = pump(&mut client, &mut server, 1000);
    let [Event::Refused { code, description, status }] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((code.as_str(), description.as_str()), ("NetStream.Publish.BadName", "busy"));
    assert_eq!(status.get("x-hint").and_then(Value::as_str), Some("later"));
}

#[test]
fn connect_and_create_stream_may_be_refused() {
    let error = |transaction| {
        let info = information("error", "NetConnection.Connect.Rejected", "words");
        Command::new("_error", transaction, Value::Null).with(info).message(0)
    };
    let mut client = scripted(Role::Play);
    assert!(
        matches!(&hear(&mut client, &error(1.0))[..], [Event::Refused { code, .. }] if code == "NetConnection.Connect.Rejected")
    );
    let mut client = scripted(Role::Play);
    assert_eq!(hear(&mut client, &result(1.0, Value::Null)), []);
    assert!(matches!(hear(&mut client, &error(4.0))[..], [Event::Refused { .. }]));
    // It is over: nothing more comes.
    assert_eq!(hear(&mut client, &status("error", "NetStream.Play.Failed")), []);
}

#[test]
fn a_refused_release_stream_does_not_matter() {
    let mut client = scripted(publisher());
    hear(&mut client, &result(1.0, Value::Null));
    let error = Command::new("_error", 2.0, Value::Null).with(information("error", "x", "y"));
    assert_eq!(hear(&mut client, &error.message(0)), []);
    hear(&mut client, &result(4.0, 1.0));
    assert!(matches!(
        hear(&mut client, &status("status", "NetStream.Publish.Start"))[..],
        [Event::Started { .. }]
    ));
}

#[test]
fn a_refusal_without_a_level_is_known_by_its_code() {
    let mut client = scripted(Role::Play);
    hear(&mut client, &result(1.0, Value::Null));
    hear(&mut client, &result(4.0, 1.0));
    assert!(matches!(
        hear(&mut client, &status("status", "NetStream.Play.StreamNotFound"))[..],
        [Event::Refused { .. }]
    ));
}

#[test]
fn media_without_a_start_is_a_start() {
    let mut client = scripted(Role::Play);
    hear(&mut client, &result(1.0, Value::Null));
    hear(&mut client, &result(4.0, 1.0));
    let events = hear(&mut client, &video(5, 1));
    assert_eq!(events, [Event::Started { status: Value::Null }, Event::Message(video(5, 1))]);
}

#[test]
fn the_stream_id_of_the_server_is_used() {
    let mut client = scripted(publisher());
    hear(&mut client, &result(1.0, Value::Null));
    hear(&mut client, &result(4.0, 7.0));
    hear(&mut client, &status("status", "NetStream.Publish.Start"));
    client.poll_output();
    client.write(&video(0, 1));
    let mut output = client.poll_output().unwrap();
    assert_eq!(Reader::new(Bodies::Owned).read(&mut output).unwrap().unwrap().stream_id, 7);
    let mut parts = Vec::new();
    client.write_parts(&video(0, 1), &mut BytesMut::new(), &mut parts);
    let mut joined = Bytes::from(parts.concat());
    assert_eq!(Reader::new(Bodies::Owned).read(&mut joined).unwrap().unwrap().stream_id, 7);
}

#[test]
fn a_stream_id_that_is_no_number_is_taken_for_one() {
    for odd in [f64::NAN, -3.0, f64::INFINITY, 1e300] {
        let mut client = scripted(Role::Play);
        hear(&mut client, &result(1.0, Value::Null));
        hear(&mut client, &result(4.0, odd));
        assert_eq!(client.stream_id(), 1);
    }
}

#[test]
fn pings_are_answered() {
    let mut client = scripted(Role::Play);
    hear(&mut client, &user_control::message(UserControl::Ping(5)));
    let mut output = client.poll_output().unwrap();
    let mut reader = Reader::new(Bodies::Owned);
    assert_eq!(reader.read(&mut output).unwrap(), Some(user_control::message(UserControl::Pong(5))));
}

#[test]
fn media_that_waits_to_be_sent_does_not_count_as_answers() {
    let mut client = scripted(publisher());
    hear(&mut client, &result(1.0, Value::Null));
    hear(&mut client, &result(4.0, 1.0));
    hear(&mut client, &status("status", "NetStream.Publish.Start"));
    client.write(&Message { body: Bytes::from(vec![0; 1_000_000]), ..video(0, 1) });
    assert!(client.pending() > 1_000_000);
    assert_eq!(hear(&mut client, &user_control::message(UserControl::Ping(5))), []);
}

#[test]
fn a_servers_answers_to_pings_are_counted() {
    let (mut client, mut server) = pair(config(publisher()));
    pump(&mut client, &mut server, usize::MAX);
    server.accept_publish();
    pump(&mut client, &mut server, usize::MAX);
    for count in 1..=2 {
        client.ping(7);
        pump(&mut client, &mut server, usize::MAX);
        assert_eq!(client.pongs(), count);
    }
}
