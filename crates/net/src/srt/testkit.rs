//! A port in one thread, callers that know a handshake and headers, and an engine that carries messages as they are.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};
use srs_srt::engine::{Ended, Engine, Stats};
use srs_srt::handshake::{Fields, Handshake, Kind as Asks};
use srs_srt::packet::{Boundary, Control, ControlKind, Data, HEADER, Header, Kind, shutdown};
use srs_srt::{Cookies, SocketId};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::port::Part;
use super::shard::Shard;
use super::*;
use crate::tcp::Slots;
use crate::udp::bind_shared;

/// The first sequence number of callers here.
pub const FIRST: u32 = 1000;

/// What the engine does with messages that it is given to send while nobody is to hear of them.
pub const ROOM: usize = 8192;

/// Runs a test in a thread of its own making, as shards are.
pub async fn local<T>(test: impl Future<Output = T>) -> T {
    LocalSet::new().run_until(test).await
}

pub async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), what).await.expect("within 20 s")
}

/// A port whose shards are all here.
pub struct Here {
    pub shards: Vec<Rc<Shard>>,
    pub address: SocketAddr,
    pub cookies: Cookies,
    pub slots: Slots,
}

/// Opens a port whose callers are served by `session`.
pub fn open<S, F>(shards: usize, most: usize, session: S) -> Here
where
    S: Fn(Knock) -> F + Clone + 'static,
    F: Future<Output = ()> + 'static,
{
    let (cookies, slots) = (Cookies::new(b"a key"), Slots::new(most));
    let sockets = bind_shared(&["127.0.0.1:0".parse().unwrap()], shards).unwrap();
    let address = sockets[0].local_addr().unwrap();
    let mut found = Vec::new();
    for (part, socket) in Part::of(shards).into_iter().zip(sockets) {
        let shard = part.prepare(socket, cookies.clone(), slots.clone()).unwrap();
        crate::shards::spawn(part.drive(Rc::clone(&shard), session.clone()));
        found.push(shard);
    }
    Here { shards: found, address, cookies, slots }
}

/// Connections that were accepted, each with an engine that carries messages.
pub fn open_and_accept(shards: usize) -> (Here, mpsc::UnboundedReceiver<Rc<Connection>>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let here = open(shards, 100, move |knock| {
        let sender = sender.clone();
        async move {
            let connection = Rc::new(accept(knock));
            let _test_over = sender.send(Rc::clone(&connection));
            connection.ended().await;
        }
    });
    (here, receiver)
}

/// Takes a caller in.
pub fn accept(knock: Knock) -> Connection {
    let theirs = knock.handshake().fields.socket;
    let answer = answer(&knock);
    knock.accept(Box::new(Plain::new(theirs)), answer)
}

pub fn answer(knock: &Knock) -> Vec<u8> {
    let fields = knock.handshake().fields;
    let answer = fields.answer_conclusion(knock.local_id(), knock.from().ip());
    answer.write(fields.socket, 0).to_vec()
}

/// Nobody answers.
pub async fn never(_knock: Knock) {
    pending().await
}

/// An engine that carries messages as they are. The message `panic` makes it panic, `stuck` makes it take nothing to send
/// until the next datagram.
pub struct Plain {
    theirs: SocketId,
    sequence: u32,
    outgoing: VecDeque<Vec<u8>>,
    incoming: VecDeque<Bytes>,
    ended: Option<Ended>,
    stuck: bool,
    alive: Option<Instant>,
}

/// How often it says that it is alive, when nothing else happens.
pub const ALIVE: Duration = Duration::from_millis(100);

impl Plain {
    pub fn new(theirs: SocketId) -> Plain {
        let (outgoing, incoming) = (VecDeque::new(), VecDeque::new());
        let (ended, stuck, alive) = (None, false, None);
        Plain { theirs, sequence: FIRST, outgoing, incoming, ended, stuck, alive }
    }
}

impl Engine for Plain {
    fn packet(&mut self, _: Instant, datagram: &mut [u8]) {
        self.stuck = false;
        let header = Header::read(datagram).unwrap();
        let message = &datagram[HEADER..];
        match header.kind {
            Kind::Data(_) if message == b"panic" => panic!("on purpose"),
            Kind::Data(_) if message == b"stuck" => self.stuck = true,
            Kind::Data(_) => self.incoming.push_back(Bytes::copy_from_slice(message)),
            Kind::Control(control) if control.kind == ControlKind::SHUTDOWN => {
                self.ended.get_or_insert(Ended::Peer);
            }
            Kind::Control(_) => {}
        }
    }

    fn has_room(&mut self, _: Instant) -> bool {
        !self.stuck && self.outgoing.len() < ROOM
    }

    fn send(&mut self, now: Instant, message: Bytes) -> bool {
        let room = self.has_room(now);
        if room {
            self.outgoing.push_back(media(self.theirs, self.sequence, &message));
            self.sequence += 1;
        }
        room
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        if self.alive.is_some_and(|alive| alive <= now) {
            self.outgoing.push_back(control(ControlKind::KEEP_ALIVE, self.theirs, &[0; 4]));
            self.alive = None;
        }
        Some(*self.alive.get_or_insert(now + ALIVE))
    }

    fn next_packet(&mut self, _: Instant, out: &mut BytesMut) -> bool {
        let next = self.outgoing.pop_front();
        out.put_slice(next.as_deref().unwrap_or_default());
        next.is_some()
    }

    fn next_message(&mut self, _: Instant) -> Option<Bytes> {
        self.incoming.pop_front()
    }

