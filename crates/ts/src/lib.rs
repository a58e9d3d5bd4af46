//! MPEG transport streams, ISO/IEC 13818-1: from access units to packets of 188 bytes, back to units from what encoders
//! send, and a strict reader that says what is wrong with packets.
//!
//! Sans-IO: units and buffers come from the caller. What access units look like inside is not looked at here: `flv`
//! makes them from frames, and frames from them. One program with at most one picture and one sound; the PIDs that are
//! written are those of SRS.

pub mod check;
pub mod demux;
mod mux;
mod packet;
mod pes;
mod psi;

pub use demux::{Demuxer, Event};
pub use mux::{MAX_AUDIO, Muxer};

/// Bytes of a packet.
pub const PACKET: usize = 188;

/// The PID of the program's table, as in SRS.
pub const PMT_PID: u16 = 0x1001;
/// The PID of the picture, as in SRS.
pub const VIDEO_PID: u16 = 0x100;
/// The PID of the sound, as in SRS.
pub const AUDIO_PID: u16 = 0x101;

/// Ticks a second of PTS, DTS and the base of PCR.
pub const CLOCK: u64 = 90_000;
/// Times have 33 bits and begin again at 0 after 26.5 hours.
pub(crate) const TIME_MASK: u64 = (1 << 33) - 1;

/// Elementary streams that a transport stream can carry here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// H.264, Annex B.
    H264,
    /// H.265, Annex B.
    Hevc,
    /// AAC with ADTS headers.
    Aac,
    /// MPEG audio frames. One number for MPEG-1 and MPEG-2 rates: players look at the frames.
    Mp3,
    /// AAC in LOAS, as broadcasters have it. It is read; frames are written as [`Codec::Aac`].
    Latm,
    /// Opus packets, each behind a control header.
    Opus {
        /// 1 to 8, in the order of Vorbis.
        channels: u8,
    },
}

impl Codec {
    /// How this crate carries `codec`; `None` for what it does not carry. Opus is said to be stereo, which is how mono
    /// plays as well.
    pub fn of(codec: srs_media::Codec) -> Option<Self> {
        match codec {
            srs_media::Codec::H264 => Some(Self::H264),
            srs_media::Codec::Hevc => Some(Self::Hevc),
            srs_media::Codec::Aac => Some(Self::Aac),
            srs_media::Codec::Mp3 => Some(Self::Mp3),
            srs_media::Codec::Opus => Some(Self::Opus { channels: 2 }),
            _ => None,
        }
    }

    /// `stream_type` of ISO/IEC 13818-1 table 2-34.
    pub fn stream_type(self) -> u8 {
        match self {
            Self::H264 => 0x1b,
            Self::Hevc => 0x24,
            Self::Aac => 0x0f,
            Self::Mp3 => 0x03,
            Self::Latm => 0x11,
            // Private data, which its descriptors name.
            Self::Opus { .. } => 0x06,
        }
    }

    /// What a PMT says beside the type.
    pub(crate) fn descriptors(self) -> Vec<u8> {
        match self {
            Self::Opus { channels } => {
                let registration = [psi::REGISTRATION, 4, b'O', b'p', b'u', b's'];
                [&registration[..], &[psi::EXTENSION, 2, psi::OPUS, channels]].concat()
            }
            _ => Vec::new(),
        }
    }
}

/// Which elementary stream a unit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// The picture.
    Video,
    /// The sound.
    Audio,
}

/// One access unit: Annex B for video, for sound whole frames as the codec has them here. Written units of video begin with
/// a delimiter; in those that were read, frames of sound may lie across units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit<'a> {
    /// Which elementary stream.
    pub track: Track,
    /// Decode time in 90 kHz ticks; 33 bits are taken.
    pub dts: u64,
    /// Presentation time in 90 kHz ticks; 33 bits are taken.
    pub pts: u64,
    /// Decoding can begin here.
    pub key: bool,
    /// The bytes of the elementary stream.
    pub data: &'a [u8],
}

/// The times of a unit as they are written: 90 kHz ticks of 33 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Presentation.
    pub pts: u64,
    /// Decoding.
    pub dts: u64,
}

/// Milliseconds as 90 kHz ticks of 33 bits; times before 0 are those before the end of the 26.5 hours.
pub fn ticks(milliseconds: i64) -> u64 {
    milliseconds.wrapping_mul(90).cast_unsigned() & TIME_MASK
}

/// Bytes that are not as ISO/IEC 13818-1 has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not 188 bytes.
    #[error("a packet of {0} bytes")]
    Length(usize),
    /// The first byte is not `G`.
    #[error("sync byte {0:#04x}")]
    Sync(u8),
    /// Someone on the way marked the packet as damaged.
    #[error("transport error indicator")]
    Marked,
    /// Scrambled packets are not read here.
    #[error("scrambled packet")]
    Scrambled,
    /// Neither payload nor adaptation field, a field longer than the packet, or stuffing that is not `0xff`.
    #[error("malformed adaptation field")]
    Adaptation,
    /// A table that is cut short, reaches beyond its packet, or has lengths that do not fit each other.
    #[error("malformed table")]
    Table,
    /// A table that was damaged.
    #[error("table with CRC {said:#010x}, which should be {real:#010x}")]
    Crc {
        /// What the table says.
        said: u32,
        /// What its bytes give.
        real: u32,
    },
    /// Payload that should begin with a PES header begins otherwise.
    #[error("no PES start code")]
    StartCode,
    /// A PES header that is cut short, or without its marker bits.
    #[error("malformed PES header")]
    PesHeader,
}
