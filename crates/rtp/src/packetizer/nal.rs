//! H.264 by RFC 6184 and H.265 by RFC 7798, which differ in the length of headers and in numbers: small NAL units together in
//! a payload, long ones cut, others as they are.

use super::{Cutter, pieces};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Non-interleaved mode: single, STAP-A, FU-A.
    H264,
    /// Without DONL: single, AP, FU.
    H265,
}

/// What is before a NAL unit in a payload of several.
const LENGTH: usize = 2;

impl Form {
    /// Bytes of a NAL unit's header.
    fn header(self) -> usize {
        match self {
            Self::H264 => 1,
            Self::H265 => 2,
        }
    }

    fn kind(self, nal: &[u8]) -> u8 {
        let first = nal.first().copied().unwrap_or_default();
        match self {
            Self::H264 => first & 0x1f,
            Self::H265 => first >> 1 & 0x3f,
        }
    }

    /// Is it sent? Delimiters and filler say nothing here, and numbers that payloads have for themselves are no NAL units.
    fn carries(self, nal: &[u8], sei: bool) -> bool {
        if nal.len() <= self.header() {
            // The ends of sequence and stream have no more than a header.
            return matches!(
                (self, self.kind(nal), nal.len()),
                (Self::H264, 10 | 11, 1) | (Self::H265, 36 | 37, 2)
            );
        }
        match (self, self.kind(nal)) {
            (Self::H264, 6) | (Self::H265, 39 | 40) => sei,
            (Self::H264, 0 | 9 | 12 | 24..) | (Self::H265, 35 | 38 | 48..) => false,
            _ => true,
        }
    }

    /// The header of a payload of several: its importance is that of the most important one, its layer and its place in
    /// time are those of the lowest.
    fn together(self, nals: &[&[u8]]) -> ([u8; 2], usize) {
        let firsts = nals.iter().filter_map(|nal| nal.first().copied());
        let forbidden = firsts.clone().fold(0, |bit, first| bit | first & 0x80);
        match self {
            Self::H264 => ([forbidden | firsts.map(|first| first & 0x60).max().unwrap_or(0) | 24, 0], 1),
            Self::H265 => {
                let headers = nals
                    .iter()
                    .filter_map(|nal| nal.first_chunk::<2>())
                    .map(|header| u16::from_be_bytes(*header));
                let layer = headers.clone().map(|header| header >> 3 & 0x3f).min().unwrap_or(0);
                let time = headers.map(|header| header & 7).min().unwrap_or(1);
                let [high, low] = (48 << 9 | layer << 3 | time).to_be_bytes();
                ([forbidden | high, low], 2)
            }
        }
    }

    /// The headers of a piece.
    fn piece(self, nal: &[u8], first: bool, last: bool) -> ([u8; 3], usize) {
        let bounds = if first { 0x80 } else { 0 } | if last { 0x40 } else { 0 };
        match (self, nal) {
            (Self::H265, &[high, low, ..]) => ([high & 0x81 | 49 << 1, low, bounds | self.kind(nal)], 3),
            (_, &[header, ..]) => ([header & 0xe0 | 28, bounds | self.kind(nal), 0], 2),
            _ => ([0; 3], 0),
        }
    }
}

/// Cuts an access unit in Annex B.
pub(super) fn cut(form: Form, unit: &[u8], sei: bool, cutter: &mut Cutter<'_, impl FnMut(&[u8], bool)>) {
    let nals: Vec<&[u8]> = Nals { rest: unit }.filter(|nal| form.carries(nal, sei)).collect();
    let mut rest = &nals[..];
    while let Some((&nal, behind)) = rest.split_first() {
        let count = fitting(form, rest, cutter.most);
        if let Some((several, behind)) = rest.split_at_checked(count)
            && count > 1
        {
            let (header, size) = form.together(several);
            cutter.begin(&[header.get(..size).unwrap_or_default()]);
            for nal in several {
                let length = u16::try_from(nal.len()).unwrap_or(u16::MAX);
                cutter.add(&[&length.to_be_bytes(), nal]);
            }
            rest = behind;
            continue;
        }
        rest = behind;
        if nal.len() <= cutter.most {
            cutter.begin(&[nal]);
            continue;
        }
        let (_, headers) = form.piece(nal, true, false);
        let data = nal.get(form.header()..).unwrap_or_default();
        for (piece, first, last) in pieces(data, cutter.most.saturating_sub(headers)) {
            let (header, size) = form.piece(nal, first, last);
            cutter.begin(&[header.get(..size).unwrap_or_default(), piece]);
        }
    }
}

/// How many of these, from the first on, have room in one payload.
fn fitting(form: Form, nals: &[&[u8]], most: usize) -> usize {
    let mut size = form.header();
    let fits = |nal: &&&[u8]| {
        size = size.saturating_add(LENGTH).saturating_add(nal.len());
        size <= most && u16::try_from(nal.len()).is_ok()
    };
    nals.iter().take_while(fits).count()
}

/// The units of Annex B (H.264 B.1, H.265 B.1), without the zeros behind them.
struct Nals<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Nals<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let behind = self.rest.get(start(self.rest)?.saturating_add(3)..)?;
        let (mut nal, rest) = behind.split_at(start(behind).unwrap_or(behind.len()).min(behind.len()));
        self.rest = rest;
        while let Some((0, shorter)) = nal.split_last() {
            nal = shorter;
        }
        Some(nal)
    }
}

/// Where the next start code is. It looks at every third byte alone, as long as that cannot be part of one.
pub(super) fn start(data: &[u8]) -> Option<usize> {
    let mut at = 2_usize;
    loop {
        match data.get(at)? {
            0 => at = at.saturating_add(1),
            1 => {
                let from = at.saturating_sub(2);
                if data.get(from..at) == Some(&[0, 0]) {
                    return Some(from);
                }
                at = at.saturating_add(3);
            }
            _ => at = at.saturating_add(3),
        }
    }
}
