//! What a balancer remembers.

use super::keep::GHOST;
use super::mine::Mine;
use super::{Fence, LEASE};
use crate::directory::{Claim, MAX_CLAIMS};
use crate::health::{Entry, Heard};
use crate::{Clock, Epoch, Node, Role};
use srs_names::{NodeId, StreamKey};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// What the directory told about a stream is remembered for so long after somebody asked, for when it is gone.
const KNOWN_FOR: Duration = Duration::from_secs(600);

/// A viewer who was with an owner that lived so long ago may still wait for the stream: an origin is silent after 3 s, and
/// its viewers are given 10 s more.
const LATELY: Duration = Duration::from_secs(14);

pub(super) struct State {
    pub(super) nodes: BTreeMap<NodeId, Entry>,
    pub(super) clock: Clock,
    /// Publishes that run through this proxy, or did and are waited for.
    pub(super) mine: BTreeMap<StreamKey, Mine>,
    /// Claims as the directory told them last.
    known: HashMap<StreamKey, Known>,
    /// The newest claims that were known and are over, and when viewers were served under them last.
    past: HashMap<StreamKey, (Claim, Duration)>,
    /// The newest owner of each stream, as nodes list them.
    newest: HashMap<StreamKey, Newest>,
    /// Epochs of these streams that the directory or a node told when it refused a claim, and when: one below is none.
    floors: HashMap<StreamKey, (Epoch, Duration)>,
    /// Which nodes were alive at the last tick, as the combination of their hashes.
    pub(super) alive: u64,
    /// What the directory said of itself at the last tick.
    pub(super) generation: u64,
}

/// A claim, and what its holder says of it.
struct Known {
    claim: Claim,
    /// When the holder last listed the stream; the first look counts as a listing.
    listed: Duration,
    /// The holder has listed it under this claim.
    ever: bool,
    touched: Duration,
}

struct Newest {
    node: NodeId,
    domain: Arc<str>,
    epoch: Epoch,
}

/// How many claims a node holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) all: usize,
    /// Those that its list does not have yet.
    pub(super) unlisted: usize,
}

impl State {
    pub(super) fn new(clock: Clock) -> State {
        State {
            nodes: BTreeMap::new(),
            clock,
            mine: BTreeMap::new(),
            known: HashMap::new(),
            past: HashMap::new(),
            newest: HashMap::new(),
            floors: HashMap::new(),
            alive: 0,
            generation: 0,
        }
    }

    /// Notes the epochs that a heartbeat lists, and blanks those of a clock that is mad.
    pub(super) fn believe_epochs(&mut self, node: &mut Node, now: Duration) {
        for listed in node.live.iter_mut().flat_map(|live| live.values_mut()) {
            if !self.clock.see(listed.epoch, now) {
                listed.epoch = Epoch::default();
            }
        }
    }

    /// Takes note of a claim that stands, or of ours. One older than what is known is none.
    pub(super) fn learn(&mut self, claim: &Claim, now: Duration) {
        self.clock.see(claim.epoch, now);
        let room = self.known.len() < MAX_CLAIMS;
        match self.known.get_mut(&claim.key) {
            Some(known) if known.claim.epoch == claim.epoch => known.touched = now,
            Some(known) if known.claim.epoch > claim.epoch => {}
            None if !room => {}
            _ => {
                let fresh = Known { claim: claim.clone(), listed: now, ever: false, touched: now };
                self.known.insert(claim.key.clone(), fresh);
            }
        }
    }

    /// The directory has no claim of this stream.
    pub(super) fn unlearn(&mut self, key: &StreamKey) {
        let Some(Known { claim, listed, .. }) = self.known.remove(key) else { return };
        if self.past.get(key).is_none_or(|(past, _)| past.epoch <= claim.epoch) {
            let served = self.served(&claim, listed);
            self.past.insert(key.clone(), (claim, served));
        }
    }

    /// Who is the newest owner of a stream that has this name, in this claim domain, by what nodes list.
    pub(super) fn newest(&self, key: &StreamKey, domain: &str) -> Option<(&NodeId, Epoch)> {
        let newest = self.newest.get(key).filter(|newest| *newest.domain == *domain)?;
        Some((&newest.node, newest.epoch))
    }

    /// The claim that was told last.
    pub(super) fn known(&self, key: &StreamKey) -> Option<&Claim> {
        self.known.get(key).map(|known| &known.claim)
    }

    /// The newest claim that came to be known lately, or under which viewers were served lately, though it may be over.
    pub(super) fn lately(&self, key: &StreamKey, now: Duration) -> Option<&Claim> {
        let known = self.known.get(key).map(|known| (&known.claim, self.served(&known.claim, known.listed)));
        let past = self.past.get(key).map(|(claim, served)| (claim, *served));
        let lately =
            known.into_iter().chain(past).filter(|(_, served)| now.saturating_sub(*served) <= LATELY);
        lately.map(|(claim, _)| claim).max_by_key(|claim| claim.epoch)
    }

    /// Until when viewers may have been with the holder of this claim: not only while it was heard to list the stream, but
    /// as long as it lived and its beats told nothing else.
    fn served(&self, claim: &Claim, listed: Duration) -> Duration {
        let heard = self.nodes.get(&claim.holder).and_then(|entry| entry.heard_as(&claim.instance));
        let agrees = |heard: &Heard| !heard.tells || heard.told_since(listed) <= GHOST;
        heard.filter(agrees).map_or(listed, |heard| heard.last.max(listed))
    }

    /// For how long the holder has not listed the stream of this claim, by its own last heartbeat.
    pub(super) fn unlisted_for(&self, claim: &Claim, entry: &Entry) -> Duration {
        let known = self.known.get(&claim.key).filter(|known| known.claim.epoch == claim.epoch);
        known.map_or(Duration::ZERO, |known| entry.told_since(known.listed))
    }

