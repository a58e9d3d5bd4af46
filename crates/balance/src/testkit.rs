//! What the tests of this crate share.

use crate::{Balancer, Config, Endpoint, Epoch, Memory, Node};
use srs_names::{NodeId, StreamKey};
use std::collections::BTreeMap;
use std::sync::Arc;
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
    let live = live.iter().map(|(name, ms)| (key(name), Epoch::from_unix_ms(START_MS + ms))).collect();
    Node { live: Some(live), interval: Some(Duration::from_secs(1)), ..plain(name, instance) }
}

/// A node that says only what plain SRS says.
pub fn plain(name: &str, instance: &str) -> Node {
    let endpoint = Endpoint { proto: None, host: "127.0.0.1".to_owned(), port: 19351 };
    let endpoints = BTreeMap::from([("media".to_owned(), vec![endpoint])]);
    Node { endpoints, ..Node::new(id(name), instance, "127.0.0.1") }
}

pub fn balancer() -> Balancer {
    let config = Config { started_unix_ms: START_MS, me: id("proxy"), ttl: Duration::from_secs(300) };
    Balancer::new(config, Arc::new(Memory::new()))
}
