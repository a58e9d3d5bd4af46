//! Who lives: foca's SWIM over sealed datagrams, and the hellos by which members find each other.
//!
//! An address becomes a member in three steps. A *hello* says who asks and what was dialled; by that the asked one learns
//! how it is reached, which it does not know when it listens on every address. It answers *here*, by which the asking one
//! learns the same of itself. Then foca joins them. Datagrams that are not sealed with the cluster's secret are never
//! answered.

use super::finder::{Finder, canonical};
use super::home::Home;
use super::identity::{Codec, Identity};
use super::seal::{self, Foreign, Key, Kind};
use super::strangers::Strangers;
use super::wire::{self, Reader};
use foca::{AccumulatingRuntime, Foca, Member, NoCustomBroadcast, PeriodicParams, Timer};
use rand::rngs::StdRng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A member is asked whether it lives this often. Who dies is asked within two of them as a rule,
const PROBE: Duration = Duration::from_millis(500);
/// and asked through others after this,
const PROBE_ANSWER: Duration = Duration::from_millis(200);
/// and is dead after this: about 3 s together.
const SUSPECT: Duration = Duration::from_millis(1_200);
/// Changes are passed on this often.
const GOSSIP: Duration = Duration::from_millis(200);
/// A member is asked for all that it knows of.
const COMPARE: Duration = Duration::from_secs(10);
/// The dead are remembered for so long, so that nobody brings them back by old news.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Who is not there is looked for this often.
const HELLO: Duration = Duration::from_millis(500);
/// Bytes of a message: with its seal it fits the smallest packets that networks are set to.
const MAX_MESSAGE: usize = 1_200;
/// Bytes that are received at once; what is longer is none of ours.
const MAX_DATAGRAM: usize = 2_048;
/// Datagrams that are read before timers are looked at.
const BATCH: usize = 64;
/// A socket that fails is tried again after this.
const REST: Duration = Duration::from_millis(10);

type Swim = Foca<Identity, Codec, StdRng, NoCustomBroadcast>;
type Outcome = AccumulatingRuntime<Identity>;

pub(super) struct Swarm {
    key: Key,
    home: Arc<Home>,
    finder: Finder,
    strangers: Arc<Strangers>,
    socket: std::net::UdpSocket,
    /// The socket is of IPv6, and takes IPv4 in its disguise.
    v6: bool,
    /// The address was told, and is not found out.
    fixed: bool,
    state: Mutex<State>,
    /// There is a timer that is due before the others.
    timed: Notify,
}

struct State {
    swim: Swim,
    timers: BinaryHeap<Reverse<(Instant, Timer<Identity>)>>,
}

impl Swarm {
    pub(super) fn new(
        key: &Key,
        me: Identity,
        socket: std::net::UdpSocket,
        home: Arc<Home>,
        finder: Finder,
        strangers: Arc<Strangers>,
    ) -> Self {
        let v6 = socket.local_addr().is_ok_and(|at| at.is_ipv6());
        let fixed = !me.at.ip().is_unspecified();
        let swim = Foca::new(me, config(), rand::make_rng(), Codec);
        Self {
            key: key.derive(&[b"datagram"]),
            home,
            finder,
            strangers,
            socket,
            v6,
            fixed,
            state: Mutex::new(State { swim, timers: BinaryHeap::new() }),
            timed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This member as it is known now.
    pub(super) fn me(&self) -> Identity {
        self.state().swim.identity().clone()
    }

    /// Whoever proved over a link to be this member lives. False where it is known to be dead, or there is a newer run of
    /// it; it hears so by datagrams.
    pub(super) fn meet(&self, who: &Identity) -> bool {
        if !self.home.is_live(who) {
            let who = Member::alive(who.clone());
            self.act(|swim, outcome| swim.apply_many(std::iter::once(who), true, outcome));
        }
        self.home.is_live(who)
    }

    /// Looks names up, for ever.
    pub(super) async fn look_up(&self) {
        self.finder.look_up().await;
    }

    /// Receives, asks and answers, for ever.
    pub(super) async fn run(&self, socket: UdpSocket) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        let mut hellos = tokio::time::interval(HELLO);
        hellos.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let due = self.state().timers.peek().map(|Reverse((due, _))| *due);
            tokio::select! {
                readable = socket.readable() => if readable.is_err() { tokio::time::sleep(REST).await },
                _ = hellos.tick() => self.hello(),
                () = until(due) => {}
                () = self.timed.notified() => {}
            }
            // What was received comes first: after a pause of this process the answers are there, and only late.
            for _ in 0..BATCH {
                match socket.try_recv_from(&mut buffer) {
                    Ok((length, from)) => {
                        if let Some(datagram) = buffer.get(..length) {
                            self.receive(datagram, canonical(from));
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => tokio::time::sleep(REST).await,
                }
            }
            self.fire();
        }
    }

    fn fire(&self) {
        let now = Instant::now();
        loop {
            let timer = {
                let mut state = self.state();
                let is_due = state.timers.peek().is_some_and(|Reverse((due, _))| *due <= now);
                if is_due { state.timers.pop() } else { None }
            };
            let Some(Reverse((_, timer))) = timer else { return };
            self.act(|swim, outcome| swim.handle_timer(timer, outcome));
        }
    }

    /// Lets foca do something, and does what comes of it.
    fn act(&self, step: impl FnOnce(&mut Swim, &mut Outcome) -> Result<(), foca::Error>) {
        let mut outcome = Outcome::new();
        let mut state = self.state();
        let State { swim, timers } = &mut *state;
        if let Err(error) = step(swim, &mut outcome) {
            tracing::debug!(%error, "the mesh: a message led to nothing");
        }
        while let Some((to, says)) = outcome.to_send() {
            self.send(Kind::Gossip, &swim.identity().clone(), &says, to.at);
        }
        let first = timers.peek().map(|Reverse((due, _))| *due);
        while let Some((after, timer)) = outcome.to_schedule() {
            timers.push(Reverse((Instant::now() + after, timer)));
        }
        if timers.peek().map(|Reverse((due, _))| *due) != first {
            self.timed.notify_one();
        }
        let mut is_news = false;
        while outcome.to_notify().is_some() {
            is_news = true;
        }
        if is_news {
            // Under the lock, so that changes arrive in their order.
            self.tell(swim);
        }
    }

    /// Tells who lives.
    fn tell(&self, swim: &Swim) {
        let others = swim.iter_members().map(|member| member.id().clone());
        let live: Vec<Identity> = others.chain([swim.identity().clone()]).collect();
        for gone in self.home.set(live) {
            tracing::info!(proxy = %gone.id, at = %gone.at, "the mesh: a member is gone");
            self.finder.lost(gone.at);
        }
    }

    fn send(&self, kind: Kind, me: &Identity, says: &[u8], to: SocketAddr) {
        let to = match to.ip() {
            IpAddr::V4(ip) if self.v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), to.port()),
            _ => to,
        };
        // What is lost is said again.
        let _ = self.socket.send_to(&seal::seal(&self.key, kind, &me.id, says, unix_ms()), to);
    }

