//! The relay's limits, each with its reason.

use std::time::Duration;

/// How often health is judged. A silent origin is out 3 s after its last word, and its legs end within this time more.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// Origins tried for one session: a client waits, and one refusal is told at once while a silent one takes seconds.
pub(crate) const TRIES: usize = 3;

/// How often a leg that waits for a stream looks whether it was claimed elsewhere.
pub(crate) const LOOK: Duration = Duration::from_millis(200);

/// A head must come from the origin in this time. Our origins hold a request for a stream that is not live for 3 s.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);

/// Bytes that a publisher's leg may pile up towards an origin that reads slowly: the whole replay, twice.
pub(crate) const REPLAY_BYTES: usize = 8 << 20;

/// Longest stretch of media that is kept for a replay, in ms of stream time.
pub(crate) const REPLAY_MS: u32 = 10_000;

/// Codec headers kept for a replay: one per track of a multitrack publish.
pub(crate) const REPLAY_HEADERS: usize = 16;
