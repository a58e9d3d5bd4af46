//! What is pushed beside the publisher, and what the publisher brings of that kind itself.

use srs_media::{DERIVED, Frame, Kind, Role};

use crate::beside::Over;
use crate::feed::Phase;
use crate::stream::{Stream, Wakers};

/// A derived track that its publisher brings has ended when nothing of it came for so long, in ms of stream time: it comes
/// in frames of some 20 ms, and some 100 ms behind the rest.
const SILENT_MS: i64 = 1_000;

/// The tracks beside those of the present publisher.
#[derive(Debug, Default)]
pub(crate) struct Extra {
    /// Those that somebody has the right to push.
    held: Vec<u8>,
    /// Time of the newest frame of a derived track that the publisher sent.
    brought: Option<i64>,
    /// Time of the newest sound of its own.
    newest: i64,
}

impl Extra {
    /// Takes note of a frame of the publisher. A derived one ends what others push as such: one is enough.
    pub(crate) fn note(&mut self, frame: &Frame) {
        if frame.kind != Kind::Audio || frame.role != Role::Key {
            return;
        }
        if frame.track == DERIVED {
            self.brought = Some(frame.time);
            self.held.retain(|track| *track != DERIVED);
        } else {
            self.newest = frame.time;
        }
    }

    fn begin(&mut self, track: u8) -> bool {
        let is_recent = |time: i64| self.newest.saturating_sub(time) < SILENT_MS;
        if self.held.contains(&track) || track == DERIVED && self.brought.is_some_and(is_recent) {
            return false;
        }
        self.held.push(track);
        true
    }
}

impl Stream {
    /// Gives out the right to push this track; the answer is the publish beside which it stands.
    pub(crate) fn begin_beside(&self, track: u8) -> Option<u64> {
        let mut inner = self.lock();
        let there = matches!(inner.phase, Phase::Live | Phase::Held);
        (there && inner.extra.begin(track)).then_some(inner.generation)
    }

    pub(crate) fn has_beside(&self, generation: u64, track: u8) -> bool {
        let inner = self.lock();
        let there = matches!(inner.phase, Phase::Live | Phase::Held);
        there && inner.generation == generation && inner.extra.held.contains(&track)
    }

    pub(crate) fn push_beside(&self, generation: u64, frame: &Frame) -> Result<(), Over> {
        // Declared before the lock is taken: it wakes after that has gone.
        let mut wake = Wakers::default();
        let mut inner = self.lock();
        let there = matches!(inner.phase, Phase::Live | Phase::Held);
        if !there || inner.generation != generation || !inner.extra.held.contains(&frame.track) {
            return Err(Over);
        }
        inner.pass(frame, &mut wake);
        drop(inner);
        Ok(())
    }

    pub(crate) fn end_beside(&self, generation: u64, track: u8) {
        let mut inner = self.lock();
        if inner.generation == generation && inner.extra.held.contains(&track) {
            inner.extra.held.retain(|held| *held != track);
            inner.forget_track(track);
        }
    }
}
