//! A viewer's leg: what it was sent last, and how it goes on with another origin.

use srs_rtmp::peek::{Peek, peek};

use crate::limits::SEARCH_MS;

/// Between the last frame of one origin and the first of the next where they do not overlap, in ms: one frame at 25 fps.
const SEAM: u32 = 40;

/// Headers of which it is remembered that they were sent: a metadata message and one for each track of a multitrack stream.
const HEADERS: usize = 17;

/// Bytes of a body that are looked at to know it again, at its start and at its end. All of it would cost too much per
/// viewer, and with its length these tell key frames of one stream apart.
const SAMPLE: usize = 96;

/// What was sent to one viewer, and how its time differs from the origin's.
#[derive(Debug, Default)]
pub struct Viewer {
    offset: u32,
    audio: Option<u32>,
    video: Option<u32>,
    keys: u64,
    media: bool,
    gop: Option<Gop>,
    headers: Vec<Header>,
    resume: Option<Resume>,
}

/// How far into a GOP the viewer is.
#[derive(Debug, Clone, Copy)]
struct Gop {
    key: u64,
    /// When its key frame was sent, in the viewer's time.
    at: u32,
    audio: u32,
    video: u32,
}

#[derive(Debug)]
struct Header {
    label: u64,
    body: u64,
}

/// The way back into the stream.
#[derive(Debug, Clone, Copy)]
enum Resume {
    /// No frame has come yet that tells where the new origin's stream begins; the first that came had this time.
    Searching(Option<u32>),
    /// It is the GOP that the viewer has; so much of it was sent before.
    Inside { audio: u32, video: u32 },
}

/// What becomes of one message.
enum Verdict {
    Pass,
    Drop,
}

impl Viewer {
    /// Takes note of a message or tag on its way to the viewer. The answer is the timestamp it is sent with, in ms
    /// modulo 2^32; none for what the viewer has already, or cannot use yet.
    pub fn pass(&mut self, kind: u8, timestamp: u32, body: &[u8]) -> Option<u32> {
        let seen = peek(kind, body);
        if self.resume.is_some() && matches!(self.find_the_way(&seen, kind, timestamp, body), Verdict::Drop) {
            return None;
        }
        let mut out = timestamp.wrapping_add(self.offset);
        match seen {
            Peek::Audio => {
                self.audio = Some(out);
                if let Some(gop) = &mut self.gop {
                    gop.audio = gop.audio.wrapping_add(1);
                }
            }
            Peek::VideoInter => {
                self.video = Some(out);
                if let Some(gop) = &mut self.gop {
                    gop.video = gop.video.wrapping_add(1);
                }
            }
            Peek::VideoKey => {
                self.video = Some(out);
                self.keys = self.keys.wrapping_add(1);
                self.gop = Some(Gop { key: mark(body), at: out, audio: 0, video: 0 });
            }
            Peek::Metadata | Peek::VideoConfig | Peek::AudioConfig => {
                self.note_header(kind, body);
                // The way is not found yet: what its time is here, nobody knows.
                if self.resume.is_some() {
                    out = self.last().unwrap_or(out);
                }
                // Of no time, for all viewers.
                if seen == Peek::Metadata && timestamp == 0 {
                    out = 0;
                }
                return Some(out);
            }
            Peek::Other => return Some(out),
        }
        self.media = true;
        Some(out)
    }

    /// What comes next is of another origin. It goes on behind what was sent: inside the GOP where the new origin has that
    /// from its key frame on, else at the first key frame.
    pub fn resume(&mut self) {
        if self.media {
            self.resume = Some(Resume::Searching(None));
        } else {
            self.headers.clear();
        }
    }

    /// Whether coded audio or video has been sent.
    pub fn started(&self) -> bool {
        self.media
    }

    /// Whether coded audio or video has been sent, of the present origin where there was another.
    pub fn goes_on(&self) -> bool {
        self.media && self.resume.is_none()
    }

