//! Binds the listeners, starts the shards, and connects the rooms.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use srs_boot::log::Output;
use srs_boot::pid::{self, PidFile};
use srs_boot::signals::{self, Drained, Shutdown, Signal};
use srs_boot::{Listen, ids};
use srs_control::{
    Access, Api, Identity, Limits, Machine, Peer, Shows, Signatures, http_api, http_api_beside, metrics_api,
    signalling_api,
};
use srs_gateway::{Envelopes, Gateway};
use srs_names::{AdmitAll, Seal};
use srs_net::http::Folder;
use srs_net::shards::{Handle, Shards};
use srs_net::srt;
use srs_net::tcp::{self, Slots};

use crate::beats::{Beats, Listening};
use crate::config::Config;
use crate::fetch::{self, Fetch};
use crate::{Role, doors, rtc as rtc_door, srt as srt_door};

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listener's address is taken or not ours.
    #[error("cannot listen on {address} for {name}: {source}")]
    Bind {
        /// What would have been served.
        name: &'static str,
        /// Where.
        address: Listen,
        /// What the system said.
        source: io::Error,
    },
    /// The threads, or the signals, could not be set up.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// Another node runs with this pid file.
    #[error(transparent)]
    Pid(#[from] pid::Error),
    /// What is fetched cannot be: a name or a server that is none.
    #[error("fetching: {0}")]
    Fetch(#[from] fetch::Error),
    /// The heartbeat's URL or token cannot be used.
    #[error("heartbeat: {0}")]
    Heartbeat(#[from] srs_control::ClientError),
}

/// A running node; dropping it ends all its sessions.
pub struct Node {
    rtmp: Vec<SocketAddr>,
    http: Vec<SocketAddr>,
    api: Vec<SocketAddr>,
    exporter: Vec<SocketAddr>,
    srt: Vec<SocketAddr>,
    rtc: Vec<SocketAddr>,
    /// None: nobody would take over what is published here.
    beats: Option<Beats>,
    gateway: Arc<Gateway>,
    fetch: Fetch,
    grace: Duration,
    _pid: PidFile,
    _shards: Shards,
}

/// What listens, with the addresses that the system gave.
struct Listeners {
    rtmp: Vec<TcpListener>,
    http: Vec<TcpListener>,
    api: Vec<TcpListener>,
    exporter: Vec<TcpListener>,
    srt: Vec<srt::Port>,
    rtc: rtc_door::Ports,
}

impl Node {
    /// Starts a node. When this returns, every listener accepts.
    pub fn bind(config: Config) -> Result<Node, Error> {
        let pid = PidFile::take(&config.pid, std::process::id())?;
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let count = config.shards.count(cores).get();
        let listeners = Listeners::open(&config, count)?;
        let (rtmp, http, api) =
            (addresses(&listeners.rtmp), addresses(&listeners.http), addresses(&listeners.api));
        let exporter = addresses(&listeners.exporter);
        let srt: Vec<SocketAddr> = listeners.srt.iter().map(srt::Port::local_addr).collect();
        let (rtc, rtc_tcp) = (listeners.rtc.udp(), listeners.rtc.tcp());
        let identity = identity(&config);
        let shards = Shards::start(count)?;
        let handle = shards.handle();
        let fetch = Fetch::of(&config, &identity, &rtmp)?;
        let hub = fetch.hub();
        let gateway = Gateway::new(
            hub.clone(),
            srs_gateway::Config {
                vhosts: doors::vhosts(&config),
                chunk_size: config.rtmp.chunk_size,
                crossdomain: config.http_server.crossdomain,
                admit: Arc::new(AdmitAll),
                files: Some(Folder::new(config.http_server.dir.clone())),
                envelopes: envelopes(&config, &identity, &[&rtmp, &http, &srt]),
                me: identity.server.clone(),
                http_port: http.first().map(SocketAddr::port),
                source: fetch.source(),
                elsewhere: fetch.elsewhere(),
                pass_on: fetch.pass_on(),
                srt: config.srt.enabled.then(|| srt_door::settings(&config)),
                rtc: rtc_door::settings(&config, &identity, &listeners.rtc),
                sound: doors::sound(&config),
            },
        );
        fetch.begin(hub, &gateway, &handle);
        let slots = Slots::new(config.max_connections);
        let machine = Arc::new(Machine::new());
        let listening =
            Listening { rtmp: &rtmp, http: &http, api: &api, srt: &srt, rtc: &rtc, rtc_tcp: &rtc_tcp };
        let beats = if config.heartbeat.enabled {
            Some(Beats::start(&config, &handle, &gateway, &identity, listening, &slots, &machine)?)
        } else {
            None
        };
        let access = Access::of_origin().opening(signatures(&config, &identity, &[&http, &api, &exporter]));
        serve(&config, &handle, listeners, &gateway, identity, &slots, (access, machine));
        say(config.role, listening, &exporter, count);
        let grace = config.grace_final_wait;
        Ok(Node {
            rtmp,
            http,
            api,
            exporter,
            srt,
            rtc,
            beats,
            gateway,
            fetch,
            grace,
            _pid: pid,
            _shards: shards,
        })
    }

    /// Where RTMP is served.
    pub fn rtmp(&self) -> &[SocketAddr] {
        &self.rtmp
    }

    /// Where HTTP media is served.
    pub fn http(&self) -> &[SocketAddr] {
        &self.http
    }

    /// Where the operators' API is served.
    pub fn api(&self) -> &[SocketAddr] {
        &self.api
    }

    /// Where metrics have a listener of their own.
    pub fn exporter(&self) -> &[SocketAddr] {
        &self.exporter
    }

    /// Where SRT is served.
    pub fn srt(&self) -> &[SocketAddr] {
        &self.srt
    }

    /// Where WebRTC is served, over UDP.
    pub fn rtc(&self) -> &[SocketAddr] {
        &self.rtc
    }

    /// Serves until a signal asks the process to end. SIGTERM and SIGQUIT let the proxies move what is published here
    /// first, for `grace_final_wait` at most; the next signal ends it at once, as SIGINT does and every one where no
    /// proxy is told of this node. SIGUSR1 reopens the log file.
    pub fn run_until_signal(self, output: &Output) -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let rotated = signals::on_rotate(|| {
                if let Err(error) = output.reopen() {
                    tracing::error!(%error, "the log file cannot be opened anew");
                }
            });
            tokio::select! {
                ended = self.until_over() => ended,
                Err(error) = rotated => Err(error),
            }
        })?;
        Ok(())
    }

    async fn until_over(&self) -> io::Result<()> {
        let mut shutdown = Shutdown::listen()?;
        let signal = shutdown.next().await;
        tracing::info!(%signal, "ending");
        if let Some(beats) = self.beats.as_ref().filter(|_| signal != Signal::Interrupt) {
            match shutdown.drain(beats.leave(), self.grace).await {
                Drained::Done => tracing::info!("nothing is published here any more"),
                Drained::Forced(signal) => tracing::warn!(%signal, "ending at once"),
                Drained::TimedOut => tracing::warn!(grace = ?self.grace, "ending with publishers still here"),
            }
        }
        self.gateway.end_rtc().await;
        self.fetch.leave().await;
        Ok(())
    }
}

