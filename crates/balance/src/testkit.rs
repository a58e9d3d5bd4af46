//! What the tests of this crate share.

use crate::directory::Directory;
use crate::{Balancer, Claim, Config, Ending, Endpoint, Epoch, Listed, Memory, NoOrigin, Node, Pick};
use srs_names::{NodeId, StreamKey};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub const START_MS: u64 = 1_795_000_000_000;

pub fn key(name: &str) -> StreamKey {
    StreamKey::new("__defaultVhost__", "live", name).unwrap()
}

pub fn id(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// A node that beats each second and lists its streams.
pub fn ours(name: &str, instance: &str, live: &[(&str, u64)]) -> Node {
    let live = live.iter().map(|(name, ms)| (key(name), listed(*ms))).collect();
    Node { live: Some(live), interval: Some(Duration::from_secs(1)), ..plain(name, instance) }
}

/// A node that says only what plain SRS says.
pub fn plain(name: &str, instance: &str) -> Node {
    let endpoint = Endpoint { proto: None, host: "127.0.0.1".to_owned(), port: 19351 };
    let endpoints = BTreeMap::from([("media".to_owned(), vec![endpoint])]);
    Node { endpoints, ..Node::new(id(name), instance, "127.0.0.1") }
}

/// In the claim domain of [`balancer`], so many ms after the start.
pub fn listed(ms: u64) -> Listed {
    Listed { epoch: Epoch::from_unix_ms(START_MS + ms), domain: Some(Arc::from("memory")), held: false }
}

/// What a future says that need not wait.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("it waits"),
    }
}

/// A balancer whose directory answers at once.
pub struct AtOnce(Balancer);

impl Deref for AtOnce {
    type Target = Balancer;
    fn deref(&self) -> &Balancer {
        &self.0
    }
}

impl AtOnce {
    pub fn over(config: Config, directory: Arc<dyn Directory>) -> AtOnce {
        AtOnce(Balancer::new(config, directory))
    }

    pub fn pick_publish(&self, key: &StreamKey, exclude: &[NodeId], now: Duration) -> Result<Pick, NoOrigin> {
        ready(self.0.pick_publish(key, exclude, now))
    }

    pub fn pick_play(&self, key: &StreamKey, exclude: &[NodeId], now: Duration) -> Result<Pick, NoOrigin> {
        ready(self.0.pick_play(key, exclude, now))
    }

    pub fn pick_view(&self, key: &StreamKey, exclude: &[NodeId], now: Duration) -> Result<Pick, NoOrigin> {
        ready(self.0.pick_view(key, exclude, now))
    }

    pub fn tick(&self, now: Duration) {
        ready(self.0.tick(now));
    }

    /// Ends a publish cleanly, and gives the key free at once.
    pub fn publish_ended(&self, claim: &Claim, now: Duration) {
        self.0.publish_ended(claim, Ending::Clean, now);
        self.tick(now);
    }
}

pub fn balancer() -> AtOnce {
    let config = Config { started_unix_ms: START_MS, me: id("proxy"), ttl: Duration::from_secs(300) };
    AtOnce::over(config, Arc::new(Memory::new("memory")))
}
