//! Data bodies: finding `onMetaData` behind what encoders put before it.

use crate::DATA_AMF3;
use bytes::Bytes;
use srs_media::{Codec, Frame, Kind, Role};

const SET_DATA_FRAME: &[u8] = b"@setDataFrame";
const ON_META_DATA: &[u8] = b"onMetaData";
const NUMBER: u8 = 0;
const STRING: u8 = 2;
const LONG_STRING: u8 = 12;
/// Some cameras (Uniview) send two stray numbers before the name; twice that is tolerated.
const MAX_STRAY: usize = 4;

pub(crate) fn demux(kind: u8, time: i64, body: Bytes) -> Frame {
    let (role, start) = locate(kind, &body);
    let wire = if start == 0 { body } else { body.slice(start.min(body.len())..) };
    Frame { kind: Kind::Data, role, codec: Codec::None, track: 0, time, composition: 0, wire }
}

/// The role, and where the part begins that viewers are sent.
fn locate(kind: u8, body: &[u8]) -> (Role, usize) {
    let mut rest = body;
    // The format byte of AMF3 messages; some encoders send it in AMF0 messages as well.
    if let Some(inner) = body.strip_prefix(&[0])
        && (kind == DATA_AMF3 || string(inner).is_some_and(|(name, _)| is_known(name)))
    {
        rest = inner;
    }
    let plain = body.len() - rest.len();
    for _ in 0..MAX_STRAY {
        let Some(after) = number(rest) else { break };
        rest = after;
    }
    if let Some((SET_DATA_FRAME, inner)) = string(rest) {
        rest = inner;
        for _ in 0..MAX_STRAY {
            let Some(after) = number(rest) else { break };
            rest = after;
        }
        let named = body.len() - rest.len();
        return if is_metadata(rest) { (Role::Metadata, named) } else { (Role::Other, named) };
    }
    if is_metadata(rest) { (Role::Metadata, body.len() - rest.len()) } else { (Role::Other, plain) }
}

fn is_known(name: &[u8]) -> bool {
    name == SET_DATA_FRAME || name == ON_META_DATA
}

/// `onMetaData` with something behind it.
fn is_metadata(rest: &[u8]) -> bool {
    matches!(string(rest), Some((ON_META_DATA, value)) if !value.is_empty())
}

fn number(body: &[u8]) -> Option<&[u8]> {
    body.strip_prefix(&[NUMBER])?.get(8..)
}

/// An AMF0 string and what is behind it.
fn string(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&marker, rest) = body.split_first()?;
    let (length, rest) = match marker {
        STRING => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        LONG_STRING => {
            let (length, rest) = rest.split_first_chunk::<4>()?;
            (usize::try_from(u32::from_be_bytes(*length)).ok()?, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests;
