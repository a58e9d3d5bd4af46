//! What is published at an edge, on to where its streams are published: a publisher's leg as a proxy has it, to servers that
//! configuration names.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use srs_balance::{Balancer, Endpoint, Memory, Node};
use srs_names::NodeId;
use srs_names::envelope::CAPABILITY;
use srs_net::rtmp::{Link, PassOn};
use srs_net::shards::{self, Handle};
use srs_rtmp::server;

use crate::door::Errand;
use crate::{BadUpstream, Config, Relay, Role};

/// What a push must be told.
pub struct PushConfig {
    /// The id of this edge, by which it names itself upstream.
    pub me: NodeId,
    /// The cluster's secret: servers of ours that share it believe our envelopes.
    pub secret: Vec<u8>,
    /// Announced and written for RTMP, in bytes.
    pub chunk_size: u32,
    /// The vhosts whose publishes are passed on.
    pub vhosts: Vec<PushTo>,
}

/// Where the publishes of one vhost go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushTo {
    /// The vhost here.
    pub vhost: String,
    /// The vhost upstream; none for what the server's own address stands for there.
    pub upstream: Option<String>,
    /// How long upstream is asked to wait for a publisher whose connection broke.
    pub hold: Duration,
    /// The RTMP servers, as host (an IPv6 address without brackets) and port.
    pub servers: Vec<(String, u16)>,
}

impl std::fmt::Debug for PushConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the secret.
        f.debug_struct("PushConfig").field("vhosts", &self.vhosts).finish_non_exhaustive()
    }
}

/// Passes publishes on. Shared by all shards.
#[derive(Debug)]
pub struct Push {
    vhosts: HashMap<String, Arc<Relay>>,
}

impl Push {
    /// A push to these servers.
    ///
    /// # Errors
    /// [`BadUpstream`].
    pub fn new(config: PushConfig) -> Result<Push, BadUpstream> {
        let PushConfig { me, secret, chunk_size, vhosts } = config;
        let relay = |servers: Vec<(String, u16)>, vhost: Option<String>, hold: Duration| {
            let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            let settings = srs_balance::Config {
                started_unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX),
                me: me.clone(),
                ttl: Duration::MAX,
            };
            // Its claims are of a domain of their own: that of a proxy stands above it, and another edge's beside it.
            let directory = Memory::new(me.as_str());
            let balancer = Balancer::new(settings, Arc::new(directory));
            for server in servers {
                balancer.register(node(server)?, Duration::ZERO)?;
            }
            let config = Config {
                chunk_size,
                me: me.clone(),
                hold,
                secret: secret.clone(),
                static_files: None,
                ports: Vec::new(),
                http_port: None,
                redirects: false,
                role: Role::Edge { vhost },
                srt: srs_srt::streamid::Defaults::default(),
            };
            Ok::<_, BadUpstream>(Relay::new(Arc::new(balancer), Instant::now(), config))
        };
        let relay = |to: PushTo| Ok((to.vhost, relay(to.servers, to.upstream, to.hold)?));
        let vhosts = vhosts.into_iter().map(relay);
        Ok(Push { vhosts: vhosts.collect::<Result<_, BadUpstream>>()? })
    }

    /// Keeps its claims from now on.
    pub fn begin(&self, shards: &Handle) {
        for relay in self.vhosts.values() {
            let (relay, watched) = (Arc::clone(relay), Arc::clone(relay));
            shards.first(move || async move {
                while shards::guarded("push watch", Arc::clone(&watched).watch()).await.is_none() {}
            });
            shards.first(move || async move {
                while shards::guarded("push claims", Arc::clone(&relay).tick()).await.is_none() {}
            });
        }
    }
}

impl PassOn for Push {
    fn publish<'a>(
        &'a self,
        vhost: &'a str,
        link: Link<server::Session>,
        request: server::PublishRequest,
        peer: SocketAddr,
        hops: Vec<NodeId>,
    ) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        let relay = self.vhosts.get(vhost).cloned();
        Box::pin(async move {
            if let Some(relay) = relay {
                relay.publish_for(link, request, peer, Errand::Push(hops)).await;
            }
        })
    }
}

/// A server of the configuration, named as it is dialled. They are told who asks; a stranger ignores it.
fn node((host, port): (String, u16)) -> Result<Node, srs_names::NameError> {
    let endpoint = Endpoint { proto: None, host: host.clone(), port };
    let id = NodeId::new(&endpoint.to_string())?;
    let endpoints = BTreeMap::from([("rtmp".to_owned(), vec![endpoint])]);
    let capabilities = vec![CAPABILITY.to_owned()];
    Ok(Node { endpoints, capabilities, permanent: true, ..Node::new(id, "configured", host) })
}

#[cfg(test)]
mod tests;
