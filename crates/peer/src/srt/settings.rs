//! What an end of a connection is made with.

use std::fmt;
use std::time::Duration;

/// The longest latency that is granted or taken: buffers are made for it.
pub(super) const MOST_LATENCY: Duration = Duration::from_secs(10);
/// Bytes of the headers of IPv4 and UDP.
const HEADERS: u32 = 28;
/// What a peer may say its largest packet is, with those headers.
pub(super) const MTU: std::ops::RangeInclusive<u32> = 200..=65535;
/// Packets of a buffer, at the least and at the most.
const PACKETS: std::ops::RangeInclusive<usize> = 32..=65536;
/// Packets that are encrypted by one key, by libsrt's `SRTO_KMREFRESHRATE`.
const KEY_REFRESH: u64 = 1 << 24;

/// What an end is made with. The defaults are those of SRS, whose origins say them in `srt_server`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// For how long what is received is held, so that what was lost can come again: `SRTO_RCVLATENCY`. The peer may
    /// ask for more. Ten seconds are the most.
    pub receive_latency: Duration,
    /// For how long the peer is to hold what is sent to it, at the least: `SRTO_PEERLATENCY`. Ten seconds are the most.
    pub peer_latency: Duration,
    /// Whether messages are given out at the rhythm at which they were sent, later by the latency: `SRTO_TSBPDMODE`.
    /// Else they are given out as they come, and what was lost is waited for without end.
    pub tsbpd: bool,
    /// Whether what has not come in time is given up: `SRTO_TLPKTDROP`. Of no effect without `tsbpd`.
    pub too_late_drop: bool,
    /// Bytes per second at which is sent at the most; 0 for no limit (a gigabit): `SRTO_MAXBW`.
    pub most_bandwidth: u64,
    /// The largest packet, with the headers of IP and UDP, in bytes: `SRTO_MSS`.
    pub mss: u32,
    /// Bytes that may wait to be acknowledged: `SRTO_SNDBUF`.
    pub send_buffer: usize,
    /// Bytes that may wait for their time or for what was lost before them: `SRTO_RCVBUF`.
    pub receive_buffer: usize,
    /// How long a call may take: `SRTO_CONNTIMEO`.
    pub connect_timeout: Duration,
    /// After which silence of the peer the connection has ended: `SRTO_PEERIDLETIMEO`.
    pub idle_timeout: Duration,
    /// With it everything is encrypted, and the peer must have the same; without it nothing is, and must not be.
    pub passphrase: Option<Passphrase>,
    /// How long a caller's keys are: `SRTO_PBKEYLEN`. As with libsrt a listener takes what the caller has.
    pub key_length: KeyLength,
    /// After how many packets sent the key changes: `SRTO_KMREFRESHRATE`; 0 for the default, 2^24.
    pub key_refresh: u64,
    /// How many packets before that the peer is told: `SRTO_KMPREANNOUNCE`. Half of the other is the most.
    pub key_announce: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        const LATENCY: Duration = Duration::from_millis(120);
        const BUFFER: usize = 8192 * (1500 - 28);
        Settings {
            receive_latency: LATENCY,
            peer_latency: LATENCY,
            tsbpd: true,
            too_late_drop: true,
            most_bandwidth: 0,
            mss: 1500,
            send_buffer: BUFFER,
            receive_buffer: BUFFER,
            connect_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(10),
            passphrase: None,
            key_length: KeyLength::Unsaid,
            key_refresh: KEY_REFRESH,
            key_announce: 1 << 12,
        }
    }
}

impl Settings {
    /// Bytes of the largest packet, as is said in a handshake.
    pub(super) fn mtu(&self) -> u32 {
        self.mss.clamp(*MTU.start(), 1500)
    }

    /// Packets of a buffer of so many bytes.
    fn packets(&self, bytes: usize) -> usize {
        let each = self.mtu().saturating_sub(HEADERS) as usize;
        (bytes / each.max(1)).clamp(*PACKETS.start(), *PACKETS.end())
    }

    pub(super) fn send_packets(&self) -> usize {
        self.packets(self.send_buffer)
    }

    pub(super) fn receive_packets(&self) -> usize {
        self.packets(self.receive_buffer)
    }

    /// For how long what is received is held; no time at all without the rhythm of the sender.
    pub(super) fn own_latency(&self) -> Duration {
        if self.tsbpd { self.receive_latency.min(MOST_LATENCY) } else { Duration::ZERO }
    }

    pub(super) fn drops(&self) -> bool {
        self.tsbpd && self.too_late_drop
    }

    /// When keys change and how long before the peer is told, in packets.
    pub(super) fn refresh(&self) -> (usize, usize) {
        let period = if self.key_refresh == 0 { KEY_REFRESH } else { self.key_refresh };
        let period = usize::try_from(period).unwrap_or(usize::MAX).max(2);
        (period, usize::try_from(self.key_announce).unwrap_or(usize::MAX).clamp(1, period / 2))
    }
}

/// The length of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyLength {
    /// 0: what the listener says, else 16.
    #[default]
    Unsaid,
    /// 16 bytes.
    Aes128,
    /// 24 bytes.
    Aes192,
    /// 32 bytes.
    Aes256,
}

impl KeyLength {
    /// By its bytes: 0, 16, 24 or 32.
    pub fn new(bytes: u64) -> Option<KeyLength> {
        match bytes {
            0 => Some(KeyLength::Unsaid),
            16 => Some(KeyLength::Aes128),
            24 => Some(KeyLength::Aes192),
            32 => Some(KeyLength::Aes256),
            _ => None,
        }
    }

    /// Its bytes.
    pub fn bytes(self) -> u16 {
        match self {
            KeyLength::Unsaid | KeyLength::Aes128 => 16,
            KeyLength::Aes192 => 24,
            KeyLength::Aes256 => 32,
        }
    }

    /// As a handshake says it: in units of eight bytes.
    pub(super) fn said(self) -> u16 {
        self.bytes() / 8
    }
}

/// What both ends know and keys are wrapped by: 10 to 79 bytes of text.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(String);

/// A passphrase is too short or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a passphrase of {length} bytes: 10 are the least and 79 the most")]
pub struct BadPassphrase {
    /// Its bytes.
    pub length: usize,
}

impl Passphrase {
    /// # Errors
    /// [`BadPassphrase`].
    pub fn new(text: &str) -> Result<Passphrase, BadPassphrase> {
        let length = text.len();
        if (10..=79).contains(&length) {
            Ok(Passphrase(text.to_owned()))
        } else {
            Err(BadPassphrase { length })
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    /// Without it: it is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passphrase").finish_non_exhaustive()
    }
}
