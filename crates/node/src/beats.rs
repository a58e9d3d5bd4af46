//! Heartbeats: what a node tells its proxies of itself, what they answer, and how it leaves them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use srs_control::heartbeat::{Answer, Heartbeat};
use srs_control::register::{Message, Stream, Usage};
use srs_control::{ClientError, Identity, Machine, Signer};
use srs_gateway::{Gateway, LiveStream};
use srs_names::envelope::CAPABILITY;
use srs_names::{Inventory as _, NodeId};
use srs_net::shards::Handle;
use srs_net::tcp::Slots;
use tokio::sync::watch;

use crate::config::{self, Config};
use crate::{Role, fetch};

/// How often a node that leaves looks whether somebody still publishes.
const LOOK: Duration = Duration::from_millis(50);

/// Where a node listens.
#[derive(Clone, Copy)]
pub(crate) struct Listening<'a> {
    pub(crate) rtmp: &'a [SocketAddr],
    pub(crate) http: &'a [SocketAddr],
    pub(crate) api: &'a [SocketAddr],
    pub(crate) srt: &'a [SocketAddr],
    pub(crate) rtc: &'a [SocketAddr],
    pub(crate) rtc_tcp: &'a [SocketAddr],
}

/// The beats of a node: one task for each proxy, so that one that is slow or gone delays no other.
pub(crate) struct Beats {
    gateway: Arc<Gateway>,
    proxies: usize,
    /// How many of them were told of the drain, or could not be.
    told: watch::Receiver<usize>,
}

impl Beats {
    /// Begins to beat.
    pub(crate) fn start(
        config: &Config,
        handle: &Handle,
        gateway: &Arc<Gateway>,
        identity: &Identity,
        listeners: Listening<'_>,
        slots: &Slots,
        machine: &Arc<Machine>,
    ) -> Result<Beats, ClientError> {
        let heartbeat = &config.heartbeat;
        let token = heartbeat.token.as_ref().map(|token| token.expose().to_owned());
        let signer = signer(config, identity);
        let beat = |url: &String| {
            let beat = Heartbeat::new(url, heartbeat.interval, token.as_deref())?.signed(signer.clone());
            let message = beat_message(config, identity, listeners, url, beat.interval());
            Ok((beat, message))
        };
        // All of them before the first begins: one that cannot be used keeps the origin from starting.
        let beats = heartbeat.urls.iter().map(beat).collect::<Result<Vec<_>, ClientError>>()?;
        let (telling, told) = watch::channel(0);
        let proxies = beats.len();
        for (beat, message) in beats {
            let mut hearing = Hearing { gateway: Arc::clone(gateway), telling: telling.clone(), told: false };
            let (doors, used, most) = (Arc::clone(gateway), slots.clone(), config.max_connections);
            let machine = Arc::clone(machine);
            handle.first(move || {
                let fresh = move || fresh(&message, &doors, (used.used(), most), machine.busy());
                let drains = hearing.gateway.drains();
                beat.run(drains, fresh, move |message, answer| hearing.hear(message, answer))
            });
        }
        Ok(Beats { gateway: Arc::clone(gateway), proxies, told })
    }

