//! HLS: where segments begin and end, how they are numbered, and what the list of them says. RFC 8216.
//!
//! Sans-IO: no sockets, disk or clock, and no container either: a unit's bytes are written by the caller.
//!
//! ```text
//! publisher  -> Segmenter::begin
//! each unit  -> due? then cut, and tables go before the unit -> push
//! a segment  -> Key (where wanted), Template for its name, kept somewhere -> List::add
//! a request  -> List::playlist
//! ```
//!
//! A sequence number names one segment of a stream and is never used again, whichever origin made it: see
//! [`first_sequence`], and for discontinuities [`List::discontinuity_sequence`].

mod clock;
mod key;
mod list;
mod name;
mod segmenter;

pub use key::{Key, begins_key};
pub use list::{Entry, List, MOST_ENTRIES};
pub use name::{Error as NameError, Facts, Template};
pub use segmenter::{LONGEST_MS, Segment, Segmenter, Unit};

use std::time::Duration;

/// No segment is shorter than this, in milliseconds, unless its stream ends or it is full: numbers rise by at most four a
/// second, on which [`first_sequence`] rests. Also, what is shorter costs players a request without giving them media.
pub const SHORTEST_MS: i64 = 250;

/// Bytes at which a segment is cut by default, whatever comes: 10 s of 26 Mbit/s. More is no setting for live streams,
/// and what is open has to be held in memory.
pub const MOST_BYTES: usize = 32 << 20;

/// SRS's `hls` block as far as cutting is concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// `hls_fragment`: how long a segment should be.
    pub fragment: Duration,
    /// `hls_window`: how much of the stream the list offers.
    pub window: Duration,
    /// `hls_td_ratio`: of `fragment` this is the shortest, and what the target duration begins with.
    pub td_ratio: f64,
    /// `hls_aof_ratio`: after this many times `fragment` without a picture, sound alone decides.
    pub aof_ratio: f64,
    /// `hls_wait_keyframe`: only at key frames; otherwise at any picture.
    pub wait_keyframe: bool,
    /// A segment is cut when it has this many bytes; the unit that reaches it is still inside.
    pub most_bytes: usize,
    /// `hls_fragments_per_key`: so many segments share a key. See [`begins_key`].
    pub fragments_per_key: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fragment: Duration::from_secs(10),
            window: Duration::from_secs(60),
            td_ratio: 1.0,
            aof_ratio: 2.1,
            wait_keyframe: true,
            most_bytes: MOST_BYTES,
            fragments_per_key: 5,
        }
    }
}

/// Longest fragment that makes sense of a ratio that does not: a day, in milliseconds.
const DAY_MS: f64 = 86_400_000.0;

impl Settings {
    /// `fragment` times a ratio in milliseconds, [`SHORTEST_MS`] to a day whatever is configured.
    fn scaled_ms(&self, ratio: f64) -> i64 {
        let scaled = (self.fragment.as_secs_f64() * 1_000.0 * ratio).clamp(0.0, DAY_MS);
        // What is no number becomes 0.
        (scaled as i64).max(SHORTEST_MS)
    }

    fn window_ms(&self) -> u64 {
        u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX)
    }
}

/// 2025-01-01T00:00:00Z.
const FIRST_EPOCH_MS: u64 = 1_735_689_600_000;

/// First media sequence number of an epoch, that is, of one ownership of a stream by an origin.
///
/// Quarters of a second since the beginning of 2025. No origin closes four segments a second ([`SHORTEST_MS`]), so that
/// the numbers of a later epoch are above all those of an earlier one without anybody telling. They fit 31 bits, which is
/// what some players have for them, until 2042.
pub fn first_sequence(epoch_unix_ms: u64) -> u64 {
    epoch_unix_ms.saturating_sub(FIRST_EPOCH_MS) / SHORTEST_MS.unsigned_abs()
}

#[cfg(test)]
mod tests;
