//! The rules of selection and of the end of claims.

use super::home::Names;
use super::{Balancer, LEASE, Mine, NoOrigin, Reason, State, UNLISTED, Watch};
use crate::directory::{Claim, Error, MAX_CLAIMS};
use crate::health::Entry;
use crate::rank::{self, Lot};
use crate::{Epoch, Node, Role};
use srs_names::{DEFAULT_VHOST, NodeId, StreamKey};
use std::sync::Arc;
use std::time::Duration;

/// Bounded load: a node may hold this much of its fair share, as a fraction (1.25). Mirrokni, Thorup and
/// Zadimoghaddam 2016.
const SHARE: (u128, u128) = (5, 4);

impl State {
    /// Notes the epochs that a heartbeat lists, and blanks those of a clock that is mad.
    pub(super) fn believe_epochs(&mut self, node: &mut Node, now: Duration) {
        for epoch in node.live.iter_mut().flat_map(|live| live.values_mut()) {
            if !self.clock.see(*epoch, now) {
                *epoch = Epoch::default();
            }
        }
    }

    pub(super) fn publish_began(&mut self, claim: &Claim, now: Duration) {
        let fresh = || Mine { claim: claim.clone(), publishes: 0, renewed: now };
        let mine = self.mine.entry(claim.key.clone()).or_insert_with(fresh);
        if mine.claim.epoch != claim.epoch {
            *mine = fresh();
        }
        mine.publishes = mine.publishes.saturating_add(1);
        self.watch(claim, now);
    }

    /// When the holder last listed the stream of this claim; the first look counts as a listing.
    fn watch(&mut self, claim: &Claim, now: Duration) -> Duration {
        let fresh = || Watch { epoch: claim.epoch, listed: now, touched: now };
        if self.watch.len() >= MAX_CLAIMS && !self.watch.contains_key(&claim.key) {
            return now;
        }
        let watch = self.watch.entry(claim.key.clone()).or_insert_with(fresh);
        if watch.epoch != claim.epoch {
            *watch = fresh();
        }
        watch.touched = now;
        watch.listed
    }

    /// Looks for the stream of this claim in what its holder listed last, under the name that it has there. A heartbeat
    /// cannot do that for itself ([`Balancer::renew_listed`]): from a folded name it cannot tell the others.
    fn see_listed(&mut self, claim: &Claim) {
        let Some(entry) = self.nodes.get(&claim.holder) else { return };
        if let Some(watch) = self.watch.get_mut(&claim.key).filter(|watch| watch.epoch == claim.epoch)
            && entry.last_beat() > watch.listed
            && Names::of(&claim.key).listed_by(&entry.node).is_some()
        {
            watch.listed = entry.last_beat();
        }
    }

    /// The same for every claim of ours that may have been folded.
    pub(super) fn see_mine(&mut self, now: Duration) {
        let mine = self.mine.values().map(|mine| &mine.claim);
        let claims: Vec<Claim> = mine.filter(|claim| claim.key.vhost() != DEFAULT_VHOST).cloned().collect();
        for claim in &claims {
            self.watch(claim, now);
            self.see_listed(claim);
        }
    }
}

impl Balancer {
    /// The holder of a claim, if the claim stands and the caller did not exclude it.
    pub(super) fn holder(
        &self,
        state: &mut State,
        claim: &Claim,
        exclude: &[NodeId],
        now: Duration,
    ) -> Option<Arc<Node>> {
        state.watch(claim, now);
        state.see_listed(claim);
        if exclude.contains(&claim.holder) || !self.may_stand(state, claim, now) {
            return None;
        }
        let entry = state.nodes.get(&claim.holder)?;
        entry.is_alive(self.config.ttl, now).then(|| Arc::clone(&entry.node))
    }

    /// False when the holder is gone, silent or restarted, or no longer lists the stream. A refused dial does
    /// not end a claim: the holder is passed over while it is out, and a viewer finds it again if nobody
    /// claimed the stream since.
    pub(super) fn may_stand(&self, state: &State, claim: &Claim, now: Duration) -> bool {
        let Some(entry) = state.nodes.get(&claim.holder) else { return false };
        let listed = state.watch.get(&claim.key).filter(|watch| watch.epoch == claim.epoch);
        let is_unlisted = entry.node.live.is_some()
            && listed.is_some_and(|watch| entry.last_beat().saturating_sub(watch.listed) > UNLISTED);
        entry.node.instance == claim.instance && !entry.is_silent(self.config.ttl, now) && !is_unlisted
    }

