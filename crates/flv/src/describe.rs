//! What a frame says about its stream, for the API and for other formats.

use crate::body::Whole;
use crate::whole::{self, Head};
use crate::{audio, video};
use bytes::Bytes;
use srs_amf::Value;
use srs_media::{AudioInfo, Codec, Frame, Kind, Role, VideoInfo, aac, av1, h264, heads, hevc};

/// The codec's own bytes inside the FLV body: the configuration record of a `Config` frame, the coded
/// data of others; of several tracks the first. `None` where there are none, as in data frames.
pub fn payload(frame: &Frame) -> Option<Bytes> {
    let (start, end) = match frame.kind {
        Kind::Video => video::view(&frame.wire).map(|view| (view.start, view.end)).ok()?,
        Kind::Audio => audio::view(&frame.wire).map(|view| (view.start, view.end)).ok()?,
        Kind::Data => return None,
    };
    (start < end && end <= frame.wire.len()).then(|| frame.wire.slice(start..end))
}

/// What a video configuration says. `None` for other frames and for configurations that are damaged;
/// a size of 0 for codecs whose configuration does not hold it (VP8, VP9): their key frames say it.
pub fn describe_video(frame: &Frame) -> Option<VideoInfo> {
    if frame.kind != Kind::Video {
        return None;
    }
    let whole = match (frame.role, frame.codec) {
        (Role::Config, _) => None,
        (Role::Key, Codec::Vp8) => Some(Whole::Vp8),
        (Role::Key, Codec::Vp9) => Some(Whole::Vp9),
        _ => return None,
    };
    let record = payload(frame)?;
    if let Some(codec) = whole {
        let Head { record, width, height } = whole::head(codec, &record)?;
        let (profile, level) = vpx_words(frame.codec, &record);
        return Some(VideoInfo { codec: frame.codec, profile, level, width, height });
    }
    match frame.codec {
        Codec::H264 => h264::config(&record),
        Codec::Hevc => hevc::config(&record),
        Codec::Av1 => av1::config(&record),
        Codec::Vp8 | Codec::Vp9 => {
            let (profile, level) = vpx_words(frame.codec, &record);
            Some(VideoInfo { codec: frame.codec, profile, level, width: 0, height: 0 })
        }
        _ => None,
    }
}

/// Profile and level of a record of VP codecs, which stand behind version and flags; empty where it is another. VP8 has no
/// levels.
fn vpx_words(codec: Codec, record: &[u8]) -> (String, String) {
    match record {
        [1, 0, 0, 0, profile, level, ..] if codec == Codec::Vp9 => {
            (format!("Profile {profile}"), format!("{}.{}", level / 10, level % 10))
        }
        _ => (String::new(), String::new()),
    }
}

/// What an audio frame says: the configuration for AAC, Opus and FLAC, and any coded frame for
/// codecs that have none.
pub fn describe_audio(frame: &Frame) -> Option<AudioInfo> {
    if frame.kind != Kind::Audio {
        return None;
    }
    let record = payload(frame)?;
    match (frame.codec, frame.role) {
        (Codec::Aac, Role::Config) => aac::info(&record),
        (Codec::Opus, Role::Config) => heads::opus(&record),
        (Codec::Flac, Role::Config) => heads::flac(&record),
        (Codec::Mp3, Role::Key) => heads::mp3(&record).or_else(|| header_bits(frame)),
        (Codec::Aac | Codec::Opus | Codec::Flac, _) => None,
        (_, Role::Key) => header_bits(frame),
        _ => None,
    }
}

/// What the first byte of a legacy body says of rate and channels.
fn header_bits(frame: &Frame) -> Option<AudioInfo> {
    let first = *frame.wire.first()?;
    if first >> 4 == 9 {
        // Enhanced bodies have no such bits.
        return Some(AudioInfo { codec: frame.codec, sample_rate: 0, channels: 0, profile: String::new() });
    }
    let (sample_rate, channels) = match (frame.codec, first >> 2 & 3) {
        // FLV E.4.2.1: G.711 is 8 kHz and Speex 16 kHz mono, whatever the bits say.
        (Codec::G711A | Codec::G711U, _) => (8_000, 1 + (first & 1)),
        (Codec::Speex, _) => (16_000, 1),
        (_, _) if first >> 4 == 14 => (8_000, 1 + (first & 1)),
        (_, 0) => (5_512, 1 + (first & 1)),
        (_, 1) => (11_025, 1 + (first & 1)),
        (_, 2) => (22_050, 1 + (first & 1)),
        _ => (44_100, 1 + (first & 1)),
    };
    Some(AudioInfo { codec: frame.codec, sample_rate, channels, profile: String::new() })
}

/// The value behind `onMetaData`; `None` for other frames and for broken AMF.
pub fn metadata(frame: &Frame) -> Option<Value> {
    if frame.role != Role::Metadata {
        return None;
    }
    let mut rest: &[u8] = &frame.wire;
    srs_amf::decode(&mut rest).ok()?;
    srs_amf::decode(&mut rest).ok()
}
