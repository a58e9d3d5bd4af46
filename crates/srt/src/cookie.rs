//! Cookies of the handshake, the draft's section 4.3.1: what a listener tells who claims to be at an address, and wants
//! to hear again before it keeps anything.
//!
//! Nothing is kept for them here. A cookie is a keyed hash of whom it was given to and when, so that any process with
//! the key knows its own, and nobody else can make one.

use std::fmt;
use std::net::SocketAddr;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::SocketId;

/// What stands in front of a cluster's secret where that is the key.
const USE: &[u8] = b"srt cookies v1 ";

/// Makes cookies and knows them again.
#[derive(Clone)]
pub struct Cookies {
    key: Vec<u8>,
}

impl fmt::Debug for Cookies {
    /// Without the key, which is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookies").finish_non_exhaustive()
    }
}

impl Cookies {
    /// With a secret key of their own: random bytes.
    pub fn new(key: &[u8]) -> Cookies {
        Cookies { key: key.to_owned() }
    }

    /// Under a cluster's secret: any node that has it knows those of another one.
    pub fn of_secret(secret: &[u8]) -> Cookies {
        // The key is for this use alone: nothing else that is made with the secret passes for a cookie.
        Cookies { key: [USE, secret].concat() }
    }

    /// The cookie for a caller at this address with this socket id, never 0. `minute` counts minutes since any fixed time.
    pub fn make(&self, minute: u64, from: SocketAddr, caller: SocketId) -> u32 {
        // HMAC takes a key of any length; the error type belongs to other MACs.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return 1 };
        // At a socket for both families an IPv4 address may have either form.
        match from.ip().to_canonical() {
            std::net::IpAddr::V4(ip) => mac.update(&ip.octets()),
            std::net::IpAddr::V6(ip) => mac.update(&ip.octets()),
        }
        mac.update(&from.port().to_be_bytes());
        mac.update(&caller.0.to_be_bytes());
        mac.update(&minute.to_be_bytes());
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let first = digest.first_chunk().copied().map_or(0, u32::from_be_bytes);
        // With 0 a caller says that it has none.
        first.max(1)
    }

    /// Whether this cookie was made for this caller in this minute or the one before. How long it takes tells nothing.
    pub fn is_good(&self, cookie: u32, minute: u64, from: SocketAddr, caller: SocketId) -> bool {
        let apart = |minute| self.make(minute, from, caller) ^ cookie;
        let (now, before) = (apart(minute), apart(minute.wrapping_sub(1)));
        // Not `||`, which would be done sooner for one of them.
        (now == 0) | (before == 0)
    }
}

#[cfg(test)]
mod tests;
