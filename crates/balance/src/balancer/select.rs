//! The rules of selection and of the end of claims.

use super::home::Names;
use super::state::State;
use super::{Balancer, NoOrigin, Reason, UNLISTED};
use crate::directory::Claim;
use crate::health::Entry;
use crate::rank::{self, Lot};
use crate::{Listed, Node, Role};
use srs_names::{NodeId, StreamKey};
use std::sync::Arc;
use std::time::Duration;

/// Bounded load: a node may hold this much of its fair share, as a fraction (1.25). Mirrokni, Thorup and
/// Zadimoghaddam 2016.
pub(super) const SHARE: (u128, u128) = (5, 4);
/// A node that feels as busy as this gets new streams only when all do.
pub(super) const FULL: f32 = 0.95;

impl Balancer {
    /// The holder of a claim, if the claim stands and the caller did not exclude it. One that drains takes no publisher.
    pub(super) fn holder(
        &self,
        state: &mut State,
        claim: &Claim,
        exclude: &[NodeId],
        publish: bool,
        now: Duration,
    ) -> Option<Arc<Node>> {
        state.learn(claim, now);
        state.see_listed(claim);
        if exclude.contains(&claim.holder) || !self.may_stand(state, claim, now) {
            return None;
        }
        let entry = state.nodes.get(&claim.holder)?;
        let serves = entry.is_alive(self.config.ttl, now) && !(publish && entry.node.draining);
        serves.then(|| Arc::clone(&entry.node))
    }

    /// False when the holder is gone, silent or restarted, or no longer lists the stream, or another node lists it with a
    /// newer epoch (the directory went back to an older claim). A refused dial does not end a claim: the holder is passed
    /// over while it is out, and a viewer finds it again if nobody claimed the stream since.
    pub(super) fn may_stand(&self, state: &State, claim: &Claim, now: Duration) -> bool {
        let Some(entry) = state.nodes.get(&claim.holder) else { return false };
        entry.node.instance == claim.instance
            && !self.is_given_up(state, claim, entry, UNLISTED, now)
            && !self.is_outranked(state, claim, now)
    }

    /// The holder is silent, or has not listed the stream, or spoken as that run, for so long.
    pub(super) fn is_given_up(
        &self,
        state: &State,
        claim: &Claim,
        entry: &Entry,
        patience: Duration,
        now: Duration,
    ) -> bool {
        let tells = entry.node.live.is_some() || entry.node.instance != claim.instance;
        let is_unlisted = tells && state.unlisted_for(claim, entry) > patience;
        entry.is_silent(self.config.ttl, now) || is_unlisted
    }

    /// Another node that lives lists the stream as a newer owner.
    pub(super) fn is_outranked(&self, state: &State, claim: &Claim, now: Duration) -> bool {
        let names = Names::of(&claim.key);
        names.all().any(|key| {
            let newer = state.newest(key, self.directory.domain());
            let newer = newer.filter(|(node, epoch)| **node != claim.holder && *epoch > claim.epoch);
            let entry = newer.and_then(|(node, _)| state.nodes.get(node));
            entry.is_some_and(|entry| {
                !entry.is_silent(self.config.ttl, now) && names.listed_by(&entry.node).is_some()
            })
        })
    }

