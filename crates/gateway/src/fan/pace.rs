//! When viewers are written to, and when one counts as slow.

use std::time::Duration;

use srs_hub::Lag;

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
