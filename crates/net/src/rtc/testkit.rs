//! A port in one thread, clients that know binding requests, and an engine that carries payloads as they are.

use std::collections::VecDeque;
use std::future::pending;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use srs_rtc::engine::{Asked, Codec, Credentials, Ended, Event, Frame, Packet, Stats};
use srs_rtc::stun::{self, Message};
use srs_rtc::{Engine, Path, frames};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::door::{Far, Key};
use super::port::Part;
use super::shard::Shard;
use super::*;
use crate::tcp::Slots;
use crate::udp::bind_shared;

mod clients;

pub use clients::{Caller, Client};

/// The password of user names here.
pub fn password(ufrag: &str) -> String {
    format!("the password of {ufrag}, which is long")
}

/// Runs a test in a thread of its own making, as shards are.
pub async fn local<T>(test: impl Future<Output = T>) -> T {
    LocalSet::new().run_until(test).await
}

pub async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), what).await.expect("within 20 s")
}

/// Knows the user names that it was told. A name's session is its part before the first dot.
#[derive(Default)]
pub struct Names {
    pub each_address: bool,
    pub ask: bool,
    pub known: Mutex<Vec<String>>,
    pub finds: AtomicUsize,
}

impl Door for Names {
    fn find(&self, ufrag: &str) -> Found {
        self.finds.fetch_add(1, Ordering::Relaxed);
        assert_ne!(ufrag, "panic", "on purpose");
        if !self.known.lock().unwrap().iter().any(|known| known == ufrag) {
            return Found::Nobody;
        }
        if self.ask {
            return Found::Ask;
        }
        let session = ufrag.split('.').next().unwrap_or_default().into();
        Found::Known { session, password: password(ufrag), each_address: self.each_address }
    }
}

/// A port whose shards are all here.
pub struct Here {
    pub shards: Vec<Rc<Shard>>,
    pub address: SocketAddr,
    pub slots: Slots,
    pub serving: Serving,
    pub door: Arc<Names>,
}

impl Here {
    /// Lets the door know one more.
    pub fn know(&self, ufrag: &str) {
        self.door.known.lock().unwrap().push(ufrag.to_owned());
    }

    /// On which shard a session lives.
    pub fn shard_of(&self, name: &str, far: Option<Far>) -> Option<usize> {
        let key = Key { name: name.into(), far, is_asked: false };
        self.shards[0].names.find(&key).map(|(shard, _)| shard)
    }

    /// Whether nothing is kept anywhere.
    pub fn is_empty(&self) -> bool {
        let is_empty = |shard: &Rc<Shard>| {
            let state = shard.state.borrow();
            state.is_empty() && state.addresses.len() == 0
        };
        self.shards[0].names.len() == 0 && self.shards.iter().all(is_empty)
    }

    /// Waits until so much was thrown away.
    pub async fn until_dropped(&self, is_enough: impl Fn(Dropped) -> bool) {
        within(async {
            while !is_enough(self.serving.dropped()) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    pub async fn until_empty(&self) {
        within(async {
            while !self.is_empty() || self.slots.used() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// A client whom the kernel deals to this shard.
    pub async fn client_on(&self, shard: usize) -> Client {
        for number in 0.. {
            let (client, name) = (Client::new(self.address).await, format!("probe{number}"));
            self.know(&name);
            client.check(&name).await;
            client.hear().await;
            if self.shard_of(&name, None) == Some(shard) {
                client.send(b"the end").await;
                within(async {
                    while self.shard_of(&name, None).is_some() {
                        tokio::task::yield_now().await;
                    }
                })
                .await;
                return client;
            }
        }
        unreachable!()
    }

    /// Serves connections of TCP; where.
    pub async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, serving) = (listener.local_addr().unwrap(), self.serving.clone());
        crate::shards::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let serving = serving.clone();
                crate::shards::spawn(async move { serving.tcp(stream, peer).await });
            }
        });
        address
    }
}

/// Opens a port whose sessions are served by `session`.
pub fn open<S, F>(shards: usize, most: usize, names: Names, session: S) -> Here
where
    S: Fn(Knock) -> F + Clone + 'static,
    F: Future<Output = ()> + 'static,
{
    let (door, slots) = (Arc::new(names), Slots::new(most));
    let sockets = bind_shared(&["127.0.0.1:0".parse().unwrap()], shards).unwrap();
    let address = sockets[0].local_addr().unwrap();
    let mut found = Vec::new();
    let asked: Arc<dyn Door> = door.clone();
    let (parts, serving) = Part::of(shards, &asked);
    for (part, socket) in parts.into_iter().zip(sockets) {
        let shard = part.prepare(socket, door.clone(), slots.clone()).unwrap();
        crate::shards::spawn(part.drive(Rc::clone(&shard), session.clone()));
        found.push(shard);
    }
    Here { shards: found, address, slots, serving, door }
}

/// Connections that were accepted, each with an engine that carries payloads.
pub fn open_and_accept(shards: usize, names: Names) -> (Here, mpsc::UnboundedReceiver<Rc<Connection>>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let here = open(shards, 100, names, move |knock| {
        let sender = sender.clone();
        async move {
            let ufrag = knock.ufrag().to_owned();
            let connection = Rc::new(knock.accept(Box::new(Plain::new(&ufrag))));
            let _test_over = sender.send(Rc::clone(&connection));
            connection.ended().await;
        }
    });
    (here, receiver)
}

/// Nobody answers.
pub async fn never(_knock: Knock) {
    pending().await
}

/// Bytes before a payload: as many as media has at least.
pub const HEAD: usize = 8;

/// A datagram of media with this payload.
pub fn media(payload: &[u8]) -> Vec<u8> {
    [&[0x80; HEAD], payload].concat()
}

/// An engine that carries what follows the first bytes of media. Checks are answered, and the way of the last good one is where
/// it sends. Some payloads have it do something.
pub struct Plain {
    password: String,
    path: Option<Path>,
    outgoing: VecDeque<(Path, Vec<u8>)>,
    events: VecDeque<Event>,
    ended: Option<Ended>,
    sent: u64,
    alive: Option<Instant>,
}

/// How often it says that it is alive, once it was asked to.
pub const ALIVE: Duration = Duration::from_millis(50);

impl Plain {
    pub fn new(ufrag: &str) -> Plain {
        let (outgoing, events) = (VecDeque::new(), VecDeque::new());
        let password = password(ufrag);
        Plain { password, path: None, outgoing, events, ended: None, sent: 0, alive: None }
    }

