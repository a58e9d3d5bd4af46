//! Epochs: which owner of a stream is newest.

use std::fmt;
use std::time::Duration;

/// How far ahead of our wall clock an epoch from elsewhere may lie and still be believed. Clocks of one
/// cluster differ by seconds; a day forgives two that were set to the wrong time zone, while a hostile
/// `u64::MAX` must not use up the number space.
const MAX_AHEAD_MS: u64 = 86_400_000;
/// Low bits that tell apart proxies that claim in the same millisecond.
const NODE_BITS: u32 = 16;

/// A hybrid clock reading: Unix milliseconds in the upper 48 bits, a tag of the claiming node in the lower
/// 16. Greater is newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch of something that began at this Unix time, with a zero tag.
    #[must_use]
    pub const fn from_unix_ms(millis: u64) -> Self {
        Self(millis << NODE_BITS)
    }

    /// When the owner began, in Unix milliseconds (or a little later, when the clock had to step over another
    /// epoch).
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.0 >> NODE_BITS
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Gives epochs that rise, and that lie above each one it was shown.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Unix time at which the monotonic `now` was zero.
    base_ms: u64,
    tag: u16,
    last: Epoch,
    /// The last that was given above one that is not believed.
    far: Epoch,
}

impl Clock {
    /// `base_ms` is the Unix time in milliseconds at which `now` was zero; `tag` tells this node from the
    /// others.
    #[must_use]
    pub const fn new(base_ms: u64, tag: u16) -> Self {
        Self { base_ms, tag, last: Epoch(0), far: Epoch(0) }
    }

    /// The wall clock as this machine sees it.
    fn unix_ms(&self, now: Duration) -> u64 {
        let since_start = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.base_ms.saturating_add(since_start).min(u64::MAX >> NODE_BITS)
    }

    /// An epoch above all that were given or seen.
    pub fn next(&mut self, now: Duration) -> Epoch {
        let wall = Epoch((self.unix_ms(now) << NODE_BITS) | u64::from(self.tag));
        self.last = if wall > self.last { wall } else { self.step_over(self.last) };
        self.last
    }

    /// The same, and above this one, however far ahead that lies: those that follow do not go so far.
    pub fn next_above(&mut self, floor: Epoch, now: Duration) -> Epoch {
        let next = self.next(now);
        if next > floor {
            return next;
        }
        self.far = self.step_over(floor.max(self.far));
        self.far
    }

    /// A step of a whole millisecond keeps our tag, so that two proxies stepping over the same epoch do not collide.
    fn step_over(&self, last: Epoch) -> Epoch {
        let above = Epoch::from_unix_ms(last.unix_ms().saturating_add(1)).0 | u64::from(self.tag);
        Epoch(above).max(Epoch(last.0.saturating_add(1)))
    }

    /// Takes note of an epoch from elsewhere. False when it lies so far ahead that it is not believed.
    pub fn see(&mut self, epoch: Epoch, now: Duration) -> bool {
        if epoch.unix_ms() > self.unix_ms(now).saturating_add(MAX_AHEAD_MS) {
            return false;
        }
        self.last = self.last.max(epoch);
        true
    }
}

#[cfg(test)]
mod tests;
