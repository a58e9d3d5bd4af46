//! A network between one client and one session: delay, loss, addresses.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use srs_rtc::datagram::Kind;
use srs_rtc::engine::{Credentials, Event, Frame, Packet, Received};
use srs_rtc::sdp::{Candidate, Description};
use srs_rtc::{Codec, Engine, Path};

use crate::rtc::client::{Caller, Client};
use crate::rtc::{Accepted, Session, Settings};

/// One way.
const DELAY: Duration = Duration::from_millis(10);

pub fn client_address() -> SocketAddr {
    "10.0.0.1:5000".parse().unwrap()
}

pub fn server_address() -> SocketAddr {
    "10.0.0.2:8000".parse().unwrap()
}

pub fn ours() -> Credentials {
    Credentials {
        ufrag: "AAAAAAAABBBBBBBBBBBBBBBBa".to_owned(),
        password: "passwordpasswordpassword".to_owned(),
    }
}

/// Both ends, and what is between them.
pub struct Net {
    pub now: Instant,
    pub client: Client,
    pub session: Session,
    /// Where the session sees the client.
    pub seen: SocketAddr,
    /// Datagrams on their way: when they arrive, whether at the session, from where, what.
    way: VecDeque<(Instant, bool, SocketAddr, Vec<u8>)>,
    pub client_events: Vec<Event>,
    pub session_events: Vec<Event>,
    /// Where the session sent to last.
    pub sent_to: Option<SocketAddr>,
    /// Of media to the client, and to the session: every so many datagrams one is lost. Zero: none.
    pub loses: (u64, u64),
    counted: (u64, u64),
    /// What is lost on the way to the session comes so much later after all: as from a peer that sends it again as it was.
    pub late: Duration,
    /// Nothing of the client arrives.
    pub silent: bool,
    /// Only its checks do not arrive.
    pub unchecked: bool,
    /// How often the session was woken by its own wish.
    pub woken: u64,
}

impl Net {
    pub fn publish(settings: &Settings, codecs: &[Codec]) -> Net {
        Net::publish_with(settings, codecs, str::to_owned)
    }

    /// A publisher whose offer is not quite what it made.
    pub fn publish_with(settings: &Settings, codecs: &[Codec], change: impl Fn(&str) -> String) -> Net {
        let now = Instant::now();
        let caller = Caller::publish(settings, codecs, client_address(), now).unwrap();
        let offer = change(caller.offer());
        let accepted = crate::rtc::publish(settings, &offer, ours(), now).unwrap();
        Net::new(caller, accepted, now)
    }

    pub fn play(settings: &Settings, offered: &[Codec], stream: &[Codec]) -> Net {
        let now = Instant::now();
        let caller = Caller::play(settings, offered, client_address(), now).unwrap();
        let accepted = crate::rtc::play(settings, caller.offer(), ours(), stream, now).unwrap();
        Net::new(caller, accepted, now)
    }

    fn new(caller: Caller, accepted: Accepted, now: Instant) -> Net {
        let mut answer = Description::parse(&accepted.answer).unwrap();
        answer.set_candidates(&[Candidate::host(server_address(), false, 0)]);
        let answer = answer.to_string();
        let client = caller.answered(&answer, now).unwrap();
        Net {
            now,
            client,
            session: accepted.engine,
            seen: client_address(),
            way: VecDeque::new(),
            client_events: Vec::new(),
            session_events: Vec::new(),
            sent_to: None,
            loses: (0, 0),
            counted: (0, 0),
            late: Duration::ZERO,
            silent: false,
            unchecked: false,
            woken: 0,
        }
    }

    /// Both ends are connected.
    pub fn connect(&mut self) {
        let connected = |events: &[Event]| events.iter().any(|event| matches!(event, Event::Connected));
        self.until(Duration::from_secs(10), |net| {
            connected(&net.client_events) && connected(&net.session_events)
        });
    }

    /// Runs until `done`, for `limit` at most.
    pub fn until(&mut self, limit: Duration, done: impl Fn(&Net) -> bool) {
        let end = self.now + limit;
        while !done(self) {
            assert!(self.now < end, "it did not happen in time");
            self.step(end);
        }
    }

