//! The listening side of a session: `connect`, then `publish` or `play`, then messages.
//!
//! The session answers what can be answered without knowing the stream and returns an [`Event`] for what cannot. It never
//! ends on a command that it does not know, nor on the order in which commands come. It does not send media: that is
//! encoded once for all receivers with [`crate::chunk::Writer`] on the stream of [`Session::stream_id`].

mod answer;
mod config;
mod event;

use std::sync::Arc;

use bytes::Bytes;
use srs_amf::Value;

pub use config::Config;
pub use event::{Connect, Event, PlayRequest, PublishRequest};

use crate::command::Command;
use crate::link::Link;
use crate::user_control::{self, UserControl};
use crate::{Error, Message, MessageKind, Random, chunk, handshake};

/// Bytes of half-sent messages before the peer is admitted. Commands alone come then, of at most 16 KiB; with the
/// answers that may be pending and the connect object this keeps a stranger under 64 KiB.
const MAX_PARTIAL_BEFORE: usize = 20 * 1024;

/// What `createStream` answers, always: one stream per connection, and the same media bytes for every receiver.
const STREAM_ID: u32 = 1;

/// One connection's state machine. How to drive it: see the crate's documentation.
#[derive(Debug)]
pub struct Session {
    config: Config,
    /// Gone when it is done.
    handshake: Option<(handshake::Server, Random)>,
    link: Link,
    connect: Option<Arc<Connect>>,
    connect_transaction: f64,
    state: State,
    stream_id: u32,
    buffer_ms: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Publish,
    Play,
}

impl Session {
    /// A session that waits for C0. `random` seeds the bytes of the handshake.
    pub fn new(config: Config, random: [u8; 32]) -> Session {
        let mut link = Link::new(config.bodies, config.window_ack);
        link.reader.limit_partial(MAX_PARTIAL_BEFORE);
        Session {
            config,
            handshake: Some((handshake::Server::new(), Random::new(random))),
            link,
            connect: None,
            connect_transaction: 1.0,
            state: State::Idle,
            stream_id: STREAM_ID,
            buffer_ms: None,
        }
    }

