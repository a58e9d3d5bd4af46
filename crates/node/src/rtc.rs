//! WebRTC of a node: its ports, and its settings in the words of the rooms.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use srs_boot::Listen;
use srs_control::Identity;
use srs_gateway::{Gateway, Rtc, Who};
use srs_net::candidates::Rules;
use srs_net::rtc::{self, Port};
use srs_net::shards::Handle;
use srs_net::tcp::{self, Slots};
use srs_rtc::ufrag::Keys;

use crate::config::{Config, Transport};
use crate::node::Error;

/// What listens for media.
#[derive(Default)]
pub(crate) struct Ports {
    udp: Vec<Port>,
    tcp: Vec<TcpListener>,
    /// Nobody is told of UDP: its ports are there, since what comes over TCP is served by their drivers.
    is_tcp_alone: bool,
}

impl Ports {
    /// Where UDP is to be sent.
    pub(crate) fn udp(&self) -> Vec<SocketAddr> {
        self.udp.iter().filter(|_| !self.is_tcp_alone).map(Port::local_addr).collect()
    }

    /// Where TCP is.
    pub(crate) fn tcp(&self) -> Vec<SocketAddr> {
        self.tcp.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }
}

/// Opens the ports that are to serve WebRTC.
pub(crate) fn open(config: &Config, shards: usize) -> Result<Ports, Error> {
    let settings = &config.rtc;
    let mut ports = Ports { is_tcp_alone: settings.transport == Transport::Tcp, ..Ports::default() };
    if !settings.enabled {
        return Ok(ports);
    }
    let failed = |address: &Listen, source| Error::Bind { name: "webrtc", address: *address, source };
    for listen in &settings.listen {
        let udp = Port::bind(&listen.addresses(), shards).map_err(|source| failed(listen, source))?;
        // The same number for both, also where the system chooses it.
        let same = udp.local_addr();
        if settings.transport != Transport::Udp && settings.tcp.is_none() {
            // Who did not ask for TCP by name goes without it where the port is taken.
            match tcp::bind_first(&[same]) {
                Ok(listener) => ports.tcp.push(listener),
                Err(source) if settings.transport == Transport::Tcp => return Err(failed(listen, source)),
                Err(error) => {
                    tracing::warn!(address = %same, %error, "no WebRTC over TCP: the port is taken")
                }
            }
        }
        ports.udp.push(udp);
    }
    for listen in settings.tcp.iter().flatten().filter(|_| settings.transport != Transport::Udp) {
        ports.tcp.push(tcp::bind_first(&listen.addresses()).map_err(|source| failed(listen, source))?);
    }
    Ok(ports)
}

/// How it is served.
pub(crate) fn settings(config: &Config, identity: &Identity, ports: &Ports) -> Option<Rtc> {
    let settings = config.rtc.enabled.then_some(&config.rtc)?;
    let keys = match &config.cluster_secret {
        Some(secret) => Keys::of_secret(secret.expose().as_bytes()),
        None => Keys::of_secret(&rand::random::<[u8; 32]>()),
    };
    let route = keys.route(&identity.server);
    let rules = Rules {
        candidates: settings.candidates.clone(),
        api: settings.api,
        resolve: settings.resolve,
        keep: settings.keep,
        detect: settings.detect,
        family: settings.family,
    };
    let who =
        Who { server: identity.server.clone(), service: identity.service.clone(), pid: identity.pid.clone() };
    Some(Rtc { keys, route, rules, udp: ports.udp(), tcp: ports.tcp(), who })
}

/// Serves clients at the ports.
pub(crate) fn serve(handle: &Handle, ports: Ports, gateway: &Arc<Gateway>, slots: &Slots) {
    let mut serving = None;
    for port in ports.udp {
        let (door, own) = (Arc::clone(gateway), Arc::clone(gateway));
        let served =
            rtc::serve(handle, port, door, slots.clone(), move |knock| Arc::clone(&own).serve_rtc(knock));
        serving = Some(served);
    }
    let Some(serving) = serving else { return };
    for listener in ports.tcp {
        let serving = serving.clone();
        tcp::serve(handle, listener, "webrtc", slots.clone(), move |stream, peer| {
            let serving = serving.clone();
            async move { serving.tcp(stream, peer).await }
        });
    }
}
