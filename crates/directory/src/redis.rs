//! A directory in Redis, for proxies that share one: a server, a master that sentinels name, or a cluster.
//!
//! [`Redis::start`] connects in the background and never waits. Whoever asks while Redis is away is told so at once.
//! Redis 5.0 and later. Every key has a time limit, looking up writes nothing, and each change of a claim is one script.
//! Where to read next: `scripts` (what an operation does), `link` (limits and the breaker), `keeper` (how the connection
//! comes back), `board`.
//!
//! | Key (after `PROXY_REDIS_KEY_PREFIX` and `:`) | Value |
//! |---|---|
//! | `srs:{vhost/app/stream}:claim` | the standing claim, for the time of its lease |
//! | `srs:{vhost/app/stream}:last` | its last epoch, 10 minutes longer |
//! | `srs:proxy:ID` | the canary of a proxy, 10 s |
//! | `srs:node:ID` | the newest beat of a node, 15 s |
//! | `srs:note:NAME` | a note, for its time |
//! | `srs:nodes` | the index of nodes, a sorted set, 60 s |

mod board;
mod canary;
mod journal;
mod keeper;
mod keys;
mod link;
mod notes;
mod record;
mod scripts;
mod settings;
mod wire;

pub use settings::{Settings, Target, Wrong};

use crate::{Beat, Board, News};
use board::Desk;
use canary::Canary;
use journal::Journal;
use keeper::Keeper;
use keys::Keys;
use link::Link;
use redis::Value;
use scripts::{CLAIM_STEP, RELEASE_STEP, REMEMBERED_MS, RENEW_STEP, Step};
use settings::Place;
use srs_balance::directory::{Answer, Error};
use srs_balance::{Claim, Directory, Epoch};
use srs_names::{NodeId, StreamKey};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use wire::Fault;

/// Every operation is answered within this time, if only by [`Error::Unavailable`].
pub const PATIENCE: Duration = Duration::from_millis(50);
/// Longest lease: a claim is renewed every few seconds.
const MAX_LEASE_MS: u64 = 86_400_000;

/// See the module's text. Dropping it ends the connection.
pub struct Redis {
    domain: String,
    keys: Keys,
    link: Arc<Link>,
    desk: Arc<Desk>,
    tasks: [AbortHandle; 3],
}

/// What a script answers.
enum Outcome {
    Done,
    Held(Vec<u8>),
    Stale(Epoch),
    Gone,
}

/// The arguments of a script.
struct Asked<'a> {
    claim: &'a Claim,
    lease_ms: u64,
    over: Option<Epoch>,
}

impl Redis {
    /// Begins to connect, in the background of the present tokio runtime, which the connection stays on. `me` is this
    /// proxy's id.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(target: Target, me: &NodeId) -> Arc<Self> {
        Self::start_with(target, me, PATIENCE)
    }

    fn start_with(target: Target, me: &NodeId, patience: Duration) -> Arc<Self> {
        if target.tls {
            // Fails where one is chosen already, which is as good.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let domain = match &target.place {
            Place::Cluster(_) => format!("redis:{}:cluster", target.prefix),
            Place::One(_) | Place::Sentinel { .. } => format!("redis:{}:{}", target.prefix, target.db),
        };
        let keys = Keys::new(&target.prefix);
        let run = format!("{:016x}", rand::random::<u64>());
        let link = Arc::new(Link::new(patience, Journal::new(target.to_string())));
        let desk = Arc::new(Desk::new(Arc::clone(&link), keys.clone(), me.clone(), run.clone()));
        let keeper = Keeper::new(target, Arc::clone(&link), Canary::new(keys.canary(me), run));
        let tasks = [
            tokio::spawn(keeper.run()).abort_handle(),
            tokio::spawn(Arc::clone(&desk).write()).abort_handle(),
            tokio::spawn(Arc::clone(&desk).read()).abort_handle(),
        ];
        Arc::new(Self { domain, keys, link, desk, tasks })
    }

    /// How many operations of the directory were sent to Redis so far; beats and what keeps the connection do not count.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.link.operations()
    }

    /// Whether Redis answered when it was asked last.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.link.wire().is_ok()
    }

    async fn step(&self, step: &Step, asked: &Asked<'_>) -> Result<(), Error> {
        self.link.wire()?;
        self.link.count();
        let deadline = self.link.deadline();
        let value =
            record::write(asked.claim).ok_or_else(|| unavailable("the node's ids are too long for it"))?;
        let mut garbage = Vec::new();
        // Twice at most: what stands there and cannot be read is no claim.
        for _ in 0..2 {
            match self.run(step, asked, &value, &garbage, deadline).await? {
                Outcome::Done => return Ok(()),
                Outcome::Stale(last) => return Err(Error::Stale(last)),
                Outcome::Gone => return Err(Error::Gone),
                Outcome::Held(holder) => match record::read(&asked.claim.key, &holder) {
                    Some(standing) => return Err(Error::Held(standing)),
                    None => garbage = holder,
                },
            }
        }
        Err(unavailable("claims that are not to be read here follow each other"))
    }

    async fn run(
        &self,
        step: &Step,
        asked: &Asked<'_>,
        value: &str,
        garbage: &[u8],
        deadline: Instant,
    ) -> Result<Outcome, Fault> {
        let keys = self.keys.stream(&asked.claim.key);
        let lease = asked.lease_ms.to_string();
        let remembered = asked.lease_ms.saturating_add(REMEMBERED_MS).to_string();
        let epoch = record::digits(asked.claim.epoch);
        let over = asked.over.map(record::digits).unwrap_or_default();
        let arguments: [&[u8]; 6] = [
            value.as_bytes(),
            epoch.as_bytes(),
            lease.as_bytes(),
            remembered.as_bytes(),
            garbage,
            over.as_bytes(),
        ];
        match self.link.ask(&step.by_hash(&keys, &arguments), deadline, outcome).await {
            Err(Fault::Refused { code, .. }) if code == "NOSCRIPT" => {
                self.link.ask(&step.by_text(&keys, &arguments), deadline, outcome).await
            }
            answer => answer,
        }
    }

    async fn find(&self, key: &StreamKey) -> Result<Option<Claim>, Error> {
        self.link.wire()?;
        self.link.count();
        let [claim, _] = self.keys.stream(key);
        let mut get = redis::cmd("GET");
        get.arg(claim);
        let read = |value| match value {
            Value::Nil => Some(None),
            Value::BulkString(bytes) => Some(Some(bytes)),
            _ => None,
        };
        let Some(value) = self.link.ask(&get, self.link.deadline(), read).await? else { return Ok(None) };
        let claim = record::read(key, &value);
        if claim.is_none() {
            self.link.journal.odd("claim", format_args!("the claim of {key} is not to be read here"));
        }
        Ok(claim)
    }
}

