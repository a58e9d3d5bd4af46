//! Made-up media that looks like H.264 and AAC from outside, and fingerprints of it.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use sha2::{Digest, Sha256};
use srs_amf::Value;
use srs_rtmp::MessageKind;
use srs_rtmp::{Message, Random};

/// FLV tag and RTMP message type of audio.
pub const AUDIO: u8 = 8;
/// FLV tag and RTMP message type of video.
pub const VIDEO: u8 = 9;
/// FLV tag and RTMP message type of AMF0 data.
pub const DATA: u8 = 18;

/// An `avcC` of High profile, level 3.1, 1280x720, as x264 writes it.
const AVCC: &[u8] = b"\x01\x64\x00\x1f\xff\xe1\x00\x1a\x67\x64\x00\x1f\xac\xd9\x40\x50\x05\xbb\x01\x10\x00\x00\x03\x00\x10\x00\x00\
\x03\x03\x20\xf1\x83\x19\x60\x01\x00\x06\x68\xeb\xe3\xcb\x22\xc0";

/// One message or tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// [`AUDIO`], [`VIDEO`] or [`DATA`].
    pub kind: u8,
    /// Milliseconds, modulo 2^32.
    pub time: u32,
    /// The payload.
    pub body: Bytes,
}

impl Frame {
    /// The fingerprint.
    pub fn mark(&self) -> Mark {
        Mark::of(self.kind, self.time, &self.body)
    }

    /// As a message on stream 1.
    pub fn message(&self) -> Message {
        Message { kind: MessageKind(self.kind), timestamp: self.time, stream_id: 1, body: self.body.clone() }
    }

    /// Whether a player can start here.
    pub fn is_key(&self) -> bool {
        self.kind == VIDEO && self.body.starts_with(&[0x17, 1])
    }
}

/// What is remembered of a frame: enough to tell whether two are the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// As [`Frame::kind`].
    pub kind: u8,
    /// As [`Frame::time`].
    pub time: u32,
    /// Bytes of the payload.
    pub len: usize,
    /// SHA-256 of the payload.
    pub sha256: [u8; 32],
    /// First two bytes of the payload, which say whether it is a codec header or a key frame.
    pub head: [u8; 2],
}

impl Mark {
    /// Of these parts.
    pub fn of(kind: u8, time: u32, body: &[u8]) -> Mark {
        let head = [body.first().copied().unwrap_or(0), body.get(1).copied().unwrap_or(0)];
        Mark { kind, time, len: body.len(), sha256: Sha256::digest(body).into(), head }
    }

    /// Audio or video that is no codec header.
    pub fn is_coded(&self) -> bool {
        match self.kind {
            AUDIO => self.head != [0xaf, 0],
            VIDEO => self.head != [0x17, 0],
            _ => false,
        }
    }

    /// A key frame.
    pub fn is_key(&self) -> bool {
        self.kind == VIDEO && self.head == [0x17, 1]
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, ..] = self.sha256;
        let key = if self.is_key() { " key" } else { "" };
        write!(f, "[{} {} ms, {} bytes, {a:02x}{b:02x}{c:02x}{key}]", self.kind, self.time, self.len)
    }
}

/// The coded frames alone.
pub fn coded(marks: &[Mark]) -> Vec<Mark> {
    marks.iter().copied().filter(Mark::is_coded).collect()
}

/// The payloads alone, kind and SHA-256 each, in order.
pub fn payloads(marks: &[Mark]) -> Vec<(u8, [u8; 32])> {
    coded(marks).iter().map(|mark| (mark.kind, mark.sha256)).collect()
}

/// Where the payloads of `part` stand in `whole` as one unbroken run.
pub fn run_in(part: &[Mark], whole: &[Mark]) -> Option<usize> {
    let (part, whole) = (payloads(part), payloads(whole));
    if part.is_empty() {
        return None;
    }
    whole.windows(part.len()).position(|window| window == part)
}

