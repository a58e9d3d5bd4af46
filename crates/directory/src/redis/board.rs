//! The board in Redis: one key per node, and an index whose scores change with every post.
//!
//! A poll reads the index, which is small, and only what changed since. The value begins with one line of JSON and goes on
//! with the body as it came. Clocks are not compared: who posted, and the number of the post, tell news from old.

use super::keys::Keys;
use super::link::Link;
use super::wire::Fault;
use crate::{Beat, MAX_BODY, MAX_NODES};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use redis::Value;
use serde::{Deserialize, Serialize};
use srs_names::NodeId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};

/// A node's key lives so long after its last beat.
const LIFE_MS: u64 = 15_000;
/// So does the index after the last post of all, in seconds.
const INDEX_LIFE: u64 = 60;
/// Between two polls.
const POLL: Duration = Duration::from_millis(500);
/// A large body takes longer than a claim; nobody waits for it.
const PATIENCE: Duration = Duration::from_millis(500);
/// Who did not change for so long is looked up, and taken from the index when its key is gone.
const OLD: Duration = Duration::from_secs(16);
/// Questions that are under way at a time: a large site is read in a few round trips.
const AT_ONCE: usize = 32;
/// Longest first line: ids and a host name.
const MAX_HEAD: usize = 4096;
const VERSION: u32 = 1;
/// First numbers lie below this, so that they stay whole numbers as scores, which are floating-point.
const MAX_FIRST: u64 = 1 << 52;

/// The first line of a value.
#[derive(Serialize, Deserialize)]
struct Head {
    v: u32,
    /// Who posted: the proxy and its run.
    proxy: String,
    run: String,
    /// The number of the post among those of this run.
    seq: u64,
    local: bool,
    host: String,
}

/// Both directions.
pub(super) struct Desk {
    link: Arc<Link>,
    keys: Keys,
    me: NodeId,
    run: String,
    outbox: Tray,
    inbox: Tray,
    /// What the index held at the last poll.
    shown: Mutex<HashMap<NodeId, Seen>>,
}

/// What waits: the newest beat of each node.
#[derive(Default)]
struct Tray {
    beats: Mutex<HashMap<NodeId, Beat>>,
    filled: Notify,
}

/// One node's entry as it was seen last.
struct Seen {
    score: Vec<u8>,
    /// The post that was read: the run that posted, and its number.
    post: Option<(String, u64)>,
    since: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tray {
    fn put(&self, beat: Beat) -> bool {
        let mut beats = lock(&self.beats);
        if beats.len() >= MAX_NODES && !beats.contains_key(&beat.id) {
            return false;
        }
        beats.insert(beat.id.clone(), beat);
        drop(beats);
        self.filled.notify_one();
        true
    }

    async fn take(&self) -> Vec<Beat> {
        loop {
            let beats = std::mem::take(&mut *lock(&self.beats));
            if !beats.is_empty() {
                return beats.into_values().collect();
            }
            self.filled.notified().await;
        }
    }
}

impl Desk {
    pub(super) fn new(link: Arc<Link>, keys: Keys, me: NodeId, run: String) -> Self {
        let (outbox, inbox) = (Tray::default(), Tray::default());
        Self { link, keys, me, run, outbox, inbox, shown: Mutex::default() }
    }

    /// See [`crate::Board::post`].
    pub(super) fn post(&self, beat: Beat) {
        if beat.body.len() > MAX_BODY || beat.host.len() > MAX_HEAD / 8 {
            self.link.journal.odd("long", format_args!("the beat of {} is too long to be shown", beat.id));
            return;
        }
        let is_full = {
            let shown = lock(&self.shown);
            shown.len() >= MAX_NODES && !shown.contains_key(&beat.id)
        };
        if is_full || !self.outbox.put(beat) {
            self.link.journal.odd("full", format_args!("more than {MAX_NODES} nodes; some are not shown"));
        }
    }

    /// See [`crate::Board::news`].
    pub(super) async fn news(&self) -> Vec<Beat> {
        self.inbox.take().await
    }

    /// Writes what is posted, for ever.
    pub(super) async fn write(self: Arc<Self>) {
        let mut seq = rand::random_range(0..MAX_FIRST);
        loop {
            let beats = self.outbox.take().await;
            // Trouble is told where it is met; the nodes beat again.
            let _ = self.write_all(&beats, &mut seq).await;
        }
    }

    async fn write_all(&self, beats: &[Beat], seq: &mut u64) -> Result<(), Fault> {
        let mut index = redis::cmd("ZADD");
        index.arg(self.keys.nodes());
        let mut sets = Vec::with_capacity(beats.len());
        for beat in beats {
            *seq = seq.wrapping_add(1);
            let Some(value) = self.value(beat, *seq) else { continue };
            let mut set = redis::cmd("SET");
            set.arg(self.keys.node(&beat.id)).arg(value).arg("PX").arg(LIFE_MS);
            sets.push(set);
            index.arg(*seq).arg(beat.id.as_str());
        }
        let written = stream::iter(sets).map(async |set| self.ask(&set).await).buffer_unordered(AT_ONCE);
        written.try_for_each(|_| std::future::ready(Ok(()))).await?;
        self.ask(&index).await?;
        let mut expire = redis::cmd("EXPIRE");
        expire.arg(self.keys.nodes()).arg(INDEX_LIFE);
        self.ask(&expire).await?;
        Ok(())
    }

