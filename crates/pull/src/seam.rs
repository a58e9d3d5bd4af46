//! Where one server's frames end and another's begin.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use srs_media::{DERIVED, Frame, Kind, Role};

/// Between the last frame of one server and the first of the next, in ms: one frame at 25 fps.
const GAP: i64 = 40;

/// A stream that had a picture goes on without one when so much sound came alone, in ms.
const SOUND_ALONE: i64 = 3_000;

/// Headers that are kept until a stream begins: metadata, and one for each track.
const MOST_HEADS: usize = 32;

/// Sound or picture, and no header of it.
pub(crate) fn is_coded(frame: &Frame) -> bool {
    frame.kind != Kind::Data && matches!(frame.role, Role::Key | Role::Inter)
}

/// A key frame of the picture.
fn is_picture(frame: &Frame) -> bool {
    frame.kind == Kind::Video && frame.role == Role::Key
}

/// Waits for the frame at which a server's stream may begin.
#[derive(Debug)]
pub(crate) struct Gate {
    needs_key: bool,
    heads: Vec<Frame>,
    sound: Option<i64>,
}

impl Gate {
    /// For viewers who have seen nothing yet: any coded frame will do.
    pub(crate) fn first() -> Gate {
        Gate { needs_key: false, heads: Vec::new(), sound: None }
    }

    /// For viewers who have seen something, `video` among it: then a key frame of the picture is needed.
    pub(crate) fn again(video: bool) -> Gate {
        Gate { needs_key: video, ..Gate::first() }
    }

    /// Takes a frame; once the stream may begin the answer is what it begins with: headers, and this frame last.
    pub(crate) fn take(&mut self, frame: Frame) -> Option<Vec<Frame>> {
        if !is_coded(&frame) {
            if matches!(frame.role, Role::Config | Role::Metadata) {
                self.keep(frame);
            }
            return None;
        }
        let begins = match frame.kind {
            _ if !self.needs_key => true,
            Kind::Video => {
                self.sound = None;
                frame.role == Role::Key
            }
            _ => {
                let since = *self.sound.get_or_insert(frame.time);
                frame.time.saturating_sub(since) > SOUND_ALONE
            }
        };
        if !begins {
            return None;
        }
        let mut all = std::mem::take(&mut self.heads);
        all.push(frame);
        Some(all)
    }

    fn keep(&mut self, frame: Frame) {
        let same =
            |known: &Frame| (known.kind, known.role, known.track) == (frame.kind, frame.role, frame.track);
        self.heads.retain(|known| !same(known));
        if self.heads.len() < MOST_HEADS {
            self.heads.push(frame);
        }
    }
}

/// Bytes of a key frame that are looked at to know it again, at its start and at its end: with its length these tell the
/// key frames of one stream apart.
const SAMPLE: usize = 96;

/// What a key frame is known by.
fn mark(wire: &[u8]) -> u64 {
    let head = wire.get(..SAMPLE).unwrap_or(wire);
    let tail = wire.len().checked_sub(SAMPLE).and_then(|from| wire.get(from..)).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    (wire.len(), head, tail).hash(&mut hasher);
    hasher.finish()
}

/// How far into a GOP viewers are.
#[derive(Clone, Copy, Debug)]
struct Gop {
    mark: u64,
    /// The time of its key frame, as viewers have it.
    at: i64,
    /// Frames behind the key frame.
    audio: usize,
    video: usize,
}

/// What a server sends again of the GOP that viewers are in.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The key frame is to come. It is the only one: those behind it may look the same, as where a picture stands still.
    key: bool,
    audio: usize,
    video: usize,
}

/// Gives frames their time on the timeline that viewers see, which goes on from server to server.
///
/// A server that begins with the GOP that viewers are in goes on inside it, and its times with it; any other begins behind
/// what viewers have.
#[derive(Debug, Default)]
pub(crate) struct Seam {
    offset: i64,
    /// The latest time that viewers have, of anything, of sound and of the picture.
    last: Option<i64>,
    heard: Option<i64>,
    shown: Option<i64>,
    /// What lies before them belongs to what viewers have.
    floor: Option<i64>,
    sound_floor: Option<i64>,
    gop: Option<Gop>,
    /// The one before.
    past: Option<Gop>,
    /// Frames to come that they have seen.
    seen: Option<Seen>,
    /// The latest time that viewers have of sound that a node made, and up to where they had it when this server came.
    derived: Option<i64>,
    derived_floor: Option<i64>,
    video: bool,
}

impl Seam {
    /// Whether viewers have seen a picture.
    pub(crate) fn had_video(&self) -> bool {
        self.video
    }

