//! Two ends and a line between them, in a time of their own.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use srs_srt::engine::{CallError, Caller as _, Engine, Progress};
use srs_srt::handshake::{Handshake, Kind};
use srs_srt::{Reason, SocketId};

use crate::srt::{Call, KeyLength, Passphrase, Settings, accept};

pub const LISTENER: SocketId = SocketId(77);
pub const CALLER: SocketId = SocketId(33);
pub const SECRET: &str = "correct horse battery";

pub fn address() -> SocketAddr {
    ([192, 0, 2, 1], 9000).into()
}

pub fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

pub fn latency(count: u64) -> Settings {
    Settings { receive_latency: ms(count), peer_latency: ms(count), ..Settings::default() }
}

pub fn secret(text: &str, length: u64) -> Settings {
    let passphrase = Some(Passphrase::new(text).unwrap());
    Settings { passphrase, key_length: KeyLength::new(length).unwrap(), ..latency(120) }
}

pub type End = Box<dyn Engine>;

/// The handshake of both sides: the caller's end and the listener's, or what the caller is told.
pub fn connect(caller: &Settings, listener: &Settings, now: Instant) -> Result<(End, End), CallError> {
    connect_from(caller, listener, now, None).map(|(caller, listener, _)| (caller, listener))
}

/// The same with this number of the first packet; and that number.
pub fn connect_from(
    caller: &Settings,
    listener: &Settings,
    now: Instant,
    first: Option<u32>,
) -> Result<(End, End, u32), CallError> {
    let mut call = Call::new(caller, Some("#!::r=live/a,m=publish"), address(), CALLER, now).unwrap();
    if let Some(first) = first {
        call.begin_with(first);
    }
    let induction = said(&mut call, now);
    let asked = Handshake::read(&induction).unwrap();
    assert_eq!((asked.fields.kind, asked.fields.version), (Kind::Induction, 4));
    let answer = asked.fields.answer_induction(CALLER, 0x1234, address().ip());
    assert!(matches!(call.packet(now, &mut answer.write(CALLER, 0)), Progress::Waiting));

    let conclusion = said(&mut call, now);
    let asked = Handshake::read(&conclusion).unwrap();
    assert_eq!(asked.fields.cookie, 0x1234);
    assert_eq!(asked.stream_id(), Ok(Some("#!::r=live/a,m=publish".to_owned())));
    let (mut answer, listener) = match accept(listener, &asked, LISTENER, address(), ms(1), now) {
        Ok(accepted) => (accepted.answer, Some(accepted.engine)),
        Err(reason) => (asked.fields.reject(reason).write(CALLER, 0).to_vec(), None),
    };
    match (call.packet(now, &mut answer), listener) {
        (Progress::Connected(caller), Some(listener)) => Ok((caller, listener, asked.fields.sequence)),
        (Progress::Failed(error), _) => Err(error),
        (progress, _) => panic!("{progress:?}"),
    }
}

pub fn refused(caller: &Settings, listener: &Settings) -> Option<Reason> {
    match connect(caller, listener, Instant::now()) {
        Err(CallError::Refused(reason)) => Some(reason),
        Err(error) => panic!("{error}"),
        Ok(_) => None,
    }
}

fn said(call: &mut Call, now: Instant) -> Vec<u8> {
    let mut out = BytesMut::new();
    assert!(call.next_packet(now, &mut out));
    out.to_vec()
}

/// Numbers that look like chance and are the same each time.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// True in so many of a thousand cases.
    pub fn permille(&mut self, count: u64) -> bool {
        self.below(1000) < count
    }
}

/// What a line does to packets.
#[derive(Clone, Copy, Default)]
pub struct Wire {
    /// One way.
    pub delay: Duration,
    /// Any more than that, up to so much.
    pub jitter: Duration,
    /// Packets of a thousand that are lost.
    pub loss: u64,
    /// Packets of a thousand that come 10 ms later than they would.
    pub reorder: u64,
    /// Nothing comes through from the first to the second.
    pub dark: Option<(Duration, Duration)>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    pub sent: u64,
    pub received: u64,
    /// Messages that are missing between two that came.
    pub missing: u64,
    pub wrong: u64,
    pub least: Duration,
    pub most: Duration,
    /// Packets of media on the line.
    pub packets: u64,
    /// How often the ends wanted to be called, both together.
    pub wakes: u64,
    /// Kinds of keys seen on the line, and how often they changed.
    pub changes: u64,
}

/// A packet on the line: when it arrives, its count, to which end, and what.
type Flying = (Instant, u64, usize, Vec<u8>);