    fn say(&mut self, payload: &[u8]) {
        if let Some(path) = self.path {
            self.outgoing.push_back((path, media(payload)));
        }
    }
}

impl Engine for Plain {
    fn datagram(&mut self, now: Instant, path: Path, bytes: &mut [u8]) {
        if let Ok(message) = Message::read(bytes) {
            if message.verify(&self.password) {
                self.path = Some(path);
                self.outgoing.push_back((path, stun::success(&message, path.peer, &self.password)));
            }
            return;
        }
        match &bytes[HEAD..] {
            b"panic" => panic!("on purpose"),
            b"the end" => self.ended = Some(Ended::Peer),
            b"say that you are alive" => self.alive = Some(now + ALIVE),
            payload => self.events.push_back(Event::Frame(frame(now, payload))),
        }
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        if self.alive.is_some_and(|alive| alive <= now) {
            self.say(b"alive");
            self.alive = Some(now + ALIVE);
        }
        self.alive
    }

    fn next_datagram(&mut self, _: Instant, out: &mut BytesMut) -> Option<Path> {
        let (path, bytes) = self.outgoing.pop_front()?;
        out.extend_from_slice(&bytes);
        Some(path)
    }

    fn next_event(&mut self, _: Instant) -> Option<Event> {
        self.events.pop_front()
    }

    fn send(&mut self, _: Instant, packet: &Packet) {
        assert_ne!(*packet.payload, *b"panic", "on purpose");
        self.sent += 1;
        self.say(&packet.payload);
    }

    fn ask(&mut self, _: Instant, asked: Asked) {
        self.say(format!("{asked:?}").as_bytes());
    }

    fn restart(&mut self, _: Instant, ours: Credentials, _: Credentials) {
        self.password = ours.password;
    }

    fn close(&mut self, _: Instant) {
        self.say(b"goodbye");
        self.ended = self.ended.or(Some(Ended::Here));
    }

    fn ended(&self) -> Option<Ended> {
        self.ended
    }

    fn stats(&mut self, _: Instant) -> Stats {
        Stats { sent_packets: self.sent, ..Stats::default() }
    }
}

fn frame(now: Instant, payload: &[u8]) -> Frame {
    Frame {
        codec: Codec::Vp8,
        layer: None,
        time: 0,
        clock: 90_000,
        came: now,
        report: None,
        follows: true,
        key: false,
        data: Bytes::copy_from_slice(payload),
    }
}

/// A packet with this payload.
pub fn packet(payload: &[u8]) -> Packet {
    let (codec, wallclock) = (Codec::Vp8, Instant::now());
    Packet { codec, time: 0, wallclock, marker: false, payload: payload.into() }
}

/// The payload of the next frame.
pub async fn next(connection: &Connection) -> Bytes {
    match within(connection.event()).await {
        Some(Event::Frame(frame)) => frame.data,
        other => panic!("{other:?}"),
    }
}

/// A binding request by this password.
pub fn check(ufrag: &str, password: &str) -> Vec<u8> {
    stun::binding_request(rand::random(), &format!("{ufrag}:theirs"), password, 1, 2, true)
}

/// Whether it is a good answer to a request.
pub fn is_success(datagram: &[u8], ufrag: &str) -> bool {
    Message::read(datagram)
        .is_ok_and(|message| message.kind() == stun::Kind::Success && message.verify(&password(ufrag)))
}