    /// Where a server's stream may begin of which these frames have come: at the newest key frame that viewers know, else at
    /// the newest.
    pub(crate) fn begin_of(&self, frames: &[Frame]) -> Option<usize> {
        let keys = || (0..frames.len()).rev().filter(|at| frames.get(*at).is_some_and(is_picture));
        let known = [self.gop, self.past].into_iter().flatten().find_map(|gop| {
            keys().find(|at| frames.get(*at).is_some_and(|frame| gop.mark == mark(&frame.wire)))
        });
        known.or_else(|| keys().next()).or_else(|| frames.iter().position(is_coded))
    }

    /// Whether viewers have this key frame, and are not far beyond it.
    fn knows(&self, frame: &Frame) -> bool {
        let mark = mark(&frame.wire);
        [self.gop, self.past].into_iter().flatten().any(|gop| gop.mark == mark)
    }

    /// Another server's stream begins with this frame.
    pub(crate) fn enter(&mut self, first: &Frame) {
        let Some(last) = self.last else { return };
        self.seen = None;
        self.derived_floor = self.derived;
        let is_same = |gop: &Gop| is_picture(first) && gop.mark == mark(&first.wire);
        if let Some(gop) = self.gop.filter(is_same) {
            self.offset = gop.at.saturating_sub(first.time);
            (self.floor, self.sound_floor) = (None, None);
            self.seen = Some(Seen { key: true, audio: gop.audio, video: gop.video });
        } else if let Some(gop) = self.past.filter(is_same) {
            self.offset = gop.at.saturating_sub(first.time);
            (self.floor, self.sound_floor) = (self.shown, self.heard);
        } else {
            self.append(first, last);
        }
    }

    /// What begins with this frame comes behind all that viewers have, and goes on with nothing of that.
    fn append(&mut self, first: &Frame, last: i64) {
        self.offset = last.saturating_add(GAP).saturating_sub(first.time);
        (self.floor, self.sound_floor) = (Some(last), Some(last));
        (self.gop, self.past) = (None, None);
    }

    /// The frame in its place; none for one that viewers have, or that belongs before the seam.
    pub(crate) fn place(&mut self, mut frame: Frame) -> Option<Frame> {
        if !is_coded(&frame) {
            // Headers and scripts say nothing reliable about time: many are sent again with 0.
            let begin = frame.time.saturating_add(self.offset);
            frame.time = self.last.unwrap_or(begin);
            return Some(frame);
        }
        if frame.track == DERIVED {
            return self.place_derived(frame);
        }
        if self.was_seen(&frame) {
            return None;
        }
        let mut time = frame.time.saturating_add(self.offset);
        let floor = if frame.kind == Kind::Video { self.floor } else { self.sound_floor };
        if floor.is_some_and(|floor| time <= floor) {
            let last = self.last.filter(|_| is_picture(&frame) && !self.knows(&frame))?;
            // It had the GOP before, and then went on otherwise than the server that viewers come from.
            self.append(&frame, last);
            time = frame.time.saturating_add(self.offset);
        }
        frame.time = time;
        self.note(&frame);
        Some(frame)
    }

    /// Sound that a node made of the stream's own is known by its times alone: where it begins and how it is cut is each
    /// node's own matter.
    fn place_derived(&mut self, mut frame: Frame) -> Option<Frame> {
        frame.time = frame.time.saturating_add(self.offset);
        if self.derived_floor.is_some_and(|floor| frame.time <= floor) {
            return None;
        }
        self.derived = Some(frame.time);
        Some(frame)
    }

    /// Whether it is one more of the frames that viewers have.
    fn was_seen(&mut self, frame: &Frame) -> bool {
        let Some(seen) = &mut self.seen else { return false };
        let left = match (frame.kind, frame.role) {
            // The one at which it began, or the next GOP: then what was not sent again is missing here.
            (Kind::Video, Role::Key) => {
                let is_first = std::mem::take(&mut seen.key);
                if !is_first {
                    self.seen = None;
                }
                return is_first;
            }
            (Kind::Video, _) => &mut seen.video,
            _ => &mut seen.audio,
        };
        let was_seen = *left > 0;
        *left = left.saturating_sub(1);
        was_seen
    }

    fn note(&mut self, frame: &Frame) {
        self.video |= frame.kind == Kind::Video;
        let of_kind = if frame.kind == Kind::Video { &mut self.shown } else { &mut self.heard };
        for last in [&mut self.last, of_kind] {
            *last = Some(last.map_or(frame.time, |last| last.max(frame.time)));
        }
        match (frame.kind, frame.role) {
            (Kind::Video, Role::Key) => {
                self.past = self.gop.take();
                self.gop = Some(Gop { mark: mark(&frame.wire), at: frame.time, audio: 0, video: 0 });
            }
            (kind, _) => {
                if let Some(gop) = &mut self.gop {
                    let count = if kind == Kind::Video { &mut gop.video } else { &mut gop.audio };
                    *count = count.saturating_add(1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
