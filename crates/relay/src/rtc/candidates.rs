//! At which addresses clients are told to send media.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use srs_names::host_of;
use srs_net::dial;

/// Most addresses that a client is told: it checks each with each of its own.
const MOST: usize = 8;

/// Most that can be set.
const MOST_SET: usize = 32;

/// So long the addresses of a name are not asked for again.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// A client waits while names are looked up: a resolver that takes longer is done without.
const LOOK_UP: Duration = Duration::from_secs(1);

/// An address of this proxy, as it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// Whatever clients can be expected to reach: `*`.
    Detected,
    /// This one: `host`, `ip`, `host:port`, `ip:port` or `[v6]:port`, where the port differs from the one that is listened on.
    At {
        /// An address without brackets, or a name.
        host: String,
        /// As clients see it.
        port: Option<u16>,
    },
}

/// A word that is no address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "addresses or host names, each with or without :port, parted by commas; or * for those that are found"
)]
pub struct BadCandidate;

impl Candidate {
    /// Reads a list whose words are parted by commas or blanks; of an empty one the addresses are detected.
    ///
    /// # Errors
    /// [`BadCandidate`], also where there are more than 32.
    pub fn list(text: &str) -> Result<Vec<Candidate>, BadCandidate> {
        let words = text.split([',', ' ', '\t']).filter(|word| !word.is_empty());
        let list = words.map(str::parse).collect::<Result<Vec<_>, _>>()?;
        match list.len() {
            0 => Ok(vec![Candidate::Detected]),
            1..=MOST_SET => Ok(list),
            _ => Err(BadCandidate),
        }
    }
}

impl FromStr for Candidate {
    type Err = BadCandidate;

    fn from_str(word: &str) -> Result<Candidate, BadCandidate> {
        if word == "*" {
            return Ok(Candidate::Detected);
        }
        let at = |host: String, port| Ok(Candidate::At { host, port });
        if let Ok(address) = word.parse::<SocketAddr>() {
            let is_fine = address.port() != 0 && !address.ip().is_unspecified();
            return if is_fine {
                at(address.ip().to_string(), Some(address.port()))
            } else {
                Err(BadCandidate)
            };
        }
        let bare = word.strip_prefix('[').and_then(|word| word.strip_suffix(']')).unwrap_or(word);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return if ip.is_unspecified() { Err(BadCandidate) } else { at(ip.to_string(), None) };
        }
        let (host, port) = match word.split_once(':') {
            Some((host, port)) => {
                (host, Some(port.parse().ok().filter(|port| *port != 0).ok_or(BadCandidate)?))
            }
            None => (word, None),
        };
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        // What ends in a number is an address, and was none above.
        let is_number =
            host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        if host.is_empty() || host.len() > 253 || is_number || !host.bytes().all(is_letter) {
            return Err(BadCandidate);
        }
        at(host.to_owned(), port)
    }
}

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

/// The addresses of names that were looked up lately.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<HashMap<String, (Instant, Vec<IpAddr>)>>);

impl Names {
    /// The addresses of this name; none where the resolver knows none, or does not answer in time.
    async fn find(&self, host: &str) -> Vec<IpAddr> {
        let known = |names: &HashMap<String, (Instant, Vec<IpAddr>)>| names.get(host).cloned();
        let before = known(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some((at, ips)) = &before
            && at.elapsed() < GOOD_FOR
        {
            return ips.clone();
        }
        let ips: Vec<IpAddr> = match dial::addresses(host, 0, LOOK_UP).await {
            Ok(found) => found.into_iter().map(|address| address.ip()).collect(),
            Err(error) => {
                tracing::warn!(host, %error, "a WebRTC candidate cannot be looked up");
                before.map(|(_, ips)| ips).unwrap_or_default()
            }
        };
        // As many as can be set.
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(host.to_owned(), (Instant::now(), ips.clone()));
        ips
    }
}

impl Face {
    /// The addresses for a client that came from `from` and calls this host `host`.
    pub(super) async fn shown(&self, names: &Names, host: Option<&str>, from: SocketAddr) -> Vec<SocketAddr> {
        let mut all = Vec::new();
        for candidate in &self.candidates {
            let (ips, port) = match candidate {
                Candidate::Detected => (self.detected(host, from), None),
                Candidate::At { host, port } => match host.parse() {
                    Ok(ip) => (vec![ip], *port),
                    Err(_) => (names.find(host).await, *port),
                },
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