    /// Where a stream without a claim is claimed: where it is live, else rendezvous with bounded load.
    pub(super) fn place(
        &self,
        state: &State,
        key: &StreamKey,
        exclude: &[NodeId],
        now: Duration,
    ) -> Result<(Arc<Node>, Reason), NoOrigin> {
        let (node, reason) = self.first(state, key, exclude, true, now)?;
        if reason == Reason::Live {
            return Ok((node, reason));
        }
        let alive = self.alive(state, true, exclude, now);
        let claims = state.claims(now);
        let carried = |entry: &&Entry| {
            State::carried(&entry.node, claims.get(&entry.node.id).copied().unwrap_or_default())
        };
        let held: Vec<usize> = alive.iter().map(carried).collect();
        let total = held.iter().map(|count| *count as u128).sum::<u128>() + 1;
        let weights: u128 = alive.iter().map(|entry| u128::from(entry.node.weight())).sum();
        let has_room = |entry: &Entry, held: usize| {
            let share =
                (total * u128::from(entry.node.weight()) * SHARE.0).div_ceil((weights * SHARE.1).max(1));
            (held as u128) < share && entry.node.load.is_none_or(|load| load < FULL)
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
        publish: bool,
        now: Duration,
    ) -> Result<(Arc<Node>, Reason), NoOrigin> {
        let alive = self.alive(state, publish, exclude, now);
        let open = || alive.iter().copied().filter(|entry| !exclude.contains(&entry.node.id));
        let names = Names::of(key);
        // A viewer who was with a newer owner must not see an older one again.
        let newer = state.lately(key, now).filter(|_| !publish);
        let is_past = |listed: &Listed, node: &Node| {
            newer.is_some_and(|newer| {
                let is_other = (&newer.holder, &newer.instance) != (&node.id, &node.instance);
                is_other && listed.epoch < newer.epoch && listed.domain.as_deref() == Some(self.domain())
            })
        };
        let live = open()
            .filter_map(|entry| Some((names.listed_by(&entry.node)?, &entry.node)))
            .filter(|(listed, node)| !is_past(listed, node))
            .map(|(listed, node)| (listed.epoch, node))
            .max_by_key(|(epoch, node)| (*epoch, &node.id));
        if let Some((_, node)) = live {
            return Ok((Arc::clone(node), Reason::Live));
        }
        // Only where there is no other.
        let stale =
            |entry: &&Entry| names.listed_by(&entry.node).is_some_and(|listed| is_past(listed, &entry.node));
        let placed = first_in_order(key, open().filter(|entry| !stale(entry)));
        if let Some(node) = placed.or_else(|| first_in_order(key, open())) {
            return Ok((node, Reason::Placed));
        }
        let known = state.nodes.values().filter(|entry| entry.node.role == Role::Origin).count();
        Err(match (known, alive.len()) {
            (0, _) => NoOrigin::NoneRegistered(key.clone()),
            (known, 0) => NoOrigin::NoneAlive { key: key.clone(), known },
            (_, alive) => NoOrigin::AllTried { key: key.clone(), alive },
        })
    }

    /// The origins to choose from. Slow ones are among them when leaving them out would leave less than half. Those that
    /// drain are there for a publish when there is no other, unless one was tried: what has to leave an origin that drains
    /// is not to go to the next one that does.
    fn alive<'a>(
        &self,
        state: &'a State,
        publish: bool,
        exclude: &[NodeId],
        now: Duration,
    ) -> Vec<&'a Entry> {
        let ttl = self.config.ttl;
        let is_open = |entry: &&Entry| entry.node.role == Role::Origin && entry.is_alive(ttl, now);
        let mut open: Vec<&Entry> = state.nodes.values().filter(is_open).collect();
        let stays = |entry: &&Entry| !entry.node.draining;
        if publish && (!exclude.is_empty() || open.iter().any(stays)) {
            open.retain(stays);
        }
        quick(open, now)
    }
}

/// Those that are not slow, unless that would leave less than half of them.
pub(super) fn quick(open: Vec<&Entry>, now: Duration) -> Vec<&Entry> {
    let quick: Vec<&Entry> = open.iter().copied().filter(|entry| !entry.is_slow(now)).collect();
    if quick.len() * 2 >= open.len() { quick } else { open }
}

pub(super) fn first_in_order<'a>(
    key: &StreamKey,
    entries: impl Iterator<Item = &'a Entry>,
) -> Option<Arc<Node>> {
    let key = rank::hash(key.as_str());
    entries
        .map(|entry| (Lot::draw(key, entry.hash, entry.node.weight()), &entry.node))
        .min_by(|(left, one), (right, other)| left.order(right).then_with(|| one.id.cmp(&other.id)))
        .map(|(_, node)| Arc::clone(node))
}
