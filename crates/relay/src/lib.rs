//! The proxy's doors: what a client sends goes to the stream's origin, what the origin sends goes to the client.
//!
//! Media is not looked into, but messages and tags are: each leg knows where one ends, its last timestamps, and which
//! of them are metadata, codec headers and key frames ([`track`]). That is what it takes to go on with another origin.
//! Bodies are passed on as the slices of the read buffer that they came in.
//!
//! Which origin serves a stream is asked of `balance`; dialling, and trying the next when one does not answer, is in
//! [`origins`](crate::Relay).

mod cache;
mod flv;
mod forward;
mod heads;
mod http;
mod limits;
mod origins;
mod rtmp_play;
mod rtmp_publish;
#[cfg(test)]
mod testkit;
mod token;
pub mod track;
mod upstream;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use srs_balance::{Balancer, OriginView};
use srs_names::NodeId;
use srs_net::http::Folder;
use tokio::sync::watch;

/// What the doors must be told.
pub struct Config {
    /// Announced and written for RTMP, in bytes.
    pub chunk_size: u32,
    /// The cluster's secret: proxies that share it open each other's tokens.
    pub secret: Vec<u8>,
    /// A folder of files that are served over HTTP. None: there are the built-in pages alone.
    pub static_files: Option<PathBuf>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the secret.
        f.debug_struct("Config").field("static_files", &self.static_files).finish_non_exhaustive()
    }
}

/// The doors of one proxy. Shared by all shards.
pub struct Relay {
    balancer: Arc<Balancer>,
    started: Instant,
    chunk_size: u32,
    tokens: token::Tokens,
    cache: Arc<cache::Cache>,
    folder: Option<Folder>,
    /// When the log last heard of a request that was not served, in seconds since the start, and one.
    complained: AtomicU64,
    /// Whether each origin that a leg uses is thought alive; legs of a silent one end when this turns false.
    alive: Mutex<HashMap<NodeId, watch::Sender<bool>>>,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

impl Relay {
    /// Doors that ask `balancer`, whose clock was zero at `started`.
    pub fn new(balancer: Arc<Balancer>, started: Instant, config: Config) -> Arc<Relay> {
        Arc::new(Relay {
            balancer,
            started,
            chunk_size: config.chunk_size,
            tokens: token::Tokens::new(&config.secret),
            cache: Arc::default(),
            folder: config.static_files.map(Folder::new),
            complained: AtomicU64::new(0),
            alive: Mutex::default(),
        })
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Keeps the balancer's clock going and ends the legs of origins that fell silent; runs for ever, once per proxy.
    pub async fn watch(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(limits::TICK);
        loop {
            ticks.tick().await;
            let now = self.now();
            self.balancer.tick(now);
            self.judge(now);
        }
    }

    fn judge(&self, now: Duration) {
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked under the lock: an older view must not undo what a new leg has just seen.
        let origins = self.balancer.origins(now);
        alive.retain(|_, sender| sender.receiver_count() > 0);
        for (id, sender) in alive.iter() {
            let lives = lives(&origins, id);
            sender.send_if_modified(|known| std::mem::replace(known, lives) != lives);
        }
    }

    /// The origins that a leg uses now: those whose health matters most.
    pub fn used(&self) -> Vec<NodeId> {
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        alive.iter().filter(|(_, sender)| sender.receiver_count() > 0).map(|(id, _)| id.clone()).collect()
    }

    /// The legs to each origin that has any, for the metrics.
    pub fn legs(&self) -> Vec<(NodeId, usize)> {
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = alive.iter().map(|(id, sender)| (id.clone(), sender.receiver_count()));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// Turns false when the origin falls silent; at once when it is.
    fn life_of(&self, id: &NodeId) -> watch::Receiver<bool> {
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = alive.entry(id.clone()).or_insert_with(|| watch::channel(true).0);
        // It may have come back since it was judged.
        let is_back = !*sender.borrow() && lives(&self.balancer.origins(self.now()), id);
        sender.send_if_modified(|known| is_back && !std::mem::replace(known, true));
        sender.subscribe()
    }
}

/// Whether this origin is among them and speaks. One that refuses new connections may still feed the ones it has.
fn lives(origins: &[OriginView], id: &NodeId) -> bool {
    origins.iter().any(|origin| origin.node.id == *id && !origin.silent)
}
