//! NAL units: how they lie in frames, and what kinds there are.

use srs_media::Codec;

/// What begins a unit in Annex B (H.264 B.1, H.265 B.1), in the form that may stand everywhere.
pub(crate) const START: [u8; 4] = [0, 0, 0, 1];

/// The units of a frame, empty ones left out.
#[derive(Clone, Debug)]
pub(crate) enum Nals<'a> {
    /// Each behind its length in so many bytes.
    Lengths(&'a [u8], usize),
    /// Each behind a start code.
    AnnexB(&'a [u8]),
}

impl<'a> Nals<'a> {
    /// The units of a frame whose header says this size of lengths. When they do not fit the frame, and it begins as
    /// Annex B does, it is that: some encoders put it in FLV by mistake. Else how far the lengths were right.
    pub(crate) fn of(frame: &'a [u8], size: usize) -> Result<Self, usize> {
        let mut rest = frame;
        while !rest.is_empty() {
            let before = rest.len();
            if length_off(&mut rest, size).is_none() {
                let at = frame.len().saturating_sub(before);
                return if frame.starts_with(&START) { Ok(Self::AnnexB(frame)) } else { Err(at) };
            }
        }
        Ok(Self::Lengths(frame, size))
    }
}

impl<'a> Iterator for Nals<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let nal = match self {
                Self::Lengths(rest, size) => length_off(rest, *size)?,
                Self::AnnexB(rest) => start_off(rest)?,
            };
            if !nal.is_empty() {
                return Some(nal);
            }
        }
    }
}

/// Takes a length and its unit off the front.
fn length_off<'a>(data: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (length, rest) = data.split_at_checked(size)?;
    let length = length.iter().fold(0usize, |sum, &byte| sum << 8 | usize::from(byte));
    let (nal, rest) = rest.split_at_checked(length)?;
    *data = rest;
    Some(nal)
}

/// Takes a start code and its unit off the front, and zeros behind it, which belong to neither (B.1.1).
fn start_off<'a>(data: &mut &'a [u8]) -> Option<&'a [u8]> {
    let code = |data: &[u8]| data.windows(3).position(|window| window == [0, 0, 1]);
    let from = code(data)?.saturating_add(3);
    let behind = data.get(from..)?;
    let (mut nal, rest) = behind.split_at(code(behind).unwrap_or(behind.len()).min(behind.len()));
    *data = rest;
    while let Some((0, shorter)) = nal.split_last() {
        nal = shorter;
    }
    Some(nal)
}

/// What a unit is, as far as the order of an access unit asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Delimiter,
    /// A parameter set, with the bit of its kind.
    Set(u8),
    Slice,
    /// Bytes that keep the bit rate up.
    Filler,
    Other,
}

/// By the header's type: H.264 table 7-1, H.265 table 7-1. Only these two have NAL units here.
pub(crate) fn class(codec: Codec, nal: &[u8]) -> Class {
    let first = nal.first().copied().unwrap_or_default();
    if codec == Codec::Hevc {
        return match first >> 1 & 0x3f {
            0..=31 => Class::Slice,
            32 => Class::Set(1),
            33 => Class::Set(2),
            34 => Class::Set(4),
            35 => Class::Delimiter,
            38 => Class::Filler,
            _ => Class::Other,
        };
    }
    match first & 0x1f {
        1..=5 => Class::Slice,
        7 => Class::Set(1),
        8 => Class::Set(2),
        9 => Class::Delimiter,
        12 => Class::Filler,
        _ => Class::Other,
    }
}

/// The bits of all kinds of parameter set.
pub(crate) fn all_sets(codec: Codec) -> u8 {
    if codec == Codec::Hevc { 7 } else { 3 }
}

/// An access unit delimiter that allows every kind of slice, with its start code.
pub(crate) fn delimiter(codec: Codec) -> &'static [u8] {
    if codec == Codec::Hevc { &[0, 0, 0, 1, 0x46, 0x01, 0x50] } else { &[0, 0, 0, 1, 0x09, 0xf0] }
}
