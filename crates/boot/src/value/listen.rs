use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Expected;

/// Where a server listens: a port, on one address or on all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address to bind; `None` is every interface, IPv4 and IPv6, as SRS binds a bare port.
    pub ip: Option<IpAddr>,
    /// The port; 0 lets the system choose, which is of use in tests only.
    pub port: u16,
}

impl Listen {
    /// A port on every interface.
    pub const fn port(port: u16) -> Self {
        Self { ip: None, port }
    }

    /// Reads `port`, `:port`, `ip:port` or `[v6]:port`. Host names are refused: what they resolve to may change.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        const EXPECTED: Expected = Expected::fixed("a port, ip:port or [v6]:port");
        if let Some(port) = port(text.strip_prefix(':').unwrap_or(text)) {
            return Ok(Self::port(port));
        }
        let (ip, rest) = text.rsplit_once(':').ok_or(EXPECTED)?;
        let port = port(rest).ok_or(EXPECTED)?;
        let ip = match ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')) {
            Some(v6) => IpAddr::V6(v6.parse::<Ipv6Addr>().map_err(|_| EXPECTED)?),
            None => IpAddr::V4(ip.parse::<Ipv4Addr>().map_err(|_| EXPECTED)?),
        };
        Ok(Self { ip: Some(ip), port })
    }

    /// The addresses to try in turn; the first that binds is the listener. A bare port is tried on the dual-stack
    /// `[::]` first and on `0.0.0.0` where the machine has no IPv6.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        match self.ip {
            Some(ip) => vec![SocketAddr::new(ip, self.port)],
            None => vec![
                SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), self.port),
                SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), self.port),
            ],
        }
    }
}

fn port(text: &str) -> Option<u16> {
    super::number(text, 0, u64::from(u16::MAX)).ok().and_then(|n| u16::try_from(n).ok())
}

/// Prints the shortest form that reads back as the same; a heartbeat reports listeners so.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            None => write!(f, "{}", self.port),
            Some(ip) => write!(f, "{}", SocketAddr::new(ip, self.port)),
        }
    }
}
