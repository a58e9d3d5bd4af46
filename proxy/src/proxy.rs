//! Binds the listeners, starts the shards, and connects the rooms.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use srs_balance::{Balancer, Directory};
use srs_boot::{Listen, ids};
use srs_control::access::Cidr;
use srs_control::probe::probe;
use srs_control::{
    Access, Api, Cluster, Counts, Identity, Limits, Machine, Peer, Shows, Signatures, Signer, System,
    cluster_api, http_api, metrics_api, ready_api, signalling_api, system_api, versions_api,
};
use srs_names::NodeId;
use srs_net::haproxy::{Listener, Trust};
use srs_net::shards::{self, Aside, Handle, Shards};
use srs_net::tcp::{self, Slots};
use srs_relay::Relay;

use crate::config::Config;
use crate::end::Patience;
use crate::{backend, directory, rtc, srt};

/// RTMP chunks that we announce and write, in bytes: SRS's own default.
const CHUNK_SIZE: u32 = 60_000;

/// Client connections at a time. Each takes two file descriptors; the usual hard limit of a service is half a million.
const CONNECTIONS: usize = 100_000;

/// Origins in use are asked this often whether they live.
const PROBE: Duration = Duration::from_secs(1);

/// Why a proxy cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listener's address is taken or not ours.
    #[error("{name}={address}: cannot listen: {source}")]
    Bind {
        /// The variable that says where.
        name: &'static str,
        /// Where.
        address: Listen,
        /// What the system said.
        source: io::Error,
    },
    /// The threads could not be started.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// A name of ours, or of the default backend, cannot be one.
    #[error("cannot name a node: {0}")]
    Name(#[from] srs_names::NameError),
    /// The default backend does not fit in.
    #[error("the default backend: {0}")]
    Backend(#[from] srs_balance::Full),
}

/// A running proxy; dropping it ends all its sessions.
pub struct Proxy {
    rtmp: SocketAddr,
    http: SocketAddr,
    http_api: SocketAddr,
    pub(crate) srt: srt::Place,
    pub(crate) rtc: rtc::Place,
    system_api: SocketAddr,
    guard: String,
    pub(crate) slots: Slots,
    pub(crate) patience: Patience,
    /// Whether balancers may send newcomers.
    pub(crate) ready: Arc<AtomicBool>,
    shards: Shards,
    /// Goes after the shards, which ask it.
    _aside: Option<Aside>,
}

impl Proxy {
    /// Starts a proxy. When this returns, every listener accepts.
    pub fn bind(config: Config) -> Result<Proxy, Error> {
        let shared = config.shares_ports();
        let rtmp = bind("PROXY_RTMP_SERVER", config.rtmp, shared)?;
        let http = bind("PROXY_HTTP_SERVER", config.http_server, shared)?;
        let operators = bind("PROXY_HTTP_API", config.http_api, shared)?;
        let system = bind("PROXY_SYSTEM_API", config.system_api, shared)?;
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let shards = Shards::start(config.shards.count(cores).get())?;
        let handle = shards.handle();
        let srt = srt::Door::open(config.srt, handle.count(), shared)?;
        let rtc = rtc::Door::open(config.webrtc, handle.count(), shared)?;
        let started = Instant::now();
        let identity = identity();
        let secret = secret(&config);
        let opened = directory::open(&config.directory, &NodeId::new(&identity.server)?, &secret)?;
        let balancer = Arc::new(balancer(&config, &identity, opened.directory)?);
        if let Some(backend) = &config.default_backend {
            balancer.register(backend::node(backend)?, Duration::ZERO)?;
        }
        let told = told(&config, &identity, secret, ([&rtmp, &http], srt.place().address))?;
        let relay = Relay::new(Arc::clone(&balancer), started, told);
        let token = config.api_token.as_ref().map(|token| token.expose().to_owned());
        let guard = open_to(token.is_some(), config.system_api_allow.len(), config.cluster_secret.is_some());
        let (signatures, signer) = signing(&config, &identity, [&operators, &system])?;
        let access = Access::of_proxy(token, config.system_api_allow.clone()).opening(signatures);
        keep_watch(&handle, &relay, &balancer, started);
        if let Some(board) = opened.board.clone() {
            let balancer = Arc::clone(&balancer);
            handle.first(move || async move {
                let hear = || directory::hear(&*board, &balancer, started);
                while shards::guarded("board", hear()).await.is_none() {}
            });
        }
        let slots = Slots::new(CONNECTIONS);
        let proxy = Proxy {
            rtmp: rtmp.local_addr()?,
            http: http.local_addr()?,
            http_api: operators.local_addr()?,
            srt: srt.place(),
            rtc: rtc.place(),
            system_api: system.local_addr()?,
            guard,
            slots: slots.clone(),
            ready: Arc::new(AtomicBool::new(true)),
            patience: Patience { grace: config.grace_quit, force: config.force_quit },
            shards,
            _aside: opened.aside,
        };
        let balancers = trust(&config.protocol_trust, true);
        let ready = || ready_api(&identity, Arc::clone(&proxy.ready));
        serve_media(
            &handle,
            ((rtmp, balancers.clone()), (http, balancers.clone())),
            &relay,
            versions_api(&identity).merge(ready()).merge(signalling_api(Some(relay.clone()))),
            &slots,
        );
        srt.serve(&handle, &relay, &slots);
        rtc.serve(&handle, &relay, &slots, &config.webrtc_candidate);
        let api = Arc::new(Api {
            identity: identity.clone(),
            shows: Shows::Cluster(Cluster::new(Arc::clone(&balancer), started).signing(signer)),
            access: access.clone(),
            crossdomain: false,
            machine: Arc::new(Machine::new()),
            signalling: Some(relay.clone()),
            counts: Arc::new(Counted { relay, slots }),
            label: String::new(),
            tag: String::new(),
        });
        let told = opened.board.as_ref().map(directory::told);
        let state = System { identity: identity.clone(), balancer, started, access: access.clone(), told };
        let system_routes = system_api(Arc::new(state)).merge(metrics_api(Arc::clone(&api)));
        let system_routes = system_routes.merge(cluster_api(Arc::clone(&api))).merge(ready());
        serve_api(&handle, (operators, balancers), http_api(api).merge(ready()), access.clone());
        // An origin on a balancer's own machine registers from loopback, and without a header.
        serve_api(&handle, (system, trust(&config.protocol_trust, false)), system_routes, access);
        Ok(proxy)
    }

    /// Where RTMP is served.
    pub fn rtmp(&self) -> SocketAddr {
        self.rtmp
    }

    /// Where HTTP media is served.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where the HTTP API is served.
    pub fn http_api(&self) -> SocketAddr {
        self.http_api
    }

    /// Where origins register.
    pub fn system_api(&self) -> SocketAddr {
        self.system_api
    }

    /// What listens where, and open to whom, a line each.
    pub fn banner(&self) -> Vec<String> {
        let everyone = |address: SocketAddr| {
            if address.ip().is_loopback() { "this machine only" } else { "everyone who can reach it" }
        };
        vec![
            format!(
                "srs-proxy {} serves on {} shards",
                env!("CARGO_PKG_VERSION"),
                self.shards.handle().count()
            ),
            format!("RTMP       {}  publish and play: {}", self.rtmp, everyone(self.rtmp)),
            format!("HTTP       {}  FLV, TS, HLS, WHIP and WHEP: {}", self.http, everyone(self.http)),
            format!("SRT        {}  publish and play: {}", self.srt, everyone(self.srt.address)),
            format!("WebRTC     {}  media of publish and play: {}", self.rtc, everyone(self.rtc.address)),
            format!("HTTP API   {}  versions, WHIP and WHEP: {}", self.http_api, everyone(self.http_api)),
            format!("HTTP API   {}  lists, kick and metrics: {}", self.http_api, self.guard),
            format!("System API {}  register, origins and metrics: {}", self.system_api, self.guard),
        ]
    }
}

/// What a proxy counts.
struct Counted {
    relay: Arc<Relay>,
    slots: Slots,
}

impl Counts for Counted {
    fn connections(&self) -> usize {
        self.slots.used()
    }

    fn legs(&self) -> Vec<(NodeId, usize)> {
        self.relay.legs()
    }
}

fn open_to(token: bool, networks: usize, cluster: bool) -> String {
    let nodes = if cluster { ", nodes that share the cluster secret" } else { "" };
    let token = if token { ", callers with the token" } else { "" };
    match networks {
        0 if token.is_empty() => {
            format!("loopback{nodes}; PROXY_SYSTEM_API_ALLOW=<address or network> opens it to other machines")
        }
        0 => format!("loopback{nodes}{token}"),
        many => format!("loopback{nodes}, {many} allowed networks{token}"),
    }
}

fn bind(name: &'static str, listen: Listen, shared: bool) -> Result<TcpListener, Error> {
    let bind = if shared { tcp::bind_shared } else { tcp::bind_first };
    bind(&listen.addresses()).map_err(|source| Error::Bind { name, address: listen, source })
}

/// The balancers before a listener. Without `loopback`, none of them is on this machine, whatever is set.
fn trust(balancers: &[Cidr], loopback: bool) -> Trust {
    if balancers.is_empty() {
        return Trust::none();
    }
    let balancers = balancers.to_vec();
    Trust::of(move |ip| (loopback || !ip.is_loopback()) && balancers.iter().any(|range| range.contains(ip)))
}

fn identity() -> Identity {
    let mut rng = rand::rng();
    Identity {
        signature: "SRSProxy".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        server: format!("proxy-{}", ids::service_id(&mut rng)),
        service: ids::service_id(&mut rng),
        pid: std::process::id().to_string(),
    }
}

fn balancer(config: &Config, identity: &Identity, directory: Arc<dyn Directory>) -> Result<Balancer, Error> {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let settings = srs_balance::Config {
        started_unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX),
        me: NodeId::new(&identity.server)?,
        ttl: config.origin_ttl,
    };
    Ok(Balancer::new(settings, directory))
}

