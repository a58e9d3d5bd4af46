//! An FLV file as an endless row of messages, each with the time at which it is due.

use std::path::Path;

use bytes::{Bytes, BytesMut};
use srs_amf::Value;
use srs_rtmp::chunk::Bodies;
use srs_rtmp::peek::{Peek, peek};
use srs_rtmp::{Message, MessageKind, tag};

/// The largest file that is taken into memory, bytes.
const MAX_FILE: u64 = 256 * 1024 * 1024;

/// Why a file cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("cannot read: {0}")]
    Read(#[from] std::io::Error),
    /// It is larger than [`MAX_FILE`].
    #[error("{bytes} bytes, at most {MAX_FILE} are taken")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// It is no FLV.
    #[error(transparent)]
    Flv(#[from] tag::Error),
    /// It holds nothing that could be played.
    #[error("no audio or video in it")]
    Empty,
    /// All its frames have one timestamp, so there is no pace.
    #[error("all frames have the same timestamp")]
    NoTime,
}

/// A file, taken apart.
#[derive(Debug)]
pub struct Clip {
    /// Metadata and codec headers.
    heads: Vec<Message>,
    /// Everything else in the order of the file; timestamps begin at zero.
    frames: Vec<Message>,
    /// From the first frame of one round to that of the next, milliseconds.
    length: u32,
    /// A codec header changes on the way, so each round has to begin with all of them.
    changes: bool,
}

/// Reads a file.
pub fn load(path: &Path) -> Result<Clip, Error> {
    let bytes = std::fs::metadata(path)?.len();
    if bytes > MAX_FILE {
        return Err(Error::TooLarge { bytes });
    }
    Clip::parse(std::fs::read(path)?.into())
}

impl Clip {
    /// Takes the bytes of a file. A tag that is cut short at the end is left out.
    pub fn parse(mut file: Bytes) -> Result<Clip, Error> {
        let mut reader = tag::Reader::new(Bodies::Shared);
        let (mut heads, mut frames, mut changes) = (Vec::<Message>::new(), Vec::new(), false);
        while let Some(tag::Tag { kind, timestamp, body }) = reader.read(&mut file)? {
            let message = |body| Message { kind: MessageKind(kind), timestamp, stream_id: 0, body };
            match peek(kind, &body) {
                Peek::Metadata => {
                    let known = heads.iter().any(|head| head.kind == MessageKind::DATA_AMF0);
                    heads.extend(live_metadata(&body).filter(|_| !known).map(message));
                }
                Peek::VideoConfig | Peek::AudioConfig => {
                    match heads.iter().find(|head| head.kind.0 == kind) {
                        None => heads.push(message(body)),
                        Some(head) if head.body == body => {}
                        Some(_) => {
                            changes = true;
                            frames.push(message(body));
                        }
                    }
                }
                Peek::VideoKey | Peek::VideoInter | Peek::Audio => frames.push(message(body)),
                // Ends of sequence would end the round for players; the rest is nothing that a file needs.
                Peek::Other => {}
            }
        }
        let first = frames.first().ok_or(Error::Empty)?.timestamp;
        for frame in &mut frames {
            frame.timestamp = frame.timestamp.saturating_sub(first);
        }
        heads.iter_mut().for_each(|head| head.timestamp = 0);
        let length = length(&frames).ok_or(Error::NoTime)?;
        Ok(Clip { heads, frames, length, changes })
    }

    /// Metadata and codec headers.
    pub fn heads(&self) -> &[Message] {
        &self.heads
    }

    /// The messages from the start, the first due at `base` milliseconds.
    pub fn play(&self, base: u64) -> Play<'_> {
        Play { clip: self, base, heads: self.heads.iter(), frames: self.frames.iter(), rounds: 0 }
    }
}

/// A way through a [`Clip`], without end.
#[derive(Debug)]
pub struct Play<'a> {
    clip: &'a Clip,
    base: u64,
    heads: std::slice::Iter<'a, Message>,
    frames: std::slice::Iter<'a, Message>,
    rounds: u32,
}

impl<'a> Play<'a> {
    /// The next message, and the millisecond at which it is due. Its timestamp is that time, wrapped at 2^32.
    pub fn next(&mut self) -> (u64, Message) {
        let message = match self.heads.next().or_else(|| self.frames.next()) {
            Some(message) => message,
            None => self.next_round(),
        };
        let due = self.base.saturating_add(u64::from(message.timestamp));
        let [_, _, _, _, a, b, c, d] = due.to_be_bytes();
        (due, Message { timestamp: u32::from_be_bytes([a, b, c, d]), ..message.clone() })
    }

    /// How often the end of the file was passed.
    pub fn rounds(&self) -> u32 {
        self.rounds
    }

    fn next_round(&mut self) -> &'a Message {
        self.rounds = self.rounds.saturating_add(1);
        self.base = self.base.saturating_add(u64::from(self.clip.length));
        self.frames = self.clip.frames.iter();
        if self.clip.changes {
            self.heads = self.clip.heads.iter();
        }
        let next = self.heads.next().or_else(|| self.frames.next());
        #[expect(clippy::expect_used, reason = "a clip without frames is refused where it is made")]
        next.expect("a clip has frames")
    }
}

/// How long a round lasts: the longer of both tracks, each with a mean frame after its last one.
fn length(frames: &[Message]) -> Option<u32> {
    let track = |kind| {
        let mut times = frames.iter().filter(|frame| frame.kind == kind).map(|frame| frame.timestamp);
        let first = times.next()?;
        let (count, last) =
            times.fold((0u32, first), |(count, last), time| (count.saturating_add(1), last.max(time)));
        let mean = last.checked_sub(first)?.checked_div(count)?;
        last.checked_add(mean)
    };
    track(MessageKind::VIDEO).max(track(MessageKind::AUDIO)).filter(|length| *length > 0)
}

/// Metadata as an encoder sends it: told to be kept, and without what is true of a file only.
fn live_metadata(body: &[u8]) -> Option<Bytes> {
    let mut rest = body;
    let mut name = srs_amf::decode(&mut rest).ok()?;
    if name.as_str() == Some("@setDataFrame") {
        name = srs_amf::decode(&mut rest).ok()?;
    }
    let mut fields = srs_amf::decode(&mut rest).ok()?;
    for key in ["duration", "filesize", "keyframes"] {
        fields.remove(key);
    }
    let mut out = BytesMut::new();
    for value in [&Value::from("@setDataFrame"), &name, &fields] {
        srs_amf::encode(value, &mut out);
    }
    Some(out.freeze())
}

#[cfg(test)]
mod tests;
