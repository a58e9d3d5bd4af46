//! Connections to a node.

use std::io;
use std::net::SocketAddr;

use srs_balance::{Endpoint, Node};
use srs_net::rtmp::Error;
use srs_net::{limits, tcp};
use tokio::net::TcpStream;

use crate::upstream::pooled;

/// Why a leg could not be opened, and whether that says that the origin is down for everybody. What we lack (a file
/// descriptor, an endpoint, a name's address) and what it makes of one client say nothing of the kind.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) down: bool,
    /// The same node may do it if it is asked otherwise.
    pub(super) again: bool,
}

impl Failure {
    pub(super) fn of_session(error: Error) -> Failure {
        Failure { error, down: false, again: false }
    }
}

/// A connection to the node's HTTP server, and whether it was used before.
pub(super) async fn reach(node: &Node, fresh: bool) -> Result<(TcpStream, bool), Failure> {
    let address = address_of(node, "http").await?;
    match pooled(address).filter(|_| !fresh) {
        Some(stream) => Ok((stream, true)),
        None => Ok((dial_to(address).await?, false)),
    }
}

pub(super) async fn connect(node: &Node, label: &str) -> Result<TcpStream, Failure> {
    dial_to(address_of(node, label).await?).await
}

async fn address_of(node: &Node, label: &str) -> Result<SocketAddr, Failure> {
    resolve(node.endpoint(label)).await.map_err(|error| Failure::of_session(error.into()))
}

async fn dial_to(address: SocketAddr) -> Result<TcpStream, Failure> {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut};
    tcp::dial(address).await.map_err(|error| {
        let remote = [ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut];
        Failure { down: remote.contains(&error.kind()), error: error.into(), again: false }
    })
}

/// The socket address of an endpoint; host names are looked up anew each time, for they may move, within
/// [`limits::DIAL`].
async fn resolve(endpoint: Option<&Endpoint>) -> io::Result<SocketAddr> {
    let endpoint = endpoint.ok_or_else(|| {
        io::Error::new(io::ErrorKind::AddrNotAvailable, "the origin registered no such endpoint")
    })?;
    if let Ok(ip) = endpoint.host.parse() {
        return Ok(SocketAddr::new(ip, endpoint.port));
    }
    let host = (endpoint.host.as_str(), endpoint.port);
    let found = tokio::time::timeout(limits::DIAL, tokio::net::lookup_host(host));
    found
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??
        .next()
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}
