//! The proxy's doors: what a client sends goes to the stream's origin, what the origin sends goes to the client.
//!
//! Media is not looked into, but messages and tags are: each leg knows where one ends, its last timestamps, and which
//! of them are metadata, codec headers and key frames ([`track`]). That is what it takes to go on with another origin.
//! Bodies are passed on as the slices of the read buffer that they came in.
//!
//! Which origin serves a stream is asked of `balance`; dialling, and trying the next when one does not answer, is in
//! [`origins`](crate::Relay).

mod cache;
mod datagrams;
mod door;
mod edge;
mod flv;
mod follow;
mod forward;
mod heads;
mod http;
mod limits;
mod origins;
mod push;
mod redirect;
pub mod rtc;
mod rtmp_play;
mod rtmp_publish;
mod srt;
#[cfg(test)]
mod testkit;
mod token;
pub mod track;
mod upstream;

pub use edge::{BadUpstream, EdgeConfig, EdgeHls, HlsFrom, Named, Whereabouts};
pub use push::{Push, PushConfig, PushTo};

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use srs_balance::{Balancer, OriginView};
use srs_names::NodeId;
use srs_names::envelope::{Door, Seal};
use srs_net::http::Folder;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// What the doors must be told.
pub struct Config {
    /// Announced and written for RTMP, in bytes.
    pub chunk_size: u32,
    /// The id of this proxy, by which it names itself to origins.
    pub me: NodeId,
    /// How long origins are asked to wait for a publisher whose connection broke.
    pub hold: Duration,
    /// The cluster's secret: proxies that share it open each other's tokens, origins that share it believe our envelopes.
    pub secret: Vec<u8>,
    /// A folder of files that are served over HTTP. None: there are the built-in pages alone.
    pub static_files: Option<PathBuf>,
    /// The ports at which this proxy is dialled: what edges seal for `host:port` is for it if it has that port.
    pub ports: Vec<u16>,
    /// Where HTTP media is served, for edges that ask over RTMP. None: it is not.
    pub http_port: Option<u16>,
    /// Players that come over HTTP are told to ask an edge, where there is one.
    pub redirects: bool,
    /// As what this node names itself.
    pub role: Role,
    /// What SRT callers mean who do not say it.
    pub srt: srs_srt::streamid::Defaults,
}

/// What kind of node passes sessions on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A proxy, for clients and edges.
    Proxy,
    /// An edge, which passes publishes on to servers that send no heartbeats.
    Edge {
        /// The vhost that they are published in there; none for what the server's own address stands for.
        vhost: Option<String>,
    },
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
    me: NodeId,
    hold: Duration,
    seal: Seal,
    door: Door,
    http_port: Option<u16>,
    redirects: bool,
    role: Role,
    tokens: token::Tokens,
    cookies: srs_srt::Cookies,
    srt: srs_srt::streamid::Defaults,
    rtc: rtc::Rtc,
    /// Of what is asked over SRT and WebRTC.
    complaints: srs_net::quiet::Quiet,
    cache: Arc<cache::Cache>,
    lasts: http::last::Lasts,
    folder: Option<Folder>,
    /// When the log last heard of a request that was not served, in seconds since the start, and one.
    complained: AtomicU64,
    /// How each origin that a leg uses stands; its legs leave it when this changes.
    alive: Mutex<HashMap<NodeId, watch::Sender<Life>>>,
    followed: follow::Followed,
    waiting: origins::Waiting,
    /// Publishes leave an origin that drains a few at a time.
    leaving: Arc<tokio::sync::Semaphore>,
}

/// How an origin stands, to the legs that use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Life {
    Alive,
    /// It wants its publishers to go elsewhere.
    Draining,
    Silent,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

impl Relay {
    /// Doors that ask `balancer`, whose clock was zero at `started`.
    pub fn new(balancer: Arc<Balancer>, started: Instant, config: Config) -> Arc<Relay> {
        let seal = Seal::new(&config.secret);
        Arc::new(Relay {
            balancer,
            started,
            chunk_size: config.chunk_size,
            door: Door::new(seal.clone(), config.me.as_str(), config.ports),
            http_port: config.http_port,
            redirects: config.redirects,
            role: config.role,
            me: config.me,
            hold: config.hold,
            seal,
            tokens: token::Tokens::new(&config.secret),
            cookies: srs_srt::Cookies::of_secret(&config.secret),
            srt: config.srt,
            rtc: rtc::Rtc::new(&config.secret),
            complaints: srs_net::quiet::Quiet::new(limits::REFUSALS),
            cache: Arc::default(),
            lasts: http::last::Lasts::default(),
            folder: config.static_files.map(Folder::new),
            complained: AtomicU64::new(0),
            alive: Mutex::default(),
            followed: follow::Followed::default(),
            waiting: origins::Waiting::default(),
            leaving: Arc::new(tokio::sync::Semaphore::new(limits::LEAVING)),
        })
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Ends the legs of origins that fell silent; runs for ever, once per proxy.
    pub async fn watch(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(limits::TICK);
        loop {
            ticks.tick().await;
            self.judge(self.now());
            self.judge_rtc();
        }
    }

    /// Keeps the balancer's clock going and its claims renewed; runs for ever, once per proxy. A directory that answers
    /// slowly delays this, and nothing else.
    pub async fn tick(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(limits::TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.balancer.tick(self.now()).await;
        }
    }

    fn judge(&self, now: Duration) {
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked under the lock: an older view must not undo what a new leg has just seen.
        let origins = self.balancer.origins(now);
        alive.retain(|_, sender| sender.receiver_count() > 0);
        for (id, sender) in alive.iter() {
            let life = life(&origins, id);
            sender.send_if_modified(|known| std::mem::replace(known, life) != life);
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

    /// Tells how the origin stands, from now on.
    fn life_of(&self, id: &NodeId) -> watch::Receiver<Life> {
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = alive.entry(id.clone()).or_insert_with(|| watch::channel(Life::Alive).0);
        // It may have come back, or have begun to drain, since it was judged.
        if *sender.borrow() != Life::Alive || sender.receiver_count() == 0 {
            let life = life(&self.balancer.origins(self.now()), id);
            sender.send_if_modified(|known| std::mem::replace(known, life) != life);
        }
        sender.subscribe()
    }
}

/// How this origin stands. One that refuses new connections may still feed the ones it has.
fn life(origins: &[OriginView], id: &NodeId) -> Life {
    match origins.iter().find(|origin| origin.node.id == *id) {
        Some(origin) if origin.silent => Life::Silent,
        Some(origin) if origin.node.draining => Life::Draining,
        Some(_) => Life::Alive,
        None => Life::Silent,
    }
}
