//! When viewers are written to, and when one counts as slow.

use std::time::Duration;

use srs_hub::Lag;
use tokio::time::Instant;

use crate::config::Vhost;

/// Writes are merged for no longer than this: the hub keeps a bounded number of bytes for a shard that has yet to pull,
/// and a viewer that lags by more counts as slow.
const MOST_MERGE: Duration = Duration::from_secs(2);

/// What nodes fetch is merged over this at most: sound and picture of one moment go together.
const FOR_NODES: Duration = Duration::from_millis(10);

/// A merge below this is of the order of one frame.
const NEAR_FRAMES: Duration = Duration::from_millis(100);

/// How the viewers of one rendition are served.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(super) merge: Duration,
    pub(super) frames: usize,
    pub(super) lag: Lag,
    pub(super) gop_cache: bool,
}

impl Pace {
    /// As the vhost says.
    pub(crate) fn of(vhost: &Vhost) -> Pace {
        let play = &vhost.play;
        Pace {
            merge: if vhost.min_latency { Duration::ZERO } else { rhythm(play.mw_latency) },
            frames: play.mw_msgs,
            lag: Lag { queue_ms: i64::try_from(play.queue_length.as_millis()).unwrap_or(i64::MAX) },
            gop_cache: play.gop_cache,
        }
    }

    /// For nodes that fetch a stream: where there is WebRTC they may have players who are there for the delay, and what is
    /// gathered here comes late to all of them.
    pub(crate) fn for_nodes(vhost: &Vhost) -> Pace {
        let pace = Pace::of(vhost);
        if vhost.rtc.is_some() { Pace { frames: 0, ..pace.no_slower_than(FOR_NODES) } } else { pace }
    }

    /// The same, with writes merged over `most` at the longest.
    pub(crate) fn no_slower_than(self, most: Duration) -> Pace {
        Pace { merge: self.merge.min(rhythm(most)), ..self }
    }
}

/// How often merged writes are made. A short merge comes near the distance of frames (40 ms at 25 fps); a rhythm that is
/// the same would hold every frame back for as long as the first happened to be.
fn rhythm(mw_latency: Duration) -> Duration {
    if mw_latency < NEAR_FRAMES { mw_latency.mul_f32(0.95) } else { mw_latency.min(MOST_MERGE) }
}

/// What comes within this part of the merged time is written together, also when nothing was written for long: a burst
/// does not come in one piece.
const BURST: u32 = 32;

/// What was held for more than this part of the merged time, and nothing came behind it, had been merged before.
const HELD: u32 = 8;

/// When merged writes are made: not sooner than the merged time after the one before. What comes in bursts as far apart as
/// that, since somebody before us merged it, is not held again, whatever the moment at which it began to come.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    /// From when on the next write is counted.
    last: Option<Instant>,
}

/// What is to become of something that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Write {
    /// When a burst has come whole.
    pub(super) whole: Instant,
    /// When it is to be written.
    pub(super) due: Instant,
    /// Whether it is worth finding out if more came after `whole`.
    pub(super) is_held: bool,
}

impl Rhythm {
    /// When to write what came at `now`, where writes are merged over `merge`.
    pub(super) fn next(&self, now: Instant, merge: Duration) -> Write {
        let whole = now + merge.checked_div(BURST).unwrap_or_default();
        let due = self.last.map_or(whole, |last| whole.max(last + merge));
        let is_held = merge >= NEAR_FRAMES && due - whole > merge.checked_div(HELD).unwrap_or_default();
        Write { whole, due, is_held }
    }

    /// It was written; `alone`: nothing came after [`Write::whole`].
    pub(super) fn wrote(&mut self, write: Write, alone: bool) {
        // As if it had been written at once: so is the next one then.
        self.last = Some(if write.is_held && alone { write.whole } else { write.due });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MERGE: Duration = Duration::from_millis(352);
    const BURST_IS: Duration = Duration::from_millis(11);

    /// How long each of these was held that came at these milliseconds, and how many writes that took.
    fn held(came: impl IntoIterator<Item = u64>) -> (Vec<Duration>, usize) {
        let began = Instant::now();
        let came: Vec<Instant> = came.into_iter().map(|ms| began + Duration::from_millis(ms)).collect();
        let (mut rhythm, mut held, mut writes) = (Rhythm::default(), Vec::new(), 0);
        let mut rest = came.as_slice();
        while let Some(first) = rest.first() {
            let write = rhythm.next(*first, MERGE);
            let (written, later) = rest.split_at(rest.partition_point(|came| *came <= write.due));
            held.extend(written.iter().map(|came| write.due - *came));
            rhythm.wrote(write, written.iter().all(|came| *came <= write.whole));
            (rest, writes) = (later, writes + 1);
        }
        (held, writes)
    }

    /// Bursts of nine frames within 2 ms, each late or early by some milliseconds.
    fn bursts(count: u64, begin: u64) -> impl Iterator<Item = u64> {
        let jitter = |burst: u64| burst * 7 % 10;
        (0..count)
            .flat_map(move |burst| (0..9).map(move |frame| begin + burst * 352 + jitter(burst) + frame / 3))
    }

    #[test]
    fn frames_one_by_one_are_merged() {
        let (held, writes) = held((0..250).map(|frame| frame * 40));
        assert!(held.iter().all(|held| *held <= MERGE), "{held:?}");
        assert!(writes <= 10_000 / 352 + 2, "{writes}");
    }

    #[test]
    fn what_was_merged_before_is_passed_on_at_once() {
        let (held, writes) = held(bursts(30, 0));
        assert!(held.iter().all(|held| *held <= BURST_IS * 2), "{held:?}");
        assert_eq!(writes, 30);
    }

    #[test]
    fn a_first_burst_out_of_step_delays_no_more_than_the_next() {
        for begin in (20..352).step_by(20) {
            let (held, writes) = held([0, 1, 2].into_iter().chain(bursts(30, begin)));
            // The GOP that is there, the burst after it, and all that follow.
            let (_, rest) = held.split_at(3 + 9);
            let slack = MERGE / HELD + BURST_IS * 2;
            assert!(rest.iter().all(|held| *held <= slack), "{begin}: {rest:?}");
            assert!((31..=32).contains(&writes), "{writes}");
        }
    }

    #[test]
    fn the_first_after_a_silence_is_not_held() {
        let now = Instant::now();
        let mut rhythm = Rhythm::default();
        let first = rhythm.next(now, MERGE);
        assert_eq!(first.due, now + BURST_IS);
        rhythm.wrote(first, true);
        assert_eq!(rhythm.next(now + BURST_IS * 2, MERGE).due, first.due + MERGE);
        assert_eq!(rhythm.next(now + MERGE * 5, MERGE).due, now + MERGE * 5 + BURST_IS);
    }
}
