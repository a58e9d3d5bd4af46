//! Binds the listeners, starts the shards, and connects the rooms.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs as _, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use srs_boot::log::Output;
use srs_boot::pid::{self, PidFile};
use srs_boot::{Listen, ids, signals};
use srs_control::heartbeat::Heartbeat;
use srs_control::register::{Message, Stream};
use srs_control::{
    Access, Api, Identity, Limits, Machine, Peer, Shows, http_api, http_api_beside, metrics_api,
};
use srs_gateway::Gateway;
use srs_hub::Hub;
use srs_names::AdmitAll;
use srs_net::http::Folder;
use srs_net::shards::{Handle, Shards};
use srs_net::tcp::{self, Slots};

use crate::config::Config;
use crate::doors;

/// Why an origin cannot start.
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
    /// Another origin runs with this pid file.
    #[error(transparent)]
    Pid(#[from] pid::Error),
    /// The heartbeat's URL or token cannot be used.
    #[error("heartbeat: {0}")]
    Heartbeat(#[from] srs_control::ClientError),
}

/// A running origin; dropping it ends all its sessions.
pub struct Origin {
    rtmp: Vec<SocketAddr>,
    http: Vec<SocketAddr>,
    api: Vec<SocketAddr>,
    exporter: Vec<SocketAddr>,
    _pid: PidFile,
    _shards: Shards,
}

/// What listens, with the addresses that the system gave.
struct Listeners {
    rtmp: Vec<TcpListener>,
    http: Vec<TcpListener>,
    api: Vec<TcpListener>,
    exporter: Vec<TcpListener>,
}

impl Origin {
    /// Starts an origin. When this returns, every listener accepts.
    pub fn bind(config: Config) -> Result<Origin, Error> {
        let pid = PidFile::take(&config.pid, std::process::id())?;
        let listeners = Listeners::open(&config)?;
        let (rtmp, http, api) =
            (addresses(&listeners.rtmp), addresses(&listeners.http), addresses(&listeners.api));
        let exporter = addresses(&listeners.exporter);
        let identity = identity(&config);
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let shards = Shards::start(config.shards.count(cores).get())?;
        let handle = shards.handle();
        let gateway = Gateway::new(
            Hub::new(),
            srs_gateway::Config {
                vhosts: doors::vhosts(&config),
                chunk_size: config.rtmp.chunk_size,
                crossdomain: config.http_server.crossdomain,
                admit: Arc::new(AdmitAll),
                files: Some(Folder::new(config.http_server.dir.clone())),
            },
        );
        let slots = Slots::new(config.max_connections);
        if config.heartbeat.enabled {
            let heartbeat = &config.heartbeat;
            let token = heartbeat.token.as_ref().map(|token| token.expose().to_owned());
            let beat = Heartbeat::new(&heartbeat.url, heartbeat.interval, token.as_deref())?;
            let message = beat_message(&config, &identity, (&rtmp, &http, &api), beat.interval());
            let (doors, used) = (Arc::clone(&gateway), slots.clone());
            let most = config.max_connections;
            handle.first(move || beat.run(move || fresh(&message, &doors, used.used(), most)));
        }
        serve(&config, &handle, listeners, &gateway, identity, &slots);
        say((&rtmp, &http, &api, &exporter), shards.handle().count());
        Ok(Origin { rtmp, http, api, exporter, _pid: pid, _shards: shards })
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

    /// Serves until a signal asks the process to end. SIGUSR1 reopens the log file.
    pub fn run_until_signal(self, output: &Output) -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signal = runtime.block_on(async {
            let rotated = signals::on_rotate(|| {
                if let Err(error) = output.reopen() {
                    tracing::error!(%error, "the log file cannot be opened anew");
                }
            });
            tokio::select! {
                signal = signals::shutdown() => signal,
                Err(error) = rotated => Err(error),
            }
        })?;
        tracing::info!(%signal, "ending");
        Ok(())
    }
}

impl Listeners {
    fn open(config: &Config) -> Result<Listeners, Error> {
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

fn serve(
    config: &Config,
    handle: &Handle,
    listeners: Listeners,
    gateway: &Arc<Gateway>,
    identity: Identity,
    slots: &Slots,
) {
    let api = Arc::new(Api {
        identity,
        shows: Shows::Own(Arc::clone(gateway) as _),
        access: Access::of_origin(),
        crossdomain: config.http_api.crossdomain,
        machine: Machine::new(),
        counts: Arc::new(slots.clone()),
        label: config.exporter.label.clone(),
        tag: config.exporter.tag.clone(),
    });
    let shared = config.http_api.enabled && config.http_api.listen == config.http_server.listen;
    let rest =
        Arc::new(if shared { http_api_beside(Arc::clone(&api), Router::new()) } else { Router::new() });
    for listener in listeners.exporter {
        serve_api(handle, listener, metrics_api(Arc::clone(&api)));
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
    for listener in listeners.api {
        serve_api(handle, listener, api.clone());
    }
    let sampled = Arc::clone(gateway);
    handle.first(move || sampled.sample());
}

fn serve_api(handle: &Handle, listener: TcpListener, router: Router) {
    handle.first(move || async move {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => {
                let is_known = |ip| Access::of_origin().knows(ip);
                srs_control::serve(listener, router, Limits::default(), is_known, std::future::pending())
                    .await;
            }
            Err(error) => tracing::error!(%error, "an api cannot be served"),
        }
    });
}

/// The unchanging part of the heartbeat.
fn beat_message(
    config: &Config,
    identity: &Identity,
    (rtmp, http, api): (&[SocketAddr], &[SocketAddr], &[SocketAddr]),
    interval: std::time::Duration,
) -> Message {
    let specific = rtmp.iter().map(SocketAddr::ip).find(|ip| !ip.is_unspecified());
    let ip = config
        .device_ip
        .clone()
        .unwrap_or_else(|| specific.unwrap_or_else(|| reached_from(&config.heartbeat.url)).to_string());
    // SRS's own proxy understands bare ports only, so an address is told only where it differs.
    let endpoints = |addresses: &[SocketAddr]| {
        let told = |address: &SocketAddr| match address.ip() {
            own if own.is_unspecified() || own.to_string() == ip => address.port().to_string(),
            _ => address.to_string(),
        };
        config.heartbeat.ports.then(|| addresses.iter().map(told).collect::<Vec<_>>())
    };
    Message {
        device_id: config.heartbeat.device_id.clone(),
        server: identity.server.clone(),
        service: identity.service.clone(),
        pid: identity.pid.clone(),
        rtmp: endpoints(rtmp),
        http: endpoints(http).filter(|list| !list.is_empty()),
        api: endpoints(if api.is_empty() { http } else { api }).filter(|list| !list.is_empty()),
        role: Some("origin".to_owned()),
        vhosts: Some(config.vhosts.keys().cloned().collect()),
        interval_ms: u64::try_from(interval.as_millis()).ok(),
        ip,
        ..Message::default()
    }
}

/// The address of ours that the heartbeat's receiver sees: where it can reach us.
fn reached_from(url: &str) -> IpAddr {
    let uri: Option<Uri> = url.parse().ok();
    let targets: Option<Vec<SocketAddr>> = uri.as_ref().and_then(Uri::authority).and_then(|authority| {
        let host = authority.host().trim_matches(['[', ']']);
        Some((host, authority.port_u16().unwrap_or(80)).to_socket_addrs().ok()?.collect())
    });
    let mut targets = targets.unwrap_or_default();
    // Of a name with addresses of both families IPv4 is taken: a listener on `0.0.0.0` has no other.
    targets.sort_by_key(SocketAddr::is_ipv6);
    let seen_by = |target: SocketAddr| -> io::Result<IpAddr> {
        // A socket of one family reaches that family only.
        let any: IpAddr =
            if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        // Connecting a datagram socket sends nothing; it only asks the routing table.
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(target)?;
        Ok(socket.local_addr()?.ip())
    };
    let found = targets.into_iter().find_map(|target| seen_by(target).ok());
    found.unwrap_or(Ipv4Addr::LOCALHOST.into())
}

/// One heartbeat: the unchanging part, and how things stand now.
fn fresh(message: &Message, gateway: &Gateway, used: usize, most: usize) -> Message {
    let streams = gateway.live().into_iter().map(|(key, began)| Stream::began(&key, began)).collect();
    // A share needs no exactness.
    #[expect(clippy::cast_precision_loss, reason = "connection counts are far below 2^24")]
    let load = used as f32 / most.max(1) as f32;
    Message { load: Some(load), streams: Some(streams), ..message.clone() }
}

fn say(
    (rtmp, http, api, exporter): (&[SocketAddr], &[SocketAddr], &[SocketAddr], &[SocketAddr]),
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
        shards,
        "srs-origin {} serves; media is open to all, lists, kick and metrics to loopback only",
        env!("CARGO_PKG_VERSION")
    );
}

#[cfg(test)]
mod tests;
