//! The chunk layer, RTMP 1.0 section 5.3: messages cut into pieces that may interleave.
//!
//! [`Reader`] takes every header form that senders are known to use; [`Writer`] uses the plainest one that every reader
//! understands. Bodies are opaque here, save that Set Chunk Size and Abort are obeyed and swallowed by the reader.

mod header;
mod reader;
mod writer;

pub use reader::{MAX_CHUNK_STREAMS, MAX_OPEN, MAX_PARTIAL, Reader};
pub use writer::{DEFAULT_CHUNK_SIZE, MAX_CHUNK_SIZE, Writer, csid_for, set_chunk_size};

#[cfg(test)]
mod tests;

/// How the bodies of read messages are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// Each body has an allocation of its own size, so it may be kept for long.
    Owned,
    /// A body that came whole inside one chunk and one input buffer is a slice of that buffer, without a copy. It keeps
    /// the buffer alive: for relaying, not for caching.
    Shared,
}

/// Why a chunk stream cannot be read on. `at` counts bytes from the first one after the handshake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A type 3 header on a chunk stream that had no header before.
    #[error("chunk stream {csid} begins with a type 3 header at byte {at}")]
    NoPredecessor {
        /// The chunk stream id.
        csid: u32,
        /// Where the header starts.
        at: u64,
    },
    /// A new message begins although the last one on this chunk stream is not complete.
    #[error("chunk stream {csid} begins a message inside another at byte {at}")]
    Overlap {
        /// The chunk stream id.
        csid: u32,
        /// Where the header starts.
        at: u64,
    },
    /// More than [`MAX_CHUNK_STREAMS`] ids in use.
    #[error("more than {MAX_CHUNK_STREAMS} chunk streams at byte {at}")]
    TooManyStreams {
        /// Where the header starts.
        at: u64,
    },
    /// More than [`MAX_OPEN`] half-sent messages.
    #[error("more than {MAX_OPEN} unfinished messages at byte {at}")]
    TooManyOpen {
        /// Where the header starts.
        at: u64,
    },
    /// The unfinished messages together hold more bytes than is allowed.
    #[error("more than {limit} bytes of unfinished messages at byte {at}")]
    TooMuchPartial {
        /// The limit in force, bytes.
        limit: usize,
        /// Where the last piece ended.
        at: u64,
    },
    /// Set Chunk Size or Abort with a body that cannot be one.
    #[error("malformed protocol control message of type {kind} at byte {at}")]
    BadControl {
        /// The message type id.
        kind: u8,
        /// Where the message ended.
        at: u64,
    },
    /// A chunk size of 0 would never carry a byte.
    #[error("chunk size 0 at byte {at}")]
    ZeroChunkSize {
        /// Where the message ended.
        at: u64,
    },
}
