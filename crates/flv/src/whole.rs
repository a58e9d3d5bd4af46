//! Codecs whose frames travel as they are: VP8, VP9 and AV1. What their key frames say, and the records that stand before
//! them.

pub(crate) mod av1;
pub(crate) mod vpx;

use crate::body;

/// What a key frame says of those that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The configuration record.
    pub record: Vec<u8>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// What a frame says; none where it is no key frame, or one that cannot be read.
pub(crate) fn head(codec: body::Whole, frame: &[u8]) -> Option<Head> {
    match codec {
        body::Whole::Vp8 => vpx::vp8(frame),
        body::Whole::Vp9 => vpx::vp9(frame),
        body::Whole::Av1 => av1::head(frame),
    }
}

#[cfg(test)]
mod tests;
