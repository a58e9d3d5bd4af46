//! A gate that datagrams pass: some are lost, some come late, and the address behind it may change.
//!
//! Each client that sends to the gate gets a socket of its own towards the target, as behind a NAT. What is lost is told by
//! the seed, the client's number, the direction and the datagram's number in it: two runs with the same datagrams lose the
//! same ones.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until};

/// What happens to datagrams, of either direction alike unless said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Of a thousand from clients so many are lost.
    pub loss_in: u32,
    /// Of a thousand to clients so many are lost.
    pub loss_out: u32,
    /// Of a thousand so many are held back, so that later ones overtake them.
    pub late: u32,
    /// For how long those are held back, in microseconds.
    pub held: Range<u64>,
    /// For how long every one is under way.
    pub delay: Duration,
}

impl Default for Weather {
    /// Everything passes at once.
    fn default() -> Weather {
        Weather { loss_in: 0, loss_out: 0, late: 0, held: 3_000..12_000, delay: Duration::ZERO }
    }
}

impl Weather {
    /// So many of a thousand are lost in each direction.
    pub fn lossy(loss: u32) -> Weather {
        Weather { loss_in: loss, loss_out: loss, ..Weather::default() }
    }

    /// The same with so many of a thousand out of order.
    #[must_use]
    pub fn late(self, late: u32) -> Weather {
        Weather { late, ..self }
    }

    /// The same with so much delay in each direction.
    #[must_use]
    pub fn delayed(self, delay: Duration) -> Weather {
        Weather { delay, ..self }
    }
}

/// What came to one side of the gate.
#[derive(Debug, Default)]
struct Counter {
    passed: AtomicU64,
    media: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
    lost_media: AtomicU64,
    late: AtomicU64,
}

/// What passed in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Datagrams that passed.
    pub passed: u64,
    /// Those of them that are media, as SRT has it: the first bit is not set.
    pub media: u64,
    /// Bytes of those that passed.
    pub bytes: u64,
    /// Datagrams that were lost, by chance or by a cut.
    pub lost: u64,
    /// Those of them that are media.
    pub lost_media: u64,
    /// Datagrams that passed late.
    pub late: u64,
}

impl Counter {
    fn read(&self) -> Count {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Count {
            passed: get(&self.passed),
            media: get(&self.media),
            bytes: get(&self.bytes),
            lost: get(&self.lost),
            lost_media: get(&self.lost_media),
            late: get(&self.late),
        }
    }
}

/// A client of WebRTC whose address changed.
#[derive(Default)]
struct Follow {
    /// When its first check came from the new one.
    checked: Option<Instant>,
    /// When media or RTCP went there first behind that.
    followed: Option<Instant>,
}

impl Follow {
    /// A datagram passes to the target (0) or back.
    fn passes(&mut self, side: usize, datagram: &[u8]) {
        match datagram {
            // RFC 8489 section 5: a binding request.
            [0, 1, ..] if side == 0 => _ = self.checked.get_or_insert_with(Instant::now),
            // RFC 7983 section 7.
            [128..192, ..] if side == 1 && self.checked.is_some() => {
                self.followed.get_or_insert_with(Instant::now);
            }
            _ => {}
        }
    }
}

struct Shared {
    seed: u64,
    target: Mutex<SocketAddr>,
    weather: Weather,
    cut: AtomicBool,
    /// To the target, and back.
    counters: [Counter; 2],
    /// By the clients' numbers.
    follows: Mutex<HashMap<u64, Follow>>,
}

impl Shared {
    fn follows(&self) -> MutexGuard<'_, HashMap<u64, Follow>> {
        self.follows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change of addresses: its number, and the client whose one it is where it is not of all.
type Turn = (u64, Option<u64>);

/// A running gate. Dropping it closes it.
pub struct Gate {
    /// Where clients send to.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    /// None at the end.
    turns: watch::Sender<Option<Turn>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.turns.send_replace(None);
        if let Some(thread) = self.thread.take() {
            let _panicked_already = thread.join();
        }
    }
}

