//! Answers that many viewers ask for: fetched once, kept for a short time.
//!
//! Whoever asks first has it loaded by a task of its own, which goes on when that client leaves as long as others wait; all
//! who ask meanwhile wait for the same outcome. What must not be shared is known by its head: then each fetches for itself.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use srs_net::http::{Answer, Content, Response, takes_gzip};
use srs_net::shards;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::limits::{CACHE_BYTES, ENTRIES, ENTRY_COST, FILE_TTL_UNSAID, FILES_LOADING};
use crate::upstream::{HttpLeg, Unanswered};

/// An answer as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) status: StatusCode,
    /// Without those of the connection and the length.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Content,
    /// The body in gzip, where that is worth it.
    pub(crate) packed: Option<Bytes>,
    /// When it came.
    pub(crate) at: Instant,
}

impl Kept {
    /// For want of an answer, our own.
    pub(crate) fn failed(why: &Unanswered) -> Kept {
        let (status, words) = why.told();
        Kept::told(status, words)
    }

    /// Our own words.
    pub(crate) fn told(status: StatusCode, words: &str) -> Kept {
        let Answer { status, headers, body } = refusal(status, words);
        Kept { status, headers, body, packed: None, at: Instant::now() }
    }

    fn cost(&self) -> usize {
        let packed = self.packed.as_ref().map_or(0, Bytes::len);
        usize::try_from(self.body.len())
            .unwrap_or(usize::MAX)
            .saturating_add(packed)
            .saturating_add(ENTRY_COST)
    }

    /// The answer to this request, in the coding that it takes. A part is a part of the plain body.
    pub(crate) fn answer(&self, request: &Request<()>) -> Answer {
        let mut headers = self.headers.clone();
        let packed = self.packed.as_ref().filter(|_| takes_gzip(request));
        let says_so = headers.get_all(header::VARY).iter().any(|names| *names == "accept-encoding");
        if self.packed.is_some() && !says_so {
            headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        if packed.is_some() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let age = self.at.elapsed().as_secs();
        if age > 0 {
            let before: u64 = number(headers.get(header::AGE)).unwrap_or(0);
            headers.insert(header::AGE, HeaderValue::from(before.saturating_add(age)));
        }
        let body = packed.map_or_else(|| self.body.clone(), |packed| Content::Bytes(packed.clone()));
        Answer { status: self.status, headers, body }
    }
}

/// Our own words, which a page of any site may read.
pub(crate) fn refusal(status: StatusCode, words: &str) -> Answer {
    let mut answer = Answer::text(status, words);
    answer.headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer
}

fn number(value: Option<&HeaderValue>) -> Option<u64> {
    value?.to_str().ok()?.trim().parse().ok()
}

/// What an origin says of how an answer may be kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Not at all, or not for others, or not without asking again.
    pub(crate) private: bool,
    /// It is one client's alone: not even for those who ask at the same time.
    pub(crate) own: bool,
    /// For others too, in so many words.
    pub(crate) public: bool,
    /// For how long; none where that is not said.
    pub(crate) age: Option<Duration>,
}

impl Rules {
    /// What these fields say. What we do not understand forbids.
    pub(crate) fn of(headers: &HeaderMap) -> Rules {
        let mut rules = Rules::default();
        let (mut max_age, mut shared) = (None, None);
        for value in headers.get_all(header::CACHE_CONTROL) {
            let Ok(value) = value.to_str() else { return Rules { private: true, own: true, ..rules } };
            for word in value.split(',') {
                let word = word.trim().to_ascii_lowercase();
                let (name, value) = word.split_once('=').unwrap_or((&word, ""));
                let seconds = || Some(value.trim_matches('"').parse().unwrap_or(0));
                match name {
                    "no-cache" => rules.private = true,
                    "private" | "no-store" => (rules.private, rules.own) = (true, true),
                    "public" => rules.public = true,
                    "max-age" => max_age = seconds(),
                    "s-maxage" => shared = seconds(),
                    _ => {}
                }
            }
        }
        rules.age = shared.or(max_age).map(Duration::from_secs);
        let coded = headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
        let varies = headers
            .get_all(header::VARY)
            .iter()
            .any(|names| !names.as_bytes().eq_ignore_ascii_case(b"accept-encoding"));
        let personal = coded || varies || headers.contains_key(header::SET_COOKIE);
        rules.private |= personal;
        rules.own |= personal;
        rules
    }
}

