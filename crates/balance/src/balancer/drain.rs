//! Leaving a node by an operator's word, whatever its own heartbeats say.

use super::Balancer;
use super::state::State;
use crate::Node;
use srs_names::NodeId;
use std::sync::Arc;
use std::time::Duration;

impl State {
    /// What is known of this run of a node beyond what it says of itself outlasts its heartbeats.
    pub(super) fn carry_over(&self, node: &mut Node, now: Duration) {
        let known = self.nodes.get(&node.id).map(|entry| &entry.node);
        let known = known.filter(|known| known.instance == node.instance);
        node.since = known.map_or(now, |known| known.since);
        node.left = known.is_some_and(|known| known.left);
        node.draining |= node.left;
    }
}

impl Balancer {
    /// From now on the node is to be left, as if its heartbeats said so, until it registers as a new run; or what was said
    /// of this kind before is undone, and the next heartbeat decides. The answer is how the node was described before;
    /// none when no such node is known.
    pub fn drain(&self, id: &NodeId, on: bool) -> Option<Arc<Node>> {
        let mut state = self.state();
        let entry = state.nodes.get_mut(id)?;
        let before = Arc::clone(&entry.node);
        entry.node = Arc::new(Node { left: on, draining: on, ..Node::clone(&before) });
        self.note_if(before.draining != on);
        Some(before)
    }
}

#[cfg(test)]
mod tests;
