//! What both ends have agreed on in their handshake.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use srs_srt::handshake::{Fields, Srt};
use srs_srt::{Reason, SocketId};

use super::keys::Cipher;
use super::settings::{MOST_LATENCY, MTU, Settings};

/// What we say that we can: `SRT_OPT_*` of libsrt, the draft's section 3.2.1.1.1.
mod flag {
    /// Times are kept, sending (1) and receiving (2).
    pub const TIMES: u32 = 1 | 2;
    /// Encryption.
    pub const CRYPT: u32 = 4;
    /// What comes too late is dropped.
    pub const DROPS: u32 = 8;
    /// What is lost is asked for again and again.
    pub const NAK_REPORT: u32 = 0x10;
    /// Packets say whether they were sent before.
    pub const RETRANSMITTED: u32 = 0x20;
    /// A stream of bytes and not messages.
    pub const STREAM: u32 = 0x40;
}

/// As which version of libsrt we behave.
const VERSION: u32 = 0x01_05_01;
/// The first of those that speak so.
const OLDEST: u32 = 0x01_00_00;
/// The headers of IP, UDP and SRT.
const HEADERS: u32 = 28 + 16;
/// The most packets that may be under way: libsrt's `SRTO_FC`.
pub(super) const WINDOW: u32 = 25_600;

/// What both ends have agreed on.
#[derive(Debug)]
pub(super) struct Agreed {
    pub from: SocketAddr,
    pub local: SocketId,
    pub remote: SocketId,
    /// The number of the first packet of both.
    pub sequence: u32,
    /// Bytes of media in the largest packet.
    pub payload: usize,
    /// How many packets may be under way to the peer.
    pub window: u32,
    /// For how long we hold what the peer sends, and it what we send.
    pub receive_latency: Duration,
    pub send_latency: Duration,
    /// When our time began.
    pub start: Instant,
    /// The peer's time now.
    pub theirs: u32,
    pub rtt: Duration,
    pub cipher: Option<Cipher>,
}

/// Our own word: an HSREQ, or an HSRSP with the latencies that were agreed.
pub(super) fn word(settings: &Settings, receive: Duration, send: Duration) -> Srt {
    let times = if settings.tsbpd { flag::TIMES } else { 1 };
    let drops = if settings.drops() { flag::DROPS } else { 0 };
    let flags = times | drops | flag::CRYPT | flag::NAK_REPORT | flag::RETRANSMITTED;
    Srt { version: VERSION, flags, receive_delay: millis(receive), send_delay: millis(send) }
}

fn millis(latency: Duration) -> u16 {
    u16::try_from(latency.as_millis()).unwrap_or(u16::MAX)
}

/// The longer of what we want and what the peer says in milliseconds.
pub(super) fn longer(ours: Duration, theirs: u16) -> Duration {
    ours.max(Duration::from_millis(theirs.into())).min(MOST_LATENCY)
}

/// The peer's own word, when we can work with it.
///
/// # Errors
/// [`Reason::VERSION`], [`Reason::MESSAGE_API`].
pub(super) fn check_word(word: Srt) -> Result<Srt, Reason> {
    if word.version < OLDEST {
        return Err(Reason::VERSION);
    }
    if word.flags & flag::STREAM != 0 {
        return Err(Reason::MESSAGE_API);
    }
    Ok(word)
}

/// Bytes of media in a packet and of the largest packet itself, by what both say.
///
/// # Errors
/// [`Reason::ROGUE`] for what is no size.
pub(super) fn sizes(settings: &Settings, fields: &Fields) -> Result<(usize, u32), Reason> {
    if !MTU.contains(&fields.mtu) {
        return Err(Reason::ROGUE);
    }
    let mtu = settings.mtu().min(fields.mtu);
    Ok((mtu.saturating_sub(HEADERS) as usize, mtu))
}

/// How many packets may be under way to a peer that says so many.
pub(super) fn window(fields: &Fields) -> u32 {
    fields.window.clamp(32, WINDOW)
}
