//! Connections to servers by name. A name may have several addresses, and some of them may be dead, or of a kind that the
//! server does not listen on.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{limits, tcp};

/// Connects to a server `within` this time, and tunes the socket. Of several addresses the first that answers is taken.
///
/// # Errors
/// Of the look-up, or of the address that was tried last.
pub async fn by_name(host: &str, port: u16, within: Duration) -> io::Result<TcpStream> {
    let until = Instant::now() + within;
    let addresses = addresses(host, port, within).await?;
    first(&addresses, until.saturating_duration_since(Instant::now())).await
}

/// The addresses of a server, at least one and at most [`limits::ADDRESSES`]. A name is looked up anew each time, for it
/// may move, `within` this time.
///
/// # Errors
/// Of the look-up.
pub async fn addresses(host: &str, port: u16, within: Duration) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = timeout(within, lookup_host((host, port))).await;
    let found = found.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let found: Vec<SocketAddr> = found.take(limits::ADDRESSES).collect();
    if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
}

/// Connects to the first of these addresses that answers, `within` this time for all of them, and tunes the socket. Each
/// but the last one has [`limits::DIAL_ONE`] at most, and leaves time for those behind it.
///
/// # Errors
/// Of the address that was tried last.
pub async fn first(addresses: &[SocketAddr], within: Duration) -> io::Result<TcpStream> {
    let until = Instant::now() + within;
    let mut last = io::ErrorKind::NotFound.into();
    let mut behind = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let now = Instant::now();
        let left = until.saturating_duration_since(now);
        let limit = if behind > 1 { limits::DIAL_ONE.min(left / behind) } else { left };
        behind = behind.saturating_sub(1);
        last = match timeout_at(now + limit, tcp::dial(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
    }
    Err(last)
}

#[cfg(test)]
mod tests;
