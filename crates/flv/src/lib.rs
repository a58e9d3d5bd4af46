//! What an RTMP media message or FLV tag says: from its body to a [`Frame`] with its role, codec,
//! track and times, the bytes staying as received.
//!
//! Legacy FLV (Adobe Video File Format 10.1, annex E), HEVC and AV1 by the codec numbers in use in
//! China, and enhanced RTMP v2. How tags and messages travel is `rtmp`'s matter; time is repaired by
//! `media::time`. Nothing is decoded, and bodies of several tracks stay in one piece.
//!
//! And the other way: [`body`] makes bodies as publishers send them, [`elementary`] elementary streams of frames, and
//! [`compose`] frames of elementary streams and of what comes over RTP, [`transport`] of whole transport streams.

mod audio;
mod bits;
pub mod body;
pub mod compose;
mod data;
mod derived;
mod describe;
pub mod elementary;
mod enhanced;
mod nal;
pub mod transport;
mod video;
mod whole;

pub use derived::to_node;
pub use describe::{describe_audio, describe_video, metadata, payload};

use bytes::Bytes;
use srs_media::Frame;

/// RTMP message type and FLV tag type of audio.
pub const AUDIO: u8 = 8;
/// RTMP message type and FLV tag type of video.
pub const VIDEO: u8 = 9;
/// RTMP message type of AMF3 data: AMF0 behind one zero byte.
pub const DATA_AMF3: u8 = 15;
/// RTMP message type and FLV tag type of AMF0 data.
pub const DATA: u8 = 18;

/// A body that cannot be placed in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A message type that carries no media.
    #[error("message type {0} is not audio, video or data")]
    NotMedia(u8),
    /// An enhanced header that ends before it says what follows.
    #[error("enhanced header of message type {kind} is cut short at byte {at}")]
    Truncated {
        /// The message type.
        kind: u8,
        /// How many bytes there were.
        at: usize,
    },
    /// Multitrack inside multitrack, which the specification rules out.
    #[error("multitrack body of message type {0} inside another")]
    Nested(u8),
}

/// Reads the body of a message or tag of type `kind` (8, 9, 15 or 18) that decodes at `time`
/// milliseconds.
///
/// Bodies without a payload are frames of role `Other`, as encoders do send them. For metadata the
/// frame's `wire` starts at the name `onMetaData`; all other bodies stay whole.
pub fn demux(kind: u8, time: i64, body: Bytes) -> Result<Frame, Error> {
    match kind {
        AUDIO => audio::demux(time, body),
        VIDEO => video::demux(time, body),
        DATA | DATA_AMF3 => Ok(data::demux(kind, time, body)),
        other => Err(Error::NotMedia(other)),
    }
}

#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;