/// Two ends, of which the first sends.
pub struct Line {
    pub now: Instant,
    pub start: Instant,
    pub ends: [End; 2],
    wake: [Option<Instant>; 2],
    wire: Wire,
    chance: Chance,
    flying: BinaryHeap<Reverse<Flying>>,
    count: u64,
    key: u8,
    pub outcome: Outcome,
}

impl Line {
    pub fn new(ends: (End, End), now: Instant, wire: Wire) -> Line {
        let ends = [ends.0, ends.1];
        let outcome = Outcome { least: Duration::MAX, ..Outcome::default() };
        let (wake, chance) = ([Some(now); 2], Chance(0x9e37_79b9_7f4a_7c15));
        Line {
            now,
            start: now,
            ends,
            wake,
            wire,
            chance,
            flying: BinaryHeap::new(),
            count: 0,
            key: 0,
            outcome,
        }
    }

    /// A message each `every` for so long, then as long as it takes until all has come.
    pub fn run(&mut self, every: Duration, whole: Duration) -> &Outcome {
        let end = self.now + whole;
        let mut next = self.now;
        while next < end {
            self.until(next);
            let mut message = vec![0; 1316];
            message[..8].copy_from_slice(&self.outcome.sent.to_be_bytes());
            let at = (self.now - self.start).as_micros() as u64;
            message[8..16].copy_from_slice(&at.to_be_bytes());
            message[16..].fill(self.outcome.sent as u8);
            if self.ends[0].send(self.now, Bytes::from(message)) {
                self.outcome.sent += 1;
            }
            self.look(0);
            next += every;
        }
        self.until(end + Duration::from_secs(3));
        &self.outcome
    }

    /// Time goes on.
    pub fn until(&mut self, end: Instant) {
        loop {
            let flying = self.flying.peek().map(|Reverse(packet)| packet.0);
            let next = self.wake.iter().flatten().copied().chain(flying).min().unwrap_or(end);
            if next > end {
                self.now = end;
                return;
            }
            self.now = next.max(self.now);
            while self.flying.peek().is_some_and(|Reverse(packet)| packet.0 <= self.now) {
                let Reverse((_, _, to, mut packet)) = self.flying.pop().unwrap();
                self.ends[to].packet(self.now, &mut packet);
                self.look(to);
            }
            for end in 0..2 {
                if self.wake[end].is_some_and(|wake| wake <= self.now) {
                    self.outcome.wakes += 1;
                    self.look(end);
                }
            }
            if self.now >= end {
                return;
            }
        }
    }

    fn look(&mut self, end: usize) {
        self.wake[end] = self.ends[end].tick(self.now);
        let mut out = BytesMut::new();
        while self.ends[end].next_packet(self.now, &mut out) {
            let packet = out.split().to_vec();
            self.fly(1 - end, packet);
        }
        while let Some(message) = self.ends[end].next_message(self.now) {
            self.came(&message);
        }
    }

    fn fly(&mut self, to: usize, packet: Vec<u8>) {
        let wire = self.wire;
        if packet[0] & 0x80 == 0 {
            self.outcome.packets += 1;
            let key = packet[4] >> 3 & 3;
            if key != self.key && packet[4] & 4 == 0 {
                (self.key, self.outcome.changes) = (key, self.outcome.changes + 1);
            }
        }
        let since = self.now - self.start;
        let dark = wire.dark.is_some_and(|(from, until)| (from..until).contains(&since));
        if self.chance.permille(wire.loss) || dark {
            return;
        }
        let mut at = self.now + wire.delay;
        if !wire.jitter.is_zero() {
            at += Duration::from_micros(self.chance.below(wire.jitter.as_micros() as u64));
        }
        if self.chance.permille(wire.reorder) {
            at += ms(10);
        }
        self.count += 1;
        self.flying.push(Reverse((at, self.count, to, packet)));
    }

    fn came(&mut self, message: &[u8]) {
        let outcome = &mut self.outcome;
        let number = u64::from_be_bytes(message[..8].try_into().unwrap());
        let at = Duration::from_micros(u64::from_be_bytes(message[8..16].try_into().unwrap()));
        if message.len() != 1316 || message[16..].iter().any(|byte| *byte != number as u8) {
            outcome.wrong += 1;
            return;
        }
        let expected = outcome.received + outcome.missing;
        assert!(number >= expected, "{number} after {expected}");
        outcome.missing += number - expected;
        outcome.received += 1;
        let held = (self.now - self.start).saturating_sub(at);
        (outcome.least, outcome.most) = (outcome.least.min(held), outcome.most.max(held));
    }
}
