//! Attributes of a message, RFC 8489 section 14 and RFC 8445 section 16.1.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{COOKIE, Error, FINGERPRINT, HEADER, MOST_UNKNOWN, Said, fingerprint};
use crate::wire::Reader;

pub(super) const MAPPED_ADDRESS: u16 = 0x0001;
pub(super) const USERNAME: u16 = 0x0006;
pub(super) const MESSAGE_INTEGRITY: u16 = 0x0008;
pub(super) const ERROR_CODE: u16 = 0x0009;
pub(super) const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
pub(super) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
pub(super) const PRIORITY: u16 = 0x0024;
pub(super) const USE_CANDIDATE: u16 = 0x0025;
pub(super) const FINGERPRINT_KIND: u16 = 0x8028;
pub(super) const ICE_CONTROLLED: u16 = 0x8029;
pub(super) const ICE_CONTROLLING: u16 = 0x802a;

/// From here on attributes may be passed over by who does not know them.
const OPTIONAL: u16 = 0x8000;
/// Bytes of a user name at the most, RFC 8489 section 14.3. Two names of ICE with the colon may have 513.
const MOST_USERNAME: usize = 513;

/// Reads all attributes of a message whose header is right.
pub(super) fn read_all(bytes: &[u8], transaction: [u8; 12]) -> Result<Said<'_>, Error> {
    let mut said = Said::default();
    let mut reader = Reader(bytes.get(HEADER..).unwrap_or_default());
    while !reader.0.is_empty() {
        let at = bytes.len().saturating_sub(reader.0.len());
        let (Some(kind), Some(length)) = (reader.u16(), reader.u16()) else { return Err(Error::Other) };
        let (left, length) = (reader.0.len(), usize::from(length));
        let cut = Error::Cut { kind, said: length, left };
        let value = reader.take(length).ok_or(cut)?;
        // Padding may hold anything, but has to be there.
        reader.take(length.wrapping_neg() % 4).ok_or(cut)?;
        match kind {
            FINGERPRINT_KIND => check_fingerprint(bytes, at, value, reader.0)?,
            // Nobody answers for what follows it.
            _ if said.integrity.is_some() => {}
            MESSAGE_INTEGRITY => {
                let mac = value.try_into().map_err(|_| Error::Value { kind })?;
                said.integrity = Some((at, mac));
            }
            _ => take_in(&mut said, kind, value, transaction)?,
        }
    }
    Ok(said)
}

/// It is the last attribute, and the checksum of all before it.
fn check_fingerprint(bytes: &[u8], at: usize, value: &[u8], behind: &[u8]) -> Result<(), Error> {
    let right = bytes.get(..at).map(fingerprint);
    let said = value.try_into().ok().map(u32::from_be_bytes);
    let last = behind.is_empty() && bytes.len().checked_sub(at) == Some(FINGERPRINT);
    if last && said.is_some() && said == right { Ok(()) } else { Err(Error::Fingerprint) }
}

/// Keeps what an attribute says, unless one of its kind was there before.
fn take_in<'a>(said: &mut Said<'a>, kind: u16, value: &'a [u8], transaction: [u8; 12]) -> Result<(), Error> {
    let wrong = Error::Value { kind };
    match kind {
        USERNAME => {
            let text = std::str::from_utf8(value).map_err(|_| wrong)?;
            if value.len() > MOST_USERNAME {
                return Err(wrong);
            }
            said.username.get_or_insert(text);
        }
        PRIORITY => {
            said.priority.get_or_insert(value.try_into().map(u32::from_be_bytes).map_err(|_| wrong)?);
        }
        USE_CANDIDATE => said.use_candidate = true,
        ICE_CONTROLLING => {
            said.controlling.get_or_insert(value.try_into().map(u64::from_be_bytes).map_err(|_| wrong)?);
        }
        ICE_CONTROLLED => {
            said.controlled.get_or_insert(value.try_into().map(u64::from_be_bytes).map_err(|_| wrong)?);
        }
        MAPPED_ADDRESS => {
            said.mapped.get_or_insert(address(value).ok_or(wrong)?);
        }
        XOR_MAPPED_ADDRESS => {
            let address = address(value).ok_or(wrong)?;
            said.xor_mapped.get_or_insert(mixed(address, transaction));
        }
        ERROR_CODE => {
            said.error.get_or_insert(error_code(value).ok_or(wrong)?);
        }
        // Of no use with short-term credentials, but known.
        UNKNOWN_ATTRIBUTES | REALM | NONCE | MESSAGE_INTEGRITY_SHA256 => {}
        OPTIONAL.. => {}
        _ => {
            if let Some(place) = said.unknown.get_mut(said.unknown_count) {
                *place = kind;
                said.unknown_count = said.unknown_count.saturating_add(1).min(MOST_UNKNOWN);
            }
        }
    }
    Ok(())
}

/// A zero, the family, the port and the address, RFC 8489 section 14.1.
fn address(value: &[u8]) -> Option<SocketAddr> {
    let mut reader = Reader(value);
    let [_, family] = reader.array()?;
    let port = reader.u16()?;
    let ip = match (family, reader.0.len()) {
        (1, 4) => IpAddr::V4(Ipv4Addr::from(reader.array::<4>()?)),
        (2, 16) => IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// As XOR-MAPPED-ADDRESS has it, or back: mixed with the cookie and the transaction, so that no middlebox finds and changes
/// it, RFC 8489 section 14.2.
pub(super) fn mixed(address: SocketAddr, transaction: [u8; 12]) -> SocketAddr {
    let mut mask = [0; 16];
    for (to, from) in mask.iter_mut().zip(COOKIE.to_be_bytes().into_iter().chain(transaction)) {
        *to = from;
    }
    let mask = u128::from_be_bytes(mask);
    let ip = match address.ip() {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() ^ COOKIE)),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() ^ mask)),
    };
    let [high, low, ..] = COOKIE.to_be_bytes();
    SocketAddr::new(ip, address.port() ^ u16::from_be_bytes([high, low]))
}

/// Hundreds and the rest, RFC 8489 section 14.8.
fn error_code(value: &[u8]) -> Option<u16> {
    let [_, _, hundreds, rest] = *value.first_chunk::<4>()?;
    let hundreds = u16::from(hundreds & 7);
    let known = (3..=6).contains(&hundreds) && rest < 100;
    known.then(|| hundreds.saturating_mul(100).saturating_add(u16::from(rest)))
}
