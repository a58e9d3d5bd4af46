//! User Control messages, RTMP 1.0 section 6.2: an event type of 16 bits and its numbers.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Message, MessageKind};

/// One event. Streams are message stream ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserControl {
    /// 0: the stream is usable.
    StreamBegin(u32),
    /// 1: playback of the stream is over.
    StreamEof(u32),
    /// 2: no data for a while.
    StreamDry(u32),
    /// 3: the player's buffer.
    SetBufferLength {
        /// The stream.
        stream: u32,
        /// Milliseconds.
        ms: u32,
    },
    /// 4: the stream is a recording.
    StreamIsRecorded(u32),
    /// 6: to be answered with the same number.
    Ping(u32),
    /// 7: the answer.
    Pong(u32),
    /// Any other event, which is ignored; some servers send 26, 31 and 32.
    Other(u16),
}

/// Reads an event; `None` when the body is too short for its type.
pub fn read(body: &[u8]) -> Option<UserControl> {
    let (&kind, rest) = body.split_first_chunk::<2>()?;
    let kind = u16::from_be_bytes(kind);
    let number = || rest.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes));
    Some(match kind {
        0 => UserControl::StreamBegin(number()?),
        1 => UserControl::StreamEof(number()?),
        2 => UserControl::StreamDry(number()?),
        3 => {
            let ms = rest.get(4..8).and_then(|bytes| bytes.first_chunk::<4>())?;
            UserControl::SetBufferLength { stream: number()?, ms: u32::from_be_bytes(*ms) }
        }
        4 => UserControl::StreamIsRecorded(number()?),
        6 => UserControl::Ping(number()?),
        7 => UserControl::Pong(number()?),
        kind => UserControl::Other(kind),
    })
}

/// The message for an event.
pub fn message(event: UserControl) -> Message {
    let (kind, first, second) = match event {
        UserControl::StreamBegin(stream) => (0, Some(stream), None),
        UserControl::StreamEof(stream) => (1, Some(stream), None),
        UserControl::StreamDry(stream) => (2, Some(stream), None),
        UserControl::SetBufferLength { stream, ms } => (3, Some(stream), Some(ms)),
        UserControl::StreamIsRecorded(stream) => (4, Some(stream), None),
        UserControl::Ping(time) => (6, Some(time), None),
        UserControl::Pong(time) => (7, Some(time), None),
        UserControl::Other(kind) => (kind, None, None),
    };
    let mut body = BytesMut::with_capacity(10);
    body.put_u16(kind);
    first.into_iter().chain(second).for_each(|number| body.put_u32(number));
    Message { kind: MessageKind::USER_CONTROL, timestamp: 0, stream_id: 0, body: Bytes::from(body) }
}

#[cfg(test)]
mod tests;
