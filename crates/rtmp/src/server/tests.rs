//! The peer here is a chunk writer and reader: it says and hears exactly what a test wants.

mod commands;
mod hostile;

use bytes::{Bytes, BytesMut};
use srs_amf::Value;

use super::{Config, Event, Session};
use crate::chunk::{Bodies, Reader, Writer};
use crate::command::Command;
use crate::user_control::{self, UserControl};
use crate::{Error, Message, MessageKind, window};

struct Peer {
    session: Session,
    reader: Reader,
    writer: Writer,
}

impl Peer {
    /// Past the handshake.
    fn new() -> Peer {
        Peer::with(Config::default())
    }

    fn with(config: Config) -> Peer {
        let mut session = Session::new(config, [1; 32]);
        assert_eq!(session.handle_input(&mut Bytes::from(vec![3; 1 + 2 * 1536])), Ok(None));
        assert_eq!(session.poll_output().map(|bytes| bytes.len()), Some(1 + 2 * 1536));
        Peer { session, reader: Reader::new(Bodies::Owned), writer: Writer::new(128) }
    }

    /// Past the handshake and `connect`, whose answers are dropped.
    fn connected() -> Peer {
        let mut peer = Peer::new();
        assert_eq!(peer.say(&connect(&[])), Ok(vec![]));
        peer.hear();
        peer
    }

    /// Connected and publishing.
    fn publishing() -> Peer {
        let mut peer = Peer::connected();
        assert!(matches!(peer.say(&publish("s")).unwrap()[..], [Event::Publish(_)]));
        peer.session.accept_publish();
        peer.hear();
        peer
    }

    /// Connected and playing.
    fn playing() -> Peer {
        let mut peer = Peer::connected();
        assert!(matches!(peer.say(&play("s")).unwrap()[..], [Event::Play(_)]));
        peer.session.accept_play();
        peer.hear();
        peer
    }

    fn send(&mut self, message: &Message) -> Result<Vec<Event>, Error> {
        let mut wire = BytesMut::new();
        self.writer.write(message, &mut wire);
        self.feed(&wire)
    }

    fn say(&mut self, command: &Command) -> Result<Vec<Event>, Error> {
        self.send(&command.message(1))
    }

    fn feed(&mut self, wire: &[u8]) -> Result<Vec<Event>, Error> {
        let mut input = Bytes::copy_from_slice(wire);
        let mut events = Vec::new();
        while let Some(event) = self.session.handle_input(&mut input)? {
            events.push(event);
        }
        assert!(input.is_empty());
        Ok(events)
    }

    /// All that the session has to say, which comes as one buffer.
    fn hear(&mut self) -> Vec<Message> {
        let Some(mut input) = self.session.poll_output() else { return Vec::new() };
        assert_eq!(self.session.poll_output(), None);
        std::iter::from_fn(|| self.reader.read(&mut input).unwrap()).collect()
    }

    fn hear_commands(&mut self) -> Vec<Command> {
        let commands = self.hear().into_iter().filter(|message| message.kind.is_command());
        commands.map(|message| Command::read(&message, 0).unwrap()).collect()
    }

    /// The codes of the onStatus messages.
    fn hear_codes(&mut self) -> Vec<String> {
        self.hear_commands().iter().filter(|command| command.name == "onStatus").map(code).collect()
    }
}

fn connect(more: &[(&str, Value)]) -> Command {
    let mut object = Value::object([("app", "live?k=v".into()), ("tcUrl", "rtmp://h/live".into())]);
    for (key, value) in more {
        object.set(key, value.clone());
    }
    Command::new("connect", 1.0, object)
}

fn publish(stream: &str) -> Command {
    Command::new("publish", 5.0, Value::Null).with(stream).with("live")
}

fn play(stream: &str) -> Command {
    Command::new("play", 5.0, Value::Null).with(stream)
}

fn code(command: &Command) -> String {
    let code = command.arguments.first().and_then(|info| info.get("code")).and_then(Value::as_str);
    code.unwrap_or_default().to_owned()
}

fn video(timestamp: u32) -> Message {
    Message { kind: MessageKind::VIDEO, timestamp, stream_id: 1, body: Bytes::from_static(b"\x17\x01") }
}

#[test]
fn connect_is_answered_in_one_output() {
    let mut peer = Peer::new();
    assert_eq!(peer.say(&connect(&[])), Ok(vec![]));
    let kinds: Vec<_> = peer.hear().iter().map(|message| message.kind.0).collect();
    // Window, bandwidth, (chunk size, which the reader takes,) stream begin, _result, onBWDone.
    assert_eq!(kinds, [5, 6, 4, 20, 20]);
}