    /// Asks where somebody may be.
    fn hello(&self) {
        let live = self.home.live();
        self.find_way_out(&live);
        let me = self.me();
        for target in self.finder.targets(&live) {
            let mut says = Vec::new();
            me.write(&mut says);
            wire::put_address(&mut says, target);
            self.send(Kind::Hello, &me, &says, target);
        }
    }

    pub(super) fn receive(&self, datagram: &[u8], from: SocketAddr) {
        let (kind, sender, says) = match seal::open(&self.key, datagram, unix_ms()) {
            Ok(opened) => opened,
            Err(foreign) => return self.strangers.note(foreign, from),
        };
        if self.strangers.is_cut(&sender) {
            return;
        }
        if kind == Kind::Gossip {
            return self.act(|swim, outcome| swim.handle_data(says, outcome));
        }
        let mut reader = Reader(says);
        let (Some(mut who), Some(reached)) = (Identity::read(&mut reader), reader.address()) else {
            return self.strangers.note(Foreign::Malformed, from);
        };
        let is_me = sender == self.me().id;
        self.adopt(reached.ip());
        match kind {
            Kind::Hello if is_me => self.finder.is_me(reached),
            Kind::Hello => {
                let me = self.me();
                let mut says = Vec::new();
                me.write(&mut says);
                wire::put_address(&mut says, from);
                self.send(Kind::Here, &me, &says, from);
            }
            Kind::Here if !is_me && who.id == sender => {
                self.finder.answered(from, &sender);
                if !self.home.is_live(&who) {
                    if who.at.ip().is_unspecified() {
                        who.at = from;
                    }
                    self.act(|swim, outcome| swim.announce(who, outcome));
                }
            }
            Kind::Here | Kind::Gossip => {}
        }
    }

    /// Takes note that this member is reached here, if that is better than what is known. Loopback is good for members on
    /// one machine only.
    fn adopt(&self, ip: IpAddr) {
        if self.fixed || ip.is_unspecified() {
            return;
        }
        let me = self.me();
        let known = me.at.ip();
        if known.is_unspecified() || (known.is_loopback() && !ip.is_loopback()) {
            let me = Identity { at: SocketAddr::new(ip, me.at.port()), ..me.bumped() };
            self.act(|swim, outcome| {
                swim.change_identity(me, &mut *outcome)?;
                // Foca is at rest after a change, until it hears of somebody.
                let members: Vec<_> = swim.iter_members().cloned().collect();
                swim.apply_many(members.into_iter(), false, outcome)
            });
            let state = self.state();
            self.tell(&state.swim);
        }
    }

    /// Where some members are elsewhere, this one is not reached by its loopback address: what the system would send from
    /// to them is better.
    fn find_way_out(&self, live: &[Identity]) {
        let far = live.iter().map(|member| member.at).find(|at| !at.ip().is_loopback());
        let me = self.me().at.ip();
        if let Some(far) = far.filter(|at| !self.fixed && me.is_loopback() && !at.ip().is_unspecified()) {
            let any: IpAddr = if far.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
            let way = std::net::UdpSocket::bind((any, 0)).and_then(|socket| {
                socket.connect(far)?;
                socket.local_addr()
            });
            if let Ok(way) = way {
                self.adopt(way.ip());
            }
        }
    }
}

fn config() -> foca::Config {
    let every = |frequency, members| {
        let num_members = NonZeroUsize::MIN.saturating_add(members);
        Some(PeriodicParams { frequency, num_members })
    };
    foca::Config {
        probe_period: PROBE,
        probe_rtt: PROBE_ANSWER,
        suspect_to_down_after: SUSPECT,
        remove_down_after: Some(REMEMBERED),
        max_packet_size: NonZeroUsize::MIN.saturating_add(MAX_MESSAGE),
        notify_down_members: true,
        periodic_announce: every(COMPARE, 0),
        periodic_gossip: every(GOSSIP, 2),
        ..foca::Config::simple()
    }
}

/// Waits for a moment, or for ever.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// The present time, in milliseconds since 1970.
pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
