//! What this node fetches, from the configuration's words to those of `pull`.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use srs_control::Identity;
use srs_gateway::{Gateway, To};
use srs_hub::Hub;
use srs_names::{NameError, NodeId, Seal, Source, StreamKey, Wish, upstream_vhost};
use srs_net::http::Elsewhere;
use srs_net::rtmp::PassOn;
use srs_net::shards::Handle;
use srs_pull::{Announces, Order, Puller, Remote, Rules, Server, Upstream};
use srs_relay::{EdgeConfig, EdgeHls, HlsFrom, Named, Push, PushConfig, PushTo, Whereabouts};

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
        let puller = puller(config, (&me, rtmp), &doors);
        let (hls, push) = (hls(config, me.clone(), puller.as_ref())?, push(config, me)?);
        Ok(Fetch { puller, hls, push, doors })
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
        fetching.map(|(name, vhost)| (name.clone(), upstream(config, vhost))).collect();
    if vhosts.is_empty() {
        return None;
    }
    let (begins, lists) = (Arc::clone(doors), Arc::clone(doors));
    let listed: Vec<String> = config
        .vhosts
        .iter()
        .filter(|(_, vhost)| !vhost.cluster.origin_http.is_empty())
        .map(|(name, _)| name.clone())
        .collect();
    let fixed = move |key: &StreamKey| listed.iter().any(|vhost| vhost == key.vhost());
    let begun = move |key: &StreamKey, hls_upstream: bool| {
        if let Some(gateway) = begins.get().and_then(Weak::upgrade) {
            gateway.begin_hls(key, hls_upstream || fixed(key));
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

fn hls(config: &Config, me: NodeId, puller: Option<&Arc<Puller>>) -> Result<Option<Arc<EdgeHls>>, Error> {
    let served = config.vhosts.iter().filter(|(_, vhost)| vhost.enabled);
    if !served.clone().any(|(_, vhost)| relays_hls(vhost)) {
        return Ok(None);
    }
    let vhosts = served.map(|(name, vhost)| (name.clone(), hls_from(vhost))).collect();
    // Without one nobody upstream believes us, and marks are good here alone.
    let secret = match &config.cluster_secret {
        Some(secret) => secret.expose().as_bytes().to_vec(),
        None => rand::random::<[u8; 32]>().to_vec(),
    };
    let renamed = config.vhosts.iter().filter(|(_, vhost)| vhost.cluster.vhost != "[vhost]");
    let renamed =
        renamed.filter_map(|(name, vhost)| Some((name.clone(), upstream_vhost(&vhost.cluster.vhost, name)?)));
    let renamed = renamed.collect();
    let whereabouts = puller.map(|puller| Arc::new(Told(Arc::clone(puller))) as Arc<dyn Whereabouts>);
    Ok(Some(Arc::new(EdgeHls::new(EdgeConfig { me, secret, vhosts, renamed, whereabouts })?)))
}

/// Where a vhost's HLS is had: one with no servers makes it here, also where the default vhost's do not.
fn hls_from(vhost: &config::Vhost) -> HlsFrom {
    let servers = &vhost.cluster.origin_http;
    if relays_hls(vhost) && servers.is_empty() {
        return HlsFrom::Named;
    }
    let servers = servers.iter().filter(|_| relays_hls(vhost));
    HlsFrom::Servers(servers.map(|server| (server.host.clone(), server.port)).collect())
}

/// What servers tell who fetches from them.
struct Told(Arc<Puller>);

impl Whereabouts for Told {
    fn hls<'a>(&'a self, wish: Wish<'a>) -> Pin<Box<dyn Future<Output = Named> + 'a>> {
        Box::pin(async move {
            let told = self.0.hls(wish).await;
            Named { servers: told.servers, complete: told.complete }
        })
    }
}

fn push(config: &Config, me: NodeId) -> Result<Option<Arc<Push>>, Error> {
    let pushing = config.vhosts.iter().filter(|(_, vhost)| vhost.enabled && goes(vhost) == To::Elsewhere);
    let servers = |vhost: &config::Vhost| {
        taking(&vhost.cluster).map(|server| (server.at.host.clone(), server.at.port)).collect()
    };
    let to = |(name, vhost): (&String, &config::Vhost)| PushTo {
        vhost: name.clone(),
        upstream: upstream_vhost(&vhost.cluster.vhost, name),
        hold: vhost.publish.hold,
        servers: servers(vhost),
    };
    let vhosts: Vec<PushTo> = pushing.map(to).collect();
    if vhosts.is_empty() {
        return Ok(None);
    }
    let secret = config.cluster_secret.as_ref();
    let config = PushConfig {
        me,
        secret: secret.map(|secret| secret.expose().as_bytes().to_vec()).unwrap_or_default(),
        chunk_size: config.rtmp.chunk_size,
        vhosts,
    };
    Ok(Some(Arc::new(Push::new(config)?)))
}

/// Where what is published in a vhost goes.
pub(crate) fn goes(vhost: &config::Vhost) -> To {
    let cluster = &vhost.cluster;
    match cluster.mode {
        Mode::Local => To::Here,
        _ if cluster.push && taking(cluster).next().is_some() => To::Elsewhere,
        _ => To::Nowhere,
    }
}

/// The servers that take what is published here: it is passed on by RTMP.
fn taking(cluster: &config::Cluster) -> impl Iterator<Item = &Server> {
    let protocol = |server: &Server| server.protocol.unwrap_or(cluster.protocol);
    cluster.origins.iter().filter(move |server| protocol(server) == Protocol::Rtmp)
}

/// Whether a vhost's HLS is made elsewhere, and only passed on here: by the servers of `origin_http`, or, where it would
/// be made here, by those of `origin` that say that they have it.
pub(crate) fn relays_hls(vhost: &config::Vhost) -> bool {
    let named = vhost.hls.enabled || !vhost.cluster.origin_http.is_empty();
    vhost.cluster.mode != Mode::Local && named
}

/// Whether any stream of this vhost is published elsewhere.
pub(crate) fn fetches(vhost: &config::Vhost) -> bool {
    vhost.cluster.mode != Mode::Local || vhost.origin_map.is_some() || vhost.origin_map_store.is_some()
}

fn upstream(config: &Config, vhost: &config::Vhost) -> Upstream {
    let cluster = &vhost.cluster;
    Upstream {
        remote: (cluster.mode != Mode::Local).then(|| remote(cluster)),
        map: vhost.origin_map.clone(),
        store: vhost.origin_map_store.as_ref().map(config::Store::settings),
        applications: vhost.applications.clone(),
        gop_cache_max_frames: vhost.play.gop_cache_max_frames,
        srt_timeout: Some(config.srt.connect_timeout),
    }
}

fn remote(cluster: &config::Cluster) -> Remote {
    let live_edge = cluster.mode == Mode::LiveEdge;
    Remote {
        origins: cluster.origins.clone(),
        vhost: cluster.vhost.clone(),
        protocol: cluster.protocol,
        token_traverse: cluster.token_traverse,
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
