//! Where members may be that do not live as far as this one knows: at the peers it was told, and where those were that it
//! lost.

use super::identity::Identity;
use super::settings::Peer;
use srs_names::NodeId;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Names are looked up this often: pods come and go.
const LOOK_UP: Duration = Duration::from_secs(5);
/// This often while none has an address.
const LOOK_UP_SOON: Duration = Duration::from_secs(1);
/// A name server that does not answer for so long does not.
const PATIENCE: Duration = Duration::from_secs(5);
/// A lost member is looked for in each round at first, so that a partition heals at once,
const SOON: Duration = Duration::from_secs(60);
/// then in each tenth round,
const SELDOM: u64 = 10;
/// and then no more.
const LOST: Duration = Duration::from_secs(3600);
/// Most addresses of peers, and of lost members: a mesh of all to all has some dozens.
const MAX_ADDRESSES: usize = 256;

pub(super) struct Finder {
    peers: Vec<Peer>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of the peers, as they were looked up last.
    addresses: BTreeSet<SocketAddr>,
    lost: HashMap<SocketAddr, Instant>,
    /// Who answered at an address that may not be the one it is known by.
    answered: HashMap<SocketAddr, NodeId>,
    /// Addresses that are this member's own.
    own: HashSet<SocketAddr>,
    round: u64,
    /// Names that could not be looked up, each told once.
    unknown: HashSet<String>,
}

impl Finder {
    pub(super) fn new(peers: Vec<Peer>) -> Self {
        // What was named by its address is looked for in the first round.
        let addresses = peers.iter().filter_map(Peer::address).collect();
        Self { peers, state: Mutex::new(State { addresses, ..State::default() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom to ask in the next round whether they are there.
    pub(super) fn targets(&self, live: &[Identity]) -> Vec<SocketAddr> {
        let now = Instant::now();
        let mut state = self.state();
        state.round = state.round.wrapping_add(1);
        let all = state.round.is_multiple_of(SELDOM);
        state.lost.retain(|_, since| now.saturating_duration_since(*since) < LOST);
        let lives = |address: &SocketAddr| {
            let answered = state.answered.get(address);
            live.iter().any(|member| member.at == *address || answered == Some(&member.id))
        };
        let soon = |since: &Instant| now.saturating_duration_since(*since) < SOON;
        let lost = state.lost.iter().filter(|(_, since)| all || soon(since)).map(|(address, _)| address);
        let wanted: BTreeSet<SocketAddr> = state.addresses.iter().chain(lost).copied().collect();
        wanted.into_iter().filter(|address| !state.own.contains(address) && !lives(address)).collect()
    }

    /// A member that was here is no more.
    pub(super) fn lost(&self, address: SocketAddr) {
        let mut state = self.state();
        state.answered.retain(|known, _| *known != address);
        if state.lost.len() < MAX_ADDRESSES {
            state.lost.insert(address, Instant::now());
        }
    }

    /// This member answered from this address.
    pub(super) fn answered(&self, address: SocketAddr, id: &NodeId) {
        let mut state = self.state();
        if state.answered.len() >= MAX_ADDRESSES {
            state.answered.clear();
        }
        state.answered.insert(address, id.clone());
    }

    /// Who was asked here was this member itself.
    pub(super) fn is_me(&self, address: SocketAddr) {
        let mut state = self.state();
        if state.own.len() < MAX_ADDRESSES {
            state.own.insert(address);
        }
    }

    /// Looks names up, again and again.
    pub(super) async fn look_up(&self) {
        if self.peers.iter().all(|peer| peer.address().is_some()) {
            return std::future::pending().await;
        }
        loop {
            let mut addresses = BTreeSet::new();
            for peer in &self.peers {
                addresses.extend(self.addresses(peer).await);
            }
            while addresses.len() > MAX_ADDRESSES {
                addresses.pop_last();
            }
            let pause = if addresses.is_empty() { LOOK_UP_SOON } else { LOOK_UP };
            {
                let mut state = self.state();
                state.addresses = addresses;
                // An address may have gone over to another pod.
                state.own.clear();
                state.answered.clear();
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn addresses(&self, peer: &Peer) -> Vec<SocketAddr> {
        let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((peer.host.as_str(), peer.port)));
        let why = match found.await {
            Ok(Ok(addresses)) => {
                self.state().unknown.remove(&peer.host);
                return addresses.map(canonical).collect();
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        if self.state().unknown.insert(peer.host.clone()) {
            tracing::warn!(%peer, "the mesh: a peer cannot be looked up: {why}");
        }
        Vec::new()
    }
}

/// The address as it is known to those who have no IPv6.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests;
