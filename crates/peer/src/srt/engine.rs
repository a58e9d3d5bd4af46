//! One end of a connection: what comes is looked at before the library sees it, and what the library does not do well
//! is done here.

mod control;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use srs_srt::engine::{Ended, Engine, Stats};
use srs_srt::packet::{Boundary, Data, HEADER, Kind};
use srs_srt::{Header, SocketId, packet};

use super::agreed::Agreed;
use super::clock::Clock;
use super::core::{Core, Leaving, Media, Taken};
use super::keys::Changes;
use super::losses::{Losses, Place};
use super::numbers;
use super::sent::Sent;
use super::settings::Settings;

/// Bytes of the longest message: what fits into a packet of Ethernet.
const MOST_MESSAGE: usize = 1456;
/// For how long a peer that is alive may acknowledge nothing of what it was sent.
const DEAF: Duration = Duration::from_secs(5);
/// A peer that is alive says something every second.
const ALIVE: Duration = Duration::from_secs(2);
/// Packets that are too far ahead, one after the other, until the connection is given up.
const MOST_FAR: u32 = 64;
/// Packets of our own that wait to be sent: more come only from a peer that asks for them.
const MOST_OWN: usize = 64;
/// When there is something to be sent the next look is as soon as this; else messages are given out at this grain.
const SEND_GRAIN: Duration = Duration::from_millis(1);
const GRAIN: Duration = Duration::from_millis(4);
/// The next look at a connection on which nothing happens.
const IDLE_LOOK: Duration = Duration::from_millis(250);
/// How long after the last media nothing happens.
const BUSY: Duration = Duration::from_secs(1);
/// How much later than a round trip what is missing is asked for again, at the least: what was sent again may be on
/// its way.
const ASK_SLACK: Duration = Duration::from_millis(15);

/// One end of a connection.
#[derive(Debug)]
pub(super) struct Peer {
    core: Core,
    clock: Clock,
    losses: Losses,
    sent: Sent,
    keys: Changes,
    local: SocketId,
    remote: SocketId,
    first: u32,
    latency: Duration,
    payload: usize,
    drops: bool,
    send_packets: u64,
    idle_timeout: Duration,
    /// Packets of our own.
    own: VecDeque<Vec<u8>>,
    /// Round trip and its variance: zero while not known.
    rtt: (Duration, Duration),
    /// When anything last came, since when it came without a pause, and when media came.
    heard: Instant,
    alive_since: Instant,
    fed: Option<Instant>,
    far: u32,
    /// Packets taken to be sent.
    accepted: u64,
    /// The peer has said its end.
    leaving: bool,
    ended: Option<Ended>,
    stats: Stats,
}

impl Peer {
    /// None when the library panics.
    pub fn new(settings: &Settings, mut agreed: Agreed, now: Instant) -> Option<Peer> {
        let keys = Changes::new(now, agreed.cipher.as_ref());
        let core = Core::new(settings, &mut agreed)?;
        let mut peer = Peer {
            core,
            clock: Clock::new(agreed.start, now, agreed.theirs),
            losses: Losses::new(agreed.sequence, settings.receive_packets()),
            sent: Sent::new(agreed.sequence),
            keys,
            local: agreed.local,
            remote: agreed.remote,
            first: agreed.sequence,
            latency: agreed.receive_latency,
            payload: agreed.payload,
            drops: settings.drops(),
            send_packets: settings.send_packets() as u64,
            idle_timeout: settings.idle_timeout,
            own: VecDeque::new(),
            rtt: (Duration::ZERO, Duration::ZERO),
            heard: now,
            alive_since: now,
            fed: None,
            far: 0,
            accepted: 0,
            leaving: false,
            ended: None,
            stats: Stats::default(),
        };
        // Media counts by our time from the first packet on.
        peer.tell_time(now);
        Some(peer)
    }

    /// A packet of media.
    fn media(&mut self, now: Instant, data: Data, time: u32, payload: &[u8]) {
        let whole = data.boundary == Boundary::Only && (1..=MOST_MESSAGE).contains(&payload.len());
        if !whole || data.key > 2 {
            return;
        }
        let at = match self.losses.place(data.sequence) {
            Place::Ahead(at) | Place::Missing(at) => at,
            Place::Known => return,
            Place::Far => {
                self.far = self.far.saturating_add(1);
                if self.far >= MOST_FAR {
                    self.end(now, Ended::Lost);
                }
                return;
            }
        };
        self.far = 0;
        let time = self.clock.told(time);
        let media = Media { number: data.sequence, key: data.key, again: data.retransmitted, time, payload };
        match self.core.media(now, media) {
            Taken::Yes => self.stats.received = self.stats.received.saturating_add(1),
            Taken::Undecrypted => {
                self.stats.undecrypted = self.stats.undecrypted.saturating_add(1);
                if !self.fill(now, at) {
                    return;
                }
            }
            Taken::No => return,
        }
        self.fed = Some(now);
        let due = self.clock.when(now, time);
        self.losses.arrived(at, due.checked_add(self.latency).unwrap_or(due));
    }

    /// Puts an empty packet in the place of one that is given up: the library gives out what is behind it. False when
    /// it does not take it.
    fn fill(&mut self, now: Instant, at: u64) -> bool {
        let number = numbers::number_of(at);
        let since = self.latency.saturating_add(Duration::from_millis(1));
        let time = self.clock.ours(now).wrapping_sub(since.as_micros() as u32);
        // Right after a change of keys only the other one may be there.
        self.keys.likely().into_iter().any(|key| {
            let media = Media { number, key, again: true, time, payload: &[] };
            self.core.media(now, media) == Taken::Yes
        })
    }

