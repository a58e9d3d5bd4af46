//! Key material, the draft's section 3.2.2: what both ends encrypt by, wrapped by the passphrase. In the handshake
//! and, when keys change, in packets of their own.

use std::time::{Duration, Instant};

use srs_srt::Reason;
use srt_protocol::packet::{KeyingMaterialMessage, SrtControlPacket};
use srt_protocol::settings::{CipherSettings, KeyMaterialRefreshSettings, KeySettings};

use super::core::guarded;
use super::settings::{KeyLength, Passphrase, Settings};

/// A message begins so: version 1, keying material, and the sign "HAI".
const SIGN: [u8; 3] = [0x12, 0x20, 0x29];
/// Bytes in front of the salt.
const HEAD: usize = 16;
/// Bytes of the salt.
const SALT: usize = 16;
/// Bytes by which wrapped keys are longer.
const WRAP: usize = 8;
/// In the flags: there is the even key.
const EVEN: u8 = 1;
/// The odd one.
const ODD: u8 = 2;
/// Changes of keys that are looked at within [`WINDOW`]: each costs a derivation of keys, a third of a millisecond.
const MOST_CHANGES: u32 = 4;
const WINDOW: Duration = Duration::from_secs(1);

/// What a message says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Km {
    /// Which keys there are: 1 the even one, 2 the odd one.
    pub flags: u8,
    /// How long each is.
    pub length: KeyLength,
}

impl Km {
    /// Reads the head of a message; none when it is not one that all the library's assumptions hold for.
    pub fn read(message: &[u8]) -> Option<Km> {
        let head: &[u8; HEAD] = message.first_chunk()?;
        let &[a, b, c, flags, _, _, _, _, cipher, authentication, encapsulation, _, _, _, salt, key] = head;
        // AES in counter mode, no authentication, inside SRT.
        let known = [a, b, c] == SIGN && cipher == 2 && authentication == 0 && encapsulation == 2;
        let bytes = u64::from(key) * 4;
        let length = KeyLength::new(bytes).filter(|length| *length != KeyLength::Unsaid)?;
        let keys = usize::from(length.bytes()) * flags.count_ones() as usize;
        let whole = HEAD + SALT + keys + WRAP == message.len();
        let fits = known && matches!(flags, 1..=3) && usize::from(salt) * 4 == SALT && whole;
        fits.then_some(Km { flags, length })
    }
}

/// What a connection is encrypted by.
#[derive(Debug)]
pub(super) struct Cipher {
    pub settings: CipherSettings,
    /// The message that tells it.
    pub message: Vec<u8>,
    pub km: Km,
}

impl Cipher {
    /// Unwraps a caller's message.
    ///
    /// # Errors
    /// [`Reason::ROGUE`] for what is no message, [`Reason::BAD_SECRET`] when it was wrapped by another passphrase.
    pub fn open(message: &[u8], passphrase: &Passphrase, settings: &Settings) -> Result<Cipher, Reason> {
        // Everybody begins with the even key.
        let km = Km::read(message).filter(|km| km.flags & EVEN != 0).ok_or(Reason::ROGUE)?;
        let (keys, refresh) = parts(passphrase, km.length, settings).ok_or(Reason::INTERNAL_ERROR)?;
        let read = guarded(|| {
            let SrtControlPacket::KeyRefreshRequest(content) =
                SrtControlPacket::parse(3, &mut &*message).ok()?
            else {
                return None;
            };
            Some(CipherSettings::new(&keys, &refresh, &content))
        });
        let unwrapped = read.ok_or(Reason::INTERNAL_ERROR)?.ok_or(Reason::ROGUE)?;
        let settings = unwrapped.map_err(|_| Reason::BAD_SECRET)?;
        Ok(Cipher { settings, message: message.to_owned(), km })
    }

    /// New keys, and the message that tells them to a listener.
    pub fn make(passphrase: &Passphrase, length: KeyLength, settings: &Settings) -> Option<Cipher> {
        let (keys, refresh) = parts(passphrase, length, settings)?;
        let (settings, message) = guarded(|| {
            let settings = CipherSettings::new_random(&keys, &refresh);
            let message = bytes(settings.wrap_keying_material()?);
            Some((settings, message))
        })??;
        Some(Cipher { settings, km: Km::read(&message)?, message })
    }
}

fn parts(
    passphrase: &Passphrase,
    length: KeyLength,
    settings: &Settings,
) -> Option<(KeySettings, KeyMaterialRefreshSettings)> {
    let (period, announce) = settings.refresh();
    let passphrase = passphrase.as_str().to_owned().try_into().ok()?;
    let keys = KeySettings { key_size: length.bytes().try_into().ok()?, passphrase };
    Some((keys, KeyMaterialRefreshSettings::new(period, announce).ok()?))
}

/// A message as it is sent.
pub(super) fn bytes(message: KeyingMaterialMessage) -> Vec<u8> {
    let mut out = Vec::new();
    SrtControlPacket::KeyRefreshResponse(message).serialize(&mut out);
    out
}

/// Why a listener could not read the keys, where it says so in place of the message: libsrt's `SRT_KM_STATE`.
pub(super) fn refused(content: &[u8]) -> Option<Reason> {
    match content {
        // No passphrase there.
        [0, 0, 0, 3] => Some(Reason::UNSECURE),
        [_, _, _, _] => Some(Reason::BAD_SECRET),
        _ => None,
    }
}

/// What to do about a peer that tells new keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// They are known: say so again.
    Known,
    /// They may be new: unwrap them.
    New,
    /// Too many, or no such message.
    Ignored,
}

/// The peer's changes of keys.
#[derive(Debug)]
pub(super) struct Changes {
    /// The last message that was unwrapped; none on a connection that is not encrypted.
    known: Option<Vec<u8>>,
    flags: u8,
    length: KeyLength,
    begun: Instant,
    count: u32,
}

impl Changes {
    pub fn new(now: Instant, cipher: Option<&Cipher>) -> Changes {
        let (flags, length) =
            cipher.map_or((0, KeyLength::Unsaid), |cipher| (cipher.km.flags, cipher.km.length));
        Changes { known: cipher.map(|cipher| cipher.message.clone()), flags, length, begun: now, count: 0 }
    }

    /// The peer tells keys.
    pub fn asked(&mut self, now: Instant, message: &[u8]) -> Change {
        let Some(known) = &self.known else { return Change::Ignored };
        if known == message {
            return Change::Known;
        }
        if Km::read(message).is_none_or(|km| km.length != self.length) {
            return Change::Ignored;
        }
        if now.saturating_duration_since(self.begun) >= WINDOW {
            (self.begun, self.count) = (now, 0);
        }
        self.count = self.count.saturating_add(1);
        if self.count > MOST_CHANGES { Change::Ignored } else { Change::New }
    }

    /// The peer says that it has ours.
    pub fn answered(&self, message: &[u8]) -> bool {
        self.known.is_some() && Km::read(message).is_some_and(|km| km.length == self.length)
    }

    /// These keys were unwrapped.
    pub fn taken(&mut self, message: &[u8]) {
        if let Some(km) = Km::read(message) {
            (self.known, self.flags) = (Some(message.to_owned()), km.flags);
        }
    }

    /// Which keys there may be, the likely one first: 0 none, 1 the even, 2 the odd one.
    pub fn likely(&self) -> [u8; 2] {
        match self.flags {
            0 => [0, 0],
            flags if flags & EVEN != 0 => [EVEN, ODD],
            _ => [ODD, EVEN],
        }
    }
}
