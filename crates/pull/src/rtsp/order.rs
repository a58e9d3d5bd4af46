//! Decode times for pictures that say only when they are shown, as RTP's do.
//!
//! Where at most `n` pictures come before one that is shown before them, the k-th picture is decoded when the one that is
//! shown as number k-n is shown: that time is known by then, grows from picture to picture, and is never later than the
//! picture's own.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// No codec keeps more pictures back.
const DEEPEST: usize = 16;
/// Before the first picture, where there is none to take the time from: 25 pictures a second, in ms.
const STEP: i64 = 40;
/// A step in the times, in ms, that no order of pictures makes: the sender's clock was set, or it paused.
const JUMP: i64 = 3_000;

/// Gives pictures their decode times, in the order of decoding. Times in ms.
#[derive(Debug, Default)]
pub(super) struct Order {
    depth: usize,
    /// When the last pictures are shown; as many as the depth, once so many came.
    shown: BinaryHeap<Reverse<i64>>,
    /// When the last picture is decoded.
    last: Option<i64>,
    /// When the last picture is shown.
    seen: i64,
}

impl Order {
    /// How many pictures may come before one that is shown before them, as the stream says it. Without this it is learnt
    /// from the pictures, of which those of the first group come some milliseconds late then.
    pub(super) fn set_depth(&mut self, depth: usize) {
        self.depth = depth.min(DEEPEST);
    }

    /// Takes the next picture, which is shown at this time. The answer is when it is decoded, and how much later shown:
    /// at least 0.
    pub(super) fn place(&mut self, shown: i64) -> (i64, i32) {
        if self.last.is_some() && shown.saturating_sub(self.seen).abs() > JUMP {
            self.shown.clear();
            self.last = None;
        }
        self.seen = shown;
        if self.last.is_some_and(|last| shown <= last) {
            self.depth = self.depth.saturating_add(1).min(DEEPEST);
        }
        self.shown.push(Reverse(shown));
        let mut oldest = None;
        while self.shown.len() > self.depth {
            oldest = self.shown.pop().map(|Reverse(time)| time);
        }
        let decode = match (oldest, self.last) {
            (Some(time), None) => time,
            (Some(time), Some(last)) => time.max(last.saturating_add(1)),
            (None, None) => shown.saturating_sub(STEP.saturating_mul(self.depth.try_into().unwrap_or(0))),
            (None, Some(last)) => last.saturating_add(STEP).min(shown).max(last.saturating_add(1)),
        };
        self.last = Some(decode);
        (decode, i32::try_from(shown.saturating_sub(decode).max(0)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests;
