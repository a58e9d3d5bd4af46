//! The port for WebRTC's media, by UDP and TCP.
//!
//! Datagrams are dealt by their addresses, so that processes cannot share a port as listeners of TCP do: as for SRT, where
//! proxies of one machine share ports, one of them has this one, and another takes it when that one is gone. Sessions are
//! made by all of them, and their media finds its way through the one that has the port.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use srs_boot::Listen;
use srs_net::candidates::Candidate;
use srs_net::rtc::{self, Port};
use srs_net::shards::Handle;
use srs_net::tcp::{self, Slots};
use srs_relay::Relay;
use srs_relay::rtc::Face;

use crate::proxy::{Error, Proxy};

/// The variable that says where it is.
const NAME: &str = "PROXY_WEBRTC_SERVER";

/// How often it is looked whether a port is free that another process has.
const LOOK: Duration = Duration::from_secs(1);

/// Where the system chooses the port of UDP, that of TCP may be taken: then another pair is tried, so often.
const PAIRS: usize = 16;

/// Where media is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    /// Another process has the port now.
    waits: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits = if self.waits { " (when the proxy that has the port now is gone)" } else { "" };
        write!(f, "{}{waits}", self.address)
    }
}

/// Both sockets of the port.
struct Both {
    udp: Port,
    /// None: another program has it, and clients without UDP are not served.
    tcp: Option<TcpListener>,
}

impl Both {
    fn bind(listen: Listen, shards: usize, shared: bool) -> io::Result<Both> {
        let mut tries = if listen.port == 0 { PAIRS } else { 1 };
        loop {
            let udp = Port::bind(&listen.addresses(), shards)?;
            tries = tries.saturating_sub(1);
            match tcp::bind_first(&[udp.local_addr()]) {
                Ok(tcp) => return Ok(Both { udp, tcp: Some(tcp) }),
                // That of UDP may be had by several processes: this one says whether another proxy is there.
                Err(error) if tries == 0 && shared => return Err(error),
                Err(error) if tries == 0 => {
                    let address = udp.local_addr();
                    tracing::warn!(%address, %error, "no WebRTC over TCP: another program has that port");
                    return Ok(Both { udp, tcp: None });
                }
                Err(_) => {}
            }
        }
    }
}

/// The port, or the wish for it.
pub(crate) struct Door {
    listen: Listen,
    place: Place,
    both: Option<Both>,
}

impl Door {
    /// Opens the port. Where ports are `shared`, another process may have it.
    pub(crate) fn open(listen: Listen, shards: usize, shared: bool) -> Result<Door, Error> {
        match Both::bind(listen, shards, shared) {
            Ok(both) => {
                let place = Place { address: both.udp.local_addr(), waits: false };
                Ok(Door { listen, place, both: Some(both) })
            }
            Err(error) if shared && error.kind() == io::ErrorKind::AddrInUse => {
                let address = listen.addresses().first().copied().ok_or(error)?;
                Ok(Door { listen, place: Place { address, waits: true }, both: None })
            }
            Err(source) => Err(Error::Bind { name: NAME, address: listen, source }),
        }
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Has sessions made, which are told these addresses, and serves their media as soon as there is a port.
    pub(crate) fn serve(self, handle: &Handle, relay: &Arc<Relay>, slots: &Slots, candidates: &[Candidate]) {
        let Door { listen, place, both } = self;
        let candidates = candidates.to_vec();
        let has_tcp = both.as_ref().is_none_or(|both| both.tcp.is_some());
        relay.open_rtc(Face { listen: place.address, has_tcp, candidates });
        if let Some(both) = both {
            return serve(handle, both, relay, slots);
        }
        let (handle, relay, slots) = (handle.clone(), Arc::clone(relay), slots.clone());
        handle.clone().first(move || async move {
            loop {
                tokio::time::sleep(LOOK).await;
                if let Ok(both) = Both::bind(listen, handle.count(), true) {
                    tracing::info!(address = %both.udp.local_addr(), "media of WebRTC is taken here now");
                    return serve(&handle, both, &relay, &slots);
                }
            }
        });
    }
}

impl Proxy {
    /// Where media of WebRTC is taken.
    pub fn webrtc(&self) -> SocketAddr {
        self.rtc.address
    }
}

fn serve(handle: &Handle, both: Both, relay: &Arc<Relay>, slots: &Slots) {
    let doors = Arc::clone(relay);
    let door: Arc<dyn rtc::Door> = Arc::clone(relay) as _;
    let serving =
        rtc::serve(handle, both.udp, door, slots.clone(), move |knock| Arc::clone(&doors).serve_rtc(knock));
    let Some(listener) = both.tcp else { return };
    tcp::serve(handle, listener, "webrtc", slots.clone(), move |stream, peer| {
        let serving = serving.clone();
        async move { serving.tcp(stream, peer).await }
    });
}

#[cfg(test)]
mod tests;
