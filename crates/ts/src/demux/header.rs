//! Headers of packets, read with what encoders get wrong.

use crate::PACKET;
use crate::packet::{Marks, Packet, pid};

/// What a packet is.
pub(super) enum Read<'a> {
    Packet(Packet<'a>),
    /// Marked as such, or of a form that does not exist.
    Damaged,
    Scrambled,
}

/// Reads a packet whose sync byte was found. Of the adaptation field the flags alone are needed; what stuffing is made of
/// does not matter.
pub(super) fn read(packet: &[u8; PACKET]) -> Read<'_> {
    let Some((&[_, high, _, last], rest)) = packet.split_first_chunk::<4>() else { return Read::Damaged };
    if high & 0x80 != 0 {
        return Read::Damaged;
    }
    if last & 0xc0 != 0 {
        return Read::Scrambled;
    }
    let mut marks = Marks::default();
    let mut behind = rest;
    if last & 0x20 != 0 {
        let Some((field, more)) = adaptation(rest) else { return Read::Damaged };
        behind = more;
        if let Some(flags) = field.first() {
            (marks.discontinuity, marks.random_access) = (flags & 0x80 != 0, flags & 0x40 != 0);
        }
    }
    // Without payload the counter means nothing, so an empty one is as good as none.
    let payload = (last & 0x10 != 0 && !behind.is_empty()).then_some(behind);
    if last & 0x30 == 0 {
        return Read::Damaged;
    }
    Read::Packet(Packet { pid: pid(packet), start: high & 0x40 != 0, counter: last & 0x0f, marks, payload })
}

/// The adaptation field and what is behind it.
fn adaptation(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = rest.split_first()?;
    rest.split_at_checked(usize::from(length))
}

/// What the header of a PES says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pes {
    /// Where the payload begins.
    pub start: usize,
    /// Bytes of payload, where that is said.
    pub payload: Option<usize>,
    pub pts: Option<u64>,
    pub dts: Option<u64>,
}

/// What the beginning of a PES is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// The header is not all there.
    More,
    Pes(Pes),
    /// Padding, and others that carry no stream.
    Nothing,
    Scrambled,
    Damaged,
}

/// Reads the beginning of a PES. Marker bits are not looked at: some encoders forget them.
pub(super) fn pes(bytes: &[u8]) -> Begin {
    let Some(&[z1, z2, one, id, l1, l2, mark, flags, size]) = bytes.first_chunk::<9>() else {
        return Begin::More;
    };
    if (z1, z2, one) != (0, 0, 1) {
        return Begin::Damaged;
    }
    // ISO/IEC 13818-1 2.4.3.6: these have no more header than the length.
    if matches!(id, 0xbc | 0xbe | 0xbf | 0xf0 | 0xf1 | 0xf2 | 0xf8 | 0xff) {
        return Begin::Nothing;
    }
    if mark & 0xc0 != 0x80 {
        return Begin::Damaged;
    }
    if mark & 0x30 != 0 {
        return Begin::Scrambled;
    }
    let start = usize::from(size).saturating_add(9);
    let Some(optional) = bytes.get(9..start) else { return Begin::More };
    let payload = match usize::from(u16::from_be_bytes([l1, l2])) {
        0 => None,
        length => match length.saturating_add(6).checked_sub(start) {
            Some(payload) => Some(payload),
            None => return Begin::Damaged,
        },
    };
    let (first, second) = optional.split_at_checked(5).unwrap_or((&[], &[]));
    let pts = if flags & 0x80 == 0 { None } else { time(first) };
    let dts = if flags & 0xc0 == 0xc0 { time(second) } else { None };
    Begin::Pes(Pes { start, payload, pts, dts })
}

fn time(bytes: &[u8]) -> Option<u64> {
    let &[a, b, c, d, e] = bytes.first_chunk::<5>()?;
    let value = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
    Some((value >> 33 & 0x7) << 30 | (value >> 17 & 0x7fff) << 15 | value >> 1 & 0x7fff)
}

#[cfg(test)]
mod tests;