/// The cluster's. Where there is none, one for this run: tokens are then good as long as this proxy runs, and for no other.
fn secret(config: &Config) -> Vec<u8> {
    match &config.cluster_secret {
        Some(secret) => secret.expose().as_bytes().to_vec(),
        None => rand::random::<[u8; 32]>().to_vec(),
    }
}

/// What the relay must be told, which is dialled at these listeners, and over SRT there.
fn told(
    config: &Config,
    identity: &Identity,
    secret: Vec<u8>,
    (dialled, srt): ([&TcpListener; 2], SocketAddr),
) -> Result<srs_relay::Config, Error> {
    let port = |listener: &TcpListener| listener.local_addr().ok().map(|address| address.port());
    let [_, http] = dialled;
    Ok(srs_relay::Config {
        chunk_size: CHUNK_SIZE,
        me: NodeId::new(&identity.server)?,
        hold: config.publish_hold,
        secret,
        static_files: config.static_files.clone(),
        ports: dialled.into_iter().filter_map(port).chain([srt.port()]).collect(),
        http_port: port(http),
        redirects: config.redirect_http,
        role: srs_relay::Role::Proxy,
        srt: config.srt_defaults.clone(),
    })
}

/// What opens the signatures of our nodes, who dial these listeners, and what signs what we ask them.
fn signing(
    config: &Config,
    identity: &Identity,
    dialled: [&TcpListener; 2],
) -> Result<(Option<Arc<Signatures>>, Option<Signer>), Error> {
    let Some(secret) = &config.cluster_secret else { return Ok((None, None)) };
    let secret = secret.expose().as_bytes();
    let ports = dialled.iter().filter_map(|listener| listener.local_addr().ok());
    let signatures = Signatures::new(secret, &identity.server, ports.map(|address| address.port()).collect());
    let signer = Signer::new(secret, NodeId::new(&identity.server)?, "proxy");
    Ok((Some(Arc::new(signatures)), Some(signer)))
}