/// What became of a load.
pub(crate) enum Loaded {
    /// For all who wait, and for so long for those who come.
    Keep(Kept, Duration),
    /// For the one who asked first; the others ask for themselves. With `true` that is remembered.
    Alone(Option<(HttpLeg, Response)>, bool),
}

/// What the cache has for a request.
pub(crate) enum Got {
    /// This.
    Kept(Arc<Kept>),
    /// The beginning of an answer that is this client's alone.
    Mine(Box<(HttpLeg, Response)>),
    /// Nothing: it must be fetched for this client alone.
    Alone,
}

#[derive(Clone)]
enum Outcome {
    Kept(Arc<Kept>),
    Alone,
}

enum Slot {
    /// Those who wait have its receivers.
    Loading(watch::Sender<Option<Outcome>>),
    Done {
        outcome: Outcome,
        until: Instant,
        cost: usize,
    },
}

#[derive(Default)]
struct State {
    slots: HashMap<Arc<str>, Slot>,
    /// Of all that is kept or being loaded.
    bytes: usize,
    /// Of what is being loaded, which cannot make way.
    loading: usize,
    swept: Option<Instant>,
}

/// See the module's text. One for all shards; every lock is short.
#[derive(Default)]
pub(crate) struct Cache {
    state: Mutex<State>,
}

impl Cache {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for what is loaded beside the table.
    pub(crate) fn room(self: &Arc<Self>) -> Room {
        Room { cache: Arc::clone(self), bytes: 0, most: CACHE_BYTES }
    }

    /// What there is under `key`; what is not there is fetched by `load`, on this shard.
    pub(crate) async fn get<F>(self: &Arc<Self>, key: String, load: impl FnOnce(Room) -> F) -> Got
    where
        F: Future<Output = Loaded> + 'static,
    {
        let (mut coming, mine) = {
            let mut state = self.lock();
            match state.slots.get(key.as_str()) {
                Some(Slot::Loading(told)) => (told.subscribe(), None),
                Some(Slot::Done { outcome, until, .. }) if *until > Instant::now() => {
                    return outcome.clone().into();
                }
                _ => {
                    if !state.make_room(0) {
                        return Got::Alone;
                    }
                    let key: Arc<str> = key.into();
                    state.remove(&key);
                    let (told, coming) = watch::channel(None);
                    state.slots.insert(Arc::clone(&key), Slot::Loading(told.clone()));
                    drop(state);
                    let (give, mine) = oneshot::channel();
                    let task = Task { cache: Arc::clone(self), key, told };
                    let loading = load(self.room());
                    shards::spawn(async move {
                        let loaded = tokio::select! {
                            biased;
                            loaded = loading => loaded,
                            () = task.unwanted() => return,
                        };
                        let (outcome, leg) = task.outcome_of(loaded);
                        let _left_or_none = give.send(leg);
                        task.told.send_replace(Some(outcome));
                    });
                    (coming, Some(mine))
                }
            }
        };
        // A load that ended in a panic says nothing.
        let outcome = match coming.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Outcome::Alone),
            Err(_) => Outcome::Alone,
        };
        match (outcome, mine) {
            (Outcome::Alone, Some(mine)) => match mine.await {
                Ok(Some(leg)) => Got::Mine(Box::new(leg)),
                _ => Got::Alone,
            },
            (outcome, _) => outcome.into(),
        }
    }
}

impl From<Outcome> for Got {
    fn from(outcome: Outcome) -> Got {
        match outcome {
            Outcome::Kept(kept) => Got::Kept(kept),
            Outcome::Alone => Got::Alone,
        }
    }
}

impl State {
    fn remove(&mut self, key: &str) {
        if let Some(Slot::Done { cost, .. }) = self.slots.remove(key) {
            self.bytes = self.bytes.saturating_sub(cost);
        }
    }

