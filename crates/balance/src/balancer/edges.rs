//! Where viewers go when there are edges.
//!
//! Every edge can have every stream, at the cost of one pull; so the viewers of a stream are kept together for as long as
//! that costs nobody anything. Each stream has its own order of the edges, and a viewer goes to the first that has room.

use super::select::{FULL, SHARE, first_in_order, quick};
use super::state::State;
use super::{Balancer, NoOrigin, Pick, Reason};
use crate::health::Entry;
use crate::{Node, Role};
use srs_names::{DEFAULT_VHOST, NodeId, StreamKey};
use std::sync::Arc;
use std::time::Duration;

/// An edge that feels less busy than this takes every viewer: to share them with another would save nothing.
const CALM: f32 = 0.5;
/// Viewers that a calm edge of usual size is sent between two of its beats: how busy they make it, it has not said yet. In
/// one second they take some tens of Mbit/s for their first pictures.
const BURST: u128 = 250;

impl Balancer {
    /// The node that a viewer goes to: the first edge in the stream's own order that has room, else where
    /// [`pick_play`](Self::pick_play) says. An edge is picked whether or not the stream is live anywhere, and the viewer is
    /// taken as sent there. Not for what edges themselves fetch.
    ///
    /// `exclude` names nodes whose dial failed for this viewer.
    ///
    /// # Errors
    /// [`NoOrigin`].
    pub async fn pick_view(
        &self,
        key: &StreamKey,
        exclude: &[NodeId],
        now: Duration,
    ) -> Result<Pick, NoOrigin> {
        if let Some(node) = self.send(key, exclude, now) {
            return Ok(Pick { node, claim: None, reason: Reason::Edge });
        }
        self.pick_play(key, exclude, now).await
    }

    /// The edge that a viewer would be sent to, who counts as none: one that asks again and again, as players of lists do.
    pub fn edge(&self, key: &StreamKey, exclude: &[NodeId], now: Duration) -> Option<Arc<Node>> {
        self.roomy(&self.state(), key, exclude, now)
    }

    /// The same for one who is sent there now, and counts.
    pub fn send(&self, key: &StreamKey, exclude: &[NodeId], now: Duration) -> Option<Arc<Node>> {
        let mut state = self.state();
        let node = self.roomy(&state, key, exclude, now)?;
        if let Some(entry) = state.nodes.get_mut(&node.id) {
            entry.sent = entry.sent.saturating_add(1);
        }
        Some(node)
    }

    fn roomy(&self, state: &State, key: &StreamKey, exclude: &[NodeId], now: Duration) -> Option<Arc<Node>> {
        let ttl = self.config.ttl;
        let is_open =
            |entry: &&Entry| serves(&entry.node, key) && !entry.node.draining && entry.is_alive(ttl, now);
        let open = quick(state.nodes.values().filter(is_open).collect(), now);
        let total = open.iter().map(|entry| viewers(entry)).sum::<u128>() + 1;
        let weights = open.iter().map(|entry| u128::from(entry.node.weight())).sum::<u128>().max(1);
        let is_full = |entry: &Entry| entry.node.load.is_some_and(|load| load >= FULL);
        let has_room = |entry: &Entry| {
            let weight = u128::from(entry.node.weight());
            let new = if entry.node.load.is_some() { u128::from(entry.sent) } else { viewers(entry) };
            let is_calm = entry.node.load.is_none_or(|load| load < CALM)
                && new * u128::from(crate::rank::DEFAULT_WEIGHT) < BURST * weight;
            let share = (total * weight * SHARE.0).div_ceil(weights * SHARE.1);
            is_calm || viewers(entry) < share
        };
        let left = || open.iter().copied().filter(|entry| !exclude.contains(&entry.node.id));
        let roomy = first_in_order(key, left().filter(|entry| !is_full(entry) && has_room(entry)));
        roomy
            .or_else(|| first_in_order(key, left().filter(|entry| !is_full(entry))))
            .or_else(|| first_in_order(key, left()))
    }
}

/// Whether a node is an edge that has this stream's vhost, or takes hosts that it was not told of in its default one.
fn serves(node: &Node, key: &StreamKey) -> bool {
    let has = |name: &str| node.vhosts.as_ref().is_none_or(|vhosts| vhosts.contains(name));
    node.role == Role::Edge && (has(key.vhost()) || has(DEFAULT_VHOST))
}

/// The viewers that it told of, and those that were sent to it since.
fn viewers(entry: &Entry) -> u128 {
    let told = entry.node.usage.map_or(0, |usage| usage.viewers);
    u128::from(told) + u128::from(entry.sent)
}

#[cfg(test)]
mod tests;