    /// Whether the holder has listed the stream under this claim.
    pub(super) fn was_listed(&self, claim: &Claim) -> bool {
        self.known.get(&claim.key).is_some_and(|known| known.claim.epoch == claim.epoch && known.ever)
    }

    /// The holder of this claim lists its stream now, under whatever name.
    pub(super) fn saw_listed(&mut self, claim: &Claim, at: Duration) {
        if let Some(known) = self.known.get_mut(&claim.key).filter(|known| known.claim.epoch == claim.epoch) {
            known.listed = known.listed.max(at);
            known.ever = true;
        }
    }

    /// Something was published under this claim now.
    pub(super) fn saw_claimed(&mut self, claim: &Claim, now: Duration) {
        if let Some(known) = self.known.get_mut(&claim.key).filter(|known| known.claim.epoch == claim.epoch) {
            known.listed = known.listed.max(now);
        }
    }

    /// No claim of this stream below this epoch is good.
    pub(super) fn raise_floor(&mut self, key: &StreamKey, epoch: Epoch, now: Duration) {
        if self.floors.len() < MAX_CLAIMS || self.floors.contains_key(key) {
            let floor = self.floors.entry(key.clone()).or_insert((epoch, now));
            *floor = (floor.0.max(epoch), now);
        }
    }

    /// The directory told this epoch of the stream: a referee is believed, however wrong our clock is.
    pub(super) fn see_told(&mut self, key: &StreamKey, epoch: Epoch, now: Duration) {
        self.clock.see(epoch, now);
        self.raise_floor(key, epoch, now);
    }

    pub(super) fn floor(&self, key: &StreamKey) -> Epoch {
        self.floors.get(key).map_or(Epoch::default(), |(floor, _)| *floor)
    }

    /// Whether a publish under this claim would be refused by its node.
    pub(super) fn is_outdated(&self, claim: &Claim) -> bool {
        claim.epoch < self.floor(&claim.key)
    }

    /// Whether the claim that was told last is that of a publish here.
    pub(super) fn is_mine(&self, key: &StreamKey) -> bool {
        self.mine
            .get(key)
            .is_some_and(|mine| self.known(key).is_some_and(|known| known.epoch == mine.runs.claim.epoch))
    }

    /// What an origin's heartbeat lists. What an edge has, it has of an owner.
    pub(super) fn note_listed(&mut self, node: &Node, now: Duration) {
        if node.role != Role::Origin {
            return;
        }
        for (key, listed) in node.live.iter().flatten() {
            if let Some(known) = self.known.get_mut(key)
                && known.claim.holder == node.id
                && known.claim.instance == node.instance
            {
                known.listed = now;
                known.ever = true;
            }
            let Some(domain) = &listed.domain else { continue };
            let newer = |newest: &Newest| newest.domain != *domain || newest.epoch <= listed.epoch;
            if self.newest.get(key).is_none_or(|newest| newest.node == node.id || newer(newest))
                && (self.newest.len() < MAX_CLAIMS || self.newest.contains_key(key))
            {
                let newest =
                    Newest { node: node.id.clone(), domain: Arc::clone(domain), epoch: listed.epoch };
                self.newest.insert(key.clone(), newest);
            }
        }
    }

    pub(super) fn fenced(&self, id: &NodeId) -> Vec<Fence> {
        let entry = self.nodes.get(id).filter(|entry| entry.node.role == Role::Origin);
        let Some(entry) = entry else { return Vec::new() };
        let live = entry.node.live.iter().flatten();
        let older = live.filter_map(|(key, listed)| {
            let newest = self.newest.get(key)?;
            let fenced = newest.node != *id
                && Some(&newest.domain) == listed.domain.as_ref()
                && newest.epoch > listed.epoch;
            fenced.then(|| Fence { key: key.clone(), domain: newest.domain.to_string(), epoch: newest.epoch })
        });
        older.collect()
    }

    /// Forgets what nobody asked for, and owners that list their streams no more.
    pub(super) fn forget(&mut self, now: Duration) {
        self.known.retain(|_, known| now.saturating_sub(known.touched) <= KNOWN_FOR);
        self.past.retain(|_, (_, listed)| now.saturating_sub(*listed) <= LATELY);
        self.floors.retain(|_, (_, since)| now.saturating_sub(*since) <= KNOWN_FOR);
        let nodes = &self.nodes;
        self.newest.retain(|key, newest| {
            let live = nodes.get(&newest.node).and_then(|entry| entry.node.live.as_ref());
            live.is_some_and(|live| live.contains_key(key))
        });
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> [usize; 6] {
        let epochs = [self.newest.len(), self.floors.len(), self.past.len()];
        let [newest, floors, past] = epochs;
        [self.nodes.len(), self.mine.len(), self.known.len(), newest, floors, past]
    }

    /// The claims of each node, as far as we know them.
    pub(super) fn claims(&self, now: Duration) -> HashMap<NodeId, Held> {
        let mut claims: HashMap<NodeId, Held> = HashMap::new();
        for (key, known) in &self.known {
            let stands = self.mine.contains_key(key) || now.saturating_sub(known.touched) <= LEASE;
            if stands {
                let held = claims.entry(known.claim.holder.clone()).or_default();
                held.all = held.all.saturating_add(1);
                held.unlisted = held.unlisted.saturating_add(usize::from(!known.ever));
            }
        }
        claims
    }

    /// How much a node carries: what it lists and what it is about to list, or where it lists nothing what it was given.
    pub(super) fn carried(node: &Node, held: Held) -> usize {
        node.live.as_ref().map_or(held.all, |live| live.len().saturating_add(held.unlisted))
    }
}
