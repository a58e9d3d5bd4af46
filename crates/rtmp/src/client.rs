//! The connecting side of a session: publishes one stream or plays one.

mod config;

use bytes::{Bytes, BytesMut};
use srs_amf::Value;

pub use config::{Config, Event, Role};

use crate::command::Command;
use crate::link::Link;
use crate::user_control::{self, UserControl};
use crate::window::window_ack;
use crate::{Error, Message, MessageKind, Random, chunk, handshake};

/// The window in which we ask to be acknowledged, as SRS announces it.
const WINDOW_ACK: u32 = 2_500_000;

/// Bytes of half-sent messages before the server let us in: answers to commands alone come then.
const MAX_PARTIAL_BEFORE: usize = 64 * 1024;

/// The player's buffer that is announced, milliseconds; servers that pace by it then send in real time.
const BUFFER_MS: u32 = 1000;

const CONNECT: f64 = 1.0;
const RELEASE_STREAM: f64 = 2.0;
const FCPUBLISH: f64 = 3.0;
const CREATE_STREAM: f64 = 4.0;
const START: f64 = 5.0;

/// One connection's state machine. How to drive it: see the crate's documentation; C0 and C1 are pending from the start.
#[derive(Debug)]
pub struct Session {
    config: Config,
    /// Gone when it is done.
    handshake: Option<(handshake::Client, Random)>,
    link: Link,
    step: Step,
    stream_id: u32,
    told: Option<f64>,
    is_ours: bool,
    /// Answers to our pings.
    pongs: u64,
    queued: Option<Event>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Connecting,
    Creating,
    Starting,
    Started,
    Over,
}

impl Session {
    /// A session whose first bytes wait to be sent. `random` seeds the bytes of the handshake.
    pub fn new(config: Config, random: [u8; 32]) -> Session {
        let mut link = Link::new(config.bodies, WINDOW_ACK);
        link.reader.limit_partial(MAX_PARTIAL_BEFORE);
        let mut random = Random::new(random);
        let client = handshake::Client::new(config.handshake, &mut random, &mut link.out);
        let handshake = Some((client, random));
        Session {
            config,
            handshake,
            link,
            step: Step::Connecting,
            stream_id: 1,
            told: None,
            is_ours: false,
            pongs: 0,
            queued: None,
        }
    }