    /// Where a stream without a claim is claimed: where it is live, else rendezvous with bounded load.
    pub(super) fn place(
        &self,
        state: &State,
        key: &StreamKey,
        exclude: &[NodeId],
        now: Duration,
    ) -> Result<(Arc<Node>, Reason), NoOrigin> {
        let (node, reason) = self.first(state, key, exclude, now)?;
        if reason == Reason::Live {
            return Ok((node, reason));
        }
        let alive = self.alive(state, now);
        let held: Option<Vec<usize>> =
            alive.iter().map(|entry| self.directory.held_by(&entry.node.id, now).ok()).collect();
        let Some(held) = held else { return Ok((node, reason)) };
        let total = held.iter().map(|count| *count as u128).sum::<u128>() + 1;
        let weights: u128 = alive.iter().map(|entry| u128::from(entry.node.weight())).sum();
        let has_room = |entry: &Entry, held: usize| {
            let share =
                (total * u128::from(entry.node.weight()) * SHARE.0).div_ceil((weights * SHARE.1).max(1));
            (held as u128) < share
        };
        let roomy =
            alive.iter().zip(held).filter(|(entry, held)| has_room(entry, *held)).map(|(entry, _)| *entry);
        let best = first_in_order(key, roomy.filter(|entry| !exclude.contains(&entry.node.id)));
        Ok((best.unwrap_or(node), reason))
    }

    /// The plain order, which every proxy finds without talking: the node that lists the stream with the
    /// highest epoch, else the first by rendezvous.
    pub(super) fn first(
        &self,
        state: &State,
        key: &StreamKey,
        exclude: &[NodeId],
        now: Duration,
    ) -> Result<(Arc<Node>, Reason), NoOrigin> {
        let alive = self.alive(state, now);
        let open = || alive.iter().copied().filter(|entry| !exclude.contains(&entry.node.id));
        let names = Names::of(key);
        let live = open()
            .filter_map(|entry| Some((names.listed_by(&entry.node)?, &entry.node)))
            .max_by_key(|(epoch, node)| (*epoch, &node.id));
        if let Some((_, node)) = live {
            return Ok((Arc::clone(node), Reason::Live));
        }
        if let Some(node) = first_in_order(key, open()) {
            return Ok((node, Reason::Placed));
        }
        let known = state.nodes.values().filter(|entry| entry.node.role == Role::Origin).count();
        Err(match (known, alive.len()) {
            (0, _) => NoOrigin::NoneRegistered(key.clone()),
            (known, 0) => NoOrigin::NoneAlive { key: key.clone(), known },
            (_, alive) => NoOrigin::AllTried { key: key.clone(), alive },
        })
    }

    fn alive<'a>(&self, state: &'a State, now: Duration) -> Vec<&'a Entry> {
        let ttl = self.config.ttl;
        let is_open = |entry: &&Entry| entry.node.role == Role::Origin && entry.is_alive(ttl, now);
        state.nodes.values().filter(is_open).collect()
    }

    /// A heartbeat that lists a stream keeps the claim that its node holds under that name, whoever made it. A claim of
    /// ours under another name of the stream is seen to by the tick; one that no proxy sees to runs out, and the stream
    /// is found by the list itself.
    pub(super) fn renew_listed(&self, state: &mut State, node: &Node, now: Duration) {
        for key in node.live.iter().flat_map(|live| live.keys()) {
            let Ok(Some(claim)) = self.directory.lookup(key, now) else { continue };
            if claim.holder != node.id || claim.instance != node.instance {
                continue;
            }
            state.watch(&claim, now);
            if let Some(watch) = state.watch.get_mut(key) {
                watch.listed = now;
            }
            // Gone or unavailable: the stream is found by the list itself.
            let _ = self.directory.renew(key, claim.epoch, LEASE, now);
        }
    }

    /// One of our own claims is due: its lease is renewed, or it is given up when it may not stand.
    pub(super) fn renew_or_end(&self, state: &mut State, claim: &Claim, now: Duration) {
        if !self.may_stand(state, claim, now) {
            state.mine.remove(&claim.key);
            return self.release(state, claim, now);
        }
        match self.directory.renew(&claim.key, claim.epoch, LEASE, now) {
            Err(Error::Gone) => drop(state.mine.remove(&claim.key)),
            // Unavailable: tried again at the next tick.
            Err(_) => {}
            Ok(()) => {
                if let Some(mine) = state.mine.get_mut(&claim.key) {
                    mine.renewed = now;
                }
            }
        }
    }

    pub(super) fn release(&self, state: &mut State, claim: &Claim, now: Duration) {
        state.watch.remove(&claim.key);
        // Gone: somebody newer owns it, which is as good. Unavailable: the lease runs out.
        let _ = self.directory.release(&claim.key, claim.epoch, now);
        self.note();
    }
}

fn first_in_order<'a>(key: &StreamKey, entries: impl Iterator<Item = &'a Entry>) -> Option<Arc<Node>> {
    let key = rank::hash(key.as_str());
    entries
        .map(|entry| (Lot::draw(key, entry.hash, entry.node.weight()), &entry.node))
        .min_by(|(left, one), (right, other)| left.order(right).then_with(|| one.id.cmp(&other.id)))
        .map(|(_, node)| Arc::clone(node))
}
