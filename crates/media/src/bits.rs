//! A bit reader over codec headers, which ends in `None` instead of reading past the end.

use std::borrow::Cow;

/// Headers hold no more than some hundred bytes; longer ones are looked at up to here.
const MAX_HEADER: usize = 4096;

/// Reads bits, most significant first.
#[derive(Clone)]
pub(crate) struct Bits<'a> {
    data: Cow<'a, [u8]>,
    /// In bits.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data: Cow::Borrowed(data), at: 0 }
    }

    /// Over a NAL unit's payload: the `03` of each `00 00 03` is left out (H.264 7.4.1, H.265 7.4.2).
    pub(crate) fn of_nal(nal: &'a [u8]) -> Self {
        let mut out = Vec::with_capacity(nal.len().min(MAX_HEADER));
        let mut zeros = 0;
        for &byte in nal.iter().take(MAX_HEADER) {
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            out.push(byte);
        }
        Self { data: Cow::Owned(out), at: 0 }
    }

    pub(crate) fn bit(&mut self) -> Option<bool> {
        let byte = *self.data.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// Up to 32 bits.
    pub(crate) fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0u32;
        for _ in 0..count.min(32) {
            value = value << 1 | u32::from(self.bit()?);
        }
        Some(value)
    }

    pub(crate) fn skip(&mut self, count: usize) -> Option<()> {
        let at = self.at.checked_add(count)?;
        (at <= self.data.len().saturating_mul(8)).then(|| self.at = at)
    }

    /// Exp-Golomb, unsigned (`ue(v)`); `None` beyond 32 bits, which no valid header needs.
    pub(crate) fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.take(zeros)?;
        Some((1u32 << zeros) - 1 + rest)
    }

    /// Exp-Golomb, signed (`se(v)`).
    pub(crate) fn se(&mut self) -> Option<i32> {
        let code = i64::from(self.ue()?);
        let half = (code + 1) / 2;
        i32::try_from(if code % 2 == 1 { half } else { -half }).ok()
    }
}

/// Takes a big-endian u16 off the front.
pub(crate) fn u16_off<'a>(data: &mut &'a [u8]) -> Option<u16> {
    let (head, rest): (&'a [u8; 2], _) = data.split_first_chunk()?;
    *data = rest;
    Some(u16::from_be_bytes(*head))
}

/// Takes `count` bytes off the front.
pub(crate) fn bytes_off<'a>(data: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, rest) = data.split_at_checked(count)?;
    *data = rest;
    Some(head)
}

#[cfg(test)]
mod tests;
