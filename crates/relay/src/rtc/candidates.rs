//! At which addresses clients are told to send media.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use srs_names::host_of;
use srs_net::candidates::{Candidate, Names};

/// Most addresses that a client is told: it checks each with each of its own.
const MOST: usize = 8;

/// Where media is taken.
#[derive(Clone, Debug)]
pub struct Face {
    /// Where datagrams are received: an address, or that of all interfaces.
    pub listen: SocketAddr,
    /// Connections of TCP are taken at the same address.
    pub has_tcp: bool,
    /// What clients are told.
    pub candidates: Vec<Candidate>,
}

impl Face {
    /// The addresses for a client that came from `from` and calls this host `host`.
    pub(super) async fn shown(&self, names: &Names, host: Option<&str>, from: SocketAddr) -> Vec<SocketAddr> {
        let mut all = Vec::new();
        for candidate in &self.candidates {
            let (ips, port) = match candidate {
                Candidate::Detected => (self.detected(host, from), None),
                Candidate::At(place) => (place.ips(names).await, place.port),
            };
            for ip in ips {
                let address = SocketAddr::new(ip, port.unwrap_or(self.listen.port()));
                if all.len() < MOST && !all.contains(&address) {
                    all.push(address);
                }
            }
        }
        all
    }

    /// Addresses that a client can be expected to reach: by which it says it came, from which it is answered, and where
    /// that is this machine, those from which others are.
    fn detected(&self, host: Option<&str>, from: SocketAddr) -> Vec<IpAddr> {
        let bound = self.listen.ip().to_canonical();
        if !bound.is_unspecified() {
            return vec![bound];
        }
        let named = host.map(|host| host_of(host).trim_start_matches('[').trim_end_matches(']'));
        let named = named.and_then(|host| host.parse::<IpAddr>().ok()).map(|ip| ip.to_canonical());
        let mut ips: Vec<IpAddr> = Vec::new();
        let near = [named, source(from.ip().to_canonical())].into_iter().flatten();
        for ip in near.filter(|ip| is_of_use(*ip)) {
            if !ips.contains(&ip) {
                ips.push(ip);
            }
        }
        if ips.iter().all(IpAddr::is_loopback) {
            let far = FAR.into_iter().filter_map(source).filter(|ip| is_of_use(*ip) && !ip.is_loopback());
            ips.extend(far);
        }
        ips.retain(|ip| ip.is_ipv4() || bound.is_ipv6());
        ips
    }
}

/// Addresses that nobody has (RFC 5737, RFC 3849); no datagram is sent to them.
const FAR: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];

/// Not for one link alone: such an address needs the name of an interface.
fn is_of_use(ip: IpAddr) -> bool {
    !ip.is_unspecified() && !ip.is_multicast() && !matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// From which address of this host datagrams go to that one.
fn source(to: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    // Sends nothing; any port will do.
    socket.connect(SocketAddr::new(to, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests;
