//! User names and passwords of ICE as our nodes make them: the name says which node has the session, and the password
//! follows from the name, so that who has the cluster's secret needs no table for either.
//!
//! ```text
//! ice-ufrag  rrrrrrrr ssssssssssssssss g       25 letters of base64's alphabet, which is ICE's (RFC 8839 section 5.4)
//!            route    session          generation
//! ice-pwd    24 letters: HMAC-SHA256 of the whole name, cut to 144 bits
//! ```
//! The route is a keyed hash of the node's stable server id. The session is random. The generation is another letter after
//! each ICE restart (RFC 8445 section 9).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::engine::Credentials;

/// Letters of a route.
const ROUTE: usize = 8;
/// Letters of a route and a session.
const SESSION: usize = 24;
/// Letters of a user name.
const LETTERS: usize = 25;

/// Base64's alphabet, in its order.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What stands in front of what is hashed: a key is for one use alone.
const KEY_USE: &[u8] = b"rtc key v1 ";
const ROUTE_USE: &[u8] = b"rtc route v1 ";
const PASSWORD_USE: &[u8] = b"rtc password v1 ";

/// Which node: a keyed hash of its stable server id, as letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Route([u8; ROUTE]);

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| fmt::Write::write_char(f, char::from(*letter)))
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({self})")
    }
}

/// A user name of a node of ours, as far as letters tell: whether its route belongs to a node is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ufrag<'a>(&'a str);

impl<'a> Ufrag<'a> {
    /// Takes `ice-ufrag` apart. None when it is another software's.
    pub fn parse(text: &'a str) -> Option<Ufrag<'a>> {
        let ours = text.len() == LETTERS && text.bytes().all(is_letter);
        ours.then_some(Ufrag(text))
    }

    /// Which node has the session.
    pub fn route(&self) -> Route {
        Route(self.0.as_bytes().first_chunk().copied().unwrap_or_default())
    }

    /// Which session: the same letters before and after an ICE restart.
    pub fn session(&self) -> &'a str {
        self.0.get(..SESSION).unwrap_or_default()
    }

    /// The whole name.
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

/// Makes names and passwords, under a cluster's secret.
#[derive(Clone)]
pub struct Keys {
    key: [u8; 32],
}

impl fmt::Debug for Keys {
    /// Without the key, which is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// Under a cluster's secret: any node that has it makes the same passwords.
    pub fn of_secret(secret: &[u8]) -> Keys {
        Keys { key: hash(secret, &[KEY_USE]) }
    }

    /// The route of the node with this stable server id.
    pub fn route(&self, server_id: &str) -> Route {
        let digest = hash(&self.key, &[ROUTE_USE, server_id.as_bytes()]);
        Route(letters(digest.first_chunk::<6>()).as_bytes().first_chunk().copied().unwrap_or_default())
    }

    /// Name and password of a new session of the node with this route.
    pub fn make(&self, route: Route, random: [u8; 12]) -> Credentials {
        self.named(format!("{route}{}A", letters(Some(&random))))
    }

    /// The password to this name, 24 letters. It tells nothing of another's, and nobody without the secret can make it.
    pub fn password(&self, ufrag: &str) -> String {
        letters(hash(&self.key, &[PASSWORD_USE, ufrag.as_bytes()]).first_chunk::<18>())
    }

    /// Name and password after an ICE restart: the same session's next generation, and after the last the first again. None
    /// when the name is not ours.
    pub fn next(&self, ufrag: &str) -> Option<Credentials> {
        let ours = Ufrag::parse(ufrag)?;
        let last = ufrag.bytes().next_back()?;
        let next = ALPHABET.iter().cycle().skip_while(|letter| **letter != last).nth(1)?;
        Some(self.named(format!("{}{}", ours.session(), char::from(*next))))
    }

    fn named(&self, ufrag: String) -> Credentials {
        Credentials { password: self.password(&ufrag), ufrag }
    }
}

/// Whether ICE has this letter (`ice-char` of RFC 8839).
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

/// As letters. There is always something: the type is what `first_chunk` gives.
fn letters<const N: usize>(bytes: Option<&[u8; N]>) -> String {
    STANDARD_NO_PAD.encode(bytes.map_or(&[][..], |bytes| &bytes[..]))
}

fn hash(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes a key of any length; the error type belongs to other MACs.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