    fn close(&mut self, _: Instant) {
        if self.ended.is_none() {
            self.ended = Some(Ended::Here);
            self.outgoing.push_back(shutdown(self.theirs, 0).to_vec());
        }
    }

    fn ended(&self) -> Option<Ended> {
        self.ended
    }

    fn stats(&mut self, _: Instant) -> Stats {
        Stats { sent: u64::from(self.sequence - FIRST), ..Stats::default() }
    }
}

pub fn media(destination: SocketId, sequence: u32, message: &[u8]) -> Vec<u8> {
    let data = Data {
        sequence,
        boundary: Boundary::Only,
        in_order: false,
        key: 0,
        retransmitted: false,
        message: 1,
    };
    [&Header { kind: Kind::Data(data), timestamp: 0, destination }.write()[..], message].concat()
}

pub fn control(kind: ControlKind, destination: SocketId, content: &[u8]) -> Vec<u8> {
    let kind = Kind::Control(Control { kind, subtype: 0, info: 0 });
    [&Header { kind, timestamp: 0, destination }.write()[..], content].concat()
}

/// A caller's first word.
pub fn induction(id: SocketId) -> Fields {
    Fields {
        version: 4,
        encryption: 0,
        extension: 2,
        sequence: FIRST,
        mtu: 1500,
        window: 8192,
        kind: Asks::Induction,
        socket: id,
        cookie: 0,
        peer_ip: [0; 16],
    }
}

/// A caller.
pub struct Caller {
    pub socket: UdpSocket,
    pub id: SocketId,
    pub theirs: SocketId,
    to: SocketAddr,
    sequence: u32,
}

impl Caller {
    pub async fn new(to: SocketAddr, id: u32) -> Caller {
        Caller::at("127.0.0.1", to, id).await
    }

    /// One with this address.
    pub async fn at(address: &str, to: SocketAddr, id: u32) -> Caller {
        let socket = UdpSocket::bind((address, 0)).await.unwrap();
        Caller { socket, id: SocketId(id), theirs: SocketId(0), to, sequence: FIRST }
    }

    /// One whose connection is there.
    pub async fn connected(to: SocketAddr, id: u32) -> Caller {
        let mut caller = Caller::new(to, id).await;
        let conclusion = caller.conclusion().await;
        caller.say(&conclusion).await;
        let answer = caller.hear().await;
        let answer = Handshake::read(&answer).unwrap();
        assert_eq!(answer.fields.kind, Asks::Conclusion);
        caller.theirs = answer.fields.socket;
        caller
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// The conclusion, with the cookie that it asks for.
    pub async fn conclusion(&self) -> Vec<u8> {
        self.say(&induction(self.id).write(SocketId::LISTENER, 0)).await;
        let answer = self.hear().await;
        let cookie = Handshake::read(&answer).unwrap().fields.cookie;
        self.conclusion_with(cookie)
    }

    pub fn conclusion_with(&self, cookie: u32) -> Vec<u8> {
        let fields =
            Fields { version: 5, extension: 0, kind: Asks::Conclusion, cookie, ..induction(self.id) };
        fields.write(SocketId::LISTENER, 0).to_vec()
    }

    pub async fn say(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.to).await.unwrap();
    }

    /// Sends the next message.
    pub async fn send(&mut self, message: &[u8]) {
        self.say(&media(self.theirs, self.sequence, message)).await;
        self.sequence += 1;
    }

    /// The next datagram that is no keep-alive.
    pub async fn hear(&self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        loop {
            let length = within(self.socket.recv(&mut buffer)).await.unwrap();
            let datagram = &buffer[..length];
            if !Header::read(datagram).unwrap().is(ControlKind::KEEP_ALIVE) {
                return datagram.to_vec();
            }
        }
    }

    /// Answers the acknowledgement that comes next, as all callers do.
    pub async fn answer(&self) {
        let asked = Header::read(&self.hear().await).unwrap();
        let Kind::Control(Control { kind: ControlKind::ACK, info, .. }) = asked.kind else {
            panic!("{asked:?}")
        };
        assert_eq!(asked.destination, self.id);
        let kind = Kind::Control(Control { kind: ControlKind::ACK_ACK, subtype: 0, info });
        self.say(&Header { kind, timestamp: 0, destination: self.theirs }.write()).await;
    }

    /// Whether nothing else has come for it when this was answered: drivers answer in the order in which they are asked.
    pub async fn hears_nothing_until(&self, other: &Caller) {
        other.conclusion().await;
        let mut buffer = [0; 2048];
        while let Ok(length) = self.socket.try_recv(&mut buffer) {
            assert!(Header::read(&buffer[..length]).unwrap().is(ControlKind::KEEP_ALIVE));
        }
    }

    /// Moves to another port, as a NAT does it that has forgotten; to one from which the kernel deals elsewhere, where
    /// `socket` says so.
    pub async fn move_to(&mut self, socket: UdpSocket) {
        self.socket = socket;
    }

    /// Goes on so many messages later.
    pub fn skip(&mut self, count: u32) {
        self.sequence += count;
    }
}

/// Everything that is there to be read now.
pub async fn messages(connection: &Connection, count: usize) -> Vec<Bytes> {
    let mut all = Vec::new();
    while all.len() < count {
        all.push(within(connection.message()).await.expect("a message"));
    }
    all
}

/// Whether nothing waits to be read.
pub async fn is_quiet(connection: &Connection) -> bool {
    poll_fn(|cx| Poll::Ready(connection.poll_message(cx).is_pending())).await
}

/// A log of what callers' sessions saw.
pub type Seen<T> = Rc<RefCell<Vec<T>>>;
