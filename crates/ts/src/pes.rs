//! PES headers, ISO/IEC 13818-1 2.4.3.6.
//!
//! ```text
//! 00 00 01 | stream id(8) | length of what follows(16, 0: up to the next) | 10 … aligned(1) … | PTS(1) DTS(1) … |
//! header bytes(8) | PTS(40) | DTS(40)
//! time  0010, with a DTS behind it 0011, the DTS itself 0001 | bits 32-30 | 1 | bits 29-15 | 1 | bits 14-0 | 1
//! ```

use crate::{Error, TIME_MASK, Times};
use bytes::{BufMut, BytesMut};

/// Of the picture; the sixteen from here are video.
pub(crate) const VIDEO_ID: u8 = 0xe0;
/// Of the sound; the thirty-two from here are MPEG audio, AAC among it.
pub(crate) const AUDIO_ID: u8 = 0xc0;
/// Of sound in a private format.
pub(crate) const PRIVATE_ID: u8 = 0xbd;

/// A header as read or to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub id: u8,
    pub times: Option<Times>,
    /// Bytes of payload; `None` where the header leaves that open, as only video may.
    pub payload: Option<usize>,
}

impl Head {
    /// For a unit of `payload` bytes; open where 16 bits do not hold the length.
    pub(crate) fn new(id: u8, times: Times, payload: usize) -> Self {
        let times = Times { pts: times.pts & TIME_MASK, dts: times.dts & TIME_MASK };
        let head = Self { id, times: Some(times), payload: None };
        Self { payload: head.length(payload).map(|_| payload), ..head }
    }

    /// Bytes of the header.
    pub(crate) fn size(self) -> usize {
        match self.times {
            None => 9,
            Some(times) if times.pts == times.dts => 14,
            Some(_) => 19,
        }
    }

    /// What the length field says for so much payload.
    fn length(self, payload: usize) -> Option<u16> {
        u16::try_from(self.size().saturating_sub(6).saturating_add(payload)).ok()
    }

    pub(crate) fn put(self, out: &mut BytesMut) {
        let length = self.payload.and_then(|payload| self.length(payload)).unwrap_or(0);
        out.put_slice(&[0, 0, 1, self.id]);
        out.put_u16(length);
        match self.times {
            None => out.put_slice(&[0x84, 0x00, 0]),
            Some(times) if times.pts == times.dts => {
                out.put_slice(&[0x84, 0x80, 5]);
                put_time(2, times.pts, out);
            }
            Some(times) => {
                out.put_slice(&[0x84, 0xc0, 10]);
                put_time(3, times.pts, out);
                put_time(1, times.dts, out);
            }
        }
    }
}

fn put_time(mark: u64, time: u64, out: &mut BytesMut) {
    let (high, middle, low) = (time >> 30 & 0x7, time >> 15 & 0x7fff, time & 0x7fff);
    out.put_uint(mark << 36 | high << 33 | 1 << 32 | middle << 17 | 1 << 16 | low << 1 | 1, 5);
}

/// Reads the header in front of `bytes`: it and what is behind.
pub(crate) fn parse(bytes: &[u8]) -> Result<(Head, &[u8]), Error> {
    let (&[0, 0, 1, id], rest) = bytes.split_first_chunk::<4>().ok_or(Error::StartCode)? else {
        return Err(Error::StartCode);
    };
    let (&[l1, l2, mark, flags, size], rest) = rest.split_first_chunk::<5>().ok_or(Error::PesHeader)?;
    let (optional, rest) = rest.split_at_checked(usize::from(size)).ok_or(Error::PesHeader)?;
    if mark & 0xc0 != 0x80 {
        return Err(Error::PesHeader);
    }
    let times = times(flags >> 6, optional)?;
    let payload = match usize::from(u16::from_be_bytes([l1, l2])) {
        0 => None,
        length => {
            let header = usize::from(size).saturating_add(3);
            Some(length.checked_sub(header).ok_or(Error::PesHeader)?)
        }
    };
    Ok((Head { id, times, payload }, rest))
}

fn times(flags: u8, optional: &[u8]) -> Result<Option<Times>, Error> {
    match flags {
        0 => Ok(None),
        2 => {
            let (pts, _) = time(2, optional)?;
            Ok(Some(Times { pts, dts: pts }))
        }
        3 => {
            let (pts, rest) = time(3, optional)?;
            let (dts, _) = time(1, rest)?;
            Ok(Some(Times { pts, dts }))
        }
        _ => Err(Error::PesHeader),
    }
}

/// Takes a time off the front.
fn time(mark: u64, bytes: &[u8]) -> Result<(u64, &[u8]), Error> {
    const ONES: u64 = 1 << 32 | 1 << 16 | 1;
    let (&[a, b, c, d, e], rest) = bytes.split_first_chunk::<5>().ok_or(Error::PesHeader)?;
    let value = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
    if value >> 36 != mark || value & ONES != ONES {
        return Err(Error::PesHeader);
    }
    Ok(((value >> 33 & 0x7) << 30 | (value >> 17 & 0x7fff) << 15 | value >> 1 & 0x7fff, rest))
}

#[cfg(test)]
mod tests;