impl Gate {
    /// Opens one on a port of loopback that the system chooses.
    pub fn open(seed: u64, target: SocketAddr, weather: Weather) -> Gate {
        let door = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = door.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            seed,
            target: Mutex::new(target),
            weather,
            cut: AtomicBool::new(false),
            counters: Default::default(),
            follows: Mutex::default(),
        });
        let (turns, turned) = watch::channel(Some((0, None)));
        // A thread of its own: what a test does meanwhile makes no weather.
        let inside = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let run = async { pass(Socket::new(door), inside, turned).await };
            runtime.block_on(tokio::task::LocalSet::new().run_until(run));
        });
        Gate { address, shared, turns, thread: Some(thread) }
    }

    /// From now on every client comes to the target from another port, as after a NAT has forgotten it. What is sent to the
    /// old one is lost without a word.
    pub fn rebind(&self) {
        self.turn(None);
    }

    /// The same for one client alone, by the order in which they came.
    pub fn rebind_one(&self, client: u64) {
        self.turn(Some(client));
    }

    fn turn(&self, client: Option<u64>) {
        self.turns.send_modify(|turn| *turn = turn.map(|(turn, _)| (turn.wrapping_add(1), client)));
    }

    /// Loses everything, or no longer.
    pub fn cut(&self, cut: bool) {
        self.shared.cut.store(cut, Ordering::Relaxed);
    }

    /// Clients that come from now on are led to another target.
    pub fn lead_to(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }

    /// What passed to the target.
    pub fn inward(&self) -> Count {
        self.shared.counters[0].read()
    }

    /// How long after the first check from its new address a client of WebRTC was sent media or RTCP there: the longest time of
    /// all whose address has changed; none before all were.
    pub fn followed(&self) -> Option<Duration> {
        let follows = self.shared.follows();
        let each = follows.values().map(|one| Some(one.followed?.duration_since(one.checked?)));
        each.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// What passed to the clients.
    pub fn outward(&self) -> Count {
        self.shared.counters[1].read()
    }
}

/// A socket that is waited for to read, and written to without waiting: a runtime that has not looked at it yet would take it
/// for full.
struct Socket {
    reader: UdpSocket,
    writer: std::net::UdpSocket,
}

impl Socket {
    fn new(socket: std::net::UdpSocket) -> Arc<Socket> {
        socket.set_nonblocking(true).expect("a socket of our own");
        let writer = socket.try_clone().expect("a descriptor");
        Arc::new(Socket { reader: UdpSocket::from_std(socket).expect("a socket"), writer })
    }

    fn open() -> Arc<Socket> {
        Socket::new(std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket"))
    }
}

/// One direction of one client's.
struct Way {
    shared: Arc<Shared>,
    client: u64,
    /// 0 to the target, 1 back.
    side: usize,
    random: u64,
}

impl Way {
    fn new(shared: &Arc<Shared>, client: u64, side: usize) -> Way {
        let random = shared.seed ^ client.wrapping_mul(0xd134_2543_de82_ef95) ^ side as u64;
        Way { shared: Arc::clone(shared), client, side, random }
    }

    /// Splitmix64.
    fn chance(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % below.max(1)
    }

