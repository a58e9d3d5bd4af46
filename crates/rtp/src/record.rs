//! Packets of one frame as one run of bytes: what a rendition writes for each frame, and what those who send to viewers read
//! back without copying.
//!
//! ```text
//! mark (1) | codec (1) | flags (1): 1 = key | 0 | bytes of packets (u32) | stream time, ms (i64) | RTP time (u32)
//! per packet: marker (1 bit) and length (15 bits) | payload
//! ```

use bytes::{BufMut, BytesMut};
use srs_rtc::Codec;

/// What begins a record, so that a reader that was given something else says so.
const MARK: u8 = 0xb7;
/// Bytes before the packets.
const HEAD: usize = 20;
/// Where the bytes of packets are counted.
const COUNT_AT: usize = 4;
const MARKER: u16 = 0x8000;
/// What 15 bits count: a payload is far smaller.
const LONGEST: usize = 0x7fff;

/// What is known of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How it is encoded.
    pub codec: Codec,
    /// Decoding can begin here. True of all sound.
    pub key: bool,
    /// When it is shown or heard, in milliseconds of the stream's time.
    pub time: i64,
    /// RTP time of its packets.
    pub rtp: u32,
}

/// A packet of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// RTP's marker bit.
    pub marker: bool,
    /// What follows the RTP header.
    pub payload: &'a [u8],
}

/// Appends a frame's record, packet after packet.
///
/// A record that is dropped before [`Writer::finish`] was never begun: nothing of it stays.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut BytesMut,
    /// Where the record begins.
    start: usize,
    finished: bool,
}

impl<'a> Writer<'a> {
    /// Begins the record of a frame behind what there is already.
    pub fn new(out: &'a mut BytesMut, head: &Head) -> Self {
        let start = out.len();
        out.reserve(HEAD);
        out.put_slice(&[MARK, number(head.codec), u8::from(head.key), 0]);
        out.put_u32(0);
        out.put_i64(head.time);
        out.put_u32(head.rtp);
        Self { out, start, finished: false }
    }

    /// Appends a packet. One of more than 32,767 bytes, which no datagram holds, is left out.
    pub fn packet(&mut self, payload: &[u8], marker: bool) {
        let Ok(length) = u16::try_from(payload.len()) else { return };
        if payload.len() > LONGEST {
            return;
        }
        self.out.put_u16(if marker { length | MARKER } else { length });
        self.out.put_slice(payload);
    }

    /// The record is whole. False for one without packets, of which nothing stays.
    pub fn finish(mut self) -> bool {
        let size = self.out.len().saturating_sub(self.start).saturating_sub(HEAD);
        let count = u32::try_from(size).ok().filter(|&size| size > 0);
        let place =
            self.start.checked_add(COUNT_AT).and_then(|at| self.out.get_mut(at..)?.first_chunk_mut::<4>());
        if let (Some(count), Some(place)) = (count, place) {
            *place = count.to_be_bytes();
            self.finished = true;
        }
        self.finished
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.out.truncate(self.start);
        }
    }
}

/// A frame's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What is known of the frame.
    pub head: Head,
    packets: &'a [u8],
}

impl<'a> Record<'a> {
    /// Its packets, in order.
    pub fn packets(&self) -> Packets<'a> {
        Packets { rest: self.packets }
    }
}

/// The packets of a record.
#[derive(Debug, Clone)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let (first, rest) = self.rest.split_first_chunk::<2>()?;
        let first = u16::from_be_bytes(*first);
        let (payload, rest) = rest.split_at_checked(usize::from(first & !MARKER))?;
        self.rest = rest;
        Some(Packet { marker: first & MARKER != 0, payload })
    }
}

/// Takes the next record off the front of a run; none at its end, and where what follows is no whole record.
pub fn next<'a>(run: &mut &'a [u8]) -> Option<Record<'a>> {
    let (head, rest) = run.split_first_chunk::<HEAD>()?;
    let [MARK, codec, flags @ 0..=1, 0, size @ .., _, _, _, _, _, _, _, _, _, _, _, _] = head else {
        return None;
    };
    let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
    let (packets, rest) = rest.split_at_checked(size)?;
    let [.., rtp_a, rtp_b, rtp_c, rtp_d] = *head;
    let time = head.get(8..)?.first_chunk::<8>()?;
    let head = Head {
        codec: codec_of(*codec)?,
        key: *flags == 1,
        time: i64::from_be_bytes(*time),
        rtp: u32::from_be_bytes([rtp_a, rtp_b, rtp_c, rtp_d]),
    };
    *run = rest;
    Some(Record { head, packets })
}

fn number(codec: Codec) -> u8 {
    match codec {
        Codec::H264 => 0,
        Codec::H265 => 1,
        Codec::Av1 => 2,
        Codec::Vp8 => 3,
        Codec::Vp9 => 4,
        Codec::Opus => 5,
    }
}

fn codec_of(number: u8) -> Option<Codec> {
    Some(match number {
        0 => Codec::H264,
        1 => Codec::H265,
        2 => Codec::Av1,
        3 => Codec::Vp8,
        4 => Codec::Vp9,
        5 => Codec::Opus,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
