//! The balancer: takes what nodes say and what dials showed, and answers which node serves a stream.

mod home;
mod select;

use crate::directory::{Claim, Directory, Error};
use crate::health::Entry;
use crate::{Clock, Health, Node, rank};
use srs_names::{NodeId, StreamKey};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most nodes known at a time: a rendezvous pick looks at each, which takes some 100 µs at this number.
pub const MAX_NODES: usize = 1_000;
/// How long a claim stands without renewal: outlasts three heartbeats of a plain SRS, and a proxy that
/// restarts.
pub const LEASE: Duration = Duration::from_secs(30);
/// A claim ends when its holder lists its live streams and has not listed this one for longer than this.
pub const UNLISTED: Duration = Duration::from_secs(10);
/// Claims are renewed when a third of the lease has passed, so two renewals may fail.
const RENEW_AFTER: Duration = Duration::from_secs(10);
/// What is remembered about a claim is dropped when nobody asked for its stream for so long.
const WATCH_FOR: Duration = Duration::from_secs(60);
/// A refused claim is asked once more, above the epoch that the refusal told.
const CLAIM_TRIES: u32 = 2;

/// What a balancer must be told about its surroundings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Unix time in milliseconds at which `now` was zero; epochs are made from it.
    pub started_unix_ms: u64,
    /// The id of this proxy: tells its epochs from those of others.
    pub me: NodeId,
    /// Upper bound on the life of a registration (`PROXY_ORIGIN_SERVER_TTL`); health is judged much faster.
    pub ttl: Duration,
}

/// Why a node was picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It holds the claim (for a publish: it was claimed before, or is now).
    Claimed,
    /// It lists the stream as live.
    Live,
    /// Nothing is known of the stream; it is the first in rendezvous order. A play may have to wait here.
    Placed,
}

/// The answer to a pick.
#[derive(Clone, Debug)]
pub struct Pick {
    /// The node to dial.
    pub node: Arc<Node>,
    /// The claim under which it serves; a publish without one runs unrefereed, because the directory is full
    /// or gone.
    pub claim: Option<Claim>,
    /// Why this node.
    pub reason: Reason,
}

/// There is no node to pick.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoOrigin {
    /// Nobody has registered.
    #[error("no origin for {0}: none has registered")]
    NoneRegistered(StreamKey),
    /// All are silent or refuse connections.
    #[error("no origin for {key}: none of the {known} registered is alive")]
    NoneAlive {
        /// The stream.
        key: StreamKey,
        /// Origins registered.
        known: usize,
    },
    /// Those that are alive were all excluded by the caller.
    #[error("no origin for {key}: all {alive} that are alive were tried")]
    AllTried {
        /// The stream.
        key: StreamKey,
        /// Origins alive.
        alive: usize,
    },
}

/// What a heartbeat did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// A node that was not known.
    New,
    /// A new run of a known node: its old claims are void.
    Restarted,
    /// A known run goes on.
    Beat,
    /// Ignored: a newer run has this id and is alive. Either the old process lingers, or two nodes share one
    /// id.
    Former,
}

/// The table of nodes is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MAX_NODES} nodes are registered already")]
pub struct Full;

/// A node with what the balancer thinks of it, for the API.
#[derive(Clone, Debug)]
pub struct OriginView {
    /// As the last heartbeat described it.
    pub node: Arc<Node>,
    /// How it stands.
    pub health: Health,
    /// Neither a heartbeat nor a probe answer for too long, whether or not it refuses connections as well.
    pub silent: bool,
    /// Time since it was last heard of.
    pub last_seen: Duration,
    /// Claims that it holds.
    pub claims: usize,
}

/// See the module's text. Share it behind an `Arc`; every call is short and none blocks on more than a lock.
pub struct Balancer {
    config: Config,
    directory: Arc<dyn Directory>,
    state: Mutex<State>,
    version: AtomicU64,
}

struct State {
    nodes: BTreeMap<NodeId, Entry>,
    clock: Clock,
    /// Publishes that run through this proxy.
    mine: HashMap<StreamKey, Mine>,
    /// When the holder of a claim last listed its stream.
    watch: HashMap<StreamKey, Watch>,
    /// Which nodes were alive at the last tick, as the combination of their hashes.
    alive: u64,
}

struct Mine {
    claim: Claim,
    publishes: usize,
    renewed: Duration,
}

struct Watch {
    epoch: crate::Epoch,
    listed: Duration,
    touched: Duration,
}

