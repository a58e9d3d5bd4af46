//! FLV bodies around what other protocols carry, as publishers of RTMP send them.

use bytes::{BufMut as _, Bytes, BytesMut};

const KEY: u8 = 1;
const INTER: u8 = 2;
const AVC: u8 = 7;
const CONFIG: u8 = 0;
const CODED: u8 = 1;
/// Of enhanced RTMP: coded, and shown when it is decoded.
const CODED_NOW: u8 = 3;
const ENHANCED: u8 = 0x80;
const HEVC: &[u8] = b"hvc1";
/// AAC; the rate, width and channels behind it are always these, whatever the configuration says.
const AAC: u8 = 0xaf;
const MP3: u8 = 2;
const ENHANCED_SOUND: u8 = 0x90;
const OPUS: &[u8] = b"Opus";

/// How pictures are encoded that RTMP carries as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// AV1: temporal units, without their delimiters.
    Av1,
}

impl Whole {
    fn fourcc(self) -> &'static [u8] {
        match self {
            Self::Vp8 => b"vp08",
            Self::Vp9 => b"vp09",
            Self::Av1 => b"av01",
        }
    }
}

/// How pictures are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// H.264.
    H264,
    /// H.265, which enhanced RTMP carries.
    Hevc,
}

/// What a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// Can be decoded alone.
    Key,
    /// Needs others.
    Inter,
    /// None: delimiters and messages alone.
    None,
}

/// The head of a stream of pictures: an AVC or HEVC configuration record.
pub fn video_config(codec: Codec, record: &[u8]) -> Bytes {
    match codec {
        Codec::H264 => joined(&[KEY << 4 | AVC, CONFIG, 0, 0, 0], &[], record),
        Codec::Hevc => joined(&[ENHANCED | KEY << 4 | CONFIG], HEVC, record),
    }
}

/// A picture: NAL units with lengths of four bytes, shown so many ms after it is decoded.
pub fn video(codec: Codec, picture: Picture, composition: i32, nals: &[u8]) -> Bytes {
    let [_, high, mid, low] = composition.to_be_bytes();
    let kind = if picture == Picture::Key { KEY } else { INTER } << 4;
    match codec {
        Codec::H264 => joined(&[kind | AVC, CODED, high, mid, low], &[], nals),
        Codec::Hevc if composition == 0 => joined(&[ENHANCED | kind | CODED_NOW], HEVC, nals),
        Codec::Hevc => {
            let [a, b, c, d] = *b"hvc1";
            joined(&[ENHANCED | kind | CODED, a, b, c, d], &[high, mid, low], nals)
        }
    }
}

/// The head of a stream of pictures that are carried as they are: an AV1 configuration record, or that of VP codecs behind
/// version and flags.
pub fn whole_config(codec: Whole, record: &[u8]) -> Bytes {
    joined(&[ENHANCED | KEY << 4 | CONFIG], codec.fourcc(), record)
}

/// A picture that is carried as it is.
pub fn whole(codec: Whole, key: bool, frame: &[u8]) -> Bytes {
    let kind = if key { KEY } else { INTER } << 4;
    joined(&[ENHANCED | kind | CODED], codec.fourcc(), frame)
}

/// The head of a stream of sound: an AAC configuration.
pub fn audio_config(record: &[u8]) -> Bytes {
    joined(&[AAC, CONFIG], &[], record)
}

/// A raw AAC frame.
pub fn audio(frame: &[u8]) -> Bytes {
    joined(&[AAC, CODED], &[], frame)
}

/// MPEG audio frames of layer III. FLV's numbers for rates end with 44.1 kHz, which stands for those above as well:
/// players look at the frames.
pub fn mp3(sample_rate: u32, channels: u8, frames: &[u8]) -> Bytes {
    let (format, rate) = match sample_rate {
        0..=8_000 => (14, 0),
        8_001..=12_000 => (MP3, 1),
        12_001..=24_000 => (MP3, 2),
        _ => (MP3, 3),
    };
    joined(&[format << 4 | rate << 2 | 2 | u8::from(channels > 1)], &[], frames)
}

/// The head of a stream of Opus: its identification header.
pub fn opus_config(head: &[u8]) -> Bytes {
    joined(&[ENHANCED_SOUND | CONFIG], OPUS, head)
}

/// An Opus packet.
pub fn opus(packet: &[u8]) -> Bytes {
    joined(&[ENHANCED_SOUND | CODED], OPUS, packet)
}

fn joined(head: &[u8], more: &[u8], rest: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(head.len().saturating_add(more.len()).saturating_add(rest.len()));
    body.put_slice(head);
    body.put_slice(more);
    body.put_slice(rest);
    body.freeze()
}

/// What these NAL units hold, each behind a length of four bytes. A key picture whose beginning is missing, because it
/// went out before we came, is none.
pub fn picture(codec: Codec, mut nals: &[u8]) -> Picture {
    while let Some((length, rest)) = nals.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some((nal, rest)) = rest.split_at_checked(length) else { break };
        nals = rest;
        // The first bit behind the header says that this is the first slice of its picture.
        let (is_slice, is_key, slice) = match (codec, nal) {
            (Codec::H264, [header, slice @ ..]) => {
                let kind = header & 0x1f;
                ((1..=5).contains(&kind), kind == 5, slice)
            }
            (Codec::Hevc, [header, _, slice @ ..]) => {
                let kind = header >> 1 & 0x3f;
                (kind < 32, (16..=23).contains(&kind), slice)
            }
            _ => continue,
        };
        if is_slice {
            let begins = slice.first().is_some_and(|byte| byte & 0x80 != 0);
            return if is_key && begins { Picture::Key } else { Picture::Inter };
        }
    }
    Picture::None
}

#[cfg(test)]
mod tests;