#[test]
fn connect_result_says_success_and_who_we_are() {
    let mut peer = Peer::new();
    peer.say(&connect(&[])).unwrap();
    let commands = peer.hear_commands();
    let result = &commands[0];
    assert_eq!((result.name.as_str(), result.transaction), ("_result", 1.0));
    assert_eq!(result.object.get("fmsVer").and_then(Value::as_str), Some("FMS/3,5,3,888"));
    assert_eq!(code(result), "NetConnection.Connect.Success");
    let data = result.arguments[0].get("data").unwrap();
    assert!(matches!(data, Value::EcmaArray(_)));
    assert_eq!(data.get("version").and_then(Value::as_str), Some("3,5,3,888"));
    assert_eq!(result.arguments[0].get("capsEx"), None);
    assert_eq!(commands[1].name, "onBWDone");
}

#[test]
fn a_client_of_enhanced_rtmp_is_told_what_passes() {
    let list = Value::StrictArray(vec!["hvc1".into()]);
    for more in [
        ("fourCcList", list),
        ("capsEx", 1.0.into()),
        ("videoFourCcInfoMap", Value::object([("*", 4.0.into())])),
    ] {
        let mut peer = Peer::new();
        peer.say(&connect(&[more])).unwrap();
        let commands = peer.hear_commands();
        for told in [&commands[0].object, &commands[0].arguments[0]] {
            let list = told.get("fourCcList").and_then(Value::as_array).unwrap();
            assert_eq!(list.len(), 11);
            assert!(list.contains(&"vp08".into()) && list.contains(&".mp3".into()));
            assert_eq!(told.get("capsEx"), Some(&Value::Number(6.0)));
            assert!(told.get("videoFourCcInfoMap").unwrap().get("hvc1").is_some());
            assert!(told.get("audioFourCcInfoMap").unwrap().get("Opus").is_some());
        }
    }
}

#[test]
fn publish_hands_over_all_that_connect_said() {
    let mut peer = Peer::new();
    peer.say(&connect(&[("x-unknown", "kept".into())]).with("extra")).unwrap();
    let events = peer.say(&publish("stream?token=1")).unwrap();
    let [Event::Publish(request)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((request.stream.as_str(), request.kind.as_str()), ("stream?token=1", "live"));
    assert_eq!(
        (request.connect.app.as_str(), request.connect.tc_url.as_str()),
        ("live?k=v", "rtmp://h/live")
    );
    let keys: Vec<_> = request.connect.object.fields().unwrap().iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["app", "tcUrl", "x-unknown"]);
    assert_eq!(request.connect.arguments, [Value::from("extra")]);
}

#[test]
fn an_accepted_publisher_is_told_and_its_messages_come_out() {
    let mut peer = Peer::connected();
    peer.say(&publish("s")).unwrap();
    peer.session.accept_publish();
    assert_eq!(peer.hear_codes(), ["NetStream.Publish.Start"]);
    assert_eq!(peer.send(&video(7)), Ok(vec![Event::Message(video(7))]));
}

#[test]
fn an_accepted_player_is_told_all_that_players_wait_for() {
    let mut peer = Peer::connected();
    peer.say(&play("s")).unwrap();
    peer.session.accept_play();
    let heard = peer.hear();
    assert_eq!(heard[0], window::window_ack(1 << 30), "acknowledgements of a player serve nobody");
    let heard = &heard[1..];
    assert_eq!(heard[0], user_control::message(UserControl::StreamBegin(1)));
    let codes: Vec<_> = heard[1..3].iter().map(|message| code(&Command::read(message, 0).unwrap())).collect();
    assert_eq!(codes, ["NetStream.Play.Reset", "NetStream.Play.Start"]);
    assert!(heard[3].body.starts_with(b"\x02\x00\x11|RtmpSampleAccess\x01\x01\x01\x01"));
    assert!(heard[4].body.starts_with(b"\x02\x00\x08onStatus\x03"));
    assert_eq!(
        (heard[3].kind, heard[4].kind, heard.len()),
        (MessageKind::DATA_AMF0, MessageKind::DATA_AMF0, 5)
    );
}

#[test]
fn an_origins_own_words_reach_the_client() {
    let info = Value::object([("code", "NetStream.Play.Start".into()), ("x-from", "origin".into())]);
    let mut peer = Peer::connected();
    peer.say(&play("s")).unwrap();
    peer.session.accept_play_with(info.clone());
    let commands = peer.hear_commands();
    assert_eq!(commands[1].arguments, [info]);
    assert_eq!(commands.len(), 2);
}

