//! What comes from those who are no members: counted, and told once of each kind.

use super::seal::Foreign;
use srs_names::NodeId;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[derive(Default)]
pub(super) struct Strangers {
    ignored: AtomicU64,
    told: [AtomicBool; 3],
    #[cfg(test)]
    cut: std::sync::Mutex<std::collections::HashSet<NodeId>>,
}

impl Strangers {
    /// Something that came from there is ignored.
    pub(super) fn note(&self, foreign: Foreign, from: SocketAddr) {
        self.ignored.fetch_add(1, Ordering::Relaxed);
        let told = self.told.get(foreign as usize);
        if told.is_some_and(|told| !told.swap(true, Ordering::Relaxed)) {
            tracing::warn!(%from, "the mesh: something that came is ignored: {foreign}");
        }
    }

    /// How much was ignored.
    pub(super) fn ignored(&self) -> u64 {
        self.ignored.load(Ordering::Relaxed)
    }

    /// Whether nothing passes between this member and that one: tests cut networks so.
    #[cfg(test)]
    pub(super) fn is_cut(&self, id: &NodeId) -> bool {
        self.cut.lock().unwrap().contains(id)
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests have one that looks")]
    pub(super) fn is_cut(&self, _: &NodeId) -> bool {
        false
    }

    /// Cuts this member off from these, and from no others.
    #[cfg(test)]
    pub(super) fn cut(&self, ids: &[NodeId]) {
        *self.cut.lock().unwrap() = ids.iter().cloned().collect();
    }
}
