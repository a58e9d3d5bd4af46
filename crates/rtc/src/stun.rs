//! STUN (RFC 8489) as ICE uses it (RFC 8445): binding requests and their answers, with short-term credentials.
//!
//! A message borrows the datagram that it was read from. What it says is hearsay until [`Message::verify`] was true: that
//! alone shows that the sender knows the password.
//!
//! ```text
//! type (16)  length of what follows the header (16)  magic cookie (32)  transaction (96)
//! attributes: type (16)  length (16)  value, padded to 32 bits
//! ```
//! Of an attribute that is there twice the first counts. What stands behind MESSAGE-INTEGRITY is nobody's word and is
//! not looked at, FINGERPRINT apart. A message that says a wrong length of itself or of an attribute is none.

mod attribute;
mod write;

use std::net::SocketAddr;

use hmac::{Hmac, Mac as _};
use sha1::Sha1;

use crate::wire::Reader;

#[cfg(test)]
pub(crate) use write::signed_request;
pub use write::{binding_request, error, success};

/// Bytes of the header.
const HEADER: usize = 20;
/// What stands in every header.
const COOKIE: u32 = 0x2112_a442;
/// Bytes of a message at the most: more than any datagram that is not cut into pieces. The cost of a forged one has this
/// limit too.
pub const MOST_BYTES: usize = 2048;
/// Bytes of MESSAGE-INTEGRITY, its head with it.
const INTEGRITY: usize = 24;
/// Bytes of FINGERPRINT, its head with it.
const FINGERPRINT: usize = 8;
/// With what the checksum is mixed.
const FINGERPRINT_XOR: u32 = 0x5354_554e;
/// So many unknown attributes are told; others are left out of the list.
const MOST_UNKNOWN: usize = 8;

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has no header, or another one.
    #[error("no STUN")]
    Other,
    /// The length in the header is not that of the datagram, or no multiple of four.
    #[error("a message of {length} bytes says {said}")]
    Length {
        /// Bytes of the datagram.
        length: usize,
        /// What the header says, the header counted.
        said: usize,
    },
    /// It is longer than [`MOST_BYTES`].
    #[error("a message of {length} bytes")]
    Long {
        /// Bytes of the datagram.
        length: usize,
    },
    /// An attribute is longer than what is left.
    #[error("attribute {kind:#06x} says {said} bytes and {left} are left")]
    Cut {
        /// Which one.
        kind: u16,
        /// What it says.
        said: usize,
        /// What there is.
        left: usize,
    },
    /// An attribute cannot be read as what it is.
    #[error("attribute {kind:#06x} makes no sense")]
    Value {
        /// Which one.
        kind: u16,
    },
    /// FINGERPRINT is wrong, or not the last attribute: this is no STUN, or was damaged.
    #[error("the fingerprint is wrong")]
    Fingerprint,
}

/// What a message is: its class, RFC 8489 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It wants an answer.
    Request,
    /// It wants none.
    Indication,
    /// An answer: done.
    Success,
    /// An answer: refused, and [`Message::error_code`] says why.
    Error,
}

/// A message, read. See the module.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    bytes: &'a [u8],
    kind: Kind,
    method: u16,
    transaction: [u8; 12],
    said: Said<'a>,
}

/// What the attributes say; of each kind the first.
#[derive(Debug, Clone, Default)]
struct Said<'a> {
    username: Option<&'a str>,
    priority: Option<u32>,
    use_candidate: bool,
    controlling: Option<u64>,
    controlled: Option<u64>,
    mapped: Option<SocketAddr>,
    xor_mapped: Option<SocketAddr>,
    error: Option<u16>,
    /// Where the attribute begins, and what it says.
    integrity: Option<(usize, [u8; 20])>,
    unknown: [u16; MOST_UNKNOWN],
    unknown_count: usize,
}

