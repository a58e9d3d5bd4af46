//! One viewer: what came, and what of it is missing.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use srs_peer::rtc::Settings;
use srs_peer::rtc::client::Caller;
use srs_rtc::engine::{Event, Received};
use srs_rtc::{Codec, Track};

use crate::line::{Line, ask, open};

/// A silence that a viewer would see.
const STALL: Duration = Duration::from_millis(500);

/// One flow of packets.
#[derive(Default)]
pub struct Flow {
    first: Option<u64>,
    highest: u64,
    /// Packets, each once.
    pub packets: u64,
}

impl Flow {
    fn take(&mut self, sequence: u64) -> bool {
        let first = *self.first.get_or_insert(sequence);
        self.packets += u64::from(sequence >= first);
        let follows = sequence >= self.highest;
        self.highest = self.highest.max(sequence);
        follows
    }

    /// Those that never came, though later ones did.
    pub fn missing(&self) -> u64 {
        self.first.map_or(0, |first| self.highest + 1 - first - self.packets)
    }
}

/// What one viewer saw.
#[derive(Default)]
pub struct Seen {
    pub asked: Option<Instant>,
    pub answered: Option<Instant>,
    pub connected: Option<Instant>,
    /// The first packet of a key frame.
    pub first: Option<Instant>,
    pub last: Option<Instant>,
    /// Of payloads.
    pub bytes: u64,
    pub flows: [Flow; 2],
    /// Packets that came behind later ones: most were lost and came again.
    pub late: u64,
    /// From here on silences count.
    pub measuring: bool,
    pub gap: Duration,
    pub stalls: u64,
    pub reads: u64,
    pub datagrams: u64,
    pub error: Option<String>,
}

impl Seen {
    /// Begins to measure.
    pub fn measure(&mut self, now: Instant) {
        self.measuring = true;
        // A silence counts from here.
        self.last = self.last.map(|_| now);
    }

    /// Silence at the end is one too.
    pub fn finish(&mut self, now: Instant) {
        self.pause(now);
        self.measuring = false;
    }

    fn pause(&mut self, now: Instant) {
        if let Some(last) = self.last.replace(now).filter(|_| self.measuring) {
            let gap = now.saturating_duration_since(last);
            self.gap = self.gap.max(gap);
            self.stalls += u64::from(gap > STALL);
        }
    }

    fn take(&mut self, packet: &Received, now: Instant) {
        self.pause(now);
        self.bytes += packet.payload.len() as u64;
        let sound = packet.codec.track() == Track::Audio;
        self.late += u64::from(!self.flows[usize::from(sound)].take(packet.sequence));
        if self.first.is_none() && !sound && is_key(&packet.payload) {
            self.first = Some(now);
        }
    }
}

/// Whether a payload of H.264 belongs to a key frame: parameter sets, or a part of an IDR picture (RFC 6184 5.4).
fn is_key(payload: &[u8]) -> bool {
    let kind = |at: usize| payload.get(at).map(|byte| byte & 0x1f);
    match kind(0) {
        // STAP-A: a length of two bytes stands before each unit.
        Some(24) => matches!(kind(3), Some(5 | 7 | 8)),
        Some(28) => kind(1) == Some(5),
        kind => matches!(kind, Some(5 | 7)),
    }
}

/// Plays for ever.
pub async fn run(to: SocketAddr, path: Arc<str>, seen: Arc<Mutex<Seen>>) {
    let error = match play(to, &path, &seen).await {
        Ok(ended) | Err(ended) => ended,
    };
    seen.lock().unwrap().error = Some(format!("player: {error}"));
}

async fn play(to: SocketAddr, path: &str, seen: &Mutex<Seen>) -> Result<String, String> {
    let (socket, local) = open().map_err(|error| error.to_string())?;
    // Half a thousand viewers need no figures.
    let settings = Settings { figures: None, ..Settings::default() };
    let codecs = [Codec::H264, Codec::Opus];
    let caller =
        Caller::play(&settings, &codecs, local, Instant::now()).map_err(|error| error.to_string())?;
    seen.lock().unwrap().asked = Some(Instant::now());
    let answer = ask(to, path, caller.offer()).await?;
    seen.lock().unwrap().answered = Some(Instant::now());
    let mut line = Line::new(socket, caller, &answer)?;
    let ended = poll_fn(|cx| {
        let mut seen = seen.lock().unwrap();
        let ended = line.poll(cx, &mut |event, now| match event {
            Event::Connected => seen.connected = Some(now),
            Event::Packet(packet) => seen.take(&packet, now),
            _ => {}
        });
        (seen.reads, seen.datagrams) = (line.reads, line.datagrams);
        ended.map(|ended| ended.to_string())
    });
    Ok(ended.await)
}
