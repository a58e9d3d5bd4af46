//! Session tokens: which origin a list came from, sealed, so that what the list names is fetched there.
//!
//! A token names a server by its stable id and never by an address, so nobody can make us dial what did not register. Any
//! proxy with the cluster's secret opens what another one sealed. Sealing is deterministic: all viewers of a list get the
//! same addresses, which caches in front of us can keep.

use aes_gcm_siv::aead::{Aead as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit as _, Nonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use srs_names::NodeId;

/// The name of the parameter that carries a token.
pub(crate) const NAME: &str = srs_net::http::elsewhere::TOKEN;

/// What the key is for: another purpose must have another key.
const PURPOSE: &[u8] = b"hls token v1";

/// The same at edges, whose tokens name servers of theirs, and each a file: no proxy is to take one of them for its own.
const OF_EDGES: &[u8] = b"hls token of edges v1";

/// The same for sessions of WebRTC, whose tokens name a place at a server.
const OF_SESSIONS: &[u8] = b"rtc session v1";

/// The same for what proxies tell each other of such sessions.
const OF_NOTES: &[u8] = b"rtc note v1";

/// The first byte inside: what follows is a server id.
const VERSION: u8 = 1;

/// The same: what follows is text.
const WORDS: u8 = 2;

/// Longest token in letters: an id of 256 bytes, the version and the seal's 16, in base 64.
const MOST: usize = 364;

/// The same of a token of text: some 1,500 bytes of it.
const MOST_WORDS: usize = 2048;

/// Seals and opens tokens.
pub(crate) struct Tokens {
    cipher: Aes256GcmSiv,
}

impl Tokens {
    /// Tokens under the cluster's secret.
    pub(crate) fn new(secret: &[u8]) -> Tokens {
        Tokens::with(secret, PURPOSE)
    }

    /// Those of edges.
    pub(crate) fn of_edges(secret: &[u8]) -> Tokens {
        Tokens::with(secret, OF_EDGES)
    }

    /// Those of sessions of WebRTC.
    pub(crate) fn of_sessions(secret: &[u8]) -> Tokens {
        Tokens::with(secret, OF_SESSIONS)
    }

    /// Those of what proxies tell each other of such sessions.
    pub(crate) fn of_notes(secret: &[u8]) -> Tokens {
        Tokens::with(secret, OF_NOTES)
    }

    fn with(secret: &[u8], purpose: &[u8]) -> Tokens {
        // A key of HMAC may have any length, so neither step can fail; what could not be opened is no token.
        let mut key = [0; 32];
        if let Ok(mut mac) = <Hmac<Sha256> as hmac::Mac>::new_from_slice(secret) {
            mac.update(purpose);
            key.copy_from_slice(&mac.finalize().into_bytes());
        }
        Tokens { cipher: Aes256GcmSiv::new(&key.into()) }
    }

    /// The token for this server.
    pub(crate) fn seal(&self, id: &NodeId) -> Option<String> {
        self.seal_for(id, "")
    }

    /// The same for one file alone: who brings it has it from a list that names this file.
    pub(crate) fn seal_for(&self, id: &NodeId, file: &str) -> Option<String> {
        let mut plain = vec![VERSION];
        plain.extend_from_slice(id.as_str().as_bytes());
        // One nonce for all: this cipher stays safe, and shows only that two equal texts are equal.
        let sealed =
            self.cipher.encrypt(&Nonce::default(), Payload { msg: &plain, aad: file.as_bytes() }).ok()?;
        Some(encode(&sealed))
    }

    /// A token of this text; none for a too long one.
    pub(crate) fn seal_words(&self, words: &str) -> Option<String> {
        let mut plain = vec![WORDS];
        plain.extend_from_slice(words.as_bytes());
        let sealed = self.cipher.encrypt(&Nonce::default(), plain.as_slice()).ok()?;
        Some(encode(&sealed)).filter(|token| token.len() <= MOST_WORDS)
    }

    /// The text of such a token; none for what was not sealed with our secret.
    pub(crate) fn open_words(&self, token: &str) -> Option<String> {
        if token.len() > MOST_WORDS {
            return None;
        }
        let plain = self.cipher.decrypt(&Nonce::default(), decode(token)?.as_slice()).ok()?;
        let (&version, words) = plain.split_first()?;
        (version == WORDS).then(|| String::from_utf8(words.to_vec()).ok()).flatten()
    }

    /// The server that a token names; none for what was not sealed with our secret.
    pub(crate) fn open(&self, token: &str) -> Option<NodeId> {
        self.open_for(token, "")
    }

    /// The server of a token that is for this file.
    pub(crate) fn open_for(&self, token: &str, file: &str) -> Option<NodeId> {
        if token.len() > MOST {
            return None;
        }
        let sealed = decode(token)?;
        let sealed = Payload { msg: &sealed, aad: file.as_bytes() };
        let plain = self.cipher.decrypt(&Nonce::default(), sealed).ok()?;
        let (&version, id) = plain.split_first()?;
        (version == VERSION).then(|| NodeId::new(std::str::from_utf8(id).ok()?).ok()).flatten()
    }
}

/// RFC 4648, section 5.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base 64 for addresses, without padding.
fn encode(bytes: &[u8]) -> String {
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let mut bits = 0_u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(three.get(at).copied().unwrap_or(0));
        }
        for letter in 0..=three.len() {
            let index = (bits >> (18 - 6 * letter)) & 63;
            out.extend(ALPHABET.get(index as usize).map(|letter| char::from(*letter)));
        }
    }
    out
}

/// Undoes [`encode`]; none for every other spelling, so that one token has one.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 255).ok()?);
        }
        bits &= (1 << count) - 1;
    }
    (bits == 0 && count < 6).then_some(out)
}

#[cfg(test)]
mod tests;
