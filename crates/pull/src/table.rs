//! What is fetched now, what could not be had a moment ago, and which servers did not answer.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use srs_names::{FetchRecord, FetchState, Missing, MissingKind, StreamKey};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::limits::{DEAD, MISSING, MOST_DEAD, MOST_MISSING};
use crate::plan::Target;
use crate::puller::unix_ms;
use crate::way::Wanted;
use crate::wishes::Wishes;

/// One stream that is fetched, as all see it who want it.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) key: StreamKey,
    since: SystemTime,
    given_up: watch::Sender<Option<Missing>>,
    shown: Mutex<Shown>,
    /// Nothing new came since a server was lost.
    lost: watch::Sender<bool>,
    /// On whose behalf it was opened.
    pub(crate) first: Wanted,
    wishes: Mutex<Wishes>,
}

#[derive(Debug)]
struct Shown {
    url: String,
    state: FetchState,
    error: String,
    /// When somebody wanted it or watched it for the last time.
    wanted: Instant,
    /// It is on a list of what is fetched unasked.
    listed: bool,
}

impl Flight {
    pub(crate) fn new(first: Wanted) -> Flight {
        let shown = Shown {
            url: String::new(),
            state: FetchState::Opening,
            error: String::new(),
            wanted: Instant::now(),
            listed: false,
        };
        Flight {
            key: first.key.clone(),
            since: SystemTime::now(),
            given_up: watch::Sender::new(None),
            shown: Mutex::new(shown),
            lost: watch::Sender::new(false),
            wishes: Mutex::new(Wishes::new(first.clone())),
            first,
        }
    }

    /// Who wanted it.
    pub(crate) fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when it is given up before anything came, and never otherwise.
    pub(crate) fn missing(&self) -> impl Future<Output = Missing> + Send + use<> {
        let mut given_up = self.given_up.subscribe();
        async move {
            loop {
                let missing = given_up.borrow_and_update().clone();
                if let Some(missing) = missing {
                    return missing;
                }
                if given_up.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    pub(crate) fn give_up(&self, missing: Missing) {
        self.given_up.send_replace(Some(missing));
    }

    /// Whether it is lost: that is so up to the next frame that viewers do not have.
    pub(crate) fn loses(&self, lost: bool) {
        self.lost.send_replace(lost);
    }

    /// Ready while it is not lost.
    pub(crate) async fn found(&self) {
        let mut lost = self.lost.subscribe();
        // The sender is here: it does not end.
        let _found = lost.wait_for(|lost| !lost).await;
    }

    /// Somebody wants it, or watches.
    pub(crate) fn touch(&self) {
        self.shown().wanted = Instant::now();
    }

    /// Since when nobody did.
    pub(crate) fn wanted(&self) -> Instant {
        self.shown().wanted
    }

    /// Puts it on a list of what is fetched unasked, or takes it off.
    pub(crate) fn list(&self, listed: bool) {
        self.shown().listed = listed;
    }

    pub(crate) fn is_listed(&self) -> bool {
        self.shown().listed
    }

    pub(crate) fn shows(&self, state: FetchState) {
        self.shown().state = state;
    }

    pub(crate) fn runs_on(&self, target: &Target) {
        let mut shown = self.shown();
        shown.url = target.public();
        shown.state = FetchState::Running;
    }

    pub(crate) fn failed(&self, why: &str) {
        why.clone_into(&mut self.shown().error);
    }

    /// For the API; viewers are counted elsewhere.
    pub(crate) fn record(&self) -> FetchRecord {
        let shown = self.shown();
        FetchRecord {
            key: self.key.clone(),
            url: shown.url.clone(),
            since_ms: unix_ms(self.since),
            state: shown.state,
            viewers: 0,
            error: shown.error.clone(),
        }
    }
}

/// What is fetched, and what could not be had.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) flights: HashMap<StreamKey, Arc<Flight>>,
    missing: Timed<StreamKey, Missing>,
    refused: Timed<(StreamKey, (String, Option<IpAddr>)), Missing>,
    dead: Timed<(String, u16), ()>,
}

impl Table {
    /// Why the stream could not be had a moment ago, by anybody or for this one.
    pub(crate) fn missing(&self, wanted: &Wanted) -> Option<Missing> {
        let refused = || self.refused.get(&(wanted.key.clone(), wanted.said()));
        self.missing.get(&wanted.key).or_else(refused).cloned()
    }

    /// It could not be had for this one. A refusal is no word about others.
    pub(crate) fn note_missing(&mut self, wanted: &Wanted, missing: Missing) {
        let until = Instant::now() + MISSING;
        if missing.kind == MissingKind::Forbidden {
            self.refused.put((wanted.key.clone(), wanted.said()), missing, until, MOST_MISSING);
        } else {
            self.missing.put(wanted.key.clone(), missing, until, MOST_MISSING);
        }
    }

    /// Whether the server did not answer a moment ago.
    pub(crate) fn is_dead(&mut self, target: &Target) -> bool {
        self.dead.get(&place(target)).is_some()
    }

    pub(crate) fn note_dead(&mut self, target: &Target) {
        self.dead.put(place(target), (), Instant::now() + DEAD, MOST_DEAD);
    }

    pub(crate) fn note_alive(&mut self, target: &Target) {
        self.dead.remove(&place(target));
    }
}

fn place(target: &Target) -> (String, u16) {
    (target.host.clone(), target.port)
}

/// Things that are remembered for a while, each kind for the same time.
#[derive(Debug)]
struct Timed<K, V> {
    values: HashMap<K, (Instant, V)>,
    /// In the order in which they are forgotten; what was noted again since is in it twice.
    order: VecDeque<(Instant, K)>,
}

impl<K, V> Default for Timed<K, V> {
    fn default() -> Timed<K, V> {
        Timed { values: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Clone + Eq + std::hash::Hash, V> Timed<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key).filter(|(until, _)| Instant::now() < *until).map(|(_, value)| value)
    }

    fn remove(&mut self, key: &K) {
        self.values.remove(key);
    }

    fn put(&mut self, key: K, value: V, until: Instant, most: usize) {
        let now = Instant::now();
        while self.order.front().is_some_and(|(until, _)| *until <= now || self.order.len() >= most) {
            if let Some((until, key)) = self.order.pop_front()
                && self.values.get(&key).is_some_and(|(newest, _)| *newest == until)
            {
                self.values.remove(&key);
            }
        }
        self.order.push_back((until, key.clone()));
        self.values.insert(key, (until, value));
    }
}