/// Asserts that a viewer got everything from the publisher's key frame number `key` (from 0) on, in order, once.
pub fn assert_follows(got: &[Mark], sent: &[Mark], key: usize) {
    let sent = coded(sent);
    let start = sent.iter().enumerate().filter(|(_, mark)| mark.is_key()).nth(key);
    let (start, _) = start.expect("the publisher sent that many key frames");
    let (got, want) = (payloads(got), payloads(sent.get(start..).expect("a position of its own")));
    let wrong = got.iter().zip(&want).position(|(got, want)| got != want);
    assert_eq!(wrong, None, "a payload differs; {} came of {}", got.len(), want.len());
    assert_eq!(got.len(), want.len(), "frames that came, and frames that were sent");
}

/// Makes a stream: 25 video and 50 audio frames per second of media time.
#[derive(Debug)]
pub struct Source {
    random: Random,
    tick: u32,
    start: u32,
    /// Video frames per GOP.
    pub gop: u32,
    /// Bytes of a key frame; others have an eighth.
    pub size: usize,
    /// Whether there is audio.
    pub audio: bool,
    /// Whether there is video.
    pub video: bool,
}

impl Source {
    /// A stream of its own for each seed; the payloads of two seeds never agree.
    pub fn new(seed: u8) -> Source {
        let random = Random::new([seed.wrapping_add(1); 32]);
        Source { random, tick: 0, start: 0, gop: 10, size: 8000, audio: true, video: true }
    }

    /// Begins at this time, which may be near a limit of what clocks can say.
    #[must_use]
    pub fn starting_at(mut self, time: u32) -> Source {
        self.start = time;
        self
    }

    /// Metadata and codec headers.
    pub fn headers(&self) -> Vec<Frame> {
        let mut headers = vec![Frame { kind: DATA, time: self.start, body: metadata() }];
        if self.video {
            let body = [b"\x17\x00\x00\x00\x00", AVCC].concat().into();
            headers.push(Frame { kind: VIDEO, time: self.start, body });
        }
        if self.audio {
            headers.push(Frame {
                kind: AUDIO,
                time: self.start,
                body: Bytes::from_static(b"\xaf\x00\x12\x10"),
            });
        }
        headers
    }

    /// The next 40 ms: a video frame and two audio frames.
    pub fn tick(&mut self) -> Vec<Frame> {
        let time = self.start.wrapping_add(self.tick.wrapping_mul(40));
        let mut frames = Vec::new();
        if self.video {
            frames.push(self.picture(time));
        }
        if self.audio {
            for step in [0, 20] {
                let time = time.wrapping_add(step);
                frames.push(Frame { kind: AUDIO, time, body: self.body(b"\xaf\x01", 180) });
            }
        }
        self.tick = self.tick.wrapping_add(1);
        frames
    }

    /// Headers and this many ticks.
    pub fn clip(&mut self, ticks: usize) -> Vec<Frame> {
        let mut frames = self.headers();
        frames.extend((0..ticks).flat_map(|_| self.tick()));
        frames
    }

    /// Goes on at another time, as a clock that is set.
    pub fn jump_to(&mut self, time: u32) {
        self.start = time.wrapping_sub(self.tick.wrapping_mul(40));
    }

    fn picture(&mut self, time: u32) -> Frame {
        let key = self.tick.checked_rem(self.gop).unwrap_or(0) == 0;
        let (head, size): (&[u8], usize) =
            if key { (b"\x17\x01\0\0\0", self.size) } else { (b"\x27\x01\0\0\0", self.size / 8) };
        Frame { kind: VIDEO, time, body: self.body(head, size) }
    }

    fn body(&mut self, head: &[u8], size: usize) -> Bytes {
        let mut body = BytesMut::with_capacity(size + 16);
        body.put_slice(head);
        body.put_u32(u32::try_from(size).unwrap_or(0));
        let at = body.len();
        body.resize(at + size, 0);
        self.random.fill(body.get_mut(at..).expect("just made"));
        body.freeze()
    }
}

fn metadata() -> Bytes {
    let mut body = BytesMut::new();
    srs_amf::encode_str("@setDataFrame", &mut body);
    srs_amf::encode_str("onMetaData", &mut body);
    let fields = [("width", 1280.0.into()), ("height", 720.0.into()), ("encoder", Value::from("kit"))];
    srs_amf::encode(&Value::ecma_array(fields), &mut body);
    body.freeze()
}
