//! Audio bodies: legacy and enhanced.

use crate::enhanced::{CODED_FRAMES, Header, Reader, SEQUENCE_START};
use crate::{AUDIO, Error, derived};
use bytes::Bytes;
use srs_media::{Codec, Frame, Kind, Role};

const MULTITRACK: u8 = 5;
const FORMAT_ENHANCED: u8 = 9;

/// Where the payload of a body lies, and what the header says about it.
pub(crate) struct View {
    pub codec: Codec,
    pub role: Role,
    pub track: u8,
    pub start: usize,
    pub end: usize,
}

pub(crate) fn demux(time: i64, body: Bytes) -> Result<Frame, Error> {
    let view = view(&body)?;
    Ok(Frame {
        kind: Kind::Audio,
        role: view.role,
        codec: view.codec,
        track: view.track,
        time,
        composition: 0,
        wire: derived::plain(&view, &body).unwrap_or(body),
    })
}

pub(crate) fn view(body: &[u8]) -> Result<View, Error> {
    match body.first() {
        Some(&first) if first >> 4 == FORMAT_ENHANCED => enhanced(first, body),
        Some(&first) => Ok(legacy(first, body)),
        None => Ok(View { codec: Codec::None, role: Role::Other, track: 0, start: 0, end: 0 }),
    }
}

/// ```text
/// format (4 bits) | rate (2) | 16 bits per sample (1) | stereo (1), for AAC: packet type
/// ```
fn legacy(first: u8, body: &[u8]) -> View {
    let codec = match first >> 4 {
        0 | 3 => Codec::Pcm,
        2 | 14 => Codec::Mp3,
        7 => Codec::G711A,
        8 => Codec::G711U,
        10 => Codec::Aac,
        11 => Codec::Speex,
        // Not in the standard; what encoders in China send Opus as.
        13 => Codec::Opus,
        other => Codec::Other(u32::from(other)),
    };
    let start = if codec == Codec::Aac { 2 } else { 1 };
    let role = match (codec, body.get(1)) {
        _ if body.len() <= start => Role::Other,
        (Codec::Aac, Some(0)) => Role::Config,
        (Codec::Aac, Some(1)) => Role::Key,
        (Codec::Aac, _) => Role::Other,
        _ => Role::Key,
    };
    View { codec, role, track: 0, start: start.min(body.len()), end: body.len() }
}

fn enhanced(first: u8, body: &[u8]) -> Result<View, Error> {
    let mut reader = Reader::behind_first(AUDIO, body);
    let packet = reader.unwrap_mod_ex(first & 0x0f)?;
    let Header { packet, codec, track, start, end } = reader.header(packet, MULTITRACK)?;
    let role = match packet {
        _ if start >= end => Role::Other,
        SEQUENCE_START => Role::Config,
        CODED_FRAMES => Role::Key,
        // End of sequence, speaker layout, and what is unknown.
        _ => Role::Other,
    };
    Ok(View { codec, role, track, start, end })
}

#[cfg(test)]
mod tests;
