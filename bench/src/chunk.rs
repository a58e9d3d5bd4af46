//! RTMP chunks (Adobe's RTMP 1.0, 5.3): a writer with full headers and a reader that takes what servers send.

use std::collections::HashMap;

/// Type of Set Chunk Size, the one message that the reader itself obeys.
const SET_CHUNK_SIZE: u8 = 1;
/// Before the first Set Chunk Size.
const DEFAULT_CHUNK: usize = 128;
/// Above this a timestamp moves to the extended field.
const EXTENDED: u32 = 0xff_ffff;

/// A whole message.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// Message type id.
    pub kind: u8,
    /// Milliseconds.
    pub time: u32,
    /// The payload.
    pub body: Vec<u8>,
}

/// Appends one message: a type 0 header, then type 3 headers every `chunk` bytes.
pub fn write(out: &mut Vec<u8>, chunk: usize, csid: u8, stream: u32, kind: u8, time: u32, body: &[u8]) {
    let field = time.min(EXTENDED);
    out.push(csid & 0x3f);
    out.extend_from_slice(&field.to_be_bytes()[1..]);
    out.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    out.push(kind);
    out.extend_from_slice(&stream.to_le_bytes());
    for (index, part) in body.chunks(chunk).enumerate() {
        if index > 0 {
            out.push(0xc0 | csid & 0x3f);
        }
        if field == EXTENDED {
            out.extend_from_slice(&time.to_be_bytes());
        }
        out.extend_from_slice(part);
    }
}

/// Splits a byte stream into messages.
pub struct Reader {
    chunk: usize,
    slots: HashMap<u32, Slot>,
    held: Vec<u8>,
    at: usize,
}

#[derive(Default)]
struct Slot {
    time: u32,
    delta: u32,
    length: usize,
    kind: u8,
    extended: Option<u32>,
    body: Vec<u8>,
}

impl Reader {
    /// A reader at the first byte behind the handshake.
    pub fn new() -> Self {
        Self { chunk: DEFAULT_CHUNK, slots: HashMap::new(), held: Vec::new(), at: 0 }
    }

    /// Takes bytes as they arrive.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.at > 0 {
            self.held.drain(..self.at);
            self.at = 0;
        }
        self.held.extend_from_slice(bytes);
    }

    /// The next whole message, `None` when more bytes are needed.
    pub fn next(&mut self) -> Result<Option<Message>, &'static str> {
        loop {
            let Some(message) = self.step()? else { return Ok(None) };
            let Some(message) = message else { continue };
            if message.kind == SET_CHUNK_SIZE {
                let size = message.body.first_chunk().map(|field| u32::from_be_bytes(*field) & 0x7fff_ffff);
                self.chunk = size.filter(|&size| size > 0).ok_or("bad Set Chunk Size")? as usize;
            }
            return Ok(Some(message));
        }
    }

    /// One chunk: `None` for need more, `Some(None)` for a chunk that ends no message.
    fn step(&mut self) -> Result<Option<Option<Message>>, &'static str> {
        let mut bytes = Bytes(&self.held[self.at..]);
        let Some((format, csid)) = bytes.basic_header() else { return Ok(None) };
        let known = self.slots.get(&csid);
        if known.is_none() && format == 3 {
            return Err("type 3 chunk on a new chunk stream");
        }
        let Some(header) = bytes.message_header(format) else { return Ok(None) };
        let slot = self.slots.entry(csid).or_default();
        let length = header.length.unwrap_or(slot.length);
        let begins = slot.body.is_empty();
        let extended = match (format, slot.extended) {
            (0..=2, _) if header.time == EXTENDED => match bytes.number(4) {
                Some(time) => Some(time),
                None => return Ok(None),
            },
            (0..=2, _) => None,
            // Some servers repeat the extended field in type 3 chunks and some do not.
            (_, Some(time)) => match bytes.peek(4) {
                Some(found) if found == time => bytes.number(4),
                Some(_) => Some(time),
                None => return Ok(None),
            },
            (_, None) => None,
        };
        let wanted = (length - if begins { 0 } else { slot.body.len().min(length) }).min(self.chunk);
        let Some(part) = bytes.take(wanted) else { return Ok(None) };
        slot.length = length;
        slot.kind = header.kind.unwrap_or(slot.kind);
        if format < 3 {
            slot.extended = extended;
        }
        let time = extended.unwrap_or(header.time);
        match format {
            0 => (slot.time, slot.delta) = (time, 0),
            1 | 2 => (slot.time, slot.delta) = (slot.time.wrapping_add(time), time),
            _ if begins => slot.time = slot.time.wrapping_add(slot.delta),
            _ => {}
        }
        slot.body.extend_from_slice(part);
        let done = slot.body.len() >= slot.length;
        let message =
            done.then(|| Message { kind: slot.kind, time: slot.time, body: std::mem::take(&mut slot.body) });
        self.at = self.held.len() - bytes.0.len();
        Ok(Some(message))
    }
}

struct Header {
    time: u32,
    length: Option<usize>,
    kind: Option<u8>,
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn peek(&self, count: usize) -> Option<u32> {
        Some(self.0.get(..count)?.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
    }

    fn number(&mut self, count: usize) -> Option<u32> {
        let number = self.peek(count)?;
        self.take(count)?;
        Some(number)
    }

    fn basic_header(&mut self) -> Option<(u8, u32)> {
        let first = self.number(1)?;
        let csid = match first & 0x3f {
            0 => self.number(1)? + 64,
            1 => {
                let [low, high] = self.take(2)? else { return None };
                u32::from(*high) * 256 + u32::from(*low) + 64
            }
            csid => csid,
        };
        Some(((first >> 6) as u8, csid))
    }

    fn message_header(&mut self, format: u8) -> Option<Header> {
        let mut header = Header { time: 0, length: None, kind: None };
        if format < 3 {
            header.time = self.number(3)?;
        }
        if format < 2 {
            header.length = Some(self.number(3)? as usize);
            header.kind = Some(self.number(1)? as u8);
        }
        if format == 0 {
            self.take(4)?;
        }
        Some(header)
    }
}

#[cfg(test)]
mod tests;
