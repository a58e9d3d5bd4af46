//! Which sample is heard when.

use std::collections::VecDeque;

use crate::RATE;

/// Jumps that a run of samples may have before the first of them was asked for: more are those of a damaged stream, and
/// the oldest of them are forgotten.
const MOST: usize = 64;

/// Samples are counted from a beginning on; some of them have a known time, and those between follow by their rate.
#[derive(Debug, Default)]
pub(crate) struct Anchors(VecDeque<(u64, i64)>);

impl Anchors {
    /// The sample at `position` is heard at `time` (ms), and so on from there.
    pub(crate) fn set(&mut self, position: u64, time: i64) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back((position, time));
    }

    /// When the sample at `position` is heard, by the newest anchor: what one expects that comes next.
    pub(crate) fn expected(&self, position: u64) -> Option<i64> {
        self.0.back().map(|&anchor| time_of(anchor, position))
    }

    /// When the sample at `position` is heard. Positions may only grow from call to call.
    pub(crate) fn at(&mut self, position: u64) -> Option<i64> {
        while self.0.get(1).is_some_and(|&(next, _)| next <= position) {
            self.0.pop_front();
        }
        self.0.front().map(|&anchor| time_of(anchor, position))
    }

    /// Forgets everything: samples are counted anew.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

fn time_of((from, time): (u64, i64), position: u64) -> i64 {
    let samples =
        i64::try_from(position).unwrap_or(i64::MAX).saturating_sub(i64::try_from(from).unwrap_or(i64::MAX));
    time.saturating_add(ms(samples))
}

/// Milliseconds that so many samples last, rounded to the nearest.
pub(crate) fn ms(samples: i64) -> i64 {
    let rate = i64::from(RATE);
    samples.saturating_mul(1_000).saturating_add(rate / 2).div_euclid(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_between_anchors_follow_by_their_rate() {
        let mut anchors = Anchors::default();
        anchors.set(0, 1_000);
        anchors.set(48_000, 5_000);
        assert_eq!(anchors.at(24_000), Some(1_500));
        assert_eq!(anchors.at(47_999), Some(2_000));
        assert_eq!(anchors.at(48_048), Some(5_001));
    }

    #[test]
    fn what_comes_next_is_expected_behind_the_newest_anchor() {
        let mut anchors = Anchors::default();
        assert_eq!(anchors.expected(0), None);
        anchors.set(0, 1_000);
        anchors.set(48_000, 5_000);
        assert_eq!(anchors.expected(96_000), Some(6_000));
    }

    #[test]
    fn a_stream_of_nothing_but_jumps_costs_a_bounded_amount() {
        let mut anchors = Anchors::default();
        for jump in 0..10_000 {
            anchors.set(jump, 0);
        }
        assert_eq!(anchors.0.len(), MOST);
    }
}
