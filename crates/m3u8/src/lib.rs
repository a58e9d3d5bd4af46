//! HLS playlists, RFC 8216: how they travel. A foreign list is rewritten line by line, so that what is not known here
//! passes unharmed; own lists are written.
//!
//! Sans-IO, and blind to what segments hold.

mod query;
mod rewrite;
mod utc;
mod write;

pub use query::{encode_path, is_relative, with_query, without_query};
pub use rewrite::{Error, Kind, MOST_BYTES, MOST_GROWTH, MOST_LINE, MOST_RESULT, Reference, rewrite};
pub use utc::Utc;
pub use write::{Key, Media, Segment, Variant, write_master, write_media};

/// What a list is served as: `Content-Type`, RFC 8216 section 4.
pub const MEDIA_TYPE: &str = "application/vnd.apple.mpegurl";
