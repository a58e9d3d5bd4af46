//! What a codec configuration says, in the words of SRS's HTTP API.

use crate::Codec;

/// A stream's picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoInfo {
    /// How it is encoded.
    pub codec: Codec,
    /// `Baseline`, `Main`, `High`, …; `Other` for a number without a name, empty when not said.
    pub profile: String,
    /// `3.1`, `4`, …; empty when not said.
    pub level: String,
    /// Pixels after cropping; 0 when the configuration does not say.
    pub width: u32,
    /// Pixels after cropping; 0 when the configuration does not say.
    pub height: u32,
}

/// A stream's sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioInfo {
    /// How it is encoded.
    pub codec: Codec,
    /// Hz as played; 0 when not said.
    pub sample_rate: u32,
    /// Number of channels; 0 when not said.
    pub channels: u8,
    /// `LC`, `HE`, …; empty for codecs without profiles.
    pub profile: String,
}

/// Wider or higher pictures exist in no encoder that sends them live; such a size is damage or an
/// attempt to make someone allocate for it.
pub(crate) const MAX_SIDE: u32 = 16_384;

/// The size when both sides are within 1 to [`MAX_SIDE`].
pub(crate) fn sane(width: u32, height: u32) -> Option<(u32, u32)> {
    let side = 1..=MAX_SIDE;
    (side.contains(&width) && side.contains(&height)).then_some((width, height))
}
