//! A frame, and the few things about it that routing, caching and joining need to know.

use bytes::Bytes;
use std::fmt;

/// Which of a stream's three flows a frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
    /// Metadata, cue points and other scripts.
    Data,
}

/// What a frame is for: which frames a newcomer needs, and which may be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Codec configuration (sequence header): the latest of each track opens every viewing.
    Config,
    /// Can be decoded alone: a video key frame, and every coded audio frame.
    Key,
    /// Needs frames before it.
    Inter,
    /// The stream's metadata (`onMetaData`): the latest opens every viewing.
    Metadata,
    /// End of sequence, command and colour information, empty bodies, scripts, and what is unknown:
    /// passed on in order, never kept.
    Other,
}

/// How a frame is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Codec {
    /// AVC.
    H264,
    /// H.265.
    Hevc,
    /// AV1.
    Av1,
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// Sorenson H.263 of old Flash encoders.
    H263,
    /// AAC, whichever profile.
    Aac,
    /// MPEG layer III.
    Mp3,
    /// Opus.
    Opus,
    /// FLAC.
    Flac,
    /// Dolby AC-3.
    Ac3,
    /// Dolby E-AC-3.
    Eac3,
    /// Speex.
    Speex,
    /// G.711 A-law.
    G711A,
    /// G.711 mu-law.
    G711U,
    /// Plain samples.
    Pcm,
    /// Unknown: the FourCC (big endian), or a legacy codec number below 256.
    Other(u32),
    /// Data has none, nor has a body too short to say.
    None,
}

impl Codec {
    /// The name as SRS's HTTP API prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "H264",
            Self::Hevc => "HEVC",
            Self::Av1 => "AV1",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H263 => "H263",
            Self::Aac => "AAC",
            Self::Mp3 => "MP3",
            Self::Opus => "Opus",
            Self::Flac => "FLAC",
            Self::Ac3 => "AC3",
            Self::Eac3 => "EAC3",
            Self::Speex => "Speex",
            Self::G711A => "G711A",
            Self::G711U => "G711U",
            Self::Pcm => "PCM",
            Self::Other(_) => "Other",
            Self::None => "None",
        }
    }
}

/// The track of sound that a node made of a stream's own sound, in another codec, so that it stands beside that. The last
/// number that enhanced RTMP's multitrack has, which encoders count from 0.
pub const DERIVED: u8 = 255;

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One unit of media with its bytes as received beside what is known of them. Cloning shares the
/// bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Which flow.
    pub kind: Kind,
    /// What it is for.
    pub role: Role,
    /// How it is encoded.
    pub codec: Codec,
    /// Track id of multitrack streams; 0 for all others.
    pub track: u8,
    /// Decode time in milliseconds on the stream's timeline; never wraps.
    pub time: i64,
    /// Milliseconds from decode to presentation time; 0 but for video with B-frames.
    pub composition: i32,
    /// The FLV tag body as received, so that same-format output loses nothing that we do not know.
    pub wire: Bytes,
}
