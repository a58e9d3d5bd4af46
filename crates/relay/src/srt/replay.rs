//! A caller's handshake told again to an origin, and the origin's answer told to the caller. Nothing here waits or sends.

use std::time::Duration;

use srs_srt::handshake::{Change, Error, Fields, Handshake, Kind, MAGIC};
use srs_srt::{Reason, SocketId};

/// The handshake of one caller with one origin.
pub(super) struct Replay<'a> {
    caller: Handshake<'a>,
    numbers: Numbers,
    /// What the origin is told instead of the caller's stream id.
    stream_id: Option<String>,
    /// The origin's.
    cookie: Option<u32>,
}

/// By which numbers this proxy is addressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    /// By the caller.
    pub(super) local: SocketId,
    /// By the origin.
    pub(super) ours: SocketId,
}

/// What a datagram of the origin means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Nothing.
    Nothing,
    /// The next word is to be said now.
    Next,
    /// It takes the caller.
    Granted {
        /// By which number the origin is addressed.
        socket: SocketId,
        /// Its answer, as the caller is to hear it.
        answer: Vec<u8>,
    },
    /// It does not.
    Refused(Reason),
}

impl<'a> Replay<'a> {
    /// Of the caller of this conclusion.
    pub(super) fn new(caller: Handshake<'a>, numbers: Numbers, stream_id: Option<String>) -> Replay<'a> {
        Replay { caller, numbers, stream_id, cookie: None }
    }

    /// What is to be said to the origin now, and again until it answers. The conclusion came so long ago.
    ///
    /// # Errors
    /// Those of [`Handshake::for_peer`].
    pub(super) fn say(&self, held: Duration) -> Result<Vec<u8>, Error> {
        let socket = self.numbers.ours;
        let Some(cookie) = self.cookie else {
            let fields = Fields { socket, ..self.caller.fields };
            return Ok(fields.as_induction().write(SocketId::LISTENER, self.caller.timestamp).to_vec());
        };
        let (destination, stream_id) = (SocketId::LISTENER, self.stream_id.as_deref());
        self.caller.for_peer(&Change { destination, socket, cookie, stream_id, held })
    }

    /// Hears a datagram that came from the origin.
    pub(super) fn hear(&mut self, datagram: &[u8]) -> Word {
        let Ok(told) = Handshake::read(datagram) else { return Word::Nothing };
        let caller = self.caller.fields;
        if told.destination != self.numbers.ours {
            return Word::Nothing;
        }
        match (told.fields.kind, self.cookie) {
            (Kind::Induction, None) if told.fields.version == 5 && told.fields.extension == MAGIC => {
                self.cookie = Some(told.fields.cookie);
                Word::Next
            }
            (Kind::Conclusion, Some(_)) if told.fields.socket != SocketId::LISTENER => {
                let change = Change {
                    destination: caller.socket,
                    socket: self.numbers.local,
                    cookie: caller.cookie,
                    stream_id: None,
                    held: Duration::ZERO,
                };
                let Ok(answer) = told.for_peer(&change) else { return Word::Nothing };
                Word::Granted { socket: told.fields.socket, answer }
            }
            (Kind::Rejection(reason), _) => Word::Refused(reason),
            _ => Word::Nothing,
        }
    }
}

#[cfg(test)]
mod tests;
