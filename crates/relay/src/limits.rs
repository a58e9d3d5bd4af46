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

/// A publisher of which not one byte came between two looks, this far apart, has gone without a word. Origins have
/// shorter limits and rules for them (ours: 20 s to the first frame, 5 s between two), and are to speak first; this is
/// for those that have none.
pub(crate) const MUTE: Duration = Duration::from_secs(120);

/// Bytes that a publisher's leg may pile up towards an origin that reads slowly, and one read more: what 6.5 Mbit/s
/// bring in the 10 s after which an origin that takes nothing is given up.
pub(crate) const BACKLOG_BYTES: usize = 8 << 20;

/// Bytes of the open GOP that are kept for a replay, with [`MESSAGE_COST`] for each message: 10 s of 6.5 Mbit/s.
pub(crate) const REPLAY_GOP_BYTES: usize = 8 << 20;

/// Longest stretch of media that is kept for a replay, in ms of stream time: encoders use key frame distances of 1 to
/// 10 s.
pub(crate) const REPLAY_GOP_MS: u32 = 10_000;

/// Codec headers kept for a replay: one per track of a multitrack publish.
pub(crate) const REPLAY_HEADERS: usize = 16;

/// Largest codec header or metadata that is kept for a replay, in bytes. Real ones are below 4 KiB.
pub(crate) const REPLAY_HEADER_BYTES: usize = 64 << 10;

/// What a kept message counts beside its bytes: its record, for which a list that grows has room three times (once in
/// the old place, twice in the new one), and its allocation. Without it a flood of tiny messages would be no bytes at
/// all.
pub(crate) const MESSAGE_COST: usize = 192;

/// Everything that a publisher's leg keeps for a replay: the metadata, the codec headers and the open GOP.
pub(crate) const REPLAY_BYTES: usize =
    REPLAY_GOP_BYTES + (1 + REPLAY_HEADERS) * (REPLAY_HEADER_BYTES + MESSAGE_COST);
