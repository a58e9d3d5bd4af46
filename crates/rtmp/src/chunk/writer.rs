//! Messages to chunks.

use bytes::{BufMut, Bytes, BytesMut};

use super::header::EXTENDED;
use crate::{Message, MessageKind};

/// The chunk size before any Set Chunk Size, RTMP 1.0 section 5.4.1.
pub const DEFAULT_CHUNK_SIZE: u32 = 128;

/// The largest chunk size worth announcing: no message is longer.
pub const MAX_CHUNK_SIZE: u32 = 0x00ff_ffff;

/// The chunk stream each kind of message is written on. Fixed, so that the same bytes serve every receiver.
pub fn csid_for(kind: MessageKind) -> u32 {
    match kind {
        MessageKind(1..=6) => 2,
        MessageKind::AUDIO => 4,
        MessageKind::DATA_AMF0 | MessageKind::DATA_AMF3 => 5,
        MessageKind::VIDEO => 6,
        MessageKind::AGGREGATE => 7,
        _ => 3,
    }
}

/// The Set Chunk Size message for `size`.
pub fn set_chunk_size(size: u32) -> Message {
    let body = Bytes::copy_from_slice(&size.clamp(1, MAX_CHUNK_SIZE).to_be_bytes());
    Message { kind: MessageKind::SET_CHUNK_SIZE, timestamp: 0, stream_id: 0, body }
}

/// Cuts messages into chunks: always a full (type 0) header first and type 3 headers after, so that nothing depends on
/// what was sent before, any timestamp can follow any other, and one encoding serves many receivers.
///
/// A body of 16 MiB or more cannot be announced in the header's 24 bits; such a message is not written at all.
#[derive(Debug, Clone)]
pub struct Writer {
    chunk_size: usize,
}

impl Writer {
    /// A writer that cuts at `chunk_size`, kept between 1 and [`MAX_CHUNK_SIZE`]. The receiver must know the size: see
    /// [`set_chunk_size`].
    pub fn new(chunk_size: u32) -> Writer {
        let mut writer = Writer { chunk_size: 1 };
        writer.set_chunk_size(chunk_size);
        writer
    }

    /// Cuts at another size from the next message on.
    pub fn set_chunk_size(&mut self, chunk_size: u32) {
        self.chunk_size = usize::try_from(chunk_size.clamp(1, MAX_CHUNK_SIZE)).unwrap_or(1);
    }

    /// Appends the message with its headers, contiguous.
    pub fn write(&self, message: &Message, out: &mut BytesMut) {
        let Some(head) = Head::new(message) else { return };
        out.reserve(message.body.len().saturating_add(32));
        head.put_full(out);
        let mut pieces = message.body.chunks(self.chunk_size);
        out.put_slice(pieces.next().unwrap_or_default());
        for piece in pieces {
            head.put_again(out);
            out.put_slice(piece);
        }
    }

    /// Pushes header, body slice, header, body slice, … without copying the body. `headers` is scratch space that may be
    /// kept from call to call: the pushed headers are split off from it.
    pub fn write_parts(&self, message: &Message, headers: &mut BytesMut, out: &mut Vec<Bytes>) {
        let Some(head) = Head::new(message) else { return };
        head.put_full(headers);
        out.push(headers.split().freeze());
        let mut rest = message.body.clone();
        if !rest.is_empty() {
            out.push(rest.split_to(self.chunk_size.min(rest.len())));
        }
        if rest.is_empty() {
            return;
        }
        head.put_again(headers);
        let again = headers.split().freeze();
        while !rest.is_empty() {
            out.push(again.clone());
            out.push(rest.split_to(self.chunk_size.min(rest.len())));
        }
    }
}

struct Head {
    csid: u8,
    timestamp: u32,
    length: u32,
    kind: u8,
    stream_id: u32,
}

impl Head {
    fn new(message: &Message) -> Option<Head> {
        let length = u32::try_from(message.body.len()).ok().filter(|length| *length <= 0x00ff_ffff)?;
        let csid = u8::try_from(csid_for(message.kind)).ok()?;
        let Message { kind: MessageKind(kind), timestamp, stream_id, .. } = *message;
        Some(Head { csid, timestamp, length, kind, stream_id })
    }

    fn put_full(&self, out: &mut BytesMut) {
        out.put_u8(self.csid);
        out.put_uint(u64::from(self.timestamp.min(EXTENDED)), 3);
        out.put_uint(u64::from(self.length), 3);
        out.put_u8(self.kind);
        out.put_u32_le(self.stream_id);
        self.put_extended(out);
    }

    fn put_again(&self, out: &mut BytesMut) {
        out.put_u8(0xc0 | self.csid);
        self.put_extended(out);
    }

    fn put_extended(&self, out: &mut BytesMut) {
        if self.timestamp >= EXTENDED {
            out.put_u32(self.timestamp);
        }
    }
}
