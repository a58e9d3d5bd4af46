//! One end that answered.
//!
//! ICE is [`srs_rtc::lite`]. The library sees a single check by a made-up peer at a made-up address, and after that all
//! datagrams as coming from there: it needs to know no more of ways, and keeps sending there for good.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use srs_rtc::datagram::Kind;
use srs_rtc::engine::{Asked, Credentials, Ended, Event, Packet, Stats};
use srs_rtc::lite::{Agent, Answer};
use srs_rtc::stun::{self, Message};
use srs_rtc::{Engine, Path};
use str0m::net::Protocol;
use str0m::{Candidate, IceCreds, Rtc};

use super::core::Core;

/// Where the library believes itself, and the peer, to be: addresses that nobody has (RFC 5737).
const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 9);
const THERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);
/// What they would check each other with. No check of anybody else's gets so far.
const OURS: (&str, &str) = ("inside", "insideinsideinsideinside");
const THEIRS: (&str, &str) = ("outside", "outsideoutsideoutsideoutside");
/// Of the made-up check.
const PRIORITY: u32 = 0x6e00_01ff;

/// Answers to checks that nobody has taken yet: a browser sends some ten at once.
const REPLIES: usize = 64;
/// Ways that the peer has been seen on. What comes on another one is not looked at.
const PATHS: usize = 16;
/// For how long a peer may check paths, and not get through with DTLS.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// One end of a session that answered an offer: [`publish`](super::publish), [`play`](super::play).
#[derive(Debug)]
pub struct Session {
    core: Core,
    agent: Agent,
    /// This end begins DTLS.
    active: bool,
    /// When DTLS was begun; none while there is no way to the peer.
    begun: Option<Instant>,
    paths: VecDeque<Path>,
    replies: VecDeque<(Path, Vec<u8>)>,
    consent: Duration,
    checks: Checks,
}

/// What checks took.
#[derive(Debug, Default)]
struct Checks {
    received: u64,
    sent: u64,
}

impl Session {
    pub(super) fn new(mut core: Core, agent: Agent, consent: Duration, active: bool) -> Option<Session> {
        enclose(&mut core.rtc)?;
        Some(Session {
            core,
            agent,
            active,
            begun: None,
            paths: VecDeque::new(),
            replies: VecDeque::new(),
            consent,
            checks: Checks::default(),
        })
    }

    /// The way to the peer; none before its first good check.
    pub fn path(&self) -> Option<Path> {
        self.agent.path()
    }

    fn check(&mut self, now: Instant, path: Path, bytes: &[u8]) {
        let Ok(message) = Message::read(bytes) else { return };
        let Answer::Reply(reply) = self.agent.check(now, path, &message) else { return };
        self.checks.received = self.checks.received.saturating_add(bytes.len() as u64);
        if self.replies.len() < REPLIES {
            self.replies.push_back((path, reply));
        }
        // The oldest goes first: the one in use is checked again and again.
        self.paths.retain(|known| *known != path);
        if self.paths.len() >= PATHS {
            self.paths.pop_front();
        }
        self.paths.push_back(path);
        if self.begun.is_none() && self.agent.path().is_some() {
            self.begin(now);
        }
    }

    /// Shows the library the made-up peer, and lets it begin DTLS.
    fn begin(&mut self, now: Instant) {
        self.begun = Some(now);
        self.core.advance(now);
        if self.core.rtc.direct_api().start_dtls(self.active).is_err() {
            self.core.end(Ended::Broken);
            return;
        }
        let user = format!("{}:{}", OURS.0, THEIRS.0);
        let check = stun::binding_request([0; 12], &user, OURS.1, PRIORITY, 1, true);
        self.core.datagram(now, Protocol::Udp, THERE, HERE, &check);
    }

    /// Whether something came too late.
    fn expire(&mut self, now: Instant) {
        if self.agent.is_expired(now) {
            self.core.end(Ended::Silent(self.consent));
        }
        let late = self.handshake().is_some_and(|end| now >= end);
        if late {
            self.core.end(Ended::Dtls);
        }
    }

    /// Until when DTLS has to be through; none when it is, or has not begun.
    fn handshake(&self) -> Option<Instant> {
        self.begun.filter(|_| !self.core.is_connected())?.checked_add(HANDSHAKE)
    }
}

/// Gives the library its one way.
fn enclose(rtc: &mut Rtc) -> Option<()> {
    let credentials = |of: (&str, &str)| IceCreds { ufrag: of.0.to_owned(), pass: of.1.to_owned() };
    let mut direct = rtc.direct_api();
    direct.set_ice_controlling(false);
    direct.set_local_ice_credentials(credentials(OURS));
    direct.set_remote_ice_credentials(credentials(THEIRS));
    rtc.add_local_candidate(Candidate::host(HERE, "udp").ok()?)?;
    rtc.add_remote_candidate(Candidate::host(THERE, "udp").ok()?);
    Some(())
}

impl Engine for Session {
    fn datagram(&mut self, now: Instant, path: Path, bytes: &mut [u8]) {
        if self.core.ended().is_some() {
            return;
        }
        match Kind::of(bytes) {
            Kind::Stun => self.check(now, path, bytes),
            Kind::Dtls | Kind::Media if self.paths.contains(&path) => {
                let before = self.core.received();
                self.core.datagram(now, Protocol::Udp, THERE, HERE, bytes);
                // Some publishers check no more once they send.
                if self.core.received() != before {
                    self.agent.heard(now);
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        self.expire(now);
        let due = self.core.tick(now);
        if self.core.ended().is_some() {
            return None;
        }
        // Before DTLS has begun the library has nothing to do.
        let due = due.filter(|_| self.begun.is_some());
        [due, Some(self.agent.deadline()), self.handshake()].into_iter().flatten().min()
    }

    fn next_datagram(&mut self, now: Instant, out: &mut BytesMut) -> Option<Path> {
        if let Some((path, reply)) = self.replies.pop_front() {
            self.checks.sent = self.checks.sent.saturating_add(reply.len() as u64);
            out.extend_from_slice(&reply);
            return Some(path);
        }
        let path = self.agent.path()?;
        // Without consent nothing may be sent, RFC 7675 section 5.1.
        if matches!(self.core.ended(), Some(Ended::Silent(_))) {
            return None;
        }
        loop {
            let transmit = self.core.transmit(now)?;
            // What the library answers to the made-up check is for nobody.
            if Kind::of(&transmit.contents) != Kind::Stun {
                out.extend_from_slice(&transmit.contents);
                return Some(path);
            }
        }
    }

    fn next_event(&mut self, _now: Instant) -> Option<Event> {
        self.core.event()
    }

    fn send(&mut self, now: Instant, packet: &Packet) {
        self.core.send(now, packet);
    }

    fn ask(&mut self, now: Instant, asked: Asked) {
        self.core.ask(now, &asked);
    }

    fn restart(&mut self, _now: Instant, ours: Credentials, theirs: Credentials) {
        self.agent.restart(ours, theirs);
    }

    fn close(&mut self, now: Instant) {
        self.core.close(now);
    }

    fn ended(&self) -> Option<Ended> {
        self.core.ended()
    }

    fn stats(&mut self, _now: Instant) -> Stats {
        let stats = self.core.stats();
        Stats {
            received: stats.received.saturating_add(self.checks.received),
            sent: stats.sent.saturating_add(self.checks.sent),
            ..stats
        }
    }
}