impl Balancer {
    /// A balancer that knows no nodes.
    #[must_use]
    pub fn new(config: Config, directory: Arc<dyn Directory>) -> Self {
        let [low, high, ..] = rank::hash(config.me.as_str()).to_le_bytes();
        let state = State {
            nodes: BTreeMap::new(),
            clock: Clock::new(config.started_unix_ms, u16::from_le_bytes([low, high])),
            mine: HashMap::new(),
            watch: HashMap::new(),
            alive: 0,
        };
        Self { config, directory, state: Mutex::new(state), version: AtomicU64::new(0) }
    }

    /// A heartbeat, or a configured backend.
    ///
    /// # Errors
    /// [`Full`] when there are [`MAX_NODES`] and all are alive.
    pub fn register(&self, mut node: Node, now: Duration) -> Result<Registered, Full> {
        let mut state = self.state();
        state.believe_epochs(&mut node, now);
        let node = Arc::new(node);
        let ttl = self.config.ttl;
        let outcome = match state.nodes.get_mut(&node.id) {
            Some(entry) if entry.node.instance == node.instance => {
                let changed = entry.node.live != node.live || entry.is_silent(ttl, now);
                entry.beat(Arc::clone(&node), now);
                self.note_if(changed);
                Registered::Beat
            }
            Some(entry) if entry.is_former(&node.instance) && !entry.is_silent(ttl, now) => {
                return Ok(Registered::Former);
            }
            Some(entry) => {
                entry.restart(Arc::clone(&node), now);
                self.note();
                Registered::Restarted
            }
            None => {
                if state.nodes.len() >= MAX_NODES {
                    state.nodes.retain(|_, entry| !entry.is_silent(ttl, now));
                }
                if state.nodes.len() >= MAX_NODES {
                    return Err(Full);
                }
                state.nodes.insert(node.id.clone(), Entry::new(Arc::clone(&node), now));
                self.note();
                Registered::New
            }
        };
        self.renew_listed(&mut state, &node, now);
        Ok(outcome)
    }

    /// The node that a new publish goes to, and the claim that says so. A standing claim is kept, so a second
    /// publisher of a key meets the first at the same node; otherwise a node that lists the stream, otherwise
    /// rendezvous order with bounded load.
    ///
    /// `exclude` names nodes whose dial failed for this session: a claim that such a node holds is taken from
    /// it. Each success must be followed by one [`publish_ended`](Self::publish_ended) with its claim.
    ///
    /// # Errors
    /// [`NoOrigin`].
    pub fn pick_publish(&self, key: &StreamKey, exclude: &[NodeId], now: Duration) -> Result<Pick, NoOrigin> {
        let mut state = self.state();
        for _ in 0..CLAIM_TRIES {
            let Ok(standing) = self.directory.lookup(key, now) else { break };
            if let Some(claim) = &standing
                && let Some(node) = self.holder(&mut state, claim, exclude, now)
            {
                state.publish_began(claim, now);
                return Ok(Pick { node, claim: standing, reason: Reason::Claimed });
            }
            let (node, _) = self.place(&state, key, exclude, now)?;
            let epoch = state.clock.next(now);
            let claim =
                Claim { key: key.clone(), holder: node.id.clone(), instance: node.instance.clone(), epoch };
            match self.directory.claim(&claim, standing.map(|claim| claim.epoch), LEASE, now) {
                Ok(()) => {
                    state.publish_began(&claim, now);
                    self.note();
                    return Ok(Pick { node, claim: Some(claim), reason: Reason::Claimed });
                }
                Err(Error::Held(Claim { epoch, .. }) | Error::Stale(epoch)) => state.clock.see(epoch, now),
                Err(Error::Gone) => continue,
                Err(Error::Full | Error::Unavailable(_)) => break,
            };
        }
        let (node, reason) = self.first(&state, key, exclude, now)?;
        Ok(Pick { node, claim: None, reason })
    }

    /// The node that [`pick_publish`](Self::pick_publish) would claim for a stream without a standing claim.
    /// For drivers of a directory behind a network, which ask their server for the claim before they pick.
    ///
    /// # Errors
    /// [`NoOrigin`].
    pub fn plan_publish(&self, key: &StreamKey, exclude: &[NodeId], now: Duration) -> Result<Pick, NoOrigin> {
        let (node, reason) = self.place(&self.state(), key, exclude, now)?;
        Ok(Pick { node, claim: None, reason })
    }

