//! Program tables, ISO/IEC 13818-1 2.4.4.
//!
//! ```text
//! section  table id(8) | 1 0 11 length(12) | extension(16) | 11 version(5) current(1) | section(8) | last(8) | body | CRC(32)
//! PAT      (program(16) | 111 PID(13))*
//! PMT      111 PID of PCR(13) | 1111 length(12) descriptors | (type(8) | 111 PID(13) | 1111 length(12) descriptors)*
//! ```

use crate::packet::{NULL_PID, PAT_PID};
use crate::{Error, PMT_PID};
use bytes::{BufMut, BytesMut};

pub(crate) const PAT: u8 = 0;
pub(crate) const PMT: u8 = 2;

/// Descriptors: who registered a private format (ISO/IEC 13818-1 2.6.8), DVB's extension (ETSI EN 300 468 6.2.16), and in it
/// the one of Opus, whose content is the number of channels.
pub(crate) const REGISTRATION: u8 = 0x05;
pub(crate) const EXTENSION: u8 = 0x7f;
pub(crate) const OPUS: u8 = 0x80;

/// The one program here; also the id of the transport stream.
const PROGRAM: u16 = 1;
/// What the length counts of a section beside its body.
const AROUND: usize = 9;

/// Appends pointer field and PAT.
pub(crate) fn put_pat(version: u8, out: &mut BytesMut) {
    let mut body = BytesMut::with_capacity(4);
    body.put_u16(PROGRAM);
    body.put_u16(0xe000 | PMT_PID);
    put_section(PAT, version, &body, out);
}

/// Appends pointer field and PMT with these streams.
pub(crate) fn put_pmt(version: u8, pcr: Option<u16>, streams: &[Stream<'_>], out: &mut BytesMut) {
    let mut body = BytesMut::with_capacity(32);
    body.put_u16(0xe000 | pcr.unwrap_or(NULL_PID));
    body.put_u16(0xf000);
    for stream in streams {
        body.put_u8(stream.kind);
        body.put_u16(0xe000 | stream.pid);
        // Some ten bytes.
        body.put_u16(0xf000 | u16::try_from(stream.descriptors.len()).unwrap_or(0));
        body.put_slice(stream.descriptors);
    }
    put_section(PMT, version, &body, out);
}

/// The bodies above are far shorter than the 12 bits of the length.
fn put_section(table: u8, version: u8, body: &[u8], out: &mut BytesMut) {
    out.put_u8(0); // pointer field
    let start = out.len();
    let length = u16::try_from(body.len().saturating_add(AROUND)).unwrap_or(0x0fff);
    out.put_u8(table);
    out.put_u16(0xb000 | length & 0x0fff);
    out.put_u16(PROGRAM);
    out.put_slice(&[0xc1 | (version & 0x1f) << 1, 0, 0]);
    out.put_slice(body);
    let crc = crc(out.get(start..).unwrap_or_default());
    out.put_u32(crc);
}

/// The CRC of annex A; 0 over a section with its CRC. Tables are some 30 bytes a few times a minute: no lookup table.
pub(crate) fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            if crc & 0x8000_0000 == 0 { crc << 1 } else { crc << 1 ^ 0x04c1_1db7 }
        })
    })
}

/// One section of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section<'a> {
    pub table: u8,
    /// The transport stream's id in a PAT, the program's number in a PMT.
    pub extension: u16,
    pub version: u8,
    /// In force now, rather than next.
    pub current: bool,
    /// Which of the table's sections this is, and the last one.
    pub number: u8,
    pub last: u8,
    pub body: &'a [u8],
}

/// Reads the section that begins in the payload of a packet whose start bit is set, and ends there.
pub(crate) fn section(payload: &[u8]) -> Result<Section<'_>, Error> {
    let (&pointer, rest) = payload.split_first().ok_or(Error::Table)?;
    let rest = rest.get(usize::from(pointer)..).ok_or(Error::Table)?;
    let &[table, high, low, ..] = rest else { return Err(Error::Table) };
    let length = usize::from(u16::from_be_bytes([high, low]) & 0x0fff);
    let (whole, stuffing) = rest.split_at_checked(length.saturating_add(3)).ok_or(Error::Table)?;
    if stuffing.iter().any(|&byte| byte != 0xff) {
        return Err(Error::Table);
    }
    whole_section(whole, table, high)
}