impl Listeners {
    fn open(config: &Config, shards: usize) -> Result<Listeners, Error> {
        let open = |name, listen: &[Listen], wanted: bool| {
            let wanted = if wanted { listen } else { &[] };
            wanted.iter().map(|listen| bind(name, *listen)).collect::<Result<Vec<_>, _>>()
        };
        let api = config.http_api.enabled && config.http_api.listen != config.http_server.listen;
        // The API has the same page, and one port cannot be bound twice.
        let is_api = config.http_api.enabled && config.http_api.listen == config.exporter.listen;
        let exporter = config.exporter.enabled && !is_api;
        Ok(Listeners {
            rtmp: open("rtmp", &config.rtmp.listen, true)?,
            http: open("http", &config.http_server.listen, config.http_server.enabled)?,
            api: open("http api", &config.http_api.listen, api)?,
            exporter: open("exporter", &config.exporter.listen, exporter)?,
            srt: srt_door::open(config, shards)?,
            rtc: rtc_door::open(config, shards)?,
        })
    }
}

fn bind(name: &'static str, listen: Listen) -> Result<TcpListener, Error> {
    tcp::bind_first(&listen.addresses()).map_err(|source| Error::Bind { name, address: listen, source })
}

fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
}

fn identity(config: &Config) -> Identity {
    let mut rng = rand::rng();
    let server = ids::server_id(&config.pid, config.server_id.as_deref(), &mut rng);
    if let Some(warning) = &server.warning {
        tracing::warn!("{warning}");
    }
    Identity {
        signature: "SRS".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        server: server.id,
        service: ids::service_id(&mut rng),
        pid: std::process::id().to_string(),
    }
}

