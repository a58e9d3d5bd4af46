//! What a leg remembers so that it could go on with another origin. Pure: no socket, no clock.

mod viewer;

pub use viewer::Viewer;

use bytes::Bytes;
use srs_rtmp::peek::{Peek, peek};
use srs_rtmp::{Message, MessageKind};

use crate::limits::{
    MESSAGE_COST, REPLAY_BYTES, REPLAY_GOP_BYTES, REPLAY_GOP_MS, REPLAY_HEADER_BYTES, REPLAY_HEADERS,
    SETTLED_MS,
};

/// A publisher's leg: what another origin would have to be told.
#[derive(Debug, Default)]
pub struct Publisher {
    metadata: Option<Message>,
    headers: Vec<Message>,
    gop: Vec<Message>,
    /// What `gop` costs.
    bytes: usize,
    began: u32,
    video: bool,
    overrun: bool,
}

const _: () = assert!(4 * size_of::<Message>() <= MESSAGE_COST);

impl Publisher {
    /// Most bytes that one keeps, records and room included.
    pub const MAX_BYTES: usize = REPLAY_BYTES;

    /// Takes note of a message on its way to the origin.
    pub fn pass(&mut self, message: &Message) {
        match peek(message.kind.0, &message.body) {
            // One too large to be kept still ends the one before it, which is no longer true.
            Peek::Metadata => self.metadata = is_small(message).then(|| kept(message)),
            Peek::VideoConfig | Peek::AudioConfig => self.keep_header(message),
            Peek::VideoKey => {
                self.video = true;
                self.begin(message);
            }
            Peek::Audio if !self.video => self.begin(message),
            Peek::Audio | Peek::VideoInter => self.keep_open(message),
            Peek::Other => {}
        }
    }

    /// Whether the open GOP is so old that viewers have all of the one before it.
    pub fn is_settled(&self) -> bool {
        self.gop.last().is_none_or(|last| {
            let age = last.timestamp.wrapping_sub(self.began);
            // More than half the circle is time going back. Sound alone has no GOPs.
            !self.video || (SETTLED_MS..1 << 31).contains(&age)
        })
    }

    /// Everything to be replayed, in order: metadata, codec headers, then the open GOP from its key frame on.
    pub fn replay(&self) -> impl Iterator<Item = &Message> {
        self.metadata.iter().chain(&self.headers).chain(&self.gop)
    }

    fn keep_header(&mut self, message: &Message) {
        let is_former = |known: &Message| {
            known.kind == message.kind
                && label(known.kind.0, &known.body) == label(message.kind.0, &message.body)
        };
        if !is_small(message) {
            return self.headers.retain(|known| !is_former(known));
        }
        let room = self.headers.len() < REPLAY_HEADERS;
        match self.headers.iter_mut().find(|known| is_former(known)) {
            Some(known) if known.body == message.body => {}
            Some(known) => *known = kept(message),
            None if room => self.headers.push(kept(message)),
            None => {}
        }
    }

    fn begin(&mut self, message: &Message) {
        // Not emptied: the room that a long one needed does not count for the next.
        self.gop = Vec::new();
        self.bytes = 0;
        self.overrun = false;
        self.began = message.timestamp;
        self.keep_open(message);
    }

    fn keep_open(&mut self, message: &Message) {
        if self.overrun {
            return;
        }
        self.bytes = self.bytes.saturating_add(message.body.len()).saturating_add(MESSAGE_COST);
        let span = message.timestamp.wrapping_sub(self.began);
        // More than half the circle is time going back, not a long GOP.
        if self.bytes > REPLAY_GOP_BYTES || (span > REPLAY_GOP_MS && span < 1 << 31) {
            self.gop = Vec::new();
            self.bytes = 0;
            self.overrun = true;
            return;
        }
        self.gop.push(kept(message));
    }
}

/// Whether a codec header or metadata is small enough to be kept.
fn is_small(message: &Message) -> bool {
    message.body.len() <= REPLAY_HEADER_BYTES
}

/// A message that owns its bytes: the read buffer that they came in is used again.
fn kept(message: &Message) -> Message {
    Message { body: Bytes::copy_from_slice(&message.body), ..message.clone() }
}

/// What tells the codec headers of one kind apart: nothing in legacy headers, the codec and track in enhanced ones.
fn label(kind: u8, body: &[u8]) -> &[u8] {
    let enhanced = match (MessageKind(kind), body.first()) {
        (MessageKind::VIDEO, Some(first)) => first & 0x80 != 0,
        (MessageKind::AUDIO, Some(first)) => first >> 4 == 9,
        _ => false,
    };
    // Flags, multitrack type, FourCC, track id.
    if enhanced { body.get(1..7).unwrap_or_default() } else { &[] }
}

#[cfg(test)]
mod tests;
