//! What this node fetches, from the configuration's words to those of `pull`.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use srs_control::Identity;
use srs_gateway::{Gateway, To};
use srs_hub::Hub;
use srs_names::{NameError, NodeId, Seal, Source};
use srs_net::http::Elsewhere;
use srs_net::rtmp::PassOn;
use srs_net::shards::Handle;
use srs_pull::{Announces, Order, Puller, Remote, Rules, Upstream};
use srs_relay::{EdgeConfig, EdgeHls, Push, PushConfig};

use crate::config::{self, Config, Mode, Protocol};

/// Streams that are fetched at a time: each costs a connection and a GOP.
const MOST: usize = 10_000;

/// SRS's edges let go of a stream when the last viewer leaves; who looks through some streams comes back to one.
const UNUSED: Duration = Duration::from_secs(10);

/// So often the first server is asked whether it is back.
const FAILBACK: Duration = Duration::from_secs(3);

/// Why a configuration's servers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name that is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A server for HLS that is none.
    #[error(transparent)]
    Hls(#[from] srs_relay::BadUpstream),
}

/// What a node has to fetch with; nothing where all its streams are published here.
pub(crate) struct Fetch {
    puller: Option<Arc<Puller>>,
    hls: Option<Arc<EdgeHls>>,
    push: Option<Arc<Push>>,
    /// The gateway, once there is one.
    doors: Arc<OnceLock<Weak<Gateway>>>,
}

impl Fetch {
    /// By this configuration.
    pub(crate) fn of(config: &Config, identity: &Identity, rtmp: &[SocketAddr]) -> Result<Fetch, Error> {
        let doors = Arc::new(OnceLock::new());
        let me = NodeId::new(&identity.server)?;
        let (hls, push) = (hls(config, me.clone())?, push(config, me.clone())?);
        Ok(Fetch { puller: puller(config, (&me, rtmp), &doors), hls, push, doors })
    }

    /// A hub that tells who is watched.
    pub(crate) fn hub(&self) -> Hub {
        self.puller.as_ref().map_or_else(Hub::new, |puller| Hub::with_demand(Arc::clone(puller) as _))
    }

    /// Who is asked before a viewer is seated.
    pub(crate) fn source(&self) -> Option<Arc<dyn Source>> {
        self.puller.as_ref().map(|puller| Arc::clone(puller) as _)
    }

    /// Who answers for HLS.
    pub(crate) fn elsewhere(&self) -> Option<Arc<dyn Elsewhere>> {
        self.hls.as_ref().map(|hls| Arc::clone(hls) as _)
    }

    /// Who takes what is published for elsewhere.
    pub(crate) fn pass_on(&self) -> Option<Arc<dyn PassOn>> {
        self.push.as_ref().map(|push| Arc::clone(push) as _)
    }

    /// Says farewell where this node said what it has.
    pub(crate) async fn leave(&self) {
        if let Some(puller) = &self.puller {
            puller.leave().await;
        }
    }

    /// Fetches from now on.
    pub(crate) fn begin(&self, hub: Hub, gateway: &Arc<Gateway>, shards: &Handle) {
        // Set once, here.
        let _ = self.doors.set(Arc::downgrade(gateway));
        if let Some(puller) = &self.puller {
            puller.attach(hub, shards.clone());
        }
        if let Some(push) = &self.push {
            push.begin(shards);
        }
    }
}

fn puller(
    config: &Config,
    (me, rtmp): (&NodeId, &[SocketAddr]),
    doors: &Arc<OnceLock<Weak<Gateway>>>,
) -> Option<Arc<Puller>> {
    let fetching = config.vhosts.iter().filter(|(_, vhost)| vhost.enabled && fetches(vhost));
    let vhosts: Vec<(String, Upstream)> =
        fetching.map(|(name, vhost)| (name.clone(), upstream(vhost))).collect();
    if vhosts.is_empty() {
        return None;
    }
    let (begins, lists) = (Arc::clone(doors), Arc::clone(doors));
    let begun = move |key: &_| {
        if let Some(gateway) = begins.get().and_then(Weak::upgrade) {
            gateway.begin_hls(key);
        }
    };
    let live = move || {
        let gateway = lists.get().and_then(Weak::upgrade);
        let live = gateway.map(|gateway| gateway.live()).unwrap_or_default();
        live.into_iter().map(|stream| (stream.key, stream.epoch)).collect()
    };
    let announces = rtmp.first().map(|at| Announces { live: Arc::new(live), port: at.port() });
    let seal = config.cluster_secret.as_ref().map(|secret| Seal::new(secret.expose().as_bytes()));
    Some(Puller::new(srs_pull::Config {
        me: me.clone(),
        seal,
        vhosts,
        begun: Arc::new(begun),
        most: MOST,
        announces,
    }))
}

