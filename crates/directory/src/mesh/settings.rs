//! What a mesh is told: where to listen, where others may be, and the sockets that come of it.

use srs_names::NodeId;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

/// `EAFNOSUPPORT` of Linux: this machine has no IPv6.
const NO_SUCH_FAMILY: i32 = 97;
/// The system picks a port that is free for TCP; for UDP it may be taken.
const PORT_TRIES: u32 = 16;
/// Longest name of a host.
const MAX_HOST: usize = 253;
/// Most peers that may be named: a name in DNS can stand for more.
const MAX_PEERS: usize = 64;

/// What a mesh is told.
#[derive(Clone)]
pub struct Settings {
    /// Addresses to try in turn where this machine lacks IPv6: the first that binds is listened on, by TCP and UDP.
    pub listen: Vec<SocketAddr>,
    /// Where others may be: `host:port`, or `host` on the port that is listened on. A name stands for all its
    /// addresses. See [`Settings::split`].
    pub peers: Vec<String>,
    /// The cluster's secret: who has another one is no member.
    pub secret: Vec<u8>,
    /// This proxy. No other member has this id.
    pub me: NodeId,
}

/// A peer that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It does not read as one.
    #[error("{0:?} is no peer: expected host, host:port or [v6]:port")]
    Peer(String),
    /// More peers than are asked for; a name in DNS may stand for many.
    #[error("more than {MAX_PEERS} peers; a name may stand for all of them")]
    TooMany,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listen, peers, me, .. } = self;
        let mut debug = f.debug_struct("Settings");
        debug.field("listen", listen).field("peers", peers).field("me", me).finish_non_exhaustive()
    }
}

impl Settings {
    /// Peers as they stand in one setting, parted by commas or blanks.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn split(text: &str) -> Result<Vec<String>, Wrong> {
        let words = text.split([',', ' ', '\t', '\n', '\r']).filter(|word| !word.is_empty());
        let peers: Vec<String> = words.map(str::to_owned).collect();
        if peers.len() > MAX_PEERS {
            return Err(Wrong::TooMany);
        }
        for peer in &peers {
            Peer::parse(peer, 1).ok_or_else(|| Wrong::Peer(peer.clone()))?;
        }
        Ok(peers)
    }
}

/// A host where one or more members may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Peer {
    pub(super) fn parse(text: &str, default_port: u16) -> Option<Self> {
        if let Ok(at) = text.parse::<SocketAddr>() {
            return (at.port() != 0).then(|| Self { host: at.ip().to_string(), port: at.port() });
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Some(Self { host: ip.to_string(), port: default_port });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0)?),
            None => (text, default_port),
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let fits = (1..=MAX_HOST).contains(&host.len()) && host.bytes().all(is_host);
        fits.then(|| Self { host: host.to_owned(), port })
    }

    /// Where it is, if it was named by its address.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.host.parse().ok()?, self.port))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Opens the first of these addresses that this machine can have, by TCP and UDP on the same port.
pub(super) fn bind(addresses: &[SocketAddr]) -> io::Result<(TcpListener, UdpSocket)> {
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        result = bind_one(*address);
        if !matches!(&result, Err(error) if error.raw_os_error() == Some(NO_SUCH_FAMILY)) {
            return result.map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")));
        }
    }
    result
}

fn bind_one(address: SocketAddr) -> io::Result<(TcpListener, UdpSocket)> {
    let tries = if address.port() == 0 { PORT_TRIES } else { 1 };
    let mut result = Err(io::ErrorKind::AddrInUse.into());
    for _ in 0..tries {
        let tcp = TcpListener::bind(address)?;
        let port = tcp.local_addr()?.port();
        result = UdpSocket::bind(SocketAddr::new(address.ip(), port)).map(|udp| (tcp, udp));
        if result.is_ok() {
            break;
        }
    }
    let (tcp, udp) = result?;
    tcp.set_nonblocking(true)?;
    udp.set_nonblocking(true)?;
    Ok((tcp, udp))
}

#[cfg(test)]
mod tests;
