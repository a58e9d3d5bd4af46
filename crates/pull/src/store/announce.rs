//! Tells the store again and again what is published here, and takes back what is not.

use super::link::{Fault, Link};
use super::script::{ANNOUNCE_STEP, Call, Step, WITHDRAW_STEP};
use super::value::{self, Names};
use super::{LIFE, REFRESH};
use crate::plan::HostPort;
use redis::Value;
use srs_names::{NodeId, StreamKey};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Between two looks at what is live: a new stream is announced within this time.
const LOOK: Duration = Duration::from_millis(500);
/// A claim that ends sooner than the next attempt is asked for this long after its end.
const BEHIND: Duration = Duration::from_millis(20);
/// Streams in one go: more would hold up those who ask over the same connection.
const AT_ONCE: usize = 500;
/// Streams that are announced for one vhost: more than one node can serve.
const MAX_STREAMS: usize = 50_000;

/// Where this node is found.
pub(super) struct Site {
    pub(super) node: NodeId,
    /// Tells this run of the program from others.
    pub(super) instance: String,
    pub(super) vhost: String,
    pub(super) origin: HostPort,
    pub(super) compatible: bool,
}

/// What the store said last of a stream.
#[derive(PartialEq, Eq)]
enum Told {
    Nothing,
    Ours,
    Theirs,
}

/// One stream of ours.
struct Row {
    names: Names,
    url: String,
    vhost: String,
    epoch: u64,
    digits: String,
    record: String,
    told: Told,
    due: Instant,
}

impl Row {
    fn new(site: &Site, who: &str, key: &StreamKey, epoch: u64, due: Instant) -> Row {
        let url = value::url(&site.origin, key);
        let record = value::record(who, epoch, &url);
        let (names, vhost, digits) = (Names::new(key), value::vhost_of_plain(key), value::digits(epoch));
        Row { names, url, vhost, epoch, digits, record, told: Told::Nothing, due }
    }

    fn call<'a>(&'a self, who: &'a str, life: &'a str, compatible: bool) -> Call<'a> {
        let Row { names, url, vhost, digits, record, .. } = self;
        let mut keys = vec![names.value.as_str(), &names.record];
        if compatible {
            keys.push(&names.plain);
        }
        Call { keys, arguments: [url, record, who, digits, life, vhost] }
    }
}

/// What a script said.
enum Outcome {
    Ours {
        /// OvenMediaEngine's key names another place.
        but_plain: bool,
    },
    Held {
        by: String,
        left: Duration,
    },
    Foreign,
}

/// The streams of this node in the store.
pub(super) struct Announcer {
    link: Arc<Link>,
    site: Site,
    who: String,
    rows: HashMap<StreamKey, Row>,
    /// What is to be taken back, by when it is gone by itself.
    leaving: Vec<(StreamKey, Row, Instant)>,
    /// The connection over which was told.
    serial: u64,
}

impl Announcer {
    pub(super) fn new(link: Arc<Link>, site: Site) -> Self {
        let who = value::who(&site.instance, &site.node);
        Self { link, site, who, rows: HashMap::new(), leaving: Vec::new(), serial: 0 }
    }

