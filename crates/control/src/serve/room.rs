//! Room for connections: how many there may be, and of whom.

use super::Limits;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Refusals of one kind are logged this often, so that a flood of callers is no flood of lines.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// The connections that are open. A [`Slot`] takes itself out when it is dropped.
#[derive(Default)]
pub(super) struct Room(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    all: usize,
    strangers: usize,
    sources: HashMap<IpAddr, usize>,
}

/// One connection's place.
pub(super) struct Slot {
    room: Arc<Room>,
    source: IpAddr,
    is_known: bool,
}

/// Why a connection is closed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub(super) enum Refused {
    #[error("{0} connections are open")]
    Full(usize),
    #[error("{0} connections of addresses that are not known here are open")]
    Strangers(usize),
    #[error("{0} connections of this address are open")]
    Source(usize),
}

impl Room {
    /// Takes a place for a caller, who is known by its address or a stranger.
    pub(super) fn take(
        self: &Arc<Self>,
        source: IpAddr,
        is_known: bool,
        limits: Limits,
    ) -> Result<Slot, Refused> {
        let mut counts = self.counts();
        let of_source = counts.sources.get(&source).copied().unwrap_or(0);
        if counts.all >= limits.connections {
            return Err(Refused::Full(limits.connections));
        }
        if !is_known && counts.strangers >= limits.strangers {
            return Err(Refused::Strangers(limits.strangers));
        }
        if of_source >= limits.per_source {
            return Err(Refused::Source(limits.per_source));
        }
        counts.all += 1;
        counts.strangers += usize::from(!is_known);
        counts.sources.insert(source, of_source + 1);
        Ok(Slot { room: Arc::clone(self), source, is_known })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.room.counts();
        counts.all = counts.all.saturating_sub(1);
        counts.strangers = counts.strangers.saturating_sub(usize::from(!self.is_known));
        if let Some(count) = counts.sources.get_mut(&self.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.sources.remove(&self.source);
            }
        }
    }
}

/// When each kind of refusal was logged last.
#[derive(Default)]
pub(super) struct Complaints(HashMap<Refused, Instant>);

impl Complaints {
    /// Whether this refusal is to be logged now.
    pub(super) fn is_due(&mut self, refused: Refused) -> bool {
        let now = Instant::now();
        let is_due =
            self.0.get(&refused).is_none_or(|last| now.saturating_duration_since(*last) >= COMPLAIN_EVERY);
        if is_due {
            self.0.insert(refused, now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests;
