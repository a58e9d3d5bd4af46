//! When viewers are written to, and when one counts as slow.

use std::time::Duration;

use srs_hub::Lag;
use tokio::time::Instant;

use crate::config::Vhost;

/// Writes are merged for no longer than this: the hub keeps a bounded number of bytes for a shard that has yet to pull,
/// and a viewer that lags by more counts as slow.
const MOST_MERGE: Duration = Duration::from_secs(2);

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
}

/// How often merged writes are made. A short merge comes near the distance of frames (40 ms at 25 fps); a rhythm that is
/// the same would hold every frame back for as long as the first happened to be.
fn rhythm(mw_latency: Duration) -> Duration {
    if mw_latency < NEAR_FRAMES { mw_latency.mul_f32(0.95) } else { mw_latency.min(MOST_MERGE) }
}

/// What comes within this part of the merged time is written together, also when nothing was written for long: a burst
/// does not come in one piece.
const BURST: u32 = 32;

/// When to write what came at `now`, where writes are merged over `merge` and the `last` one was then: not sooner than
/// `merge` after it. What comes in bursts as far apart as that, since somebody before us merged it, is not held again.
pub(super) fn next_write(last: Option<Instant>, now: Instant, merge: Duration) -> Instant {
    let burst = now + merge.checked_div(BURST).unwrap_or_default();
    last.map_or(burst, |last| burst.max(last + merge))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MERGE: Duration = Duration::from_millis(352);
    const BURST_IS: Duration = Duration::from_millis(11);

    /// How long each of these is held that came at these milliseconds, and how many writes that takes.
    fn held(came: impl IntoIterator<Item = u64>) -> (Duration, Duration, usize) {
        let began = Instant::now();
        let (mut last, mut writes, mut due) = (None, 0, None);
        let (mut most, mut sum, mut count) = (Duration::ZERO, Duration::ZERO, 0);
        for came in came.into_iter().map(|ms| began + Duration::from_millis(ms)) {
            if let Some(written) = due.filter(|due| *due < came) {
                (last, due) = (Some(written), None);
            }
            let due = *due.get_or_insert_with(|| {
                writes += 1;
                next_write(last, came, MERGE)
            });
            (most, sum, count) = (most.max(due - came), sum + (due - came), count + 1);
        }
        (most, sum / count, writes)
    }

    #[test]
    fn frames_one_by_one_are_merged() {
        let (most, mean, writes) = held((0..250).map(|frame| frame * 40));
        assert!(most <= MERGE && mean > MERGE / 3, "{most:?} {mean:?}");
        assert!(writes <= 10_000 / 352 + 2, "{writes}");
    }

    #[test]
    fn what_was_merged_before_is_passed_on_at_once() {
        // Nine frames, then nothing; late or early by a few milliseconds.
        let bursts =
            (0..30).flat_map(|burst| (0..9).map(move |frame| burst * 352 + burst * 7 % 10 + frame / 3));
        let (most, mean, writes) = held(bursts);
        assert!(most <= BURST_IS * 2 && mean <= BURST_IS + BURST_IS / 2, "{most:?} {mean:?}");
        assert_eq!(writes, 30);
    }

    #[test]
    fn the_first_after_a_silence_is_not_held() {
        let now = Instant::now();
        assert_eq!(next_write(None, now, MERGE), now + BURST_IS);
        assert_eq!(next_write(Some(now), now + MERGE * 5, MERGE), now + MERGE * 5 + BURST_IS);
        assert_eq!(next_write(Some(now), now + BURST_IS, MERGE), now + MERGE);
    }
}
