//! The hub's limits, each with its reason.

/// Longest stretch of media kept so that a new viewer starts with a picture, in milliseconds. Encoders use key frame
/// distances of 1 to 10 s; what is longer is a surveillance setting where memory matters more than a quick start.
pub const GOP_MS: i64 = 10_000;

/// Most bytes of one GOP kept for new viewers: 10 s of 6.5 Mbit/s.
pub const GOP_BYTES: usize = 8 << 20;

/// A viewer may lag this many bytes before it counts as slow, whatever the bit rate says.
pub const LAG_BYTES_FLOOR: u64 = 2 << 20;

/// Behind by more than this (counted like [`WINDOW_BYTES`]) a viewer is moved even inside its join burst, so that one
/// reader cannot pin a window that grows without end: two full GOP caches.
pub const LAG_BYTES_HARD: u64 = 2 * GOP_BYTES as u64;

/// What a shared window may cost, whatever the time stamps say: a whole GOP cache, and as much again that shards may
/// not have pulled yet. Time stamps that stand still would otherwise keep everything. Counted are the bytes and
/// [`FRAME_COST`] for each frame; the newest run is held even when it is larger alone.
pub const WINDOW_BYTES: u64 = 2 * GOP_BYTES as u64;

/// What is flushed without waiting for a pull, so that a shard that does not come cannot let it pile up; counted like
/// [`WINDOW_BYTES`].
pub const RUN_BYTES: usize = 1 << 20;

/// What a frame counts beside its bytes: in the GOP cache the record itself and its allocation, in a window its mark
/// and, should it be a start point, what that needs. Without it a flood of tiny frames would be no bytes at all.
pub const FRAME_COST: usize = 128;

/// Largest codec header or metadata that is remembered for viewers who come later. Real ones have less than 1 KiB, an
/// `onMetaData` with a seek table of hours some 30 KiB.
pub const HEADER_BYTES: usize = 64 << 10;

/// What all headers of one stream may have together: each viewer that joins is sent them.
pub const HEADERS_BYTES: usize = 2 * HEADER_BYTES;

/// Streams without video, or without key frames, get a starting point for new viewers this often, in milliseconds.
pub const START_MS: i64 = 1_000;

/// Tracks with a codec header that are remembered per stream: enhanced RTMP multitrack numbers them with one byte, and
/// no encoder sends more than a ladder of a few.
pub const TRACKS: usize = 16;
