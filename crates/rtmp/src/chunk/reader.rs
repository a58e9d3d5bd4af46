//! Chunks to messages.

use bytes::{Buf, Bytes};

use super::header::{self, Basic, Fields, MAX_HEADER};
use super::writer::DEFAULT_CHUNK_SIZE;
use super::{Bodies, Error};
use crate::body::{self, Body};
use crate::{Message, MessageKind};

/// Chunk stream ids remembered per connection. Encoders use five or so; each costs some 90 bytes for the whole session.
pub const MAX_CHUNK_STREAMS: usize = 64;

/// Messages that may be half-sent at a time. Real senders interleave audio, video and commands: three.
pub const MAX_OPEN: usize = 32;

/// Bytes that half-sent messages may hold together: room for a key frame of a 100 Mbit/s camera, small enough that a
/// thousand hostile peers do not take the machine.
pub const MAX_PARTIAL: usize = 6 * 1024 * 1024;

/// The largest timestamp of a type 0 header that a following type 3 header may repeat as a *delta*, milliseconds. RTMP
/// 1.0 section 5.3.1.2.4 says so and ffmpeg relies on it for the second frame of a stream; other senders mean "the same
/// time again". Far from the start a step as large as the whole time before it is no step.
const MAX_FIRST_DELTA: u32 = 10_000;

/// Reassembles messages of one direction of one connection.
#[derive(Debug)]
pub struct Reader {
    bodies: Bodies,
    streams: Vec<Stream>,
    chunk_size: usize,
    /// The chunk whose payload comes next, when its header is read.
    current: Option<Current>,
    stash: Stash,
    open: usize,
    partial: usize,
    limit: usize,
    consumed: u64,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    stream: usize,
    left: usize,
}

/// The start of a header whose end has not come yet.
#[derive(Debug, Default)]
struct Stash {
    bytes: [u8; MAX_HEADER],
    len: usize,
}

/// What is remembered of one chunk stream.
#[derive(Debug)]
struct Stream {
    csid: u32,
    timestamp: u32,
    delta: u32,
    /// The extended field of the last header that had one; none when that header had none.
    extended: Option<u32>,
    length: usize,
    kind: MessageKind,
    stream_id: u32,
    /// A message is begun and not complete.
    open: bool,
    body: Body,
}

/// One header, understood but not yet applied.
enum Header {
    Full { basic: Basic, fields: Fields },
    Again { csid: u32, stream: usize },
}

enum Piece {
    NeedInput,
    ChunkDone,
    Whole(Message),
}

impl Reader {
    /// A reader at the start of a chunk stream, with the chunk size of 128 that the standard begins with.
    pub fn new(bodies: Bodies) -> Reader {
        Reader {
            bodies,
            streams: Vec::new(),
            chunk_size: usize::try_from(DEFAULT_CHUNK_SIZE).unwrap_or(128),
            current: None,
            stash: Stash::default(),
            open: 0,
            partial: 0,
            limit: MAX_PARTIAL,
            consumed: 0,
        }
    }

    /// Changes how many bytes of half-sent messages may be held; at most [`MAX_PARTIAL`]. For peers not yet admitted.
    pub fn limit_partial(&mut self, bytes: usize) {
        self.limit = bytes.min(MAX_PARTIAL);
    }

    /// How many bytes have been taken from the input so far.
    pub fn consumed(&self) -> u64 {
        self.consumed
    }

    /// The next message. `None` means that all of `input` is consumed and more is wanted; what was begun is kept.
    ///
    /// Set Chunk Size and Abort are obeyed and not returned. After an error the chunk boundaries are lost: end the
    /// connection.
    pub fn read(&mut self, input: &mut Bytes) -> Result<Option<Message>, Error> {
        loop {
            let current = match self.current {
                Some(current) => current,
                None => match self.read_header(input)? {
                    Some(current) => current,
                    None => return Ok(None),
                },
            };
            match self.read_piece(current, input)? {
                Piece::NeedInput => return Ok(None),
                Piece::ChunkDone => {}
                Piece::Whole(message) => match message.kind {
                    MessageKind::SET_CHUNK_SIZE => self.set_chunk_size(&message)?,
                    MessageKind::ABORT => self.abort(&message)?,
                    _ => return Ok(Some(message)),
                },
            }
        }
    }

    #[cfg(test)]
    pub(super) fn reserved(&self) -> usize {
        self.streams.iter().map(|stream| stream.body.reserved()).sum()
    }

