//! What both kinds of session share once the handshake is over: chunks in and out, acknowledgements, pings, aggregates.

use bytes::{Bytes, BytesMut};

use crate::aggregate::Parts;
use crate::chunk::{Bodies, DEFAULT_CHUNK_SIZE, Reader, Writer, set_chunk_size};
use crate::command::Command;
use crate::user_control::{self, UserControl};
use crate::window::Window;
use crate::{Error, Message, MessageKind};

/// Answers that may wait for the driver to take them. Between two reads of the driver an honest peer causes a few
/// hundred bytes; one that asks without end must not fill the memory.
const MAX_PENDING: usize = 24 * 1024;

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    pub(crate) window: Window,
    pub(crate) out: BytesMut,
    /// Bytes of answers since the driver last took the output; media of a publisher waits there too and is not counted.
    answered: usize,
    parts: Option<Parts>,
    bodies: Bodies,
}

impl Link {
    pub(crate) fn new(bodies: Bodies, window: u32) -> Link {
        Link {
            reader: Reader::new(bodies),
            writer: Writer::new(DEFAULT_CHUNK_SIZE),
            window: Window::new(window),
            out: BytesMut::new(),
            answered: 0,
            parts: None,
            bodies,
        }
    }

    /// The next message that a session has to look at. Aggregates come as their audio, video and data.
    pub(crate) fn next(&mut self, input: &mut Bytes) -> Result<Option<Message>, Error> {
        loop {
            if let Some(part) = self.parts.as_mut().and_then(|parts| parts.find(|part| part.kind.is_media()))
            {
                return Ok(Some(part));
            }
            self.parts = None;
            let message = self.reader.read(input);
            self.window.received(self.reader.consumed());
            let Some(message) = message? else { return Ok(None) };
            match message.kind {
                MessageKind::WINDOW_ACK => self.window.resize(&message),
                MessageKind::AGGREGATE => self.parts = Some(Parts::new(message, self.bodies)),
                MessageKind::USER_CONTROL => match user_control::read(&message.body) {
                    Some(UserControl::Ping(time)) => {
                        self.answer(&user_control::message(UserControl::Pong(time)))?
                    }
                    _ => return Ok(Some(message)),
                },
                _ => return Ok(Some(message)),
            }
        }
    }

    pub(crate) fn read_command(&self, message: &Message) -> Result<Command, Error> {
        Command::read(message, self.reader.consumed())
    }

    pub(crate) fn send(&mut self, message: &Message) {
        self.writer.write(message, &mut self.out);
    }

    /// Sends what the peer caused, as long as it takes what it caused before.
    pub(crate) fn answer(&mut self, message: &Message) -> Result<(), Error> {
        if self.answered > MAX_PENDING {
            return Err(Error::TooManyAnswers { limit: MAX_PENDING });
        }
        let before = self.out.len();
        self.send(message);
        self.answered = self.answered.saturating_add(self.out.len().saturating_sub(before));
        Ok(())
    }

    /// Announces a chunk size and uses it from there on.
    pub(crate) fn announce_chunk_size(&mut self, size: u32) {
        self.send(&set_chunk_size(size));
        self.writer.set_chunk_size(size);
    }

    /// Everything pending, an acknowledgement that has fallen due included.
    pub(crate) fn output(&mut self) -> Option<Bytes> {
        if let Some(message) = self.window.due() {
            self.send(&message);
        }
        self.answered = 0;
        // With its allocation: a session is silent for hours between the set-up and the next ping.
        (!self.out.is_empty()).then(|| std::mem::take(&mut self.out).freeze())
    }
}