    /// The next thing that the driver must know. `None` means that all of `input` is consumed.
    ///
    /// After [`Event::Publish`] or [`Event::Play`] stop reading until one of the answering methods was called.
    pub fn handle_input(&mut self, input: &mut Bytes) -> Result<Option<Event>, Error> {
        if let Some((server, random)) = &mut self.handshake {
            if !server.read(input, random, &mut self.link.out)? {
                return Ok(None);
            }
            self.handshake = None;
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

    /// The message stream that the peer publishes or plays on; 1 unless the peer chose another.
    pub fn stream_id(&self) -> u32 {
        self.stream_id
    }

    /// Whether the handshake is done: before it the driver gives a peer less time.
    pub fn is_shaken(&self) -> bool {
        self.handshake.is_none()
    }

    /// What the peer said in `connect`, once it did.
    pub fn connect(&self) -> Option<&Arc<Connect>> {
        self.connect.as_ref()
    }

    fn handle(&mut self, message: Message) -> Result<Option<Event>, Error> {
        Ok(match message.kind {
            kind if kind.is_media() => (self.state == State::Publish).then_some(Event::Message(message)),
            kind if kind.is_command() => {
                let command = self.link.read_command(&message)?;
                self.handle_command(command, message.stream_id)?
            }
            MessageKind::USER_CONTROL => match user_control::read(&message.body) {
                Some(UserControl::SetBufferLength { ms, .. }) => {
                    self.buffer_ms = Some(ms);
                    (self.state == State::Play).then_some(Event::SetBufferLength(ms))
                }
                _ => None,
            },
            _ => None,
        })
    }

    fn handle_command(&mut self, command: Command, stream_id: u32) -> Result<Option<Event>, Error> {
        match command.name.as_str() {
            "connect" => self.handle_connect(command).map(|()| None),
            "publish" => self.handle_publish(&command, stream_id),
            "play" => self.handle_play(&command, stream_id),
            "FCUnpublish" | "deleteStream" | "closeStream" => self.handle_end(&command),
            "pause" if self.state == State::Play => self.handle_pause(&command),
            "createStream" => {
                self.answer_result(&command, Value::Number(f64::from(STREAM_ID))).map(|()| None)
            }
            "FCPublish" => self.answer_fcpublish(&command).map(|()| None),
            // Live streams have no length.
            "getStreamLength" => self.answer_result(&command, Value::Number(0.0)).map(|()| None),
            // Answers, to what was never asked: answering them could go back and forth for ever.
            "_result" | "_error" | "onStatus" => Ok(None),
            // The standard wants no answer to transaction 0.
            _ if command.transaction == 0.0 => Ok(None),
            _ => self.answer_result(&command, Value::Undefined).map(|()| None),
        }
    }

    fn handle_connect(&mut self, command: Command) -> Result<(), Error> {
        let Command { transaction, object, arguments, .. } = command;
        if object.fields().is_none() {
            return Err(Error::BadConnect { at: self.link.reader.consumed() });
        }
        let text = |key| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (app, tc_url) = (text("app"), text("tcUrl"));
        self.answer_connect(transaction, &object)?;
        self.connect_transaction = transaction;
        if self.state == State::Idle {
            self.connect = Some(Arc::new(Connect { app, tc_url, object, arguments }));
        }
        Ok(())
    }

    fn handle_publish(&mut self, command: &Command, stream_id: u32) -> Result<Option<Event>, Error> {
        let Some((connect, stream)) =
            self.open(command, stream_id, "publish", "NetStream.Publish.BadName")?
        else {
            return Ok(None);
        };
        self.state = State::Publish;
        let kind = command.text(1).unwrap_or("live").to_owned();
        Ok(Some(Event::Publish(PublishRequest { connect, stream, kind })))
    }

    fn handle_play(&mut self, command: &Command, stream_id: u32) -> Result<Option<Event>, Error> {
        let Some((connect, stream)) =
            self.open(command, stream_id, "play", "NetStream.Play.StreamNotFound")?
        else {
            return Ok(None);
        };
        self.state = State::Play;
        Ok(Some(Event::Play(PlayRequest {
            connect,
            stream,
            start: command.number(1).unwrap_or(-2.0),
            duration: command.number(2).unwrap_or(-1.0),
            reset: command.arguments.get(3).and_then(Value::as_bool).unwrap_or(true),
            buffer_ms: self.buffer_ms,
        })))
    }

    /// What `publish` and `play` have in common: connected, idle, and a stream name.
    fn open(
        &mut self,
        command: &Command,
        stream_id: u32,
        name: &'static str,
        code: &str,
    ) -> Result<Option<(Arc<Connect>, String)>, Error> {
        let Some(connect) = self.connect.clone() else { return Err(Error::NotConnected { command: name }) };
        if self.state != State::Idle {
            self.answer_status("error", code, "This connection has a stream already.")?;
            return Ok(None);
        }
        self.stream_id = if stream_id == 0 { STREAM_ID } else { stream_id };
        match command.text(0).filter(|stream| !stream.is_empty()) {
            Some(stream) => Ok(Some((connect, stream.to_owned()))),
            None => {
                self.answer_status("error", code, "The stream name is empty.")?;
                Err(Error::NoStreamName { command: name })
            }
        }
    }

    fn handle_end(&mut self, command: &Command) -> Result<Option<Event>, Error> {
        let ended = std::mem::replace(&mut self.state, State::Idle);
        self.answer_end(command, ended == State::Publish)?;
        Ok((ended != State::Idle).then_some(Event::EndOfStream))
    }

    fn handle_pause(&mut self, command: &Command) -> Result<Option<Event>, Error> {
        let pause = command.arguments.first().and_then(Value::as_bool).unwrap_or(true);
        self.answer_pause(pause)?;
        Ok(Some(Event::Pause(pause)))
    }

    /// The peer is admitted: larger messages may come now.
    fn admit(&mut self) {
        self.link.reader.limit_partial(chunk::MAX_PARTIAL);
    }
}

#[cfg(test)]
mod tests;
