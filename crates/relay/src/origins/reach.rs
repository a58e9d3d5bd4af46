//! Connections to a node.

use std::io;
use std::net::SocketAddr;

use srs_balance::{Endpoint, Node};
use srs_net::rtmp::Error;
use srs_net::{dial, limits};
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
    let addresses = addresses_of(node, "http").await?;
    match addresses.iter().copied().find_map(pooled).filter(|_| !fresh) {
        Some(stream) => Ok((stream, true)),
        None => Ok((dial_to(&addresses).await?, false)),
    }
}

pub(super) async fn connect(node: &Node, label: &str) -> Result<TcpStream, Failure> {
    dial_to(&addresses_of(node, label).await?).await
}

/// Where the node's service is. That there is no such address is a lack of ours.
async fn addresses_of(node: &Node, label: &str) -> Result<Vec<SocketAddr>, Failure> {
    let found = match node.endpoint(label) {
        Some(Endpoint { host, port, .. }) => dial::addresses(host, *port, limits::DIAL).await,
        None => {
            let why = "the origin registered no such endpoint";
            Err(io::Error::new(io::ErrorKind::AddrNotAvailable, why))
        }
    };
    found.map_err(|error| Failure::of_session(error.into()))
}

async fn dial_to(addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut};
    dial::first(addresses, limits::DIAL).await.map_err(|error| {
        let remote = [ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut];
        Failure { down: remote.contains(&error.kind()), error: error.into(), again: false }
    })
}

#[cfg(test)]
mod tests;
