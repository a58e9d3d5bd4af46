//! The frames that a new rendition starts from.

use srs_media::{Frame, Kind, Role};

use crate::limits::{AUDIO_KEY_MS, FRAME_COST, GOP_BYTES, GOP_MS};

/// Frames since the newest key frame, within the bounds of [`GOP_MS`] and [`GOP_BYTES`].
///
/// Over the bounds the cache is emptied and stays so until the next key frame; the stream goes on.
#[derive(Debug, Default)]
pub(crate) struct Gop {
    frames: Vec<Frame>,
    bytes: usize,
    video: bool,
    began: Option<i64>,
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
        (start, false)
    }

    fn place(&mut self, frame: &Frame) -> Start {
        match (frame.kind, frame.role) {
            (Kind::Video, Role::Key) => {
                self.video = true;
                Start::Here
            }
            (Kind::Video, Role::Config) => {
                self.video = true;
                Start::Inside
            }
            (Kind::Audio, Role::Key) if !self.video => {
                let due = self.began.is_none_or(|began| {
                    // Time may have gone back; that is a new beginning too.
                    !(0..AUDIO_KEY_MS).contains(&frame.time.saturating_sub(began))
                });
                if due { Start::Here } else { Start::Inside }
            }
            _ => Start::Inside,
        }
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
