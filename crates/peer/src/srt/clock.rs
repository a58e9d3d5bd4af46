//! The peer's clock: packets say when they were sent in microseconds of it, with 32 bits that begin again after 71
//! minutes.
//!
//! All times of the peer are told to the library in ours. It has an estimate of its own, which stops where packets come
//! with more than 5 ms of jitter, and then goes wrong after 35 minutes.

use std::time::{Duration, Instant};

/// How many packets a correction is made of, by libsrt's drift tracer.
const SAMPLES: i64 = 1000;
/// Of the first ones, each that came sooner than all before it is a better estimate at once: the handshake may have
/// waited for whoever decides on it.
const FIRST: i64 = 32;

/// How far the peer's clock is from ours.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    /// The peer's time less ours.
    apart: u32,
    sum: i64,
    count: i64,
    settled: bool,
}

impl Clock {
    /// Our time begins at `start`; at `now` the peer's was `theirs`.
    pub fn new(start: Instant, now: Instant, theirs: u32) -> Clock {
        let mut clock = Clock { start, apart: 0, sum: 0, count: 0, settled: false };
        clock.apart = theirs.wrapping_sub(clock.ours(now));
        clock
    }

    /// Our time: microseconds since the start, 32 bits of them.
    pub fn ours(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.start).as_micros() as u32
    }

    /// A time of the peer in ours.
    pub fn told(&self, theirs: u32) -> u32 {
        theirs.wrapping_sub(self.apart)
    }

    /// When that is, for a time that is near.
    pub fn when(&self, now: Instant, ours: u32) -> Instant {
        let ahead = i64::from(ours.wrapping_sub(self.ours(now)) as i32);
        let by = Duration::from_micros(ahead.unsigned_abs());
        if ahead < 0 { now.checked_sub(by).unwrap_or(now) } else { now + by }
    }

    /// A packet came that was sent at that time.
    pub fn heard(&mut self, now: Instant, theirs: u32) {
        let drift = i64::from(self.told(theirs).wrapping_sub(self.ours(now)) as i32);
        self.count = self.count.saturating_add(1);
        if !self.settled {
            if drift > 0 {
                self.shift(drift);
            }
            if self.count >= FIRST {
                (self.settled, self.count) = (true, 0);
            }
            return;
        }
        self.sum = self.sum.saturating_add(drift);
        if self.count >= SAMPLES {
            self.shift(self.sum / SAMPLES);
            (self.sum, self.count) = (0, 0);
        }
    }

    fn shift(&mut self, by: i64) {
        self.apart = self.apart.wrapping_add(by as u32);
    }
}

#[cfg(test)]
mod tests;
