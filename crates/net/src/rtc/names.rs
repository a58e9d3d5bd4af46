//! Which session lives on which shard of a port.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::door::Key;
use super::line::Id;

/// A shard, and the session's id there.
pub(super) type Place = (usize, Id);

/// All sessions of a port, and who waits to be one. Locked for checks of addresses that are not known, and when sessions
/// begin and end.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(Arc<Mutex<HashMap<Key, Place>>>);

impl Names {
    fn all(&self) -> MutexGuard<'_, HashMap<Key, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a session lives.
    pub(super) fn find(&self, key: &Key) -> Option<Place> {
        self.all().get(key).copied()
    }

    /// Has a session live here; false when it lives somewhere already.
    pub(super) fn claim(&self, key: &Key, place: Place) -> bool {
        *self.all().entry(key.clone()).or_insert(place) == place
    }

    /// It does not live there any more, if it did.
    pub(super) fn release(&self, key: &Key, place: Place) {
        let mut all = self.all();
        if all.get(key) == Some(&place) {
            all.remove(key);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all().len()
    }
}