    /// These are given up.
    fn give_up(&mut self, now: Instant, those: std::ops::Range<u64>) {
        self.stats.lost = self.stats.lost.saturating_add(those.end.saturating_sub(those.start));
        for at in those {
            if !self.fill(now, at) {
                return self.end(now, Ended::Broken);
            }
        }
    }

    /// The time after which what is missing is asked for again.
    fn again(&self) -> Duration {
        let (mean, variance) = self.rtt;
        let whole = mean.saturating_add(ASK_SLACK.max(variance.saturating_mul(2)));
        // Where there is time for few tries none is to be lost with the question: peers do not send again within a
        // round trip.
        if self.latency < mean.saturating_mul(5) { whole / 2 } else { whole }
    }

    /// Whether the peer is there and listens.
    fn judge(&mut self, now: Instant) {
        let silent = now.saturating_duration_since(self.heard);
        if silent >= self.idle_timeout {
            return self.end(now, Ended::Silent(self.idle_timeout));
        }
        let Some(waits) = self.sent.waits_since() else { return };
        if silent < ALIVE && now.saturating_duration_since(waits.max(self.alive_since)) > DEAF {
            self.end(now, Ended::Deaf(DEAF));
        }
    }

    /// The end. The peer is told, unless it was the peer's.
    fn end(&mut self, now: Instant, why: Ended) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(why);
        if why != Ended::Peer {
            self.own.push_back(packet::shutdown(self.remote, self.clock.ours(now)).to_vec());
        }
    }

    /// When to look again, when the library would by itself at `next`.
    fn wake(&self, now: Instant, next: Instant) -> Instant {
        let fed = self.fed.is_some_and(|fed| now.saturating_duration_since(fed) < BUSY);
        if !fed && !self.sent.waits() && self.accepted <= self.sent.left(self.first) {
            return now + IDLE_LOOK;
        }
        let grain = if self.accepted > self.sent.left(self.first) { SEND_GRAIN } else { GRAIN };
        let missing = self.losses.next(self.again(), self.drops);
        missing.map_or(next, |missing| missing.min(next)).max(now + grain)
    }
}

impl Engine for Peer {
    fn packet(&mut self, now: Instant, datagram: &mut [u8]) {
        let Ok(header) = Header::read(datagram) else { return };
        if self.ended.is_some() || header.destination != self.local {
            return;
        }
        if now.saturating_duration_since(self.heard) >= ALIVE {
            self.alive_since = now;
        }
        self.heard = now;
        match header.kind {
            Kind::Data(data) => {
                self.media(now, data, header.timestamp, datagram.get(HEADER..).unwrap_or_default());
            }
            Kind::Control(control) => self.control(now, control, header.timestamp, datagram),
        }
    }

    fn has_room(&mut self, now: Instant) -> bool {
        self.ended.is_none() && !self.leaving && self.core.waiting(now) < self.send_packets
    }

    fn send(&mut self, now: Instant, message: Bytes) -> bool {
        let fits = (1..=MOST_MESSAGE).contains(&message.len());
        if !fits || !self.has_room(now) {
            return false;
        }
        let begins = self.accepted == 0;
        self.accepted = self.accepted.saturating_add(message.len().div_ceil(self.payload.max(1)) as u64);
        self.core.send(now, message);
        if begins {
            self.tell_patience(now);
        }
        true
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        self.judge(now);
        if self.ended.is_some() {
            return None;
        }
        while self.drops
            && let Some(late) = self.losses.overdue(now)
        {
            self.give_up(now, late);
        }
        if !self.leaving
            && let Some(words) = self.losses.ask(now, self.again())
        {
            self.ask(now, &words);
        }
        if let Some(number) = self.sent.last(now, self.rtt.0.saturating_add(self.rtt.1)) {
            self.send_again(now, &[number]);
        }
        let next = self.core.tick(now);
        match next {
            None => self.end(now, Ended::Broken),
            Some(_) if !self.core.is_open() => self.end(now, Ended::Peer),
            Some(next) => return Some(self.wake(now, next)),
        }
        None
    }

    fn next_packet(&mut self, now: Instant, out: &mut BytesMut) -> bool {
        if let Some(own) = self.own.pop_front() {
            out.extend_from_slice(&own);
            return true;
        }
        if self.ended.is_some() {
            return false;
        }
        match self.core.next_packet(now, out) {
            None => return false,
            Some(Leaving::Media(number)) => self.sent.leaves(now, number),
            Some(Leaving::Acknowledgement(mean, variance)) => self.rtt = (mean, variance),
            Some(Leaving::Keys(message)) => self.keys.taken(&message),
            Some(Leaving::Other) => {}
        }
        true
    }

    fn next_message(&mut self, now: Instant) -> Option<Bytes> {
        if self.ended.is_some() {
            return None;
        }
        loop {
            let message = self.core.next_message(now)?;
            if !message.is_empty() {
                return Some(message);
            }
        }
    }

    fn close(&mut self, now: Instant) {
        self.end(now, Ended::Here);
    }

    fn ended(&self) -> Option<Ended> {
        self.ended
    }

    fn stats(&mut self, now: Instant) -> Stats {
        let counted = self.core.counted();
        Stats {
            rtt: self.rtt.0,
            sent: counted.sent,
            resent: counted.resent,
            dropped: counted.dropped,
            waiting: self.core.waiting(now),
            ..self.stats
        }
    }
}
