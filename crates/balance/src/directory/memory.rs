//! The directory of a proxy that stands alone: a table in memory, linearizable because a lock guards it.

use super::{Claim, Directory, Error};
use crate::Epoch;
use srs_names::{NodeId, StreamKey};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most claims at a time: a hundred times the streams of a large site, about 30 MB. Names made up by an
/// attacker end here.
pub const MAX_CLAIMS: usize = 100_000;

/// See the module's text.
#[derive(Debug, Default)]
pub struct Memory {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    claims: HashMap<StreamKey, Lease>,
    /// The same claims by their end, so that expiry costs what has expired.
    ends: BTreeSet<(Duration, StreamKey)>,
    holders: HashMap<NodeId, usize>,
    /// The highest epoch of all keys: keeps the promise of rising epochs without remembering every name for
    /// ever.
    floor: Epoch,
}

#[derive(Debug)]
struct Lease {
    claim: Claim,
    end: Duration,
}

impl Memory {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn table(&self, now: Duration) -> MutexGuard<'_, Table> {
        // Every operation leaves the table whole before anything in it could panic.
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.expire(now);
        table
    }
}

impl Table {
    fn expire(&mut self, now: Duration) {
        while let Some((end, key)) = self.ends.first().cloned() {
            if end > now {
                return;
            }
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &StreamKey) {
        let Some(lease) = self.claims.remove(key) else { return };
        self.ends.remove(&(lease.end, key.clone()));
        if let Some(count) = self.holders.get_mut(&lease.claim.holder) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.holders.remove(&lease.claim.holder);
            }
        }
    }

    fn insert(&mut self, claim: Claim, end: Duration) {
        self.ends.insert((end, claim.key.clone()));
        *self.holders.entry(claim.holder.clone()).or_default() += 1;
        self.claims.insert(claim.key.clone(), Lease { claim, end });
    }

    fn extend(&mut self, key: &StreamKey, end: Duration) {
        let Some(lease) = self.claims.get_mut(key) else { return };
        self.ends.remove(&(lease.end, key.clone()));
        lease.end = end;
        self.ends.insert((end, key.clone()));
    }

    fn has(&self, key: &StreamKey, epoch: Epoch) -> bool {
        self.claims.get(key).is_some_and(|lease| lease.claim.epoch == epoch)
    }
}

impl Directory for Memory {
    fn claim(&self, ask: &Claim, over: Option<Epoch>, lease: Duration, now: Duration) -> Result<(), Error> {
        let mut table = self.table(now);
        let end = now.saturating_add(lease);
        if let Some(standing) = table.claims.get(&ask.key).map(|lease| &lease.claim) {
            if standing == ask {
                table.extend(&ask.key, end);
                return Ok(());
            }
            if over != Some(standing.epoch) {
                return Err(Error::Held(standing.clone()));
            }
        }
        if ask.epoch <= table.floor {
            return Err(Error::Stale(table.floor));
        }
        table.remove(&ask.key);
        if table.claims.len() >= MAX_CLAIMS {
            return Err(Error::Full);
        }
        table.floor = ask.epoch;
        table.insert(ask.clone(), end);
        Ok(())
    }

    fn renew(&self, key: &StreamKey, epoch: Epoch, lease: Duration, now: Duration) -> Result<(), Error> {
        let mut table = self.table(now);
        if !table.has(key, epoch) {
            return Err(Error::Gone);
        }
        table.extend(key, now.saturating_add(lease));
        Ok(())
    }

    fn release(&self, key: &StreamKey, epoch: Epoch, now: Duration) -> Result<(), Error> {
        let mut table = self.table(now);
        if !table.has(key, epoch) {
            return Err(Error::Gone);
        }
        table.remove(key);
        Ok(())
    }

    fn lookup(&self, key: &StreamKey, now: Duration) -> Result<Option<Claim>, Error> {
        Ok(self.table(now).claims.get(key).map(|lease| lease.claim.clone()))
    }

    fn held_by(&self, holder: &NodeId, now: Duration) -> Result<usize, Error> {
        Ok(self.table(now).holders.get(holder).copied().unwrap_or(0))
    }
}
