//! Encryption of whole segments.

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockEncryptMut, KeyIvInit};
use bytes::Bytes;

/// What segments are encrypted with: AES-128 in CBC mode with PKCS#7 padding, RFC 8216 section 4.3.2.4. Where the bytes
/// come from is the caller's matter; they have to be a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The key itself: what players are given at the key's address.
    pub bytes: [u8; 16],
    /// The initialization vector, which the list says.
    pub iv: [u8; 16],
}

impl Key {
    /// The encrypted segment, 1 to 16 bytes longer.
    pub fn encrypt(&self, plain: &[u8]) -> Bytes {
        let cipher = cbc::Encryptor::<Aes128>::new(&self.bytes.into(), &self.iv.into());
        cipher.encrypt_padded_vec_mut::<Pkcs7>(plain).into()
    }
}

/// Without the key: it must not come into logs.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

/// Whether segment `sequence` takes a new key, where `since` is the first segment of the key in use.
///
/// Numbers that can be divided by `hls_fragments_per_key` do, as in SRS, and the first of all. A key is named by the
/// segment that began it: so no two origins ever have one name for two keys.
pub fn begins_key(sequence: u64, since: Option<u64>, fragments_per_key: u32) -> bool {
    let of = |number: u64| number / u64::from(fragments_per_key.max(1));
    since.is_none_or(|since| sequence < since || of(sequence) != of(since))
}

#[cfg(test)]
mod tests;
