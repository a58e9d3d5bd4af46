//! Names and connections.

use std::io;
use std::net::SocketAddr;

use srs_net::tcp;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::incoming::Failed;
use crate::limits::{ADDRESSES, CONNECT, CONNECT_ONE};

/// Connects to a server within [`CONNECT`]. Its name is looked up anew each time, for it may move; of several addresses the
/// first that answers is taken.
pub(crate) async fn dial(host: &str, port: u16) -> Result<TcpStream, Failed> {
    let found = timeout(CONNECT, dial_any(host, port)).await;
    found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(Failed::unreachable)
}

async fn dial_any(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = match host.parse() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => lookup_host((host, port)).await?.take(ADDRESSES).collect(),
    };
    let mut last = io::ErrorKind::NotFound.into();
    let mut rest = addresses.iter().peekable();
    while let Some(address) = rest.next() {
        let limit = if rest.peek().is_some() { CONNECT_ONE } else { CONNECT };
        last = match timeout(limit, tcp::dial(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
    }
    Err(last)
}