    /// Announces what `live` lists until it is stopped, then takes everything back.
    pub(super) async fn run(
        mut self,
        live: impl Fn() -> Vec<(StreamKey, u64)>,
        mut stop: oneshot::Receiver<()>,
    ) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // The time of the look itself, not a moment later: else what is due at a look would wait for the one behind it.
            let now = tokio::select! {
                _ = &mut stop => break,
                now = looks.tick() => now,
            };
            self.look(live(), now);
            self.withdraw().await;
            self.announce(now).await;
        }
        self.look(Vec::new(), Instant::now());
        self.withdraw().await;
    }

    /// Takes note of what is live now.
    fn look(&mut self, live: Vec<(StreamKey, u64)>, now: Instant) {
        let live = live.into_iter().filter(|(key, _)| key.vhost() == self.site.vhost);
        let live: HashMap<StreamKey, u64> = live.take(MAX_STREAMS).collect();
        let gone = self.rows.extract_if(|key, _| !live.contains_key(key));
        self.leaving.extend(gone.map(|(key, row)| (key, row, now + LIFE)));
        self.leaving.retain(|(key, _, end)| *end > now && !live.contains_key(key));
        for (key, epoch) in live {
            match self.rows.get_mut(&key) {
                Some(row) if row.epoch == epoch => {}
                Some(row) => *row = Row::new(&self.site, &self.who, &key, epoch, now),
                None => {
                    let row = Row::new(&self.site, &self.who, &key, epoch, now);
                    self.rows.insert(key, row);
                }
            }
        }
        let serial = self.link.serial();
        if serial != 0 && serial != self.serial {
            // Another connection may lead to a store that knows nothing.
            self.serial = serial;
            for row in self.rows.values_mut() {
                row.due = now;
            }
        }
    }

    async fn announce(&mut self, now: Instant) {
        let due: Vec<StreamKey> =
            self.rows.iter().filter(|(_, row)| row.due <= now).map(|(key, _)| key.clone()).collect();
        for chunk in due.chunks(AT_ONCE) {
            let rows: Vec<&Row> = chunk.iter().filter_map(|key| self.rows.get(key)).collect();
            // What was not done is due at the next look, too.
            let Ok(answers) = self.send(&ANNOUNCE_STEP, &rows).await else { return };
            for (key, answer) in chunk.iter().zip(answers) {
                self.conclude(key, answer, now);
            }
        }
    }

    async fn withdraw(&mut self) {
        while !self.leaving.is_empty() {
            let rows: Vec<&Row> = self.leaving.iter().take(AT_ONCE).map(|(_, row, _)| row).collect();
            let count = rows.len();
            match self.send(&WITHDRAW_STEP, &rows).await {
                Ok(answers) => {
                    for answer in answers {
                        let _ = self.read(answer);
                    }
                    self.leaving.drain(..count);
                }
                Err(_) => return,
            }
        }
    }

    async fn send(&self, step: &Step, rows: &[&Row]) -> Result<Vec<Value>, Fault> {
        let life = LIFE.as_millis().to_string();
        let calls = rows.iter().map(|row| row.call(&self.who, &life, self.site.compatible));
        self.link.batch(&step.batch(calls)).await
    }

    fn conclude(&mut self, key: &StreamKey, answer: Value, now: Instant) {
        let outcome = self.read(answer);
        let Some(row) = self.rows.get_mut(key) else { return };
        row.due = now + REFRESH;
        match outcome {
            Some(Outcome::Ours { but_plain }) => {
                if row.told != Told::Ours {
                    tracing::info!(stream = %key, url = row.url, epoch = row.epoch, "announced in the store of origins");
                }
                if but_plain {
                    self.link.journal.key(&row.names.plain, "another URL stands under this key, and stays");
                }
                row.told = Told::Ours;
            }
            Some(Outcome::Held { by, left }) => {
                if row.told != Told::Theirs {
                    tracing::warn!(stream = %key, epoch = row.epoch, by, "another origin announces the stream, ours waits");
                }
                row.told = Told::Theirs;
                row.due = now + REFRESH.min(left + BEHIND);
            }
            Some(Outcome::Foreign) => {
                if row.told != Told::Theirs {
                    tracing::warn!(stream = %key, key = row.names.value, "another program's URL stands in the store, ours waits");
                }
                row.told = Told::Theirs;
            }
            None => {}
        }
    }

    /// What a script said; none, and a word in the log, where it makes no sense.
    fn read(&self, answer: Value) -> Option<Outcome> {
        let parts = match answer {
            Value::Array(parts) => parts,
            Value::ServerError(error) => {
                self.link.odd(Fault::refused(error.code(), error.details()));
                return None;
            }
            _ => Vec::new(),
        };
        let outcome = match parts.as_slice() {
            [Value::BulkString(word), Value::BulkString(text), Value::Int(left)] => match word.as_slice() {
                b"ok" | b"gone" => Some(Outcome::Ours { but_plain: !text.is_empty() }),
                b"foreign" => Some(Outcome::Foreign),
                b"held" => Some(Outcome::Held {
                    by: String::from_utf8_lossy(text).into_owned(),
                    left: Duration::from_millis(u64::try_from(*left).unwrap_or(0)),
                }),
                _ => None,
            },
            _ => None,
        };
        if outcome.is_none() {
            self.link.odd(Fault::Malformed);
        }
        outcome
    }
}