impl<'a> Message<'a> {
    /// Reads a datagram. The cost is linear in its length, which has a limit, and nothing is allocated.
    pub fn read(bytes: &'a [u8]) -> Result<Message<'a>, Error> {
        let mut reader = Reader(bytes);
        let header = (reader.u16(), reader.u16(), reader.u32(), reader.array());
        let (Some(kind @ ..0x4000), Some(said), Some(COOKIE), Some(transaction)) = header else {
            return Err(Error::Other);
        };
        let said = usize::from(said).saturating_add(HEADER);
        match bytes.len() {
            length if length > MOST_BYTES => return Err(Error::Long { length }),
            length if length != said || length % 4 != 0 => return Err(Error::Length { length, said }),
            _ => {}
        }
        // Two bits of the class stand between the bits of the method.
        let method = (kind & 0xf) | ((kind >> 1) & 0x70) | ((kind >> 2) & 0xf80);
        let kind = match (kind & 0x100 != 0, kind & 0x10 != 0) {
            (false, false) => Kind::Request,
            (false, true) => Kind::Indication,
            (true, false) => Kind::Success,
            (true, true) => Kind::Error,
        };
        let said = attribute::read_all(bytes, transaction)?;
        Ok(Message { bytes, kind, method, transaction, said })
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether its method is Binding, ICE's only one.
    pub fn is_binding(&self) -> bool {
        self.method == 1
    }

    /// Which request it is, or is the answer to.
    pub fn transaction(&self) -> [u8; 12] {
        self.transaction
    }

    /// USERNAME, as its receiver sees it: the receiver's `ice-ufrag`, and the sender's.
    pub fn username(&self) -> Option<(&'a str, &'a str)> {
        self.said.username?.split_once(':')
    }

    /// PRIORITY: what a candidate would have that this check made known.
    pub fn priority(&self) -> Option<u32> {
        self.said.priority
    }

    /// USE-CANDIDATE: the sender wants this path.
    pub fn use_candidate(&self) -> bool {
        self.said.use_candidate
    }

    /// ICE-CONTROLLING, with its tie breaker.
    pub fn ice_controlling(&self) -> Option<u64> {
        self.said.controlling
    }

    /// ICE-CONTROLLED, with its tie breaker.
    pub fn ice_controlled(&self) -> Option<u64> {
        self.said.controlled
    }

    /// XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS in its place: from where the answer's sender saw the request come.
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        self.said.xor_mapped.or(self.said.mapped)
    }

    /// ERROR-CODE: 300 to 699.
    pub fn error_code(&self) -> Option<u16> {
        self.said.error
    }

    /// Attributes that had to be understood and were not, at most 8: a request with such a one is answered with 420.
    pub fn unknown_required(&self) -> &[u16] {
        self.said.unknown.get(..self.said.unknown_count).unwrap_or_default()
    }

    /// Whether there is MESSAGE-INTEGRITY and it was made with this password, RFC 8489 section 14.5. How long it takes tells
    /// nothing of the password.
    pub fn verify(&self, password: &str) -> bool {
        let Some((at, said)) = self.said.integrity else { return false };
        let Some(mac) = integrity(self.bytes, at, password) else { return false };
        mac.verify_slice(&said).is_ok()
    }
}

/// HMAC-SHA1 over what stands before `at`, under a header whose length ends behind MESSAGE-INTEGRITY.
fn integrity(bytes: &[u8], at: usize, password: &str) -> Option<Hmac<Sha1>> {
    let length = at.checked_sub(HEADER)?.checked_add(INTEGRITY)?;
    let mut mac = Hmac::<Sha1>::new_from_slice(password.as_bytes()).ok()?;
    mac.update(bytes.get(..2)?);
    mac.update(&u16::try_from(length).ok()?.to_be_bytes());
    mac.update(bytes.get(4..at)?);
    Some(mac)
}

/// FINGERPRINT of what stands before it, under a header whose length counts it already.
fn fingerprint(before: &[u8]) -> u32 {
    crc32fast::hash(before) ^ FINGERPRINT_XOR
}

#[cfg(test)]
mod tests;
