//! Envelopes that are good once.

use std::collections::BTreeSet;

use super::{GOOD_FOR, Mark};

/// Marks that are remembered: those of thirty seconds of a cluster of 300 nodes. With more of them the time for which an
/// envelope is good becomes shorter.
const MAX_MARKS: usize = 10_000;

/// The marks of what was heard, each for as long as its envelope would be good.
#[derive(Debug, Default)]
pub struct Heard {
    marks: BTreeSet<(u64, u64)>,
    /// What was sent up to then is not remembered any more, and so not good: also when the clock was set back, and when
    /// there was no room.
    floor_ms: u64,
}

impl Heard {
    /// Whether this is the first time; from now on it is not.
    pub fn is_new(&mut self, mark: Mark, now_unix_ms: u64) -> bool {
        let good_for = u64::try_from(GOOD_FOR.as_millis()).unwrap_or(u64::MAX);
        while self.marks.first().is_some_and(|(sent, _)| sent.saturating_add(good_for) < now_unix_ms) {
            self.forget_oldest();
        }
        if mark.sent_ms <= self.floor_ms || !self.marks.insert((mark.sent_ms, mark.nonce)) {
            return false;
        }
        if self.marks.len() > MAX_MARKS {
            self.forget_oldest();
        }
        true
    }

    fn forget_oldest(&mut self) {
        if let Some((sent, _)) = self.marks.pop_first() {
            self.floor_ms = self.floor_ms.max(sent);
        }
    }
}

#[cfg(test)]
mod tests;
