//! The packet layer, ISO/IEC 13818-1 2.4.3.2 to 2.4.3.5.
//!
//! ```text
//! 0x47 | error(1) start(1) priority(1) PID(13) | scrambling(2) adaptation(1) payload(1) counter(4)
//! adaptation field  length(8) | discontinuity(1) random access(1) … PCR(1) … | PCR(48) | 0xff …
//! PCR               base(33, 90 kHz) 111111 extension(9, 27 MHz)
//! ```

use crate::{Error, PACKET, TIME_MASK};
use bytes::{BufMut, BytesMut};

/// Bytes behind the header.
pub(crate) const BODY: usize = PACKET - 4;
pub(crate) const PAT_PID: u16 = 0;
/// PIDs up to here are tables that the standards name.
pub(crate) const LAST_RESERVED_PID: u16 = 0x1f;
pub(crate) const NULL_PID: u16 = 0x1fff;

const SYNC: u8 = 0x47;
const STUFFING: [u8; BODY] = [0xff; BODY];

/// What the adaptation field of a packet says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub discontinuity: bool,
    pub random_access: bool,
    /// 27 MHz ticks.
    pub pcr: Option<u64>,
}

impl Marks {
    /// Bytes of the adaptation field without stuffing.
    pub(crate) fn size(self) -> usize {
        match self.pcr {
            Some(_) => 8,
            None if self.discontinuity || self.random_access => 2,
            None => 0,
        }
    }
}

/// Numbers the packets of a PID that carry payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counter(u8);

impl Counter {
    fn next(&mut self) -> u8 {
        let now = self.0;
        self.0 = now.wrapping_add(1) & 0x0f;
        now
    }
}

/// Writes all of a packet that stands before its last `payload` bytes: the caller appends these. There must be room for
/// them beside `marks`.
pub(crate) fn open(
    pid: u16,
    start: bool,
    counter: &mut Counter,
    marks: Marks,
    payload: usize,
    out: &mut BytesMut,
) {
    let free = BODY.saturating_sub(payload);
    let [high, low] = (pid & 0x1fff).to_be_bytes();
    let (start, adaptation) = (if start { 0x40 } else { 0 }, if free > 0 { 0x30 } else { 0x10 });
    out.put_slice(&[SYNC, start | high, low, adaptation | counter.next()]);
    let Some(length) = free.checked_sub(1) else { return };
    // At most 183.
    out.put_u8(u8::try_from(length).unwrap_or(u8::MAX));
    if length == 0 {
        return;
    }
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    out.put_u8(
        flag(marks.discontinuity, 0x80) | flag(marks.random_access, 0x40) | flag(marks.pcr.is_some(), 0x10),
    );
    let mut used: usize = 2;
    if let Some(pcr) = marks.pcr {
        let (base, extension) = ((pcr / 300) & TIME_MASK, pcr % 300);
        out.put_uint(base << 15 | 0x3f << 9 | extension, 6);
        used = 8;
    }
    out.put_slice(STUFFING.get(used..free).unwrap_or_default());
}

/// Fills the packet that began at `start` up with `0xff`, which is how tables are stuffed.
pub(crate) fn stuff(start: usize, out: &mut BytesMut) {
    let used = out.len().saturating_sub(start);
    out.put_bytes(0xff, PACKET.saturating_sub(used));
}

/// A packet taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub pid: u16,
    pub start: bool,
    pub counter: u8,
    pub marks: Marks,
    /// `None` for packets of an adaptation field alone.
    pub payload: Option<&'a [u8]>,
}

/// The PID that a packet says, whatever the rest of it is.
pub(crate) fn pid(packet: &[u8]) -> u16 {
    match packet.get(1..).and_then(|rest| rest.first_chunk::<2>()) {
        Some(&bytes) => u16::from_be_bytes(bytes) & 0x1fff,
        None => NULL_PID,
    }
}

pub(crate) fn parse(packet: &[u8]) -> Result<Packet<'_>, Error> {
    let packet: &[u8; PACKET] = packet.try_into().map_err(|_| Error::Length(packet.len()))?;
    let Some((&[sync, high, _, last], mut rest)) = packet.split_first_chunk::<4>() else {
        return Err(Error::Length(packet.len()));
    };
    if sync != SYNC {
        return Err(Error::Sync(sync));
    }
    if high & 0x80 != 0 {
        return Err(Error::Marked);
    }
    if last & 0xc0 != 0 {
        return Err(Error::Scrambled);
    }
    let has_payload = last & 0x10 != 0;
    let mut marks = Marks::default();
    match (last & 0x20 != 0, has_payload) {
        (true, _) => (marks, rest) = adaptation(rest)?,
        (false, true) => {}
        (false, false) => return Err(Error::Adaptation),
    }
    if has_payload == rest.is_empty() {
        return Err(Error::Adaptation);
    }
    Ok(Packet {
        pid: pid(packet),
        start: high & 0x40 != 0,
        counter: last & 0x0f,
        marks,
        payload: has_payload.then_some(rest),
    })
}

/// Takes the adaptation field off the front.
fn adaptation(rest: &[u8]) -> Result<(Marks, &[u8]), Error> {
    let (&length, rest) = rest.split_first().ok_or(Error::Adaptation)?;
    let (field, rest) = rest.split_at_checked(usize::from(length)).ok_or(Error::Adaptation)?;
    let Some((&flags, mut field)) = field.split_first() else { return Ok((Marks::default(), rest)) };
    let mut pcr = None;
    if flags & 0x10 != 0 {
        let (&[a, b, c, d, e, f], behind) = field.split_first_chunk::<6>().ok_or(Error::Adaptation)?;
        let value = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        pcr = Some((value >> 15).saturating_mul(300).saturating_add(value & 0x1ff));
        field = behind;
    }
    // The other optional fields (0x0f) are not read, so where they are stuffing cannot be told from them.
    if flags & 0x0f == 0 && field.iter().any(|&byte| byte != 0xff) {
        return Err(Error::Adaptation);
    }
    Ok((Marks { discontinuity: flags & 0x80 != 0, random_access: flags & 0x40 != 0, pcr }, rest))
}

#[cfg(test)]
mod tests;
