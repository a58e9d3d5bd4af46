//! FLV framing: file header, tag headers and back pointers around bodies that are not looked into.
//!
//! ```text
//! file  'F' 'L' 'V'  version(8)  flags(8)  data offset(32)  back pointer 0 (32)
//! tag   kind(8)  length(24)  timestamp(24)  timestamp high byte(8)  stream id(24)  body  back pointer(32)
//! ```
//! Standard: Adobe FLV 10.1, annex E.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::body::{self, Body};
use crate::chunk::Bodies;

/// File header with audio and video announced, with the back pointer that follows it.
pub const FILE_HEADER: [u8; 13] = [b'F', b'L', b'V', 1, 5, 0, 0, 0, 9, 0, 0, 0, 0];

/// File header of a stream without video.
pub const FILE_HEADER_AUDIO: [u8; 13] = [b'F', b'L', b'V', 1, 4, 0, 0, 0, 9, 0, 0, 0, 0];

/// File header of a stream without audio.
pub const FILE_HEADER_VIDEO: [u8; 13] = [b'F', b'L', b'V', 1, 1, 0, 0, 0, 9, 0, 0, 0, 0];

/// The furthest that a file header may say the first tag is. Everyone writes 9; the rest is room for an extension.
pub const MAX_DATA_OFFSET: u32 = 64 * 1024;

/// The longest body that is read. As for chunks: a larger frame is no frame.
pub const MAX_BODY: usize = crate::chunk::MAX_PARTIAL;

/// What a tag has beside its body: header and back pointer.
pub const OVERHEAD: usize = 15;

/// The longest body that the format can say.
pub const MOST: usize = 0x00ff_ffff;

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// 8 audio, 9 video, 18 script data; others pass.
    pub kind: u8,
    /// Milliseconds, all 32 bits.
    pub timestamp: u32,
    /// The payload.
    pub body: Bytes,
}

/// Why bytes are no FLV. `at` counts from the first byte of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first bytes are not `FLV`.
    #[error("no FLV signature at byte 0")]
    NoSignature,
    /// The header says that the tags begin inside the header or beyond [`MAX_DATA_OFFSET`].
    #[error("FLV data offset {offset} in the file header, expected 9 to {MAX_DATA_OFFSET}")]
    BadOffset {
        /// What it says.
        offset: u32,
    },
    /// A tag longer than [`MAX_BODY`].
    #[error("FLV tag of {length} bytes at byte {at}, at most {MAX_BODY} are read")]
    TooLong {
        /// What its header says.
        length: usize,
        /// Where the tag begins.
        at: u64,
    },
}

/// The header of a tag. Lengths of 2^24 and more cannot be written: see [`write()`].
pub fn header(kind: u8, timestamp: u32, length: usize) -> [u8; 11] {
    let [_, l1, l2, l3] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let [t0, t1, t2, t3] = timestamp.to_be_bytes();
    [kind, l1, l2, l3, t1, t2, t3, t0, 0, 0, 0]
}

/// The back pointer that follows a body of this length.
pub fn trailer(length: usize) -> [u8; 4] {
    u32::try_from(length.saturating_add(11)).unwrap_or(u32::MAX).to_be_bytes()
}

/// Appends a whole tag with its back pointer. A body of 16 MiB or more does not fit the format and is left out.
pub fn write(kind: u8, timestamp: u32, body: &[u8], out: &mut BytesMut) {
    if body.len() > MOST {
        return;
    }
    out.reserve(body.len().saturating_add(OVERHEAD));
    out.put_slice(&header(kind, timestamp, body.len()));
    out.put_slice(body);
    out.put_slice(&trailer(body.len()));
}

/// Reads an FLV byte stream piece by piece. Back pointers are skipped unread: many writers get them wrong.
#[derive(Debug)]
pub struct Reader {
    bodies: Bodies,
    state: State,
    stash: [u8; 11],
    stashed: usize,
    body: Body,
    consumed: u64,
    file_header: Option<[u8; 13]>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    FileHeader,
    /// Bytes to drop before the next tag header.
    Skip(usize),
    TagHeader,
    Body {
        kind: u8,
        timestamp: u32,
        length: usize,
    },
}