    /// Runs for so long.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step(end);
        }
    }

    /// Does what is due, and goes on to what is due next.
    fn step(&mut self, end: Instant) {
        let due = [self.client.tick(self.now), self.session.tick(self.now)];
        self.take();
        self.way.make_contiguous().sort_by_key(|way| way.0);
        let next = due.into_iter().flatten().chain(self.way.front().map(|way| way.0)).min();
        self.now = next.unwrap_or(end).clamp(self.now, end);
        self.woken += u64::from(due[1].is_some_and(|due| due <= self.now));
        while self.way.front().is_some_and(|way| way.0 <= self.now) {
            let (_, to_session, from, mut bytes) = self.way.pop_front().unwrap();
            let path = Path { peer: from, local: None, tcp: false };
            if to_session {
                self.session.datagram(self.now, path, &mut bytes);
            } else {
                self.client.datagram(self.now, path, &mut bytes);
            }
        }
        self.take_events();
        if due.into_iter().flatten().chain(self.way.front().map(|way| way.0)).next().is_none() {
            self.now = end;
        }
    }

    /// Takes datagrams and events from both ends.
    fn take(&mut self) {
        let at = self.now + DELAY;
        let mut bytes = BytesMut::new();
        while self.client.next_datagram(self.now, &mut bytes).is_some() {
            let sent = bytes.split().to_vec();
            let is_check = Kind::of(&sent) == Kind::Stun;
            let is_dropped = self.silent || self.unchecked && is_check;
            let lost = is_dropped || lost(&sent, self.loses.1, &mut self.counted.1);
            if !lost {
                self.way.push_back((at, true, self.seen, sent));
            } else if !self.late.is_zero() {
                self.way.push_back((at + self.late, true, self.seen, sent));
            }
        }
        while let Some(path) = self.session.next_datagram(self.now, &mut bytes) {
            let sent = bytes.split().to_vec();
            self.sent_to = Some(path.peer);
            let arrives = path.peer == self.seen && !lost(&sent, self.loses.0, &mut self.counted.0);
            if arrives {
                self.way.push_back((at, false, server_address(), sent));
            }
        }
        self.take_events();
    }

    fn take_events(&mut self) {
        while let Some(event) = self.client.next_event(self.now) {
            self.client_events.push(event);
        }
        while let Some(event) = self.session.next_event(self.now) {
            self.session_events.push(event);
        }
    }
}

/// Of media every so many datagrams one is lost. Payload types of RTCP are those of RFC 5761.
fn lost(bytes: &[u8], every: u64, counted: &mut u64) -> bool {
    let is_rtp = bytes[0] >= 128 && !(64..96).contains(&(bytes[1] & 0x7f));
    if every == 0 || !is_rtp {
        return false;
    }
    *counted += 1;
    (*counted).is_multiple_of(every)
}

/// A packet of media with this payload.
pub fn packet(codec: Codec, time: u32, marker: bool, now: Instant, payload: &[u8]) -> Packet {
    Packet { codec, time, wallclock: now, marker, payload: payload.into() }
}

pub const BOTH: [Codec; 2] = [Codec::H264, Codec::Opus];

pub fn frames(net: &Net, codec: Codec) -> Vec<&Frame> {
    let frames = net.session_events.iter().filter_map(|event| match event {
        Event::Frame(frame) => Some(frame),
        _ => None,
    });
    frames.filter(|frame| frame.codec == codec).collect()
}

pub fn packets(net: &Net, codec: Codec) -> Vec<&Received> {
    let packets = net.client_events.iter().filter_map(|event| match event {
        Event::Packet(packet) => Some(packet),
        _ => None,
    });
    packets.filter(|packet| packet.codec == codec).collect()
}

/// A picture of three packets: two fragments of an IDR slice, and SPS with PPS before them.
pub fn send_picture(net: &mut Net, number: u32) {
    let time = number * 3000;
    let parameters: &[u8] = &[0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 2, 0x68, 0xce];
    net.client.send(net.now, &packet(Codec::H264, time, false, net.now, parameters));
    let first = [vec![0x7c, 0x85], vec![number as u8; 1000]].concat();
    let last = [vec![0x7c, 0x45], vec![number as u8; 500]].concat();
    net.client.send(net.now, &packet(Codec::H264, time, false, net.now, &first));
    net.client.send(net.now, &packet(Codec::H264, time, true, net.now, &last));
}

/// Sends so many pictures of two packets each, with sound.
pub fn play_pictures(net: &mut Net, pictures: u32) {
    for number in 0..pictures {
        let now = net.now;
        for part in 0..2_u8 {
            let payload = [&number.to_be_bytes()[..], &[part], &[7; 1100]].concat();
            net.session.send(now, &packet(Codec::H264, number * 3000, part == 1, now, &payload));
        }
        net.session.send(now, &packet(Codec::Opus, number * 960, false, now, &number.to_be_bytes()));
        net.run(Duration::from_millis(33));
    }
    net.loses = (0, 0);
    net.run(Duration::from_secs(1));
}
