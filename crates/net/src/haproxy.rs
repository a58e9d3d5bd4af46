//! The PROXY protocol: the few bytes by which a TCP balancer tells whose connection it passes on.
//!
//! [`parse`] reads a header of version 1 (a line of text) or 2 (binary), as HAProxy's `proxy-protocol.txt` gives them.
//! It is strict: a header that two readers might take for different addresses is none. [`Listener`] accepts connections
//! and lets those of trusted addresses begin with one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

mod listener;
mod read;

pub use listener::{Accept, Listener, Trust};
pub use read::Refused;

/// The longest line of version 1, its end included.
pub const MAX_LINE: usize = 107;

/// The longest header that is read at all, in bytes. Balancers send some 30; certificates in TLVs are a few hundred.
pub const MAX_HEADER: usize = 4 << 10;

/// What version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// What version 1 begins with.
const WORD: &[u8; 6] = b"PROXY ";

/// A whole header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whose connection it is. None where the balancer speaks for itself (`LOCAL`), or does not know (`UNKNOWN`): then
    /// the socket's own address counts.
    pub source: Option<SocketAddr>,
    /// Bytes of the header; what is behind them is the client's.
    pub length: usize,
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    /// They begin like neither version.
    #[error("it does not begin with a PROXY header")]
    Start,
    /// A line of version 1 without an end.
    #[error("its PROXY line is longer than {MAX_LINE} bytes")]
    Line,
    /// A line of version 1 with other words than it may have.
    #[error("its PROXY line is malformed")]
    Words,
    /// Version 2 has a version of its own.
    #[error("its PROXY header is of version {0}")]
    Version(u8),
    /// Neither `LOCAL` nor `PROXY`.
    #[error("its PROXY header has the unknown command {0}")]
    Command(u8),
    /// Addresses that no TCP connection has.
    #[error("its PROXY header has addresses of the kind {0:#04x}, which no TCP connection has")]
    Family(u8),
    /// Longer than [`MAX_HEADER`], or too short for its addresses.
    #[error("its PROXY header has the wrong length {0}")]
    Length(usize),
    /// What is behind the addresses does not fill the header.
    #[error("its PROXY header has malformed fields behind the addresses")]
    Fields,
}

/// Reads the header that `bytes` begin with; none while there are too few of them.
///
/// # Errors
/// [`Bad`], as soon as no further byte can make a header of them.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, Bad> {
    if begins(bytes, WORD) {
        parse_line(bytes)
    } else if begins(bytes, SIGNATURE) {
        parse_binary(bytes)
    } else {
        Err(Bad::Start)
    }
}

/// True when `bytes` begin with `word`, or may do so with more of them.
fn begins(bytes: &[u8], word: &[u8]) -> bool {
    bytes.iter().zip(word).all(|(byte, expected)| byte == expected)
}

fn parse_line(bytes: &[u8]) -> Result<Option<Header>, Bad> {
    let most = bytes.get(..MAX_LINE).unwrap_or(bytes);
    let Some(at) = most.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if bytes.len() < MAX_LINE { Ok(None) } else { Err(Bad::Line) };
    };
    let (line, end) = most.split_at_checked(at).ok_or(Bad::Line)?;
    match end {
        [b'\r', b'\n', ..] => {}
        [b'\r'] if bytes.len() < MAX_LINE => return Ok(None),
        [b'\r'] => return Err(Bad::Line),
        _ => return Err(Bad::Words),
    }
    let line = std::str::from_utf8(line).map_err(|_| Bad::Words)?;
    Ok(Some(Header { source: words(line)?, length: line.len().saturating_add(2) }))
}

fn words(line: &str) -> Result<Option<SocketAddr>, Bad> {
    let mut words = line.split(' ').skip(1);
    let mut next = || words.next().ok_or(Bad::Words);
    let (source, target) = match next()? {
        // What else such a line says is to be passed over.
        "UNKNOWN" => return Ok(None),
        "TCP4" => (address::<Ipv4Addr>(next()?)?, address::<Ipv4Addr>(next()?)?),
        "TCP6" => (address::<Ipv6Addr>(next()?)?, address::<Ipv6Addr>(next()?)?),
        _ => return Err(Bad::Words),
    };
    let (port, _) = (port(next()?)?, port(next()?)?);
    // The target is this machine, or whom the balancer was reached as; it must be well-formed and tells nothing more.
    let _ = target;
    if words.next().is_some() {
        return Err(Bad::Words);
    }
    Ok(Some(SocketAddr::new(source, port)))
}

