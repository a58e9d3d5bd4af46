//! Opus: its identification header (RFC 7845 5.1), how long a packet plays (RFC 6716 3.1), and how transport streams carry
//! packets (the draft "Encapsulation of the Opus codec in an MPEG-2 transport stream" of opus-codec.org, as ffmpeg has it).

/// Hz; whatever the source was, Opus plays at this rate.
pub const RATE: u32 = 48_000;

/// For 1 to 8 channels in the order of Vorbis (RFC 7845 5.1.1.2): streams, coupled streams, and which channel is where.
const LAYOUTS: [(u8, u8, &[u8]); 8] = [
    (1, 0, &[0]),
    (1, 1, &[0, 1]),
    (2, 1, &[0, 2, 1]),
    (2, 2, &[0, 1, 2, 3]),
    (3, 2, &[0, 4, 1, 2, 3]),
    (4, 2, &[0, 4, 1, 2, 3, 5]),
    (4, 3, &[0, 4, 1, 2, 3, 5, 6]),
    (5, 3, &[0, 6, 1, 2, 3, 4, 5, 7]),
];

/// The identification header for 1 to 8 channels; `None` for other numbers.
pub fn head(channels: u8) -> Option<Vec<u8>> {
    let &(streams, coupled, map) = LAYOUTS.get(usize::from(channels).checked_sub(1)?)?;
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels);
    head.extend(0u16.to_le_bytes()); // samples to skip: live streams have no beginning
    head.extend(RATE.to_le_bytes());
    head.extend(0u16.to_le_bytes()); // gain
    if channels <= 2 {
        head.push(0);
    } else {
        head.extend([1, streams, coupled]);
        head.extend(map);
    }
    Some(head)
}

/// Samples at 48 kHz that a packet plays; `None` for an empty one, and for more than the 120 ms that one may have.
pub fn samples(packet: &[u8]) -> Option<u32> {
    let &first = packet.first()?;
    let frame = match first >> 3 {
        config @ 0..=11 => match config & 3 {
            0 => 480,
            1 => 960,
            2 => 1_920,
            _ => 2_880,
        },
        config @ 12..=15 => {
            if config & 1 == 0 {
                480
            } else {
                960
            }
        }
        config => 120u32 << (config & 3),
    };
    let count = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    let samples = frame.checked_mul(count)?;
    (1..=5_760).contains(&samples).then_some(samples)
}

/// Appends the control header of a packet of so many bytes, which is how a transport stream has it.
pub fn put_control(length: usize, out: &mut impl Extend<u8>) {
    out.extend([0x7f, 0xe0]);
    out.extend(std::iter::repeat_n(0xff, length / 255));
    out.extend(u8::try_from(length % 255));
}

/// Takes a control header and its packet off the front of what a PES holds; `None` where that is nothing, or damaged. What
/// is to be trimmed is not: it is the beginning and the end of a recording.
pub fn packet_off<'a>(data: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&[first, second], mut rest) = data.split_first_chunk::<2>()?;
    if first != 0x7f || second & 0xe0 != 0xe0 {
        return None;
    }
    let mut length = 0usize;
    loop {
        let (&byte, behind) = rest.split_first()?;
        rest = behind;
        length = length.checked_add(usize::from(byte))?;
        if byte != 0xff {
            break;
        }
    }
    for trim in [0x10, 0x08] {
        rest = rest.get(if second & trim == 0 { 0 } else { 2 }..)?;
    }
    if second & 0x04 != 0 {
        let (&extension, behind) = rest.split_first()?;
        rest = behind.get(usize::from(extension)..)?;
    }
    let (packet, rest) = rest.split_at_checked(length)?;
    *data = rest;
    Some(packet)
}

#[cfg(test)]
mod tests;