    /// Whether there is room for so many bytes more; what is old makes way.
    fn make_room(&mut self, more: usize) -> bool {
        let now = Instant::now();
        let full =
            |state: &State| state.bytes.saturating_add(more) > CACHE_BYTES || state.slots.len() >= ENTRIES;
        // Now and then, so that what nobody asks for any more does not stay until the room is needed.
        if full(self) || self.swept.is_none_or(|swept| now.duration_since(swept) > Duration::from_secs(1)) {
            self.swept = Some(now);
            self.sweep(now);
        }
        if full(self) {
            self.evict(more);
        }
        !full(self)
    }

    fn sweep(&mut self, now: Instant) {
        let mut freed = 0_usize;
        self.slots.retain(|_, slot| match slot {
            Slot::Done { until, cost, .. } if *until <= now => {
                freed = freed.saturating_add(*cost);
                false
            }
            _ => true,
        });
        self.bytes = self.bytes.saturating_sub(freed);
    }

    /// Removes what would go next until an eighth of everything is free, so that this is not done for each entry.
    fn evict(&mut self, more: usize) {
        let mut kept: Vec<(Instant, Arc<str>)> = Vec::new();
        for (key, slot) in &self.slots {
            if let Slot::Done { until, .. } = slot {
                kept.push((*until, Arc::clone(key)));
            }
        }
        kept.sort_unstable();
        for (_, key) in kept {
            let bytes = self.bytes.saturating_add(more);
            if bytes <= CACHE_BYTES / 8 * 7 && self.slots.len() <= ENTRIES / 8 * 7 {
                return;
            }
            self.remove(&key);
        }
    }
}

/// The room that a load takes up before it is kept.
pub(crate) struct Room {
    cache: Arc<Cache>,
    bytes: usize,
    /// More than this is not taken by all loads together.
    most: usize,
}

impl Room {
    /// The same for a file: however many are being loaded, there is room for lists.
    pub(crate) fn of_a_file(mut self) -> Room {
        self.most = FILES_LOADING;
        self
    }

    /// Takes so much more; false when there is none.
    pub(crate) fn take(&mut self, more: usize) -> bool {
        let mut state = self.cache.lock();
        let fits = state.loading.saturating_add(more) <= self.most && state.make_room(more);
        if fits {
            state.bytes = state.bytes.saturating_add(more);
            state.loading = state.loading.saturating_add(more);
            self.bytes = self.bytes.saturating_add(more);
        }
        fits
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        state.bytes = state.bytes.saturating_sub(self.bytes);
        state.loading = state.loading.saturating_sub(self.bytes);
    }
}

/// A load on its way. Dropping it takes its place out of the table, unless that has an outcome by then.
struct Task {
    cache: Arc<Cache>,
    key: Arc<str>,
    told: watch::Sender<Option<Outcome>>,
}

impl Task {
    /// Returns when all who waited have left, and nobody can come any more.
    async fn unwanted(&self) {
        loop {
            self.told.closed().await;
            let mut state = self.cache.lock();
            if self.told.receiver_count() == 0 {
                state.slots.remove(&self.key);
                return;
            }
        }
    }

    fn outcome_of(&self, loaded: Loaded) -> (Outcome, Option<(HttpLeg, Response)>) {
        let (outcome, ttl, cost, leg) = match loaded {
            Loaded::Keep(kept, ttl) => {
                let cost = kept.cost();
                (Outcome::Kept(Arc::new(kept)), ttl, cost, None)
            }
            Loaded::Alone(leg, remembered) => {
                let ttl = if remembered { FILE_TTL_UNSAID } else { Duration::ZERO };
                (Outcome::Alone, ttl, ENTRY_COST, leg)
            }
        };
        let mut state = self.cache.lock();
        state.slots.remove(&self.key);
        if !ttl.is_zero() && state.make_room(cost) {
            state.bytes = state.bytes.saturating_add(cost);
            let slot = Slot::Done { outcome: outcome.clone(), until: Instant::now() + ttl, cost };
            state.slots.insert(Arc::clone(&self.key), slot);
        }
        (outcome, leg)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        if matches!(state.slots.get(&self.key), Some(Slot::Loading(told)) if told.same_channel(&self.told)) {
            state.slots.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests;