fn outcome(answer: Value) -> Option<Outcome> {
    let Value::Array(parts) = answer else { return None };
    let [Value::BulkString(word), Value::BulkString(text)] = parts.as_slice() else { return None };
    match word.as_slice() {
        b"ok" => Some(Outcome::Done),
        b"held" => Some(Outcome::Held(text.clone())),
        b"stale" => record::epoch(std::str::from_utf8(text).ok()?).map(Outcome::Stale),
        b"gone" => Some(Outcome::Gone),
        _ => None,
    }
}

fn unavailable(why: &str) -> Error {
    Error::Unavailable(why.to_owned())
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Unavailable(fault.to_string())
    }
}

fn millis(lease: Duration) -> u64 {
    u64::try_from(lease.as_millis()).unwrap_or(u64::MAX).clamp(1, MAX_LEASE_MS)
}

impl Drop for Redis {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Directory for Redis {
    fn domain(&self) -> &str {
        &self.domain
    }

    fn generation(&self) -> u64 {
        self.link.generation()
    }

    fn claim<'a>(
        &'a self,
        ask: &'a Claim,
        over: Option<Epoch>,
        lease: Duration,
        _now: Duration,
    ) -> Answer<'a, ()> {
        let lease_ms = millis(lease);
        Box::pin(async move { self.step(&CLAIM_STEP, &Asked { claim: ask, lease_ms, over }).await })
    }

    fn renew<'a>(&'a self, claim: &'a Claim, lease: Duration, _now: Duration) -> Answer<'a, ()> {
        let lease_ms = millis(lease);
        Box::pin(async move { self.step(&RENEW_STEP, &Asked { claim, lease_ms, over: None }).await })
    }

    fn release<'a>(&'a self, claim: &'a Claim, _now: Duration) -> Answer<'a, ()> {
        Box::pin(async move { self.step(&RELEASE_STEP, &Asked { claim, lease_ms: 0, over: None }).await })
    }

    fn lookup<'a>(&'a self, key: &'a StreamKey, _now: Duration) -> Answer<'a, Option<Claim>> {
        Box::pin(self.find(key))
    }

    fn note<'a>(&'a self, name: &'a str, text: &'a str, ttl: Duration, _now: Duration) -> Answer<'a, ()> {
        Box::pin(self.put_note(name, text, millis(ttl)))
    }

    fn noted<'a>(&'a self, name: &'a str, _now: Duration) -> Answer<'a, Option<String>> {
        Box::pin(self.find_note(name))
    }
}

impl Board for Redis {
    fn post(&self, beat: Beat) {
        self.desk.post(beat);
    }

    fn news(&self) -> News<'_> {
        Box::pin(self.desk.news())
    }
}

#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;