    fn value(&self, beat: &Beat, seq: u64) -> Option<Vec<u8>> {
        let (proxy, run) = (self.me.as_str().to_owned(), self.run.clone());
        let head = Head { v: VERSION, proxy, run, seq, local: beat.local, host: beat.host.clone() };
        let mut value = serde_json::to_vec(&head).ok()?;
        value.push(b'\n');
        value.extend_from_slice(&beat.body);
        Some(value)
    }

    async fn ask(&self, command: &redis::Cmd) -> Result<Value, Fault> {
        self.link.ask(command, Instant::now() + PATIENCE, Some).await
    }

    /// Reads what others post, for ever.
    pub(super) async fn read(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.link.up().await;
            let _ = self.poll().await;
        }
    }

    async fn poll(&self) -> Result<(), Fault> {
        let mut range = redis::cmd("ZRANGE");
        range.arg(self.keys.nodes()).arg(0).arg(MAX_NODES.saturating_sub(1)).arg("WITHSCORES");
        let index = self.link.ask(&range, Instant::now() + PATIENCE, index).await?;
        let listed: HashSet<NodeId> = index.iter().map(|(id, _)| id.clone()).collect();
        lock(&self.shown).retain(|id, _| listed.contains(id));
        let changed: Vec<_> = index.into_iter().filter(|(id, score)| self.is_changed(id, score)).collect();
        let read = stream::iter(changed).map(|(id, score)| self.look(id, score)).buffer_unordered(AT_ONCE);
        read.try_for_each(|()| std::future::ready(Ok(()))).await
    }

    fn is_changed(&self, id: &NodeId, score: &[u8]) -> bool {
        lock(&self.shown).get(id).is_none_or(|seen| seen.score != score || seen.since.elapsed() >= OLD)
    }

    /// Looks at the post of one node.
    async fn look(&self, id: NodeId, score: Vec<u8>) -> Result<(), Fault> {
        let read = match self.fetch(&id).await {
            Ok(None) => {
                let mut remove = redis::cmd("ZREM");
                remove.arg(self.keys.nodes()).arg(id.as_str());
                self.ask(&remove).await?;
                lock(&self.shown).remove(&id);
                return Ok(());
            }
            Ok(Some(value)) => parse(value),
            Err(fault) if fault.is_of_a_key() => None,
            Err(fault) => return Err(fault),
        };
        let since = Instant::now();
        // What a newer proxy wrote may be no less good; others read it.
        let Some((head, body)) = read else {
            self.link.journal.odd("beat", format_args!("the beat of {id} is not to be read here"));
            lock(&self.shown).insert(id, Seen { score, post: None, since });
            return Ok(());
        };
        let post = Some((head.run.clone(), head.seq));
        let seen = Seen { score, post: post.clone(), since };
        let is_news = lock(&self.shown).insert(id.clone(), seen).is_none_or(|seen| seen.post != post);
        if is_news && head.run != self.run {
            self.inbox.put(Beat { id, body, local: head.local, host: head.host });
        }
        Ok(())
    }

    /// The value of a node; none where there is no such key.
    async fn fetch(&self, id: &NodeId) -> Result<Option<Vec<u8>>, Fault> {
        let mut get = redis::cmd("GET");
        get.arg(self.keys.node(id));
        let read = |value| match value {
            Value::Nil => Some(None),
            Value::BulkString(bytes) => Some(Some(bytes)),
            _ => None,
        };
        self.link.ask(&get, Instant::now() + PATIENCE, read).await
    }
}

/// The index: members, and scores as they are spelled. Members that are no ids are left out.
fn index(value: Value) -> Option<Vec<(NodeId, Vec<u8>)>> {
    let Value::Array(parts) = value else { return None };
    let mut found = Vec::new();
    let mut parts = parts.into_iter();
    while let (Some(member), Some(score)) = (parts.next(), parts.next()) {
        let (Value::BulkString(member), Value::BulkString(score)) = (member, score) else { return None };
        if let Some(id) = std::str::from_utf8(&member).ok().and_then(|id| NodeId::new(id).ok()) {
            found.push((id, score));
        }
    }
    Some(found)
}

fn parse(value: Vec<u8>) -> Option<(Head, Bytes)> {
    let length = value.iter().take(MAX_HEAD).position(|byte| *byte == b'\n')?;
    let mut body = Bytes::from(value);
    let line = body.split_to(length.saturating_add(1));
    let head: Head = serde_json::from_slice(&line).ok()?;
    (head.v == VERSION && body.len() <= MAX_BODY).then_some((head, body))
}

#[cfg(test)]
mod tests;
