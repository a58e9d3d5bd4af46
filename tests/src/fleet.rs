//! Proxies and origins in processes of their own, which share a directory.

use std::net::SocketAddr;

use serde_json::Value;

use crate::{OriginProcess, ProxyProcess, RedisServer, http, until};

/// Where the proxies keep who owns what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// In the one proxy that there is.
    Memory,
    /// In a redis-server of the test's own.
    Redis,
    /// Among the proxies.
    Mesh,
}

/// The programs: those of the package that has the tests.
#[derive(Clone, Copy, Debug)]
pub struct Programs {
    /// `proxy-alone`.
    pub proxy: &'static str,
    /// `origin-alone`.
    pub origin: &'static str,
}

/// Running processes. Dropping it kills them.
pub struct Fleet {
    programs: Programs,
    shared: Shared,
    /// The server, where there is one.
    pub redis: Option<RedisServer>,
    /// The proxies; two, or one with [`Shared::Memory`].
    pub proxies: Vec<ProxyProcess>,
    /// The origins, by the numbers in their names; none for one that was taken out.
    pub origins: Vec<Option<OriginProcess>>,
}

impl Fleet {
    /// Starts it, and waits until every proxy knows every origin. Origins tell the first proxy alone. None where a program
    /// of others is missing.
    pub async fn start(programs: Programs, shared: Shared, origins: usize) -> Option<Fleet> {
        let redis = match shared {
            Shared::Memory | Shared::Mesh => None,
            Shared::Redis => Some(RedisServer::start().await?),
        };
        let mut fleet = Fleet { programs, shared, redis, proxies: Vec::new(), origins: Vec::new() };
        for _ in 0..if shared == Shared::Memory { 1 } else { 2 } {
            let variables = fleet.variables();
            fleet.proxies.push(ProxyProcess::start(programs.proxy, &variables).await);
        }
        for _ in 0..origins {
            fleet.add_origin().await;
        }
        for proxy in &fleet.proxies {
            proxy.wait_for_origins(origins).await;
        }
        Some(fleet)
    }

    /// What a proxy of this fleet is told beside its ports.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        match (self.shared, &self.redis) {
            (Shared::Redis, Some(redis)) => vec![
                ("PROXY_LOAD_BALANCER_TYPE", "redis".to_owned()),
                ("PROXY_REDIS_PORT", redis.port().to_string()),
            ],
            (Shared::Mesh, _) => {
                let mut variables = vec![
                    ("PROXY_LOAD_BALANCER_TYPE", "mesh".to_owned()),
                    ("PROXY_MESH_LISTEN", "127.0.0.1:0".to_owned()),
                ];
                let gossip: Vec<String> =
                    self.proxies.iter().filter_map(|proxy| proxy.mesh()).map(|at| at.to_string()).collect();
                if !gossip.is_empty() {
                    variables.push(("PROXY_MESH_PEERS", gossip.join(",")));
                }
                variables
            }
            _ => Vec::new(),
        }
    }

    /// Starts one more origin, with HLS of short segments, and does not wait for its registration.
    pub async fn add_origin(&mut self) {
        let name = format!("origin-{}", self.origins.len());
        let beats = [self.proxies[0].system];
        let vhost = "hls { enabled on; hls_fragment 2; hls_window 20; }";
        self.origins.push(Some(OriginProcess::with(self.programs.origin, &name, &beats, vhost).await));
    }

    /// Takes an origin out, for the test to end it.
    pub fn take_origin(&mut self, number: usize) -> OriginProcess {
        self.origins[number].take().expect("it runs")
    }

    /// Where clients go, for each proxy: RTMP and HTTP.
    pub fn doors(&self) -> Vec<(SocketAddr, SocketAddr)> {
        self.proxies.iter().map(|proxy| (proxy.rtmp, proxy.http)).collect()
    }

    /// The streams that each origin publishes now, by its own API.
    pub async fn live(&self) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        for origin in &self.origins {
            let Some(origin) = origin else {
                all.push(Vec::new());
                continue;
            };
            let reply = http::get(origin.api, "/api/v1/streams?count=10000").await;
            let list = reply.json()["streams"].as_array().cloned().unwrap_or_default();
            let active = |stream: &&Value| stream["publish"]["active"] == true;
            let names = list.iter().filter(active).filter_map(|stream| stream["name"].as_str());
            all.push(names.map(str::to_owned).collect());
        }
        all
    }

    /// The origin that publishes a stream now; waits for one.
    pub async fn holder(&self, stream: &str) -> usize {
        until(&format!("an origin with {stream}"), async || {
            self.live().await.iter().position(|names| names.iter().any(|name| name == stream))
        })
        .await
    }
}
