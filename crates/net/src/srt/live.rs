//! Which connections there are on which shard of a port.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use srs_srt::SocketId;

/// The ids of one shard's connections, and what other shards may know of theirs. A datagram that comes where it belongs
/// needs none of it.
#[derive(Debug, Clone)]
pub(super) struct Live {
    all: Arc<[RwLock<HashSet<SocketId>>]>,
    own: usize,
}

impl Live {
    /// Those of so many shards, in their order.
    pub(super) fn of(shards: usize) -> impl Iterator<Item = Live> {
        let all: Arc<[_]> = (0..shards).map(|_| RwLock::default()).collect();
        (0..shards).map(move |own| Live { all: Arc::clone(&all), own })
    }

    /// Whether a shard has a connection with this id.
    pub(super) fn has(&self, shard: usize, id: SocketId) -> bool {
        let has = |ids: &RwLock<HashSet<_>>| ids.read().unwrap_or_else(PoisonError::into_inner).contains(&id);
        self.all.get(shard).is_some_and(has)
    }

    /// This shard has one more.
    pub(super) fn add(&self, id: SocketId) {
        self.change(|ids| ids.insert(id));
    }

    /// This shard has one less.
    pub(super) fn remove(&self, id: SocketId) {
        self.change(|ids| ids.remove(&id));
    }

    fn change(&self, change: impl FnOnce(&mut HashSet<SocketId>) -> bool) {
        if let Some(ids) = self.all.get(self.own) {
            change(&mut ids.write().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
