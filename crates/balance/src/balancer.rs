//! The balancer: takes what nodes say and what dials showed, and answers which node serves a stream.

mod drain;
mod edges;
mod home;
mod keep;
mod mine;
mod notes;
mod pick;
mod select;
mod state;

use crate::directory::{Claim, Directory};
use crate::health::Entry;
use crate::{Clock, Epoch, Health, Node, rank};
pub use keep::Ending;
use srs_names::{NodeId, StreamKey};
use state::State;
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
    /// It is an edge, which fetches the stream for its viewers wherever that is.
    Edge,
}

/// The answer to a pick.
#[derive(Clone, Debug)]
pub struct Pick {
    /// The node to dial.
    pub node: Arc<Node>,
    /// The claim under which it serves; every publish has one, which while the directory is full or gone is ours alone.
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

/// A stream that an origin is to end, because it has a newer owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The stream, as that origin lists it.
    pub key: StreamKey,
    /// The claim domain.
    pub domain: String,
    /// The newer owner's epoch.
    pub epoch: Epoch,
}

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

impl Balancer {
    /// A balancer that knows no nodes.
    #[must_use]
    pub fn new(config: Config, directory: Arc<dyn Directory>) -> Self {
        // Another one for each run: two that step over the same epoch must not meet.
        let run = rank::mix(rank::hash(config.me.as_str()) ^ config.started_unix_ms);
        let [low, high, ..] = run.to_le_bytes();
        let state = State::new(Clock::new(config.started_unix_ms, u16::from_le_bytes([low, high])));
        Self { config, directory, state: Mutex::new(state), version: AtomicU64::new(0) }
    }

    /// A heartbeat, or a configured backend.
    ///
    /// # Errors
    /// [`Full`] when there are [`MAX_NODES`] and all are alive.
    pub fn register(&self, mut node: Node, now: Duration) -> Result<Registered, Full> {
        let mut state = self.state();
        state.believe_epochs(&mut node, now);
        state.carry_over(&mut node, now);
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
        state.note_listed(&node, now);
        Ok(outcome)
    }

    /// The streams that this node lists though a newer owner of the same claim domain has them: it is to end them.
    pub fn fenced(&self, id: &NodeId) -> Vec<Fence> {
        self.state().fenced(id)
    }

    /// The claim domain of our directory.
    pub fn domain(&self) -> &str {
        self.directory.domain()
    }

    /// A connection to the node was refused, reset or timed out: it is out of rotation at once.
    pub fn dial_failed(&self, id: &NodeId, now: Duration) {
        if let Some(entry) = self.state().nodes.get_mut(id) {
            entry.dial_failed(now);
            self.note();
        }
    }

    /// The node took a connection and then no more time than it was given for an answer. It is passed over for a while, unless
    /// that would leave less than half of the nodes: then we are slow ourselves, or all of them are.
    pub fn dial_slow(&self, id: &NodeId, now: Duration) {
        if let Some(entry) = self.state().nodes.get_mut(id) {
            entry.dial_slow(now);
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

    /// Grows whenever a pick may have a new answer: a claim came or went, a live list changed, a node came,
    /// died or came back.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// All nodes in the order of their ids.
    pub fn origins(&self, now: Duration) -> Vec<OriginView> {
        let state = self.state();
        let claims = state.claims(now);
        let view = |entry: &Entry| OriginView {
            node: Arc::clone(&entry.node),
            health: entry.health(self.config.ttl, now),
            silent: entry.is_silent(self.config.ttl, now),
            last_seen: now.saturating_sub(entry.heard()),
            claims: claims.get(&entry.node.id).map_or(0, |held| held.all),
        };
        state.nodes.values().map(view).collect()
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

    /// How many nodes, claims of publishes here, known claims, newest owners, floors and past epochs are remembered.
    #[cfg(test)]
    pub(crate) fn counts(&self) -> [usize; 6] {
        self.state().counts()
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