    /// The next thing that the driver must know. `None` means that all of `input` is consumed.
    pub fn handle_input(&mut self, input: &mut Bytes) -> Result<Option<Event>, Error> {
        if let Some((client, random)) = &mut self.handshake {
            if !client.read(input, random, &mut self.link.out)? {
                return Ok(None);
            }
            self.handshake = None;
            self.send_connect();
        }
        if let Some(event) = self.queued.take() {
            return Ok(Some(event));
        }
        while let Some(message) = self.link.next(input)? {
            if let Some(event) = self.handle(message)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Everything that is to be sent, in one buffer.
    pub fn poll_output(&mut self) -> Option<Bytes> {
        self.link.output()
    }

    /// Bytes that wait in [`Session::poll_output`]: the driver of a publisher limits them.
    pub fn pending(&self) -> usize {
        self.link.out.len()
    }

    /// The message stream that the server gave us.
    pub fn stream_id(&self) -> u32 {
        self.stream_id
    }

    /// The number of [`Config::listen_for`] in the answer that publishing or playing has begun, if there was one.
    pub fn told(&self) -> Option<f64> {
        self.told
    }

    /// Queues a question to which servers answer that they are there; not all do.
    pub fn ping(&mut self, number: u32) {
        self.link.send(&user_control::message(UserControl::Ping(number)));
    }

    /// How many such answers there were.
    pub fn pongs(&self) -> u64 {
        self.pongs
    }

    /// Whether the server says that it is of this program, which refuses within seconds what it cannot play. Anybody may say
    /// so.
    pub fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Queues a message for sending, on our stream. For a publisher that has started.
    pub fn write(&mut self, message: &Message) {
        let message = Message { stream_id: self.stream_id, ..message.clone() };
        self.link.send(&message);
    }

    /// As [`Session::write`], without copying the body: pushes the pieces to be sent, after what is in
    /// [`Session::poll_output`].
    pub fn write_parts(&self, message: &Message, headers: &mut BytesMut, out: &mut Vec<Bytes>) {
        let message = Message { stream_id: self.stream_id, ..message.clone() };
        self.link.writer.write_parts(&message, headers, out);
    }

    /// Ends the stream cleanly, so that the server does not hold it for our return. Send what is pending, then close.
    pub fn close(&mut self) {
        if matches!(self.step, Step::Starting | Step::Started) {
            if matches!(self.config.role, Role::Publish { .. }) {
                let stream = self.config.stream.clone();
                self.link.send(&Command::new("FCUnpublish", 6.0, Value::Null).with(stream).message(0));
            }
            let id = f64::from(self.stream_id);
            self.link.send(&Command::new("deleteStream", 7.0, Value::Null).with(id).message(0));
        }
        self.step = Step::Over;
    }

    fn send_connect(&mut self) {
        let mut connect = Command::new("connect", CONNECT, self.config.connect.clone());
        connect.arguments.clone_from(&self.config.arguments);
        self.link.send(&connect.message(0));
        self.link.send(&window_ack(WINDOW_ACK));
        self.link.announce_chunk_size(self.config.chunk_size);
    }

    fn handle(&mut self, message: Message) -> Result<Option<Event>, Error> {
        Ok(match message.kind {
            kind if kind.is_media() => self.handle_media(message),
            kind if kind.is_command() => {
                let command = self.link.read_command(&message)?;
                self.handle_command(command)
            }
            MessageKind::USER_CONTROL if matches!(self.step, Step::Starting | Step::Started) => {
                match user_control::read(&message.body) {
                    Some(UserControl::StreamEof(_)) => Some(Event::StreamEof),
                    Some(UserControl::Pong(_)) => {
                        self.pongs = self.pongs.saturating_add(1);
                        None
                    }
                    _ => None,
                }
            }
            _ => None,
        })
    }

    /// A server that sends audio or video before it says "start" has started.
    fn handle_media(&mut self, message: Message) -> Option<Event> {
        let playing = self.config.role == Role::Play;
        match self.step {
            Step::Started => Some(Event::Message(message)),
            Step::Starting if playing && matches!(message.kind, MessageKind::AUDIO | MessageKind::VIDEO) => {
                self.queued = Some(Event::Message(message));
                Some(self.start(Value::Null))
            }
            Step::Starting if playing => Some(Event::Message(message)),
            _ => None,
        }
    }

    fn handle_command(&mut self, command: Command) -> Option<Event> {
        let Command { name, transaction, mut arguments, .. } = command;
        let first = if arguments.is_empty() { Value::Null } else { arguments.swap_remove(0) };
        match (name.as_str(), self.step) {
            ("_result", Step::Connecting) if transaction == CONNECT => {
                let server = first.get("data").and_then(|data| data.get("srs_server")?.as_str());
                self.is_ours = server.is_some_and(|server| server.starts_with("srs-cluster/"));
                self.send_create();
                None
            }
            ("_result", Step::Creating) if transaction == CREATE_STREAM => {
                self.stream_id = first.as_f64().map_or(1, stream_id);
                self.send_start();
                None
            }
            ("_error", Step::Connecting) if transaction == CONNECT => Some(self.refuse(first)),
            ("_error", Step::Creating) if transaction == CREATE_STREAM => Some(self.refuse(first)),
            ("_error", Step::Starting) if transaction == START => Some(self.refuse(first)),
            ("onStatus", Step::Over) => None,
            ("onStatus", step) => self.handle_status(step, first),
            _ => None,
        }
    }

    fn handle_status(&mut self, step: Step, info: Value) -> Option<Event> {
        let code = info.get("code").and_then(Value::as_str).unwrap_or_default();
        let level = info.get("level").and_then(Value::as_str).unwrap_or_default();
        if step == Step::Started {
            return Some(Event::Status { code: code.to_owned(), level: level.to_owned(), status: info });
        }
        let begun = match self.config.role {
            Role::Publish { .. } => "NetStream.Publish.Start",
            Role::Play => "NetStream.Play.Start",
        };
        // Not all servers set the level.
        let refused = level == "error"
            || ["NotFound", "BadName", "Failed", "Denied", "Rejected"].iter().any(|end| code.ends_with(end));
        if step == Step::Starting && code == begun {
            Some(self.start(info))
        } else if refused {
            Some(self.refuse(info))
        } else {
            None
        }
    }

    fn start(&mut self, status: Value) -> Event {
        self.step = Step::Started;
        self.told = self.config.listen_for.and_then(|name| status.get(name)?.as_f64());
        self.link.reader.limit_partial(chunk::MAX_PARTIAL);
        Event::Started { status }
    }

    fn refuse(&mut self, status: Value) -> Event {
        self.step = Step::Over;
        let text = |key| status.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Event::Refused { code: text("code"), description: text("description"), status }
    }

    fn send_create(&mut self) {
        self.step = Step::Creating;
        if matches!(self.config.role, Role::Publish { .. }) {
            for (name, transaction) in [("releaseStream", RELEASE_STREAM), ("FCPublish", FCPUBLISH)] {
                let command = Command::new(name, transaction, Value::Null).with(self.config.stream.as_str());
                self.link.send(&command.message(0));
            }
        }
        self.link.send(&Command::new("createStream", CREATE_STREAM, Value::Null).message(0));
    }

    fn send_start(&mut self) {
        self.step = Step::Starting;
        let stream = self.config.stream.as_str();
        let command = match &self.config.role {
            Role::Publish { kind } => {
                Command::new("publish", START, Value::Null).with(stream).with(kind.as_str())
            }
            Role::Play => Command::new("play", START, Value::Null).with(stream).with(-2.0),
        };
        self.link.send(&command.message(self.stream_id));
        if self.config.role == Role::Play {
            let buffer = UserControl::SetBufferLength { stream: self.stream_id, ms: BUFFER_MS };
            self.link.send(&user_control::message(buffer));
        }
    }
}

/// The id as the number that it is; anything that is none is taken for the usual 1.
fn stream_id(number: f64) -> u32 {
    const LAST: f64 = u32::MAX as f64;
    if !(0.0..=LAST).contains(&number) {
        return 1;
    }
    // In range, so nothing is cut but a fraction.
    number as u32
}

#[cfg(test)]
mod tests;