    fn read_header(&mut self, input: &mut Bytes) -> Result<Option<Current>, Error> {
        if self.stash.len == 0 {
            if let Some((header, len)) = self.parse(input)? {
                input.advance(len.min(input.len()));
                return self.apply(&header, len).map(Some);
            }
        } else {
            let mut joined = [0; MAX_HEADER];
            let len = self.stash.join(input, &mut joined);
            if let Some((header, used)) = self.parse(joined.get(..len).unwrap_or_default())? {
                self.stash.settle(used, input);
                return self.apply(&header, used).map(Some);
            }
        }
        self.stash.push(input);
        Ok(None)
    }

    /// Reads a header without changing anything, so that it can be tried again with more bytes.
    fn parse(&self, bytes: &[u8]) -> Result<Option<(Header, usize)>, Error> {
        let Some(basic) = header::basic(bytes) else { return Ok(None) };
        let rest = bytes.get(basic.len..).unwrap_or_default();
        if basic.fmt < 3 {
            let Some(fields) = header::fields(basic.fmt, rest) else { return Ok(None) };
            let len = basic.len.saturating_add(fields.len);
            return Ok(Some((Header::Full { basic, fields }, len)));
        }
        let Some(stream) = self.find(basic.csid) else {
            return Err(Error::NoPredecessor { csid: basic.csid, at: self.consumed });
        };
        let Some(extra) = self.streams.get(stream).map_or(Some(0), |stream| stream.repeated(rest)) else {
            return Ok(None);
        };
        let len = basic.len.saturating_add(extra);
        Ok(Some((Header::Again { csid: basic.csid, stream }, len)))
    }

    fn find(&self, csid: u32) -> Option<usize> {
        self.streams.iter().position(|stream| stream.csid == csid)
    }

    fn apply(&mut self, header: &Header, len: usize) -> Result<Current, Error> {
        let at = self.consumed;
        self.count(len);
        let (index, csid) = match header {
            Header::Full { basic, fields } => (self.begin(*basic, fields, at)?, basic.csid),
            Header::Again { csid, stream } => (*stream, *csid),
        };
        let Some(stream) = self.streams.get_mut(index) else { return Err(Error::NoPredecessor { csid, at }) };
        if matches!(header, Header::Again { .. }) && !stream.open {
            stream.timestamp = stream.timestamp.wrapping_add(stream.delta);
        }
        if !stream.open {
            if self.open >= MAX_OPEN {
                return Err(Error::TooManyOpen { at });
            }
            stream.open = true;
            self.open = self.open.saturating_add(1);
        }
        let left = stream.length.saturating_sub(stream.body.len()).min(self.chunk_size);
        let current = Current { stream: index, left };
        self.current = Some(current);
        Ok(current)
    }

    /// Applies a header of form 0 to 2, which always begins a message. Forms 1 and 2 on a fresh chunk stream, which some
    /// cameras send, count from zero.
    fn begin(&mut self, basic: Basic, fields: &Fields, at: u64) -> Result<usize, Error> {
        let index = match self.find(basic.csid) {
            Some(index) => index,
            None if self.streams.len() >= MAX_CHUNK_STREAMS => return Err(Error::TooManyStreams { at }),
            None => {
                self.streams.push(Stream::new(basic.csid));
                self.streams.len().saturating_sub(1)
            }
        };
        if let Some(stream) = self.streams.get_mut(index) {
            if stream.open {
                return Err(Error::Overlap { csid: basic.csid, at });
            }
            stream.begin(basic.fmt, fields);
        }
        Ok(index)
    }

    fn read_piece(&mut self, current: Current, input: &mut Bytes) -> Result<Piece, Error> {
        let Some(stream) = self.streams.get_mut(current.stream) else {
            self.current = None;
            return Ok(Piece::ChunkDone);
        };
        if stream.body.len() == 0 && current.left == stream.length && input.len() >= stream.length {
            let body = body::take_whole(input, stream.length, self.bodies);
            let message = stream.finish(body);
            self.count(message.body.len());
            self.close();
            return Ok(Piece::Whole(message));
        }
        let count = current.left.min(input.len());
        self.partial = self.partial.saturating_add(count);
        self.consumed = self.consumed.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if self.partial > self.limit {
            return Err(Error::TooMuchPartial { limit: self.limit, at: self.consumed });
        }
        stream.body.push(input, count, stream.length);
        let left = current.left.saturating_sub(count);
        if left > 0 {
            self.current = Some(Current { left, ..current });
            return Ok(Piece::NeedInput);
        }
        self.current = None;
        if stream.body.len() < stream.length {
            return Ok(Piece::ChunkDone);
        }
        self.partial = self.partial.saturating_sub(stream.length);
        let body = stream.body.take();
        let message = stream.finish(body);
        self.close();
        Ok(Piece::Whole(message))
    }