    /// The node that a viewer goes to: the holder of the claim, else the node that lists the stream with the
    /// highest epoch, else the first in plain rendezvous order. Never claims. When the reason is
    /// [`Reason::Placed`] the stream is not known to be live: ask again when [`version`](Self::version) has
    /// changed.
    ///
    /// # Errors
    /// [`NoOrigin`].
    pub fn pick_play(&self, key: &StreamKey, exclude: &[NodeId], now: Duration) -> Result<Pick, NoOrigin> {
        let mut state = self.state();
        if let Ok(Some(claim)) = self.directory.lookup(key, now)
            && let Some(node) = self.holder(&mut state, &claim, exclude, now)
        {
            return Ok(Pick { node, claim: Some(claim), reason: Reason::Claimed });
        }
        let (node, reason) = self.first(&state, key, exclude, now)?;
        Ok(Pick { node, claim: None, reason })
    }

    /// A publish picked under this claim is over; the last one gives the key free. A claim that was replaced
    /// is left alone.
    pub fn publish_ended(&self, claim: &Claim, now: Duration) {
        let mut state = self.state();
        let Some(mine) = state.mine.get_mut(&claim.key).filter(|mine| mine.claim.epoch == claim.epoch) else {
            return;
        };
        mine.publishes = mine.publishes.saturating_sub(1);
        if mine.publishes == 0 {
            state.mine.remove(&claim.key);
            self.release(&mut state, claim, now);
        }
    }

    /// A connection to the node was refused, reset or timed out: it is out of rotation at once.
    pub fn dial_failed(&self, id: &NodeId, now: Duration) {
        if let Some(entry) = self.state().nodes.get_mut(id) {
            entry.dial_failed(now);
            self.note();
        }
    }

    /// A connection to the node succeeded: what was held against it is forgotten.
    pub fn dial_ok(&self, id: &NodeId) {
        if let Some(entry) = self.state().nodes.get_mut(id) {
            entry.dial_ok();
        }
    }

    /// The node answered a probe, which counts as a heartbeat does.
    pub fn probe_answered(&self, id: &NodeId, now: Duration) {
        if let Some(entry) = self.state().nodes.get_mut(id) {
            entry.probe_answered(now);
        }
    }

    /// A probe failed. Three seconds of this put a node out of rotation that answered probes before, however
    /// slow its heartbeats.
    pub fn probe_failed(&self, id: &NodeId, now: Duration) {
        if let Some(entry) = self.state().nodes.get_mut(id) {
            entry.probe_failed(now);
        }
    }

    /// Renews the claims of running publishes, ends claims whose holder died, forgets nodes. Call it about
    /// once a second.
    pub fn tick(&self, now: Duration) {
        let ttl = self.config.ttl;
        let mut state = self.state();
        state.nodes.retain(|_, entry| !entry.is_forgotten(ttl, now));
        let living = state.nodes.values().filter(|entry| entry.is_alive(ttl, now));
        let alive = living.fold(0, |all, entry| all ^ entry.hash);
        self.note_if(std::mem::replace(&mut state.alive, alive) != alive);
        state.see_mine(now);
        let due: Vec<Claim> = state
            .mine
            .values()
            .filter(|mine| {
                now.saturating_sub(mine.renewed) >= RENEW_AFTER || !self.may_stand(&state, &mine.claim, now)
            })
            .map(|mine| mine.claim.clone())
            .collect();
        for claim in due {
            self.renew_or_end(&mut state, &claim, now);
        }
        state.watch.retain(|_, watch| now.saturating_sub(watch.touched) <= WATCH_FOR);
    }

    /// Grows whenever a pick may have a new answer: a claim came or went, a live list changed, a node came,
    /// died or came back.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// All nodes in the order of their ids.
    pub fn origins(&self, now: Duration) -> Vec<OriginView> {
        let view = |entry: &Entry| OriginView {
            node: Arc::clone(&entry.node),
            health: entry.health(self.config.ttl, now),
            silent: entry.is_silent(self.config.ttl, now),
            last_seen: now.saturating_sub(entry.heard()),
            claims: self.directory.held_by(&entry.node.id, now).unwrap_or(0),
        };
        self.state().nodes.values().map(view).collect()
    }

    /// One node, dead or alive.
    pub fn node(&self, id: &NodeId) -> Option<Arc<Node>> {
        self.state().nodes.get(id).map(|entry| Arc::clone(&entry.node))
    }

    /// One node, if it may be picked: for what only this one has.
    pub fn living(&self, id: &NodeId, now: Duration) -> Option<Arc<Node>> {
        let state = self.state();
        let entry = state.nodes.get(id).filter(|entry| entry.is_alive(self.config.ttl, now));
        entry.map(|entry| Arc::clone(&entry.node))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No operation leaves the state half changed where it could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    fn note_if(&self, changed: bool) {
        if changed {
            self.note();
        }
    }
}

#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;
