//! AV1 by the AV1 RTP specification, version 1.0: OBUs without their sizes, cut anywhere.

use super::Cutter;

/// Of an OBU's header: there is another byte of it, and there is a size.
const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;
/// Elements of a payload: with no more than three, the last one has no length (section 4.4, W).
const MOST_ELEMENTS: usize = 3;
/// What a payload has left for the beginning of an OBU must be worth its length and the cut.
const WORTH: usize = 16;
/// OBUs of a temporal unit that are looked at: more make no sense, and each costs.
const MOST_OBUS: usize = 1_024;

/// An OBU, its header without a size.
#[derive(Clone, Copy)]
struct Obu<'a> {
    /// One byte, or two.
    header: [u8; 2],
    header_size: usize,
    payload: &'a [u8],
}

/// What a payload holds so far. Its elements lie in it with their lengths, but for the one that was added last.
#[derive(Default)]
struct Open<'a> {
    elements: Vec<[&'a [u8]; 2]>,
    /// Bytes, if all that there are had lengths.
    size: usize,
    continues: bool,
}

/// Cuts a temporal unit. Temporal delimiters, tile lists and padding are left out (section 5).
pub(super) fn cut(unit: &[u8], key: bool, cutter: &mut Cutter<'_, impl FnMut(&[u8], bool)>) {
    let obus = obus(unit);
    let (mut open, mut new) = (Open::default(), key);
    for obu in &obus {
        let mut parts = [obu.header.get(..obu.header_size).unwrap_or_default(), obu.payload];
        let mut begins = true;
        loop {
            let room = cutter.most.saturating_sub(1).saturating_sub(open.size);
            let left = length(&parts);
            let full = open.elements.len() >= MOST_ELEMENTS || left > room && room < WORTH;
            if full && !open.elements.is_empty() {
                open.close(false, std::mem::take(&mut new), cutter);
                open = Open { continues: !begins, ..Open::default() };
                continue;
            }
            let (now, rest) = split(parts, room);
            open.size = open.size.saturating_add(length(&now)).saturating_add(leb128(length(&now)).1);
            open.elements.push(now);
            parts = rest;
            if length(&parts) == 0 {
                break;
            }
            begins = false;
            open.close(true, std::mem::take(&mut new), cutter);
            open = Open { continues: true, ..Open::default() };
        }
    }
    if !open.elements.is_empty() {
        open.close(false, new, cutter);
    }
}

impl Open<'_> {
    /// ```text
    /// Z Y W(2) N reserved(3) | per element but the last: leb128 length, bytes | the last one's bytes
    /// ```
    fn close(&self, goes_on: bool, new: bool, cutter: &mut Cutter<'_, impl FnMut(&[u8], bool)>) {
        let count = u8::try_from(self.elements.len()).unwrap_or(0) & 3;
        let flags = u8::from(self.continues) << 7 | u8::from(goes_on) << 6 | count << 4 | u8::from(new) << 3;
        cutter.begin(&[&[flags]]);
        let Some((last, others)) = self.elements.split_last() else { return };
        for element in others {
            let (bytes, size) = leb128(length(element));
            cutter.add(&[bytes.get(..size).unwrap_or_default()]);
            cutter.add(element);
        }
        cutter.add(last);
    }
}

fn length(parts: &[&[u8]; 2]) -> usize {
    let [header, payload] = parts;
    header.len().saturating_add(payload.len())
}

/// The first `at` bytes of these, and what is behind them.
fn split([header, payload]: [&[u8]; 2], at: usize) -> ([&[u8]; 2], [&[u8]; 2]) {
    let (first, second) = header.split_at(at.min(header.len()));
    let (third, fourth) = payload.split_at(at.saturating_sub(first.len()).min(payload.len()));
    ([first, third], [second, fourth])
}

/// Little endian base 128, and how many of the bytes it is. No OBU here is longer than 35 bits count.
fn leb128(value: usize) -> ([u8; 5], usize) {
    let (mut bytes, mut size, mut rest) = ([0; 5], 0_usize, value);
    for byte in &mut bytes {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        size = size.saturating_add(1);
        *byte = if rest == 0 { low } else { low | 0x80 };
        if rest == 0 {
            break;
        }
    }
    (bytes, size)
}

/// The OBUs that are sent; what is behind damage is not.
fn obus(unit: &[u8]) -> Vec<Obu<'_>> {
    let (mut rest, mut obus) = (unit, Vec::new());
    while !rest.is_empty() && obus.len() < MOST_OBUS {
        let Some((kind, obu)) = obu_off(&mut rest) else { break };
        // Temporal delimiter, tile list, padding.
        if !matches!(kind, 2 | 8 | 15) {
            obus.push(obu);
        }
    }
    obus
}

/// Takes an OBU off the front, with its type (AV1 section 5.3).
fn obu_off<'a>(data: &mut &'a [u8]) -> Option<(u8, Obu<'a>)> {
    let (&first, mut rest) = data.split_first()?;
    let (mut header, mut header_size) = ([first & !HAS_SIZE, 0], 1);
    if first & HAS_EXTENSION != 0 {
        let (&extension, behind) = rest.split_first()?;
        (header, header_size, rest) = ([first & !HAS_SIZE, extension], 2, behind);
    }
    let size = if first & HAS_SIZE == 0 { rest.len() } else { leb128_off(&mut rest)? };
    let (payload, behind) = rest.split_at_checked(size)?;
    *data = behind;
    Some((first >> 3 & 0x0f, Obu { header, header_size, payload }))
}

fn leb128_off(data: &mut &[u8]) -> Option<usize> {
    let mut value = 0_u64;
    for index in 0..8 {
        let (&byte, rest) = data.split_first()?;
        *data = rest;
        value |= u64::from(byte & 0x7f) << (index * 7);
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}
