//! Video bodies: legacy, the codec numbers in use in China, and enhanced.

use crate::enhanced::{CODED_FRAMES, Header, Reader, SEQUENCE_START};
use crate::{Error, VIDEO};
use bytes::Bytes;
use srs_media::{Codec, Frame, Kind, Role};

const CODED_FRAMES_X: u8 = 3;
const METADATA: u8 = 4;
const MPEG2TS_START: u8 = 5;
const MULTITRACK: u8 = 6;

const FRAME_COMMAND: u8 = 5;

/// Where the payload of a body lies, and what the header says about it.
pub(crate) struct View {
    pub codec: Codec,
    pub role: Role,
    pub track: u8,
    pub composition: i32,
    pub start: usize,
    pub end: usize,
}

pub(crate) fn demux(time: i64, body: Bytes) -> Result<Frame, Error> {
    let view = view(&body)?;
    Ok(Frame {
        kind: Kind::Video,
        role: view.role,
        codec: view.codec,
        track: view.track,
        time,
        composition: view.composition,
        wire: body,
    })
}

pub(crate) fn view(body: &[u8]) -> Result<View, Error> {
    match body.first() {
        Some(&first) if first & 0x80 != 0 => enhanced(first, body),
        Some(&first) => Ok(legacy(first, body)),
        None => Ok(empty(Codec::None)),
    }
}

fn empty(codec: Codec) -> View {
    View { codec, role: Role::Other, track: 0, composition: 0, start: 0, end: 0 }
}

/// ```text
/// frame type (4 bits) | codec (4 bits), for AVC, HEVC and AV1: packet type, i24 composition time
/// ```
fn legacy(first: u8, body: &[u8]) -> View {
    let (frame_type, number) = (first >> 4, first & 0x0f);
    let codec = match number {
        2 => Codec::H263,
        7 => Codec::H264,
        12 => Codec::Hevc,
        13 => Codec::Av1,
        other => Codec::Other(u32::from(other)),
    };
    let coded = if matches!(frame_type, 1 | 4) { Role::Key } else { Role::Inter };
    let has_packet_type = matches!(codec, Codec::H264 | Codec::Hevc | Codec::Av1);
    let start = if has_packet_type { 5 } else { 1 };
    if frame_type == FRAME_COMMAND || body.len() <= start {
        return empty(codec);
    }
    let mut view = View { codec, role: coded, track: 0, composition: 0, start, end: body.len() };
    if has_packet_type {
        view.role = match body.get(1) {
            Some(0) => Role::Config,
            Some(1) => coded,
            _ => Role::Other,
        };
        if view.role == coded {
            view.composition = i24(body, 2);
        }
    }
    view
}

fn enhanced(first: u8, body: &[u8]) -> Result<View, Error> {
    let frame_type = first >> 4 & 0x07;
    let mut reader = Reader::behind_first(VIDEO, body);
    let packet = reader.unwrap_mod_ex(first & 0x0f)?;
    if frame_type == FRAME_COMMAND && packet != METADATA {
        // A command byte stands where the FourCC would.
        return Ok(empty(Codec::None));
    }
    let Header { packet, codec, track, mut start, end } = reader.header(packet, MULTITRACK)?;
    let coded = if matches!(frame_type, 1 | 4) { Role::Key } else { Role::Inter };
    let mut composition = 0;
    let role = match packet {
        SEQUENCE_START | MPEG2TS_START => Role::Config,
        CODED_FRAMES => {
            if matches!(codec, Codec::H264 | Codec::Hevc) {
                composition = i24(body.get(..end).unwrap_or_default(), start);
                start = start.saturating_add(3);
            }
            coded
        }
        CODED_FRAMES_X => coded,
        _ => Role::Other,
    };
    let role = if start < end { role } else { Role::Other };
    Ok(View { codec, role, track, composition, start: start.min(end), end })
}

/// A signed 24-bit number; 0 where there are not three bytes.
fn i24(body: &[u8], at: usize) -> i32 {
    match body.get(at..).and_then(|rest| rest.first_chunk::<3>()) {
        Some(&[high, mid, low]) => i32::from_be_bytes([high, mid, low, 0]) >> 8,
        None => 0,
    }
}

#[cfg(test)]
mod tests;
