//! The frames that a new rendition starts from.

use srs_media::{DERIVED, Frame, Kind, Role};

use crate::limits::{FRAME_COST, GOP_BYTES, GOP_MS, START_MS};

/// Frames since the newest key frame, within the bounds of [`GOP_MS`] and [`GOP_BYTES`].
///
/// Over the bound of bytes the cache is emptied and stays so until the next start; the stream goes on. A stream that
/// shows no key frame for longer than [`GOP_MS`] may never show one again (intra refresh; video that stops while sound goes
/// on): from then on viewers may start at any coded frame, once a second, and the decoder makes of it what it can.
#[derive(Debug, Default)]
pub(crate) struct Gop {
    frames: Vec<Frame>,
    bytes: usize,
    video: bool,
    began: Option<i64>,
    /// Time of the newest key frame of what viewers look at, or of the first coded frame before any.
    key: Option<i64>,
    overrun: bool,
}

/// What a frame means for the place where viewers may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Viewers may start at this frame.
    Here,
    /// This frame belongs to what began before.
    Inside,
}

impl Gop {
    /// Takes the next frame in; `most_frames` is `gop_cache_max_frames`, 0 for no such limit. The second answer is true
    /// when this frame made the cache give up.
    pub(crate) fn push(&mut self, frame: &Frame, most_frames: usize) -> (Start, bool) {
        let start = self.place(frame);
        // The first start without a key frame: the GOP before it was too long to be kept.
        let late = start == Start::Here && self.key != Some(frame.time) && self.began == self.key;
        if start == Start::Here {
            self.frames.clear();
            self.bytes = 0;
            self.began = Some(frame.time);
            self.overrun = false;
        }
        let Some(began) = self.began.filter(|_| !self.overrun) else { return (start, false) };
        self.bytes = self.bytes.saturating_add(frame.wire.len()).saturating_add(FRAME_COST);
        let frames = most_frames != 0 && self.frames.len() >= most_frames;
        if frames || self.bytes > GOP_BYTES || frame.time.saturating_sub(began) > GOP_MS {
            self.frames = Vec::new();
            self.bytes = 0;
            self.overrun = true;
            return (start, true);
        }
        self.frames.push(frame.clone());
        (start, late)
    }

    fn place(&mut self, frame: &Frame) -> Start {
        match (frame.kind, frame.role) {
            // It comes behind what it was made of, and its times are older than those of its neighbours.
            _ if frame.track == DERIVED => Start::Inside,
            (Kind::Video, Role::Key) => {
                self.video = true;
                self.key = Some(frame.time);
                Start::Here
            }
            (Kind::Video, Role::Config) => {
                self.video = true;
                Start::Inside
            }
            (Kind::Audio, Role::Key) if !self.video => {
                self.key = Some(frame.time);
                self.start_each_second(frame)
            }
            (Kind::Audio, Role::Key) | (Kind::Video, Role::Inter) => {
                let key = *self.key.get_or_insert(frame.time);
                if frame.time.saturating_sub(key) > GOP_MS {
                    self.start_each_second(frame)
                } else {
                    Start::Inside
                }
            }
            _ => Start::Inside,
        }
    }

    fn start_each_second(&self, frame: &Frame) -> Start {
        let due = self.began.is_none_or(|began| {
            // Time may have gone back; that is a new beginning too.
            !(0..START_MS).contains(&frame.time.saturating_sub(began))
        });
        if due { Start::Here } else { Start::Inside }
    }

    /// The cached frames, oldest first; the first of them is where viewers may start.
    pub(crate) fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Forgets everything: another publisher begins.
    pub(crate) fn clear(&mut self) {
        *self = Gop::default();
    }

    /// Bytes held.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests;
