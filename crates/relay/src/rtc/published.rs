//! Streams that are published by WebRTC and were let in here: their claims.
//!
//! Who publishes is not connected with the proxy that let it in: its media may pass another one. So the claim stands as long
//! as the node lists the stream; at one that lists nothing, as long as media passes here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use srs_balance::Balancer;

use super::place::Place;
use crate::limits::{RTC_BEGINS, RTC_SESSIONS, RTC_SILENT};
use crate::origins::Claimed;

/// One of them.
struct Publication {
    claimed: Claimed,
    /// What the client was told, where it was told something.
    place: Option<Place>,
    began: Duration,
    /// When there was a sign of it last.
    seen: Duration,
    is_listed: bool,
    /// Paths of its media that are here.
    paths: usize,
}

/// All of them, by the names of their sessions.
#[derive(Default)]
pub(super) struct Published(Mutex<HashMap<String, Publication>>);

impl Published {
    /// One more, which a node has taken.
    pub(super) fn begin(&self, session: &str, claimed: Claimed, place: Option<Place>, now: Duration) {
        let mut all = self.all();
        if all.len() >= RTC_SESSIONS {
            // Its claim is given up, and the stream found by what nodes list.
            return;
        }
        let (seen, is_listed, paths) = (now, false, 0);
        all.insert(session.to_owned(), Publication { claimed, place, began: now, seen, is_listed, paths });
    }

    /// The client has ended it.
    pub(super) fn end(&self, place: &Place) {
        self.all().retain(|_, one| one.place.as_ref() != Some(place));
    }

    /// Its media passes here, by one more path or by one less; false where it was not let in here.
    pub(super) fn passes(&self, session: &str, begins: bool, now: Duration) -> bool {
        let mut all = self.all();
        let Some(one) = all.get_mut(session) else { return false };
        one.seen = now;
        one.paths = if begins { one.paths.saturating_add(1) } else { one.paths.saturating_sub(1) };
        true
    }

    /// Gives the claims up that nobody publishes under.
    pub(super) fn judge(&self, balancer: &Balancer, now: Duration) {
        self.all().retain(|_, one| one.lasts(balancer, now));
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.all().len()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Publication>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publication {
    fn lasts(&mut self, balancer: &Balancer, now: Duration) -> bool {
        let Some(claim) = self.claimed.claim() else { return false };
        // What a node listed before it fell silent is of no use.
        let lives = balancer.living(&claim.holder, now).is_some();
        match balancer.is_listed(claim).filter(|_| lives) {
            Some(true) => {
                (self.seen, self.is_listed) = (now, true);
                true
            }
            // What waits for its publisher's return is listed as well.
            Some(false) if self.is_listed => false,
            Some(false) => self.paths > 0 || now.saturating_sub(self.began) < RTC_BEGINS,
            None => {
                if self.paths > 0 {
                    self.seen = now;
                }
                let lasts = now.saturating_sub(self.seen) < RTC_SILENT;
                if !lasts {
                    self.claimed.hold();
                }
                lasts
            }
        }
    }
}
