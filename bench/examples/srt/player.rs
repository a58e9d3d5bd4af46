//! One player: what came, and what of it is wrong.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use srs_ts::check::Checker;
use srs_ts::{CLOCK, PACKET};

use crate::publisher::{Published, call};

/// A silence that a viewer would see.
pub const STALL: Duration = Duration::from_millis(500);
/// How often the connection's own figures are asked for.
const LOOK: Duration = Duration::from_millis(500);

/// What one player saw.
#[derive(Default)]
pub struct Seen {
    pub called: Option<Instant>,
    pub first: Option<Instant>,
    pub last: Option<Instant>,
    pub bytes: u64,
    /// Packets lost, doubled or out of order, since the beginning.
    pub continuity: u64,
    /// Bytes that are no packet.
    pub damaged: u64,
    /// What the strict checker found, and its first word.
    pub faults: u64,
    pub fault: Option<String>,
    /// From here on silences and delays count.
    pub measuring: bool,
    pub gap: Duration,
    pub stalls: u64,
    /// From when a picture left its encoder to its first packet here, in microseconds.
    pub delays: Vec<u64>,
    /// SRT packets that were given up.
    pub lost: u64,
    pub error: Option<String>,
    counters: Vec<(u16, u8)>,
    checker: Option<Checker>,
    begun: bool,
}

impl Seen {
    /// A player, whose packets may be checked strictly.
    pub fn new(strictly: bool) -> Self {
        Self { checker: strictly.then(Checker::new), ..Self::default() }
    }

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

    fn take(&mut self, message: &[u8], now: Instant, published: &Published) {
        self.pause(now);
        self.first.get_or_insert(now);
        self.bytes += message.len() as u64;
        for packet in message.chunks(PACKET) {
            if packet.len() != PACKET || packet[0] != 0x47 {
                self.damaged += 1;
                continue;
            }
            self.count(packet);
            if self.checker.is_some() {
                self.look(packet, now, published);
            }
        }
    }

    fn count(&mut self, packet: &[u8]) {
        let (pid, counter) = (pid(packet), packet[3] & 0x0f);
        let has_payload = packet[3] & 0x10 != 0;
        match self.counters.iter_mut().find(|known| known.0 == pid) {
            Some((_, last)) => {
                let expected = (*last + u8::from(has_payload)) & 0x0f;
                self.continuity += u64::from(counter != expected);
                *last = counter;
            }
            None => self.counters.push((pid, counter)),
        }
    }

    fn look(&mut self, packet: &[u8], now: Instant, published: &Published) {
        let starts = packet[1] & 0x40 != 0;
        // Who comes in the middle of a stream has first to find its tables.
        self.begun |= starts && pid(packet) == 0;
        let Some(checker) = self.checker.as_mut().filter(|_| self.begun) else { return };
        if let Err(fault) = checker.packet(packet) {
            self.faults += 1;
            self.fault.get_or_insert_with(|| fault.to_string());
        }
        if !self.measuring || !starts || pid(packet) != srs_ts::VIDEO_PID {
            return;
        }
        let (Some(time), Some(began)) = (pts(packet), published.began.get()) else { return };
        let left = *began + Duration::from_micros(time * 1_000_000 / CLOCK);
        self.delays.push(now.saturating_duration_since(left).as_micros() as u64);
    }
}

fn pid(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]])
}

/// The time of a picture that begins in this packet.
fn pts(packet: &[u8]) -> Option<u64> {
    let adaptation = if packet[3] & 0x20 != 0 { 1 + usize::from(packet[4]) } else { 0 };
    let head = packet.get(4 + adaptation..)?;
    let field = head.get(9..14).filter(|_| head[..3] == [0, 0, 1] && head[7] & 0x80 != 0)?;
    let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|index| u64::from(field[index]));
    Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}

/// Plays for ever.
pub async fn run(from: SocketAddr, stream_id: String, seen: Arc<Mutex<Seen>>, published: Arc<Published>) {
    seen.lock().unwrap().called = Some(Instant::now());
    let connection = match call(from, &stream_id).await {
        Ok(connection) => connection,
        Err(error) => return seen.lock().unwrap().error = Some(format!("player: {error}")),
    };
    let mut looked = Instant::now();
    while let Some(message) = connection.message().await {
        let now = Instant::now();
        let mut seen = seen.lock().unwrap();
        seen.take(&message, now, &published);
        if now.saturating_duration_since(looked) >= LOOK {
            looked = now;
            seen.lost = connection.stats().lost;
        }
    }
    let ended = connection.ended().await;
    seen.lock().unwrap().error = Some(format!("player: {ended}"));
}