    fn close(&mut self) {
        self.current = None;
        self.open = self.open.saturating_sub(1);
    }

    fn count(&mut self, bytes: usize) {
        self.consumed = self.consumed.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// The top bit must be zero and is ignored; no message is longer than 24 bits can say.
    fn set_chunk_size(&mut self, message: &Message) -> Result<(), Error> {
        let size = self.control_number(message)? & 0x7fff_ffff;
        if size == 0 {
            return Err(Error::ZeroChunkSize { at: self.consumed });
        }
        self.chunk_size = usize::try_from(size).unwrap_or(usize::MAX).min(0x00ff_ffff);
        Ok(())
    }

    fn abort(&mut self, message: &Message) -> Result<(), Error> {
        let csid = self.control_number(message)?;
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.csid == csid && stream.open) {
            self.partial = self.partial.saturating_sub(stream.body.len());
            stream.body.clear();
            stream.open = false;
            self.open = self.open.saturating_sub(1);
        }
        Ok(())
    }

    fn control_number(&self, message: &Message) -> Result<u32, Error> {
        let bytes = message.body.first_chunk::<4>();
        let number = bytes.map(|bytes| u32::from_be_bytes(*bytes));
        number.ok_or(Error::BadControl { kind: message.kind.0, at: self.consumed })
    }
}

impl Stash {
    /// Writes the stashed bytes and then those of `input` into `out`; returns how many there are.
    fn join(&self, input: &[u8], out: &mut [u8; MAX_HEADER]) -> usize {
        let kept = self.bytes.get(..self.len).unwrap_or_default();
        let mut len = 0;
        for (slot, byte) in out.iter_mut().zip(kept.iter().chain(input)) {
            *slot = *byte;
            len += 1;
        }
        len
    }

    /// Empties the stash after a header of `used` bytes. Stashed bytes that turned out to be payload (an extended
    /// timestamp that is not repeated after all) go back in front of the input: at most once per input buffer.
    fn settle(&mut self, used: usize, input: &mut Bytes) {
        let kept = self.bytes.get(..self.len).unwrap_or_default();
        match kept.get(used..) {
            Some(payload) if !payload.is_empty() => *input = [payload, input].concat().into(),
            _ => input.advance(used.saturating_sub(self.len).min(input.len())),
        }
        self.len = 0;
    }

    /// Takes all that is left of `input`, which is less than a header.
    fn push(&mut self, input: &mut Bytes) {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let count = room.len().min(input.len());
        for (slot, byte) in room.iter_mut().zip(input.iter()) {
            *slot = *byte;
        }
        self.len = self.len.saturating_add(count);
        input.advance(count);
    }
}

impl Stream {
    fn new(csid: u32) -> Stream {
        Stream {
            csid,
            timestamp: 0,
            delta: 0,
            extended: None,
            length: 0,
            kind: MessageKind(0),
            stream_id: 0,
            open: false,
            body: Body::default(),
        }
    }

    fn begin(&mut self, fmt: u8, fields: &Fields) {
        self.extended = fields.extended.then_some(fields.time);
        if fmt == 0 {
            self.timestamp = fields.time;
            self.delta = if fields.time <= MAX_FIRST_DELTA { fields.time } else { 0 };
        } else {
            self.delta = fields.time;
            self.timestamp = self.timestamp.wrapping_add(fields.time);
        }
        if let Some((length, kind)) = fields.length_kind {
            self.length = usize::try_from(length).unwrap_or(usize::MAX);
            self.kind = MessageKind(kind);
        }
        if let Some(id) = fields.stream_id {
            self.stream_id = id;
        }
    }

    /// How many of `rest` are an extended timestamp that a type 3 header repeats: 4 or 0. The standard (5.3.1.3) repeats
    /// it, many encoders do not, so the bytes are compared with what would be repeated. `None` asks for more bytes.
    fn repeated(&self, rest: &[u8]) -> Option<usize> {
        let Some(field) = self.extended else { return Some(0) };
        let begins =
            |expected: u32| rest.iter().zip(expected.to_be_bytes()).all(|(&byte, want)| byte == want);
        // After an extended *delta* some senders repeat the absolute time instead.
        let absolute = self.timestamp >= header::EXTENDED && begins(self.timestamp);
        if !begins(field) && !absolute {
            return Some(0);
        }
        (rest.len() >= 4).then_some(4)
    }

    fn finish(&mut self, body: Bytes) -> Message {
        self.open = false;
        Message { kind: self.kind, timestamp: self.timestamp, stream_id: self.stream_id, body }
    }
}