    /// Asks the proxies to move what is published here. Ready when all of them were told and nobody publishes any more.
    pub(crate) async fn leave(&self) {
        self.gateway.drain(true);
        // An error means that nobody beats any more: there is nothing to wait for.
        let _ = self.told.clone().wait_for(|told| *told >= self.proxies).await;
        while self.gateway.publishers() > 0 {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// What becomes of one proxy's answers.
struct Hearing {
    gateway: Arc<Gateway>,
    telling: watch::Sender<usize>,
    /// The proxy was told that this node is being left.
    told: bool,
}

impl Hearing {
    fn hear(&mut self, message: &Message, answer: Option<Answer>) {
        for (key, term) in answer.unwrap_or_default().fenced {
            self.gateway.fence(&key, &term);
        }
        let told = message.draining == Some(true);
        match (std::mem::replace(&mut self.told, told), told) {
            (false, true) => self.telling.send_modify(|count| *count = count.saturating_add(1)),
            (true, false) => self.telling.send_modify(|count| *count = count.saturating_sub(1)),
            _ => {}
        }
    }
}

/// Signs with the cluster's secret, where there is one.
fn signer(config: &Config, identity: &Identity) -> Option<Signer> {
    let me = NodeId::new(&identity.server).ok()?;
    config
        .cluster_secret
        .as_ref()
        .map(|secret| Signer::new(secret.expose().as_bytes(), me, config.role.name()))
}

/// The unchanging part of the heartbeat.
fn beat_message(
    config: &Config,
    identity: &Identity,
    Listening { rtmp, http, api, srt, rtc, rtc_tcp }: Listening<'_>,
    url: &str,
    interval: Duration,
) -> Message {
    let specific = rtmp.iter().map(SocketAddr::ip).find(|ip| !ip.is_unspecified());
    let ip =
        config.device_ip.clone().unwrap_or_else(|| specific.unwrap_or_else(|| reached_from(url)).to_string());
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
        // As SRS tells it.
        srt: endpoints(srt)
            .filter(|list| !list.is_empty())
            .map(|list| list.iter().map(|at| udp(at)).collect()),
        rtc: endpoints(rtc)
            .zip(endpoints(rtc_tcp))
            .map(|(udp_at, tcp_at)| media(&udp_at, &tcp_at))
            .filter(|list| !list.is_empty()),
        role: Some(config.role.name().to_owned()),
        capabilities: config.cluster_secret.as_ref().map(|_| vec![CAPABILITY.to_owned()]),
        vhosts: Some(vhosts(config)),
        interval_ms: u64::try_from(interval.as_millis()).ok(),
        ip,
        ..Message::default()
    }
}

/// An endpoint of UDP.
fn udp(endpoint: &str) -> String {
    over("udp", endpoint)
}

/// Endpoints of WebRTC, as SRS tells them: over UDP, then over TCP.
fn media(udp_at: &[String], tcp_at: &[String]) -> Vec<String> {
    udp_at.iter().map(|at| udp(at)).chain(tcp_at.iter().map(|endpoint| over("tcp", endpoint))).collect()
}

fn over(transport: &str, endpoint: &str) -> String {
    let is_port = endpoint.bytes().all(|byte| byte.is_ascii_digit());
    if is_port { format!("{transport}://0.0.0.0:{endpoint}") } else { format!("{transport}://{endpoint}") }
}

/// Whose streams this node has. An edge is sent viewers for what it fetches, and no others.
fn vhosts(config: &Config) -> Vec<String> {
    let of_edge = |vhost: &config::Vhost| vhost.enabled && fetch::fetches(vhost);
    let served = config.vhosts.iter().filter(|(_, vhost)| config.role != Role::Edge || of_edge(vhost));
    served.map(|(name, _)| name.clone()).collect()
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

/// One heartbeat: the unchanging part, and how things stand now: connections that are used of as many as may be, and
/// processors by their share.
fn fresh(message: &Message, gateway: &Gateway, (used, most): (usize, usize), cpu: f32) -> Message {
    // A share needs no exactness.
    #[expect(clippy::cast_precision_loss, reason = "connection counts are far below 2^24")]
    let connections = used as f32 / most.max(1) as f32;
    let carried = gateway.carried();
    Message {
        load: Some(cpu.max(connections).min(1.0)),
        usage: Some(Usage {
            cpu,
            streams: carried.streams as u64,
            viewers: carried.viewers,
            recv_kbps: carried.kbps.recv_30s,
            send_kbps: carried.kbps.send_30s,
        }),
        streams: Some(gateway.live().into_iter().map(told).collect()),
        draining: gateway.draining().then_some(true),
        ..message.clone()
    }
}

fn told(LiveStream { key, epoch, domain, held }: LiveStream) -> Stream {
    Stream { key: key.as_str().to_owned(), epoch, domain, held: held.then_some(true) }
}

#[cfg(test)]
mod tests;
