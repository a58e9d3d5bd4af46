//! Keys under the cluster's secret, and the form of a datagram that is sealed with one.
//!
//! | Bytes | Of a datagram |
//! |---|---|
//! | 1, 1 | version, kind |
//! | 8 | when it was sent, Unix milliseconds |
//! | 1 and as many | who sent it |
//! | the rest | what it says |
//! | 32 | HMAC-SHA256 of all that stands before |

use super::wire::{self, Reader};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use srs_names::NodeId;
use std::fmt;
use std::time::Duration;

/// Bytes of a tag.
pub(super) const TAG: usize = 32;
/// A datagram is good for so long before and after it was sent: clocks of one cluster differ by seconds.
pub(super) const GOOD_FOR: Duration = Duration::from_secs(30);
/// What the key is derived for, so that nothing else sealed with the secret can pass for the mesh's.
const USE: &[u8] = b"mesh v1";
const VERSION: u8 = 1;
/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// A key for tags.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    /// The mesh's own key in the cluster that has this secret.
    pub(super) fn new(secret: &[u8]) -> Self {
        Self::of(secret).derive(&[USE])
    }

    /// HMAC under a key of any length: a short one is filled up with zeros, of a long one the digest is taken. Said
    /// here, as by it there is no error to handle.
    fn of(key: &[u8]) -> Self {
        let digest = Sha256::digest(key);
        let key = if key.len() > BLOCK { digest.as_slice() } else { key };
        let mut block = [0; BLOCK];
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Self(hmac::digest::KeyInit::new(&block.into()))
    }

    /// Another key, for this purpose.
    pub(super) fn derive(&self, purpose: &[&[u8]]) -> Self {
        Self::of(&self.tag(purpose))
    }

    /// The tag of these bytes in a row. Parts of other lengths must not add up to the same.
    pub(super) fn tag(&self, parts: &[&[u8]]) -> [u8; TAG] {
        self.fed(parts).finalize().into_bytes().into()
    }

    /// Whether `tag` is theirs, in constant time.
    pub(super) fn is_tag(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.fed(parts).verify_slice(tag).is_ok()
    }

    fn fed(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// What a datagram is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Between members: foca's.
    Gossip = 0,
    /// To an address where a member may be: who asks, and what was dialled.
    Hello = 1,
    /// The answer: who is there, and where the question came from.
    Here = 2,
}

/// Why a datagram is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    Malformed,
    Secret,
    Clock,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is not of a mesh",
            Self::Secret => "it was sealed with another secret",
            Self::Clock => "it was sent too long ago, or in the future: are the clocks right?",
        })
    }
}

/// Seals what `from` says now.
pub(super) fn seal(key: &Key, kind: Kind, from: &NodeId, says: &[u8], now_unix_ms: u64) -> Vec<u8> {
    let mut out = vec![VERSION, kind as u8];
    wire::put_u64(&mut out, now_unix_ms);
    wire::put_short(&mut out, from.as_str());
    out.extend_from_slice(says);
    let tag = key.tag(&[&out]);
    out.extend_from_slice(&tag);
    out
}

/// Opens what somebody sent: the kind, the sender and what it says.
pub(super) fn open<'a>(
    key: &Key,
    datagram: &'a [u8],
    now_unix_ms: u64,
) -> Result<(Kind, NodeId, &'a [u8]), Foreign> {
    let (said, tag) = datagram
        .len()
        .checked_sub(TAG)
        .and_then(|length| datagram.split_at_checked(length))
        .ok_or(Foreign::Malformed)?;
    let mut reader = Reader(said);
    let kind = match (reader.u8(), reader.u8()) {
        (Some(VERSION), Some(0)) => Kind::Gossip,
        (Some(VERSION), Some(1)) => Kind::Hello,
        (Some(VERSION), Some(2)) => Kind::Here,
        _ => return Err(Foreign::Malformed),
    };
    let sent = reader.u64().ok_or(Foreign::Malformed)?;
    let from = reader.id().ok_or(Foreign::Malformed)?;
    if !key.is_tag(&[said], tag) {
        return Err(Foreign::Secret);
    }
    if u128::from(sent.abs_diff(now_unix_ms)) > GOOD_FOR.as_millis() {
        return Err(Foreign::Clock);
    }
    Ok((kind, from, reader.0))
}

#[cfg(test)]
mod tests;
