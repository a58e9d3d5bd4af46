//! Ends streams whose publisher dropped and did not come back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use srs_hub::Hub;
use srs_names::StreamKey;
use srs_net::shards;
use tokio::time::Instant;

/// The streams that wait for their publishers. Each has one timer, however often its publisher comes and drops, and none
/// holds a connection.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    waiting: Mutex<HashMap<StreamKey, Held>>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    /// Which publish it was, as the hub counts them.
    generation: u64,
    until: Instant,
}

impl Holds {
    /// Ends `key` at `hub` after `hold`, unless a publisher comes back. To be called on a shard.
    pub(crate) fn begin(self: &Arc<Self>, hub: &Hub, key: &StreamKey, generation: u64, hold: Duration) {
        // A time beyond the clock's end never comes.
        let Some(until) = Instant::now().checked_add(hold) else { return };
        let earlier = self.lock().insert(key.clone(), Held { generation, until });
        if earlier.is_none() {
            shards::spawn(Arc::clone(self).run(hub.clone(), key.clone()));
        }
    }

    async fn run(self: Arc<Self>, hub: Hub, key: StreamKey) {
        while let Some(held) = self.get(&key) {
            tokio::time::sleep_until(held.until).await;
            if let Some(generation) = self.take_due(&key) {
                hub.expire(&key, generation);
                return;
            }
        }
    }

    fn get(&self, key: &StreamKey) -> Option<Held> {
        self.lock().get(key).copied()
    }

    /// The publish whose hold is over; none when another has dropped meanwhile and is waited for in its turn.
    fn take_due(&self, key: &StreamKey) -> Option<u64> {
        let mut waiting = self.lock();
        let held = waiting.get(key).filter(|held| held.until <= Instant::now())?;
        let generation = held.generation;
        waiting.remove(key);
        Some(generation)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamKey, Held>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