#[test]
fn a_refused_publisher_hears_why_and_may_try_again() {
    let mut peer = Peer::connected();
    peer.say(&publish("s")).unwrap();
    peer.session.reject("NetStream.Publish.BadName", "busy");
    let commands = peer.hear_commands();
    assert_eq!(commands[0].arguments[0].get("level").and_then(Value::as_str), Some("error"));
    assert_eq!(commands[0].arguments[0].get("description").and_then(Value::as_str), Some("busy"));
    assert!(matches!(peer.say(&publish("other")).unwrap()[..], [Event::Publish(_)]));
}

#[test]
fn a_connection_without_a_stream_is_refused_by_error() {
    let mut peer = Peer::connected();
    peer.session.reject("NetConnection.Connect.Rejected", "no such app");
    let commands = peer.hear_commands();
    assert_eq!((commands[0].name.as_str(), commands[0].transaction), ("_error", 1.0));
    assert_eq!(code(&commands[0]), "NetConnection.Connect.Rejected");
}

#[test]
fn the_end_of_a_stream_is_said_once() {
    for (ends, answers) in [(["FCUnpublish", "deleteStream"], 3), (["closeStream", "deleteStream"], 1)] {
        let mut peer = Peer::publishing();
        let end = |name| Command::new(name, 6.0, Value::Null).with("s");
        assert_eq!(peer.say(&end(ends[0])), Ok(vec![Event::EndOfStream]));
        assert_eq!(peer.hear_commands().len(), answers);
        assert_eq!(peer.say(&end(ends[1])), Ok(vec![]));
        assert_eq!(peer.send(&video(1)), Ok(vec![]));
        assert!(matches!(peer.say(&publish("s")).unwrap()[..], [Event::Publish(_)]));
    }
}

#[test]
fn a_player_ends_pauses_and_says_its_buffer() {
    let mut peer = Peer::playing();
    let pause = |pause: bool| Command::new("pause", 0.0, Value::Null).with(pause).with(0.0);
    assert_eq!(peer.say(&pause(true)), Ok(vec![Event::Pause(true)]));
    assert_eq!(peer.hear_codes(), ["NetStream.Pause.Notify"]);
    assert_eq!(peer.say(&pause(false)), Ok(vec![Event::Pause(false)]));
    assert_eq!(peer.hear_codes(), ["NetStream.Unpause.Notify"]);
    let buffer = user_control::message(UserControl::SetBufferLength { stream: 1, ms: 3000 });
    assert_eq!(peer.send(&buffer), Ok(vec![Event::SetBufferLength(3000)]));
    assert_eq!(
        peer.say(&Command::new("deleteStream", 0.0, Value::Null).with(1.0)),
        Ok(vec![Event::EndOfStream])
    );
}

#[test]
fn a_buffer_said_before_play_comes_with_play() {
    let mut peer = Peer::connected();
    let buffer = user_control::message(UserControl::SetBufferLength { stream: 1, ms: 3000 });
    assert_eq!(peer.send(&buffer), Ok(vec![]));
    let events = peer.say(&play("s").with(-2000.0)).unwrap();
    let [Event::Play(request)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(
        (request.start, request.duration, request.reset, request.buffer_ms),
        (-2000.0, -1.0, true, Some(3000))
    );
}

#[test]
fn stream_eof_and_later_statuses_are_sent() {
    let mut peer = Peer::playing();
    peer.session.status("status", "NetStream.Play.UnpublishNotify", "gone");
    peer.session.stream_eof();
    let heard = peer.hear();
    assert_eq!(code(&Command::read(&heard[0], 0).unwrap()), "NetStream.Play.UnpublishNotify");
    assert_eq!(heard[1], user_control::message(UserControl::StreamEof(1)));
}

#[test]
fn a_session_fed_byte_by_byte_says_and_hears_the_same() {
    let mut wire = BytesMut::new();
    let writer = Writer::new(128);
    let data = crate::command::data(&[Value::Null, "@setDataFrame".into(), "onMetaData".into()], 1);
    let messages = [connect(&[]).message(0), publish("s").message(1), data, video(0x00ff_ffff), video(3)];
    messages.iter().for_each(|message| writer.write(message, &mut wire));
    let mut whole = vec![3; 1 + 2 * 1536];
    whole.extend_from_slice(&wire);
    let run = |step: usize| {
        let mut session = Session::new(Config::default(), [1; 32]);
        let (mut events, mut output) = (Vec::new(), Vec::new());
        for piece in whole.chunks(step) {
            let mut input = Bytes::copy_from_slice(piece);
            while let Some(event) = session.handle_input(&mut input).unwrap() {
                if matches!(event, Event::Publish(_)) {
                    session.accept_publish();
                }
                events.push(event);
            }
            output.extend(session.poll_output().into_iter().flatten());
        }
        (events, output)
    };
    let (events, output) = run(whole.len());
    assert_eq!(events.len(), 4);
    assert_eq!(run(1), (events.clone(), output.clone()));
    assert_eq!(run(1000), (events, output));
}
