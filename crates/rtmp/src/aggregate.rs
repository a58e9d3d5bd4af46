//! Aggregate messages, RTMP 1.0 section 7.1.6: FLV tags in one body.

use bytes::{Buf, Bytes};

use crate::chunk::Bodies;
use crate::{Message, MessageKind};

/// The messages inside an aggregate, in order. A tag that is cut short ends the list.
#[derive(Debug)]
pub struct Parts {
    rest: Bytes,
    stream_id: u32,
    timestamp: u32,
    /// The time of the first tag: the aggregate's own time is counted from it.
    first: Option<u32>,
    bodies: Bodies,
}

impl Parts {
    /// The parts of `message`, which must be of kind [`MessageKind::AGGREGATE`]; with [`Bodies::Shared`] the bodies are
    /// slices of the aggregate.
    pub fn new(message: Message, bodies: Bodies) -> Parts {
        let Message { timestamp, stream_id, body, .. } = message;
        Parts { rest: body, stream_id, timestamp, first: None, bodies }
    }
}

impl Iterator for Parts {
    type Item = Message;

    /// The time of a part is the aggregate's plus how far its tag lies after the first tag.
    fn next(&mut self) -> Option<Message> {
        let (header, _) = self.rest.split_first_chunk::<11>()?;
        let [kind, a, b, c, t1, t2, t3, t0, ..] = *header;
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
        let time = u32::from_be_bytes([t0, t1, t2, t3]);
        if self.rest.len() < length.checked_add(11)? {
            self.rest = Bytes::new();
            return None;
        }
        self.rest.advance(11);
        let body = crate::body::take_whole(&mut self.rest, length, self.bodies);
        // The back pointer; the last one is left out by some senders.
        self.rest.advance(self.rest.len().min(4));
        let first = *self.first.get_or_insert(time);
        let timestamp = self.timestamp.wrapping_add(time.wrapping_sub(first));
        Some(Message { kind: MessageKind(kind), timestamp, stream_id: self.stream_id, body })
    }
}

#[cfg(test)]
mod tests;
