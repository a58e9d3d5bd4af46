//! Leaving without loss, and giving up what another node owns by now.

use srs_hub::Phase;
use srs_names::{StreamKey, Term};
use tokio::sync::watch;

use crate::Gateway;

impl Gateway {
    /// Whether this node is being left, from now on. To leave it is [`srs_names::Inventory::drain`].
    pub fn drains(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    /// Publishers that are connected; nobody would take over what is fetched.
    pub fn publishers(&self) -> usize {
        let is_fetched = |key: &StreamKey| self.clients.live(key).is_some_and(|live| live.fetched);
        let streams = self.hub.streams();
        streams.iter().filter(|(key, phase, ..)| *phase == Phase::Live && !is_fetched(key)).count()
    }

    /// `key` was given to another node by `term`: ends what is published or held here by an older claim of the same
    /// directory. True when something was ended.
    pub fn fence(&self, key: &StreamKey, term: &Term) -> bool {
        let Ok((key, _)) = self.resolve(key) else { return false };
        let ended = self.hub.fence(&key, term);
        if ended {
            tracing::warn!(stream = %key, %term, "ended: another node owns the stream");
        }
        ended
    }
}

#[cfg(test)]
mod tests;