fn hls(config: &Config, me: NodeId) -> Result<Option<Arc<EdgeHls>>, Error> {
    let served = config.vhosts.iter().filter(|(_, vhost)| vhost.enabled);
    if !served.clone().any(|(_, vhost)| relays_hls(vhost)) {
        return Ok(None);
    }
    // One with no servers is not the default vhost's.
    let servers = |vhost: &config::Vhost| {
        let relayed = vhost.cluster.origin_http.iter().filter(|_| relays_hls(vhost));
        relayed.map(|server| (server.host.clone(), server.port)).collect()
    };
    let vhosts = served.map(|(name, vhost)| (name.clone(), servers(vhost))).collect();
    // Without one nobody upstream believes us, and marks are good here alone.
    let secret = match &config.cluster_secret {
        Some(secret) => secret.expose().as_bytes().to_vec(),
        None => rand::random::<[u8; 32]>().to_vec(),
    };
    Ok(Some(Arc::new(EdgeHls::new(EdgeConfig { me, secret, vhosts })?)))
}

fn push(config: &Config, me: NodeId) -> Result<Option<Arc<Push>>, Error> {
    let pushing = config.vhosts.iter().filter(|(_, vhost)| vhost.enabled && goes(vhost) == To::Elsewhere);
    let servers = |vhost: &config::Vhost| {
        vhost.cluster.origins.iter().map(|server| (server.host.clone(), server.port)).collect()
    };
    let vhosts: Vec<(String, Vec<(String, u16)>)> =
        pushing.map(|(name, vhost)| (name.clone(), servers(vhost))).collect();
    if vhosts.is_empty() {
        return Ok(None);
    }
    let secret = config.cluster_secret.as_ref();
    let config = PushConfig {
        me,
        secret: secret.map(|secret| secret.expose().as_bytes().to_vec()).unwrap_or_default(),
        chunk_size: config.rtmp.chunk_size,
        hold: srs_gateway::Publish::default().hold,
        vhosts,
    };
    Ok(Some(Arc::new(Push::new(config)?)))
}

/// Where what is published in a vhost goes. Servers of FLV take none.
pub(crate) fn goes(vhost: &config::Vhost) -> To {
    let cluster = &vhost.cluster;
    match (cluster.mode, cluster.protocol) {
        (Mode::Local, _) => To::Here,
        (_, Protocol::Rtmp) if cluster.push => To::Elsewhere,
        _ => To::Nowhere,
    }
}

/// Whether a vhost's HLS is made elsewhere, and only passed on here.
pub(crate) fn relays_hls(vhost: &config::Vhost) -> bool {
    vhost.cluster.mode != Mode::Local && !vhost.cluster.origin_http.is_empty()
}

/// Whether any stream of this vhost is published elsewhere.
pub(crate) fn fetches(vhost: &config::Vhost) -> bool {
    vhost.cluster.mode != Mode::Local || vhost.origin_map.is_some() || vhost.origin_map_store.is_some()
}

fn upstream(vhost: &config::Vhost) -> Upstream {
    let cluster = &vhost.cluster;
    Upstream {
        remote: (cluster.mode != Mode::Local).then(|| remote(cluster)),
        map: vhost.origin_map.clone(),
        store: vhost.origin_map_store.as_ref().map(config::Store::settings),
        applications: vhost.applications.clone(),
        gop_cache_max_frames: vhost.play.gop_cache_max_frames,
    }
}

fn remote(cluster: &config::Cluster) -> Remote {
    let live_edge = cluster.mode == Mode::LiveEdge;
    Remote {
        origins: cluster.origins.clone(),
        vhost: cluster.vhost.clone(),
        protocol: match cluster.protocol {
            Protocol::Rtmp => srs_pull::Protocol::Rtmp,
            Protocol::Flv => srs_pull::Protocol::Flv,
        },
        token_traverse: cluster.token_traverse,
        follow_client: cluster.follow_client,
        debug: cluster.debug_srs_upnode,
        rules: Rules {
            order: if live_edge || cluster.failback { Order::Listed } else { Order::InTurn },
            unused: UNUSED,
            failback: cluster.failback.then_some(FAILBACK),
            ..Rules::default()
        },
        live_edge,
    }
}