    /// Sends it, sooner or later, or not.
    fn pass(&mut self, datagram: &[u8], socket: &Arc<Socket>, to: SocketAddr) {
        // Always three, so that a datagram's fate does not depend on the ones before.
        let weather = self.shared.weather.clone();
        let (lost, late) = (self.chance(1000) as u32, self.chance(1000) as u32);
        let held = weather.held.start + self.chance(weather.held.end.saturating_sub(weather.held.start));
        let shared = Arc::clone(&self.shared);
        let counter = &shared.counters[self.side];
        let loss = if self.side == 0 { weather.loss_in } else { weather.loss_out };
        let is_media = datagram.first().is_some_and(|first| first & 0x80 == 0);
        if lost < loss || shared.cut.load(Ordering::Relaxed) {
            counter.lost.fetch_add(1, Ordering::Relaxed);
            counter.lost_media.fetch_add(u64::from(is_media), Ordering::Relaxed);
            return;
        }
        if let Some(follow) = shared.follows().get_mut(&self.client) {
            follow.passes(self.side, datagram);
        }
        counter.passed.fetch_add(1, Ordering::Relaxed);
        counter.media.fetch_add(u64::from(is_media), Ordering::Relaxed);
        counter.bytes.fetch_add(datagram.len() as u64, Ordering::Relaxed);
        let mut wait = weather.delay;
        if late < weather.late {
            counter.late.fetch_add(1, Ordering::Relaxed);
            wait += Duration::from_micros(held);
        }
        if wait.is_zero() {
            let _full = socket.writer.send_to(datagram, to);
            return;
        }
        let (when, socket, datagram) = (Instant::now() + wait, Arc::clone(socket), datagram.to_vec());
        spawn_local(async move {
            sleep_until(when).await;
            let _full = socket.writer.send_to(&datagram, to);
        });
    }
}

/// Until the gate is closed.
async fn pass(door: Arc<Socket>, shared: Arc<Shared>, mut turned: watch::Receiver<Option<Turn>>) {
    let mut clients: HashMap<SocketAddr, Client> = HashMap::new();
    let mut block = vec![0; 65_536];
    loop {
        tokio::select! {
            // What is sent after a change goes the new way.
            biased;
            changed = turned.changed() => {
                let Some((_, whose)) = changed.ok().and_then(|()| *turned.borrow()) else { return };
                for client in clients.values_mut().filter(|one| whose.is_none_or(|whose| whose == one.number)) {
                    client.rebind(&door, &shared);
                }
            }
            got = door.reader.recv_from(&mut block) => {
                // What the last answer came upon may be told here.
                let Ok((length, from)) = got else { continue };
                if !clients.contains_key(&from) {
                    let number = clients.len() as u64;
                    clients.insert(from, Client::new(from, number, &door, &shared));
                }
                let client = clients.get_mut(&from).expect("just made");
                client.way.pass(&block[..length], &client.socket, client.target);
            }
        }
    }
}

struct Client {
    from: SocketAddr,
    number: u64,
    target: SocketAddr,
    socket: Arc<Socket>,
    way: Way,
    /// Sockets that are forgotten: nobody listens, and nobody is told.
    old: Vec<Arc<Socket>>,
    reader: tokio::task::JoinHandle<()>,
}

impl Client {
    fn new(from: SocketAddr, number: u64, door: &Arc<Socket>, shared: &Arc<Shared>) -> Client {
        let target = *shared.target.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = Socket::open();
        let reader = read(&socket, door, from, Way::new(shared, number, 1));
        Client { from, number, target, socket, way: Way::new(shared, number, 0), old: Vec::new(), reader }
    }

    fn rebind(&mut self, door: &Arc<Socket>, shared: &Arc<Shared>) {
        self.reader.abort();
        shared.follows().insert(self.number, Follow::default());
        let socket = Socket::open();
        self.old.push(std::mem::replace(&mut self.socket, socket));
        self.reader = read(&self.socket, door, self.from, Way::new(shared, self.number, 1));
    }
}

/// What the target sends to this client.
fn read(
    socket: &Arc<Socket>,
    door: &Arc<Socket>,
    to: SocketAddr,
    mut way: Way,
) -> tokio::task::JoinHandle<()> {
    let (socket, door) = (Arc::clone(socket), Arc::clone(door));
    spawn_local(async move {
        let mut block = vec![0; 65_536];
        loop {
            // A target that is gone is seen here, and may come back.
            let Ok((length, _)) = socket.reader.recv_from(&mut block).await else { continue };
            way.pass(&block[..length], &door, to);
        }
    })
}

#[cfg(test)]
mod tests;
