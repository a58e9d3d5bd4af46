//! Habits of encoders and players that must not end a session.

use bytes::{Bytes, BytesMut};
use srs_amf::Value;

use super::{Peer, code, connect, play, publish, video};
use crate::chunk::Bodies;
use crate::command::Command;
use crate::server::{Config, Event};
use crate::user_control::{self, UserControl};
use crate::{Message, MessageKind, tag, window};

#[test]
fn commands_before_publish_are_answered_in_any_order() {
    let names = [
        "releaseStream",
        "FCPublish",
        "createStream",
        "_checkbw",
        "checkbw",
        "FCSubscribe",
        "getStreamLength",
        "noSuchThing",
    ];
    for turn in 0..names.len() {
        let mut peer = Peer::connected();
        for (index, name) in names.iter().cycle().skip(turn).take(names.len()).enumerate() {
            let transaction = index as f64 + 2.0;
            assert_eq!(peer.say(&Command::new(name, transaction, Value::Null).with("s")), Ok(vec![]));
            let answers = peer.hear_commands();
            assert_eq!(
                (answers[0].name.as_str(), answers[0].transaction),
                ("_result", transaction),
                "{name}"
            );
        }
        assert!(matches!(peer.say(&publish("s")).unwrap()[..], [Event::Publish(_)]));
    }
}

#[test]
fn create_stream_answers_one_and_get_stream_length_zero() {
    let mut peer = Peer::connected();
    peer.say(&Command::new("createStream", 2.0, Value::Null)).unwrap();
    peer.say(&Command::new("getStreamLength", 3.0, Value::Null).with("s")).unwrap();
    let values: Vec<_> = peer.hear_commands().into_iter().flat_map(|command| command.arguments).collect();
    assert_eq!(values, [Value::Number(1.0), Value::Number(0.0)]);
}

#[test]
fn fcpublish_is_also_answered_by_name() {
    let mut peer = Peer::publishing();
    peer.say(&Command::new("FCPublish", 3.0, Value::Null).with("s")).unwrap();
    let answers = peer.hear_commands();
    assert_eq!(
        (answers[1].name.as_str(), code(&answers[1]).as_str()),
        ("onFCPublish", "NetStream.Publish.Start")
    );
}

#[test]
fn commands_while_publishing_do_not_disturb_it() {
    let mut peer = Peer::publishing();
    for name in ["releaseStream", "createStream", "noSuchThing", "connect"] {
        let command = Command { name: name.to_owned(), ..connect(&[]) };
        assert_eq!(peer.say(&command), Ok(vec![]));
    }
    assert_eq!(peer.send(&video(1)), Ok(vec![Event::Message(video(1))]));
}

#[test]
fn transaction_zero_is_accepted() {
    let mut peer = Peer::new();
    assert_eq!(peer.say(&Command { transaction: 0.0, ..connect(&[]) }), Ok(vec![]));
    assert_eq!(peer.hear_commands()[0].transaction, 0.0);
    assert_eq!(peer.say(&Command::new("createStream", 0.0, Value::Null)), Ok(vec![]));
    assert_eq!(peer.hear_commands()[0].arguments, [Value::Number(1.0)]);
    assert_eq!(peer.say(&Command::new("noSuchThing", 0.0, Value::Null)), Ok(vec![]));
    assert!(matches!(
        peer.say(&Command { transaction: 0.0, ..publish("s") }).unwrap()[..],
        [Event::Publish(_)]
    ));
}

#[test]
fn commands_in_amf3_wrapping_are_accepted() {
    let mut peer = Peer::new();
    for command in [connect(&[]), publish("s")] {
        let body = [&[0], &command.message(1).body[..]].concat().into();
        let message = Message { kind: MessageKind::COMMAND_AMF3, timestamp: 0, stream_id: 1, body };
        let events = peer.send(&message).unwrap();
        assert_eq!(events.len(), usize::from(command.name == "publish"));
    }
}

#[test]
fn answers_of_the_peer_are_not_answered() {
    let mut peer = Peer::connected();
    for name in ["_result", "_error", "onStatus"] {
        assert_eq!(peer.say(&Command::new(name, 9.0, Value::Null)), Ok(vec![]));
    }
    assert!(peer.hear().is_empty());
}

