//! The one glance at bodies that a relay needs to replay the right messages to a late joiner.
//!
//! Legacy FLV headers and those of Enhanced RTMP v2 (FourCC, ModEx prefixes, multitrack). At most some sixteen bytes of
//! audio and video are read, a few dozen of data. What the codec bytes mean is for `flv`.

use crate::MessageKind;

/// What a message or tag is to someone who replays it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peek {
    /// `onMetaData`, with or without `@setDataFrame`.
    Metadata,
    /// A video codec header (sequence start).
    VideoConfig,
    /// An audio codec header.
    AudioConfig,
    /// A video frame from which decoding can start.
    VideoKey,
    /// Any other video frame.
    VideoInter,
    /// An audio frame.
    Audio,
    /// All else: ends of sequence, command frames, colour metadata, unknown data.
    Other,
}

/// How many ModEx prefixes are stepped over; senders use one, for the nanosecond offset.
const MAX_MODEX: usize = 4;

/// Looks at a body of this message type or FLV tag type.
pub fn peek(kind: u8, body: &[u8]) -> Peek {
    match MessageKind(kind) {
        MessageKind::AUDIO => audio(body),
        MessageKind::VIDEO => video(body),
        MessageKind::DATA_AMF0 => data(body),
        MessageKind::DATA_AMF3 => data(body.strip_prefix(&[0]).unwrap_or(body)),
        _ => Peek::Other,
    }
}

fn video(body: &[u8]) -> Peek {
    let Some((&first, rest)) = body.split_first() else { return Peek::Other };
    let (frame, low) = ((first >> 4) & 0x07, first & 0x0f);
    let picture = match frame {
        // Sent by the encoder, or made by a server.
        1 | 4 => Peek::VideoKey,
        // A command to the player, without a picture.
        5 => return Peek::Other,
        _ => Peek::VideoInter,
    };
    if first & 0x80 != 0 {
        return match enhanced(low, 6, rest) {
            Some(0 | 5) => Peek::VideoConfig,
            Some(1 | 3) => picture,
            _ => Peek::Other,
        };
    }
    match low {
        // AVC, and the ids that non-standard encoders use for HEVC (12) and AV1 (13): a packet type follows.
        7 | 12 | 13 => match rest.first() {
            Some(0) => Peek::VideoConfig,
            Some(1) => picture,
            _ => Peek::Other,
        },
        _ => picture,
    }
}

fn audio(body: &[u8]) -> Peek {
    let Some((&first, rest)) = body.split_first() else { return Peek::Other };
    match first >> 4 {
        9 => match enhanced(first & 0x0f, 5, rest) {
            Some(0 | 4) => Peek::AudioConfig,
            Some(1) => Peek::Audio,
            _ => Peek::Other,
        },
        10 => match rest.first() {
            Some(0) => Peek::AudioConfig,
            Some(_) => Peek::Audio,
            None => Peek::Other,
        },
        _ => Peek::Audio,
    }
}

/// The packet type behind ModEx prefixes (type 7) and the multitrack type. In a multitrack message all tracks share it.
fn enhanced(mut packet: u8, multitrack: u8, mut rest: &[u8]) -> Option<u8> {
    for _ in 0..MAX_MODEX {
        if packet != 7 {
            break;
        }
        let (&short, after) = rest.split_first()?;
        let (size, after) = match short {
            255 => {
                let (wide, after) = after.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*wide)), after)
            }
            short => (usize::from(short), after),
        };
        // The size is written less one.
        let (&next, after) = after.get(size.checked_add(1)?..)?.split_first()?;
        packet = next & 0x0f;
        rest = after;
    }
    if packet == multitrack {
        packet = rest.first()? & 0x0f;
    }
    Some(packet)
}

fn data(body: &[u8]) -> Peek {
    // Some encoders put stray values before the handler's name.
    let mut rest = body;
    for _ in 0..3 {
        rest = match rest {
            [0x05 | 0x06, after @ ..]
            | [0x01, _, after @ ..]
            | [0x00, _, _, _, _, _, _, _, _, after @ ..] => after,
            _ => break,
        };
    }
    let rest = rest.strip_prefix(b"\x02\x00\x0d@setDataFrame").unwrap_or(rest);
    if rest.starts_with(b"\x02\x00\x0aonMetaData") { Peek::Metadata } else { Peek::Other }
}

#[cfg(test)]
mod tests;