impl Reader {
    /// A reader at the start of a file.
    pub fn new(bodies: Bodies) -> Reader {
        Reader {
            bodies,
            state: State::FileHeader,
            stash: [0; 11],
            stashed: 0,
            body: Body::default(),
            consumed: 0,
            file_header: None,
        }
    }

    /// The file header with the flags that the sender set, in its shortest form; once, after it was read.
    pub fn take_file_header(&mut self) -> Option<[u8; 13]> {
        self.file_header.take()
    }

    /// The next tag. `None` means that all of `input` is consumed and more is wanted.
    pub fn read(&mut self, input: &mut Bytes) -> Result<Option<Tag>, Error> {
        loop {
            match self.state {
                State::FileHeader => {
                    let Some([s1, s2, s3, _, flags, a, b, c, d]) = self.gather::<9>(input) else {
                        return Ok(None);
                    };
                    if [s1, s2, s3] != *b"FLV" {
                        return Err(Error::NoSignature);
                    }
                    let offset = u32::from_be_bytes([a, b, c, d]);
                    if !(9..=MAX_DATA_OFFSET).contains(&offset) {
                        return Err(Error::BadOffset { offset });
                    }
                    self.file_header = Some([b'F', b'L', b'V', 1, flags, 0, 0, 0, 9, 0, 0, 0, 0]);
                    // What the header has beyond 9 bytes, and the back pointer of nothing.
                    self.state = State::Skip(usize::try_from(offset).unwrap_or(9).saturating_sub(5));
                }
                State::Skip(0) => self.state = State::TagHeader,
                State::Skip(left) => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let count = left.min(input.len());
                    self.advance(input, count);
                    self.state = State::Skip(left.saturating_sub(count));
                }
                State::TagHeader => {
                    let at = self.consumed.saturating_sub(u64::try_from(self.stashed).unwrap_or(0));
                    let Some(header) = self.gather::<11>(input) else { return Ok(None) };
                    let [kind, l1, l2, l3, t1, t2, t3, t0, ..] = header;
                    let length = usize::try_from(u32::from_be_bytes([0, l1, l2, l3])).unwrap_or(usize::MAX);
                    if length > MAX_BODY {
                        return Err(Error::TooLong { length, at });
                    }
                    // The upper bits say "encrypted" and are reserved otherwise.
                    let (kind, timestamp) = (kind & 0x1f, u32::from_be_bytes([t0, t1, t2, t3]));
                    self.state = State::Body { kind, timestamp, length };
                }
                State::Body { kind, timestamp, length } => {
                    let Some(body) = self.read_body(input, length) else { return Ok(None) };
                    self.state = State::Skip(4);
                    return Ok(Some(Tag { kind, timestamp, body }));
                }
            }
        }
    }

    fn read_body(&mut self, input: &mut Bytes, length: usize) -> Option<Bytes> {
        let before = input.len();
        let body = if self.body.len() == 0 && input.len() >= length {
            Some(body::take_whole(input, length, self.bodies))
        } else {
            let wanted = length.saturating_sub(self.body.len());
            self.body.push(input, wanted, length);
            (self.body.len() >= length).then(|| self.body.take())
        };
        let used = before.saturating_sub(input.len());
        self.consumed = self.consumed.saturating_add(u64::try_from(used).unwrap_or(u64::MAX));
        body
    }

    /// The next `N` bytes, when they are all here; else keeps what there is.
    fn gather<const N: usize>(&mut self, input: &mut Bytes) -> Option<[u8; N]> {
        let room = self.stash.get_mut(self.stashed..N).unwrap_or_default();
        let count = room.len().min(input.len());
        room.iter_mut().zip(input.iter()).for_each(|(slot, byte)| *slot = *byte);
        self.stashed = self.stashed.saturating_add(count);
        self.advance(input, count);
        if self.stashed < N {
            return None;
        }
        self.stashed = 0;
        self.stash.first_chunk::<N>().copied()
    }

    fn advance(&mut self, input: &mut Bytes, count: usize) {
        input.advance(count.min(input.len()));
        self.consumed = self.consumed.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests;