#[test]
fn data_messages_come_out_untouched() {
    let mut peer = Peer::publishing();
    let data = crate::command::data(&[Value::Null, "@setDataFrame".into(), "onMetaData".into()], 1);
    assert_eq!(peer.send(&data), Ok(vec![Event::Message(data.clone())]));
    let wrapped =
        Message { kind: MessageKind::DATA_AMF3, body: [&[0], &data.body[..]].concat().into(), ..data };
    assert_eq!(peer.send(&wrapped), Ok(vec![Event::Message(wrapped.clone())]));
}

#[test]
fn an_aggregate_comes_as_its_parts() {
    let mut body = BytesMut::new();
    tag::write(9, 100, b"v", &mut body);
    tag::write(20, 100, b"no media", &mut body);
    tag::write(8, 120, b"a", &mut body);
    let aggregate =
        Message { kind: MessageKind::AGGREGATE, timestamp: 5000, stream_id: 1, body: body.freeze() };
    let mut peer = Peer::publishing();
    let part = |kind, timestamp, body: &'static [u8]| {
        Event::Message(Message { kind, timestamp, stream_id: 1, body: Bytes::from_static(body) })
    };
    let parts = vec![part(MessageKind::VIDEO, 5000, b"v"), part(MessageKind::AUDIO, 5020, b"a")];
    assert_eq!(peer.send(&aggregate), Ok(parts));
    assert_eq!(Peer::connected().send(&aggregate), Ok(vec![]));
}

#[test]
fn media_before_publish_and_from_players_is_dropped() {
    assert_eq!(Peer::connected().send(&video(1)), Ok(vec![]));
    assert_eq!(Peer::playing().send(&video(1)), Ok(vec![]));
}

#[test]
fn a_ping_is_answered_with_its_own_number() {
    let mut peer = Peer::connected();
    assert_eq!(peer.send(&user_control::message(UserControl::Ping(77))), Ok(vec![]));
    assert_eq!(peer.hear(), [user_control::message(UserControl::Pong(77))]);
}

#[test]
fn received_bytes_are_acknowledged_once_per_window_of_the_peer() {
    let mut peer = Peer::publishing();
    peer.send(&window::window_ack(1000)).unwrap();
    peer.hear();
    let big = Message { body: Bytes::from(vec![0; 900]), ..video(1) };
    peer.send(&big).unwrap();
    let acks = peer.hear();
    assert_eq!((acks.len(), acks[0].kind), (1, MessageKind::ACK));
    peer.send(&video(2)).unwrap();
    assert!(peer.hear().is_empty());
    for _ in 0..5 {
        peer.send(&big).unwrap();
    }
    let again = peer.hear();
    assert_eq!(again.len(), 1);
    assert!(again[0].body > acks[0].body);
}

#[test]
fn a_peer_that_never_acknowledges_is_never_waited_for() {
    let mut peer = Peer::with(Config { window_ack: 100, ..Config::default() });
    peer.say(&connect(&[])).unwrap();
    peer.say(&publish("s")).unwrap();
    peer.session.accept_publish();
    // We asked to be acknowledged every 100 bytes and never are.
    for time in 0..1000 {
        assert_eq!(peer.send(&video(time)).unwrap().len(), 1);
    }
}

#[test]
fn unknown_message_types_pass_by() {
    let mut peer = Peer::publishing();
    for kind in [3, 6, 7, 16, 19, 99, 255] {
        let message = Message { kind: MessageKind(kind), ..video(1) };
        assert_eq!(peer.send(&message), Ok(vec![]));
    }
}

#[test]
fn a_stream_id_other_than_one_is_kept() {
    let mut peer = Peer::connected();
    peer.send(&play("s").message(5)).unwrap();
    assert_eq!(peer.session.stream_id(), 5);
    peer.session.accept_play();
    assert_eq!(peer.hear()[2].stream_id, 5);
}

#[test]
fn bodies_are_held_as_configured() {
    for (bodies, shared) in [(Bodies::Shared, true), (Bodies::Owned, false)] {
        let mut peer = Peer::with(Config { bodies, ..Config::default() });
        peer.say(&connect(&[])).unwrap();
        peer.say(&publish("s")).unwrap();
        let mut wire = BytesMut::new();
        peer.writer.write(&video(1), &mut wire);
        let mut input = wire.freeze();
        let range = input.as_ptr_range();
        let Ok(Some(Event::Message(message))) = peer.session.handle_input(&mut input) else {
            panic!("a message")
        };
        assert_eq!(range.contains(&message.body.as_ptr()), shared);
    }
}