fn address<T: FromStr + Into<IpAddr>>(word: &str) -> Result<IpAddr, Bad> {
    word.parse::<T>().map(Into::into).map_err(|_| Bad::Words)
}

/// A port as decimals have it: no sign, and no zeros before it.
fn port(word: &str) -> Result<u16, Bad> {
    let is_plain =
        word.bytes().all(|byte| byte.is_ascii_digit()) && (word.len() == 1 || !word.starts_with('0'));
    word.parse().ok().filter(|_| is_plain).ok_or(Bad::Words)
}

/// Bytes before the addresses of version 2: signature, command, family, length.
const FIXED: usize = 16;

fn parse_binary(bytes: &[u8]) -> Result<Option<Header>, Bad> {
    let Some(&command) = bytes.get(SIGNATURE.len()) else { return Ok(None) };
    if command >> 4 != 2 {
        return Err(Bad::Version(command >> 4));
    }
    let is_local = match command & 0x0F {
        0 => true,
        1 => false,
        other => return Err(Bad::Command(other)),
    };
    let Some(&family) = bytes.get(SIGNATURE.len().saturating_add(1)) else { return Ok(None) };
    // Of a connection of the balancer's own, such as its health check, all that follows is passed over.
    let addresses = if is_local { 0 } else { size_of_addresses(family)? };
    let Some(&[high, low]) = bytes.get(FIXED - 2..FIXED) else { return Ok(None) };
    let rest = usize::from(u16::from_be_bytes([high, low]));
    let length = FIXED.saturating_add(rest);
    if length > MAX_HEADER || rest < addresses {
        return Err(Bad::Length(length));
    }
    let Some(block) = bytes.get(FIXED..length) else { return Ok(None) };
    let (addresses, fields) = block.split_at_checked(addresses).ok_or(Bad::Length(length))?;
    if !is_local && family != UNSPECIFIED && !are_fields(fields) {
        return Err(Bad::Fields);
    }
    Ok(Some(Header { source: source(addresses), length }))
}

/// The family of a balancer that does not know; whatever follows is passed over.
const UNSPECIFIED: u8 = 0x00;

/// Bytes of both addresses and ports.
fn size_of_addresses(family: u8) -> Result<usize, Bad> {
    match family {
        UNSPECIFIED => Ok(0),
        0x11 => Ok(V4),
        0x21 => Ok(V6),
        // A socket in the file system: the client is on the balancer's machine and has no address.
        0x31 => Ok(216),
        other => Err(Bad::Family(other)),
    }
}

const V4: usize = 4 + 4 + 2 + 2;
const V6: usize = 16 + 16 + 2 + 2;

/// The source of a block of addresses, which is known by its length.
fn source(block: &[u8]) -> Option<SocketAddr> {
    let port = |at: usize| block.get(at..at.saturating_add(2))?.try_into().ok().map(u16::from_be_bytes);
    match block.len() {
        V4 => {
            let ip: [u8; 4] = block.first_chunk().copied()?;
            Some(SocketAddr::new(Ipv4Addr::from(ip).into(), port(8)?))
        }
        V6 => {
            let ip: [u8; 16] = block.first_chunk().copied()?;
            Some(SocketAddr::new(Ipv6Addr::from(ip).into(), port(32)?))
        }
        _ => None,
    }
}

/// True when fields of type, length and value fill these bytes.
fn are_fields(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let [_kind, high, low, values @ ..] = rest else { return false };
        let Some(next) = values.get(usize::from(u16::from_be_bytes([*high, *low]))..) else { return false };
        rest = next;
    }
    true
}

#[cfg(test)]
mod tests;