    /// Key frames sent.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// The newest timestamp sent, in ms modulo 2^32, of whichever of audio and video is ahead.
    pub fn last(&self) -> Option<u32> {
        match (self.audio, self.video) {
            (Some(audio), Some(video)) => {
                // Ahead is the one less than half the circle away.
                Some(if audio.wrapping_sub(video) < 1 << 31 { audio } else { video })
            }
            (one, other) => one.or(other),
        }
    }

    fn find_the_way(&mut self, seen: &Peek, kind: u8, timestamp: u32, body: &[u8]) -> Verdict {
        match (self.resume, seen) {
            (_, Peek::Other) => Verdict::Pass,
            (_, Peek::Metadata | Peek::VideoConfig | Peek::AudioConfig) => {
                let label = label(kind, body);
                let same = self.headers.iter().any(|sent| sent.label == label && sent.body == mark(body));
                if same { Verdict::Drop } else { Verdict::Pass }
            }
            (Some(Resume::Searching(_)), Peek::VideoKey) => {
                match self.gop.filter(|gop| gop.key == mark(body)) {
                    Some(gop) => {
                        self.offset = gop.at.wrapping_sub(timestamp);
                        self.inside(gop.audio, gop.video);
                        Verdict::Drop
                    }
                    None => self.go_on_at(timestamp),
                }
            }
            // Streams without pictures or without key frames are gone on with wherever they are.
            (Some(Resume::Searching(_)), _) if self.keys == 0 => self.go_on_at(timestamp),
            (Some(Resume::Searching(first)), _) => {
                let first = first.unwrap_or(timestamp);
                self.resume = Some(Resume::Searching(Some(first)));
                let searched = timestamp.wrapping_sub(first);
                // More than half the circle is time going back.
                if (SEARCH_MS..1 << 31).contains(&searched) {
                    self.go_on_at(timestamp)
                } else {
                    Verdict::Drop
                }
            }
            (Some(Resume::Inside { .. }), Peek::VideoKey) => {
                self.resume = None;
                Verdict::Pass
            }
            (Some(Resume::Inside { audio, video }), Peek::Audio) if audio > 0 => {
                self.inside(audio - 1, video);
                Verdict::Drop
            }
            (Some(Resume::Inside { audio, video }), Peek::VideoInter) if video > 0 => {
                self.inside(audio, video - 1);
                Verdict::Drop
            }
            _ => Verdict::Pass,
        }
    }

    fn inside(&mut self, audio: u32, video: u32) {
        self.resume = (audio > 0 || video > 0).then_some(Resume::Inside { audio, video });
    }

    fn go_on_at(&mut self, timestamp: u32) -> Verdict {
        if let Some(last) = self.last() {
            self.offset = last.wrapping_add(SEAM).wrapping_sub(timestamp);
        }
        self.resume = None;
        Verdict::Pass
    }

    fn note_header(&mut self, kind: u8, body: &[u8]) {
        let (label, body) = (label(kind, body), mark(body));
        if let Some(sent) = self.headers.iter_mut().find(|sent| sent.label == label) {
            sent.body = body;
        } else if self.headers.len() < HEADERS {
            self.headers.push(Header { label, body });
        }
    }
}

/// What tells one header from the others: its kind, and in enhanced ones the codec and track.
fn label(kind: u8, body: &[u8]) -> u64 {
    let own = super::label(kind, body);
    own.iter().fold(u64::from(kind), |label, byte| label << 8 | u64::from(*byte))
}

/// By which a body is known again (FNV-1a over its length, start and end).
fn mark(body: &[u8]) -> u64 {
    let start = body.get(..SAMPLE).unwrap_or(body);
    let end = body.len().checked_sub(SAMPLE).and_then(|at| body.get(at..)).unwrap_or_default();
    let length = body.len().to_le_bytes();
    let bytes = length.iter().chain(start).chain(end);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