/// What opens the envelopes of other nodes: they dial this one by its id or at these listeners.
fn envelopes(config: &Config, identity: &Identity, listeners: &[&[SocketAddr]]) -> Option<Arc<Envelopes>> {
    let secret = config.cluster_secret.as_ref()?;
    let ports = listeners.iter().copied().flatten().map(SocketAddr::port).collect();
    Some(Arc::new(Envelopes::new(Seal::new(secret.expose().as_bytes()), &identity.server, ports)))
}

/// The same for what they ask the API.
fn signatures(config: &Config, identity: &Identity, listeners: &[&[SocketAddr]]) -> Option<Arc<Signatures>> {
    let secret = config.cluster_secret.as_ref()?;
    let ports = listeners.iter().copied().flatten().map(SocketAddr::port).collect();
    Some(Arc::new(Signatures::new(secret.expose().as_bytes(), &identity.server, ports)))
}

fn serve(
    config: &Config,
    handle: &Handle,
    listeners: Listeners,
    gateway: &Arc<Gateway>,
    identity: Identity,
    slots: &Slots,
    (access, machine): (Access, Arc<Machine>),
) {
    let api = Arc::new(Api {
        identity,
        shows: Shows::Own(Arc::clone(gateway) as _),
        access: access.clone(),
        crossdomain: config.http_api.crossdomain,
        machine,
        counts: Arc::new(slots.clone()),
        signalling: config.rtc.enabled.then(|| Arc::clone(gateway) as _),
        label: config.exporter.label.clone(),
        tag: config.exporter.tag.clone(),
    });
    let shared = config.http_api.enabled && config.http_api.listen == config.http_server.listen;
    let rest = Arc::new(if shared {
        http_api_beside(Arc::clone(&api), Router::new())
    } else {
        signalling_api(api.signalling.clone())
    });
    for listener in listeners.exporter {
        serve_api(handle, listener, metrics_api(Arc::clone(&api)), access.clone());
    }
    let api = http_api(api);
    for listener in listeners.rtmp {
        let gateway = Arc::clone(gateway);
        tcp::serve(handle, listener, "rtmp", slots.clone(), move |stream, peer| {
            Arc::clone(&gateway).serve_rtmp(stream, peer)
        });
    }
    for listener in listeners.http {
        let (gateway, rest) = (Arc::clone(gateway), Arc::clone(&rest));
        tcp::serve(handle, listener, "http", slots.clone(), move |stream, peer| {
            let rest = Arc::clone(&rest);
            Arc::clone(&gateway)
                .serve_http(stream, peer, move || rest.as_ref().clone().layer(axum::Extension(Peer(peer))))
        });
    }
    srt_door::serve(config, handle, listeners.srt, gateway, slots);
    rtc_door::serve(handle, listeners.rtc, gateway, slots);
    for listener in listeners.api {
        serve_api(handle, listener, api.clone(), access.clone());
    }
    let sampled = Arc::clone(gateway);
    handle.first(move || sampled.sample());
}

fn serve_api(handle: &Handle, listener: TcpListener, router: Router, access: Access) {
    handle.first(move || async move {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => {
                let is_known = move |ip| access.knows(ip);
                srs_control::serve(listener, router, Limits::default(), is_known, std::future::pending())
                    .await;
            }
            Err(error) => tracing::error!(%error, "an api cannot be served"),
        }
    });
}

fn say(
    role: Role,
    Listening { rtmp, http, api, srt, rtc, .. }: Listening<'_>,
    exporter: &[SocketAddr],
    shards: usize,
) {
    let list = |addresses: &[SocketAddr]| {
        if addresses.is_empty() {
            return "off".to_owned();
        }
        addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    tracing::info!(
        rtmp = list(rtmp),
        http = list(http),
        api = list(api),
        exporter = list(exporter),
        srt = list(srt),
        webrtc = list(rtc),
        shards,
        "{} {} serves; media is open to all, lists, kick and metrics to loopback and to proxies of \
         this cluster",
        role.program(),
        env!("CARGO_PKG_VERSION")
    );
}

#[cfg(test)]
mod tests;