/// A socket, and the balancers before it.
type Listening = (TcpListener, Trust);

fn serve_media(
    handle: &Handle,
    (rtmp, http): (Listening, Listening),
    relay: &Arc<Relay>,
    rest: Router,
    slots: &Slots,
) {
    let doors = Arc::clone(relay);
    tcp::serve_behind(handle, rtmp, "rtmp", slots.clone(), move |stream, peer| {
        Arc::clone(&doors).serve_rtmp(stream, peer)
    });
    let (doors, rest) = (Arc::clone(relay), Arc::new(rest));
    tcp::serve_behind(handle, http, "http", slots.clone(), move |stream, peer| {
        let rest = Arc::clone(&rest);
        Arc::clone(&doors)
            .serve_http(stream, peer, move || rest.as_ref().clone().layer(axum::Extension(Peer(peer))))
    });
}

fn serve_api(handle: &Handle, (socket, trust): Listening, router: Router, access: Access) {
    handle.first(move || async move {
        match Listener::new(socket, trust, "api") {
            Ok(listener) => {
                let is_known = move |ip| access.knows(ip);
                srs_control::serve(listener, router, Limits::default(), is_known, std::future::pending())
                    .await;
            }
            Err(error) => tracing::error!(%error, "an api cannot be served"),
        }
    });
}

/// Keeps the judgement of origins going. A panic does not end it: without it sessions would hang on dead origins.
fn keep_watch(handle: &Handle, relay: &Arc<Relay>, balancer: &Arc<Balancer>, started: Instant) {
    let watched = Arc::clone(relay);
    handle.first(move || async move {
        while shards::guarded("watch", Arc::clone(&watched).watch()).await.is_none() {}
    });
    let ticking = Arc::clone(relay);
    handle.first(move || async move {
        while shards::guarded("claims", Arc::clone(&ticking).tick()).await.is_none() {}
    });
    let looking = Arc::clone(relay);
    handle.first(move || async move {
        while shards::guarded("places", Arc::clone(&looking).look()).await.is_none() {}
    });
    let (probed, pool) = (Arc::clone(relay), Arc::clone(balancer));
    handle.first(move || async move {
        while shards::guarded("probes", probe_used(&probed, &pool, started)).await.is_none() {}
    });
}

/// Asks the origins in use, again and again, whether they live. Their heartbeats may be slow, or take another way.
async fn probe_used(relay: &Relay, balancer: &Arc<Balancer>, started: Instant) {
    let mut ticks = tokio::time::interval(PROBE);
    loop {
        ticks.tick().await;
        for id in relay.used() {
            let Some(node) = balancer.node(&id) else { continue };
            let Some(api) = node.endpoint("api").cloned() else { continue };
            let balancer = Arc::clone(balancer);
            shards::spawn(async move {
                let answered = probe(&api, PROBE).await.is_ok_and(|answer| answer.is_from(&node));
                let now = started.elapsed();
                if answered {
                    balancer.probe_answered(&node.id, now);
                } else {
                    balancer.probe_failed(&node.id, now);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests;
