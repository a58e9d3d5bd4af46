//! The port for SRT.
//!
//! Datagrams are dealt by their addresses, so that processes cannot share a port as listeners of TCP do: one that came or
//! went would take over connections that it does not know. Where proxies of one machine share ports, one of them has this
//! one, and another takes it when that one is gone.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use srs_boot::Listen;
use srs_net::shards::Handle;
use srs_net::srt::{self, Port};
use srs_net::tcp::Slots;
use srs_relay::Relay;

use crate::proxy::{Error, Proxy};

/// The variable that says where it is.
const NAME: &str = "PROXY_SRT_SERVER";

/// How often it is looked whether a port is free that another process has.
const LOOK: Duration = Duration::from_secs(1);

/// Where SRT is served.
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

/// The port, or the wish for it.
pub(crate) struct Door {
    listen: Listen,
    place: Place,
    port: Option<Port>,
}

impl Door {
    /// Opens the port. Where ports are `shared`, another process may have it.
    pub(crate) fn open(listen: Listen, shards: usize, shared: bool) -> Result<Door, Error> {
        let addresses = listen.addresses();
        match Port::bind(&addresses, shards) {
            Ok(port) => {
                let place = Place { address: port.local_addr(), waits: false };
                Ok(Door { listen, place, port: Some(port) })
            }
            Err(error) if shared && error.kind() == io::ErrorKind::AddrInUse => {
                let address = addresses.first().copied().ok_or(error)?;
                Ok(Door { listen, place: Place { address, waits: true }, port: None })
            }
            Err(source) => Err(Error::Bind { name: NAME, address: listen, source }),
        }
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Serves callers, as soon as there is a port.
    pub(crate) fn serve(self, handle: &Handle, relay: &Arc<Relay>, slots: &Slots) {
        let Door { listen, port, .. } = self;
        if let Some(port) = port {
            return serve(handle, port, relay, slots);
        }
        let (handle, relay, slots) = (handle.clone(), Arc::clone(relay), slots.clone());
        handle.clone().first(move || async move {
            loop {
                tokio::time::sleep(LOOK).await;
                if let Ok(port) = Port::bind(&listen.addresses(), handle.count()) {
                    tracing::info!(address = %port.local_addr(), "SRT is served here now");
                    return serve(&handle, port, &relay, &slots);
                }
            }
        });
    }
}

impl Proxy {
    /// Where SRT is served.
    pub fn srt(&self) -> SocketAddr {
        self.srt.address
    }
}

fn serve(handle: &Handle, port: Port, relay: &Arc<Relay>, slots: &Slots) {
    let doors = Arc::clone(relay);
    srt::serve(handle, port, relay.cookies(), slots.clone(), move |knock| {
        Arc::clone(&doors).serve_srt(knock)
    });
}

#[cfg(test)]
mod tests;
