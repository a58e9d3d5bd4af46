//! The directory of a proxy that stands alone: a table in memory, linearizable because a lock guards it.

use super::{Answer, Claim, Directory, Error, Notes};
use crate::Epoch;
use srs_names::StreamKey;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most claims at a time: a hundred times the streams of a large site, about 30 MB. Names made up by an
/// attacker end here.
pub const MAX_CLAIMS: usize = 100_000;

/// The last epoch of a key is remembered for so long after its claim ended. Later the floor of all keys stands for it, which
/// is then that far behind every clock.
const REMEMBERED: Duration = Duration::from_secs(60);

/// See the module's text.
#[derive(Debug, Default)]
pub struct Memory {
    domain: String,
    table: Mutex<Table>,
    notes: Notes,
}

#[derive(Debug, Default)]
struct Table {
    claims: HashMap<StreamKey, Lease>,
    /// The same claims by their end, so that expiry costs what has expired.
    ends: BTreeSet<(Duration, StreamKey)>,
    /// The highest epoch of all keys that are forgotten: keeps the promise of rising epochs without remembering every name
    /// for ever.
    floor: Epoch,
}

#[derive(Debug)]
struct Lease {
    claim: Claim,
    end: Duration,
    /// False for one that has ended, and is remembered until `end` for its epoch.
    stands: bool,
}

impl Memory {
    /// An empty directory of this claim domain.
    #[must_use]
    pub fn new(domain: impl Into<String>) -> Self {
        Self { domain: domain.into(), ..Self::default() }
    }

    /// Every standing claim, for a new home of its key.
    #[must_use]
    pub fn standing(&self, now: Duration) -> Vec<Claim> {
        let table = self.table(now);
        table.claims.values().filter(|lease| lease.stands).map(|lease| lease.claim.clone()).collect()
    }

    /// Keys that are remembered in any way.
    #[cfg(test)]
    pub(crate) fn remembered(&self, now: Duration) -> usize {
        self.table(now).claims.len()
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
            self.end(&key, end);
        }
    }

    /// A lease ends; what is only remembered is forgotten.
    fn end(&mut self, key: &StreamKey, now: Duration) {
        let Some(mut lease) = self.claims.remove(key) else { return };
        self.ends.remove(&(lease.end, key.clone()));
        if lease.stands {
            lease.stands = false;
            lease.end = now.saturating_add(REMEMBERED);
            self.ends.insert((lease.end, key.clone()));
            self.claims.insert(key.clone(), lease);
        } else {
            self.floor = self.floor.max(lease.claim.epoch);
        }
    }

    fn standing(&self, key: &StreamKey) -> Option<&Claim> {
        self.claims.get(key).filter(|lease| lease.stands).map(|lease| &lease.claim)
    }

    /// No epoch of this key lies above this one.
    fn last(&self, key: &StreamKey) -> Epoch {
        self.claims.get(key).map_or(self.floor, |lease| lease.claim.epoch.max(self.floor))
    }

    fn put(&mut self, claim: &Claim, end: Duration) -> Result<(), Error> {
        if let Some(known) = self.claims.get(&claim.key) {
            self.ends.remove(&(known.end, claim.key.clone()));
        } else if self.claims.len() >= MAX_CLAIMS && !self.make_room() {
            return Err(Error::Full);
        }
        self.ends.insert((end, claim.key.clone()));
        self.claims.insert(claim.key.clone(), Lease { claim: claim.clone(), end, stands: true });
        Ok(())
    }

    /// Forgets the claim that ended first; false when all stand.
    fn make_room(&mut self) -> bool {
        let is_over = |key: &StreamKey| self.claims.get(key).is_some_and(|lease| !lease.stands);
        let over = self.ends.iter().find(|(_, key)| is_over(key)).map(|(end, key)| (*end, key.clone()));
        let Some((end, key)) = over else { return false };
        self.end(&key, end);
        true
    }

    fn claim(&mut self, ask: &Claim, over: Option<Epoch>, end: Duration) -> Result<(), Error> {
        if let Some(standing) = self.standing(&ask.key) {
            if standing == ask {
                return self.put(ask, end);
            }
            if over != Some(standing.epoch) {
                return Err(Error::Held(standing.clone()));
            }
        }
        let last = self.last(&ask.key);
        if ask.epoch <= last {
            return Err(Error::Stale(last));
        }
        self.put(ask, end)
    }

    fn renew(&mut self, claim: &Claim, end: Duration) -> Result<(), Error> {
        match self.standing(&claim.key) {
            Some(standing) if standing.epoch > claim.epoch => Err(Error::Held(standing.clone())),
            None if self.last(&claim.key) > claim.epoch => Err(Error::Gone),
            _ => self.put(claim, end),
        }
    }

    fn release(&mut self, claim: &Claim, now: Duration) -> Result<(), Error> {
        if self.standing(&claim.key).is_none_or(|standing| standing.epoch != claim.epoch) {
            return Err(Error::Gone);
        }
        self.end(&claim.key, now);
        Ok(())
    }
}

/// Memory answers at once.
fn ready<'a, T: Send + 'a>(outcome: Result<T, Error>) -> Answer<'a, T> {
    Box::pin(std::future::ready(outcome))
}

impl Directory for Memory {
    fn domain(&self) -> &str {
        &self.domain
    }

    fn claim<'a>(
        &'a self,
        ask: &'a Claim,
        over: Option<Epoch>,
        lease: Duration,
        now: Duration,
    ) -> Answer<'a, ()> {
        ready(self.table(now).claim(ask, over, now.saturating_add(lease)))
    }

    fn renew<'a>(&'a self, claim: &'a Claim, lease: Duration, now: Duration) -> Answer<'a, ()> {
        ready(self.table(now).renew(claim, now.saturating_add(lease)))
    }

    fn release<'a>(&'a self, claim: &'a Claim, now: Duration) -> Answer<'a, ()> {
        ready(self.table(now).release(claim, now))
    }

    fn lookup<'a>(&'a self, key: &'a StreamKey, now: Duration) -> Answer<'a, Option<Claim>> {
        ready(Ok(self.table(now).standing(key).cloned()))
    }

    fn note<'a>(&'a self, name: &'a str, text: &'a str, ttl: Duration, now: Duration) -> Answer<'a, ()> {
        ready(self.notes.put(name, text, now.saturating_add(ttl), now))
    }

    fn noted<'a>(&'a self, name: &'a str, now: Duration) -> Answer<'a, Option<String>> {
        ready(Ok(self.notes.get(name, now)))
    }
}