/// Reads a section that was put together: all of its bytes and no more.
pub(crate) fn whole(section: &[u8]) -> Result<Section<'_>, Error> {
    match section {
        &[table, high, _, ..] => whole_section(section, table, high),
        _ => Err(Error::Table),
    }
}

fn whole_section(whole: &[u8], table: u8, high: u8) -> Result<Section<'_>, Error> {
    if high & 0x80 == 0 || whole.len() < AROUND + 3 {
        return Err(Error::Table);
    }
    let (bytes, &said) = whole.split_last_chunk::<4>().ok_or(Error::Table)?;
    let (said, real) = (u32::from_be_bytes(said), crc(bytes));
    if said != real {
        return Err(Error::Crc { said, real });
    }
    let (&[_, _, _, e1, e2, version, number, last], body) =
        bytes.split_first_chunk::<8>().ok_or(Error::Table)?;
    let extension = u16::from_be_bytes([e1, e2]);
    let (current, version) = (version & 1 != 0, version >> 1 & 0x1f);
    Ok(Section { table, extension, version, current, number, last, body })
}

/// The PIDs of the programs' tables in the body of a PAT.
pub(crate) fn programs(body: &[u8]) -> Result<Vec<u16>, Error> {
    Ok(entries(body)?.into_iter().map(|(_, pid)| pid).collect())
}

/// The programs' numbers and the PIDs of their tables in the body of a PAT.
pub(crate) fn entries(body: &[u8]) -> Result<Vec<(u16, u16)>, Error> {
    let (entries, rest) = body.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(Error::Table);
    }
    let entries = entries.iter().map(|&[p1, p2, high, low]| (u16::from_be_bytes([p1, p2]), pid(high, low)));
    // Program 0 is the network's own table.
    let found: Vec<(u16, u16)> = entries.filter(|&(program, _)| program != 0).collect();
    if found.iter().any(|&(_, pid)| pid == PAT_PID) { Err(Error::Table) } else { Ok(found) }
}

/// What a PMT says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// [`NULL_PID`] where there is none.
    pub pcr: u16,
    /// Stream type and PID.
    pub streams: Vec<(u8, u16)>,
}

pub(crate) fn program(body: &[u8]) -> Result<Program, Error> {
    let &[p1, p2, _, _] = body.first_chunk::<4>().ok_or(Error::Table)?;
    let streams = streams(body)?.iter().map(|stream| (stream.kind, stream.pid)).collect();
    Ok(Program { pcr: pid(p1, p2), streams })
}

/// One line of a PMT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stream<'a> {
    /// `stream_type`.
    pub kind: u8,
    pub pid: u16,
    /// One behind the other.
    pub descriptors: &'a [u8],
}

/// The lines of the body of a PMT.
pub(crate) fn streams(body: &[u8]) -> Result<Vec<Stream<'_>>, Error> {
    let (&[_, _, l1, l2], rest) = body.split_first_chunk::<4>().ok_or(Error::Table)?;
    let mut rest = rest.get(length(l1, l2)..).ok_or(Error::Table)?;
    let mut streams = Vec::new();
    while !rest.is_empty() {
        let (&[kind, high, low, l1, l2], behind) = rest.split_first_chunk::<5>().ok_or(Error::Table)?;
        let (descriptors, behind) = behind.split_at_checked(length(l1, l2)).ok_or(Error::Table)?;
        rest = behind;
        streams.push(Stream { kind, pid: pid(high, low), descriptors });
    }
    Ok(streams)
}

/// The descriptors of a line: tag and content. Ends where they are damaged.
pub(crate) fn descriptors(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[tag, length], rest) = bytes.split_first_chunk::<2>()?;
        let (content, rest) = rest.split_at_checked(usize::from(length))?;
        bytes = rest;
        Some((tag, content))
    })
}

fn pid(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low]) & 0x1fff
}

fn length(high: u8, low: u8) -> usize {
    usize::from(u16::from_be_bytes([high, low]) & 0x0fff)
}

#[cfg(test)]
mod tests;
