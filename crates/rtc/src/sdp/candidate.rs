//! A candidate: an address at which a side can perhaps be reached (RFC 8839 section 5.1, of TCP RFC 6544).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// What is wrong with a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a candidate that makes no sense")]
pub struct CandidateError;

/// Who opens the connection of a TCP candidate, RFC 6544 section 4.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TcpKind {
    /// Its side does.
    Active,
    /// The other side does.
    Passive,
    /// Both at once.
    So,
}

/// Where a candidate's address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// From the host itself.
    Host,
    /// A STUN server saw it.
    Srflx,
    /// The peer saw it.
    Prflx,
    /// A TURN server passes on what comes there.
    Relay,
}

/// A candidate's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A number.
    Ip(IpAddr),
    /// A host's name: browsers hide their own addresses behind one of mDNS (`….local`).
    Name(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(ip) => ip.fmt(f),
            Address::Name(name) => f.write_str(name),
        }
    }
}

/// A candidate. Its text is `candidate:…`, in an SDP with `a=` before it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// The same for candidates of one kind, base and server.
    pub foundation: String,
    /// 1 for RTP, and for RTCP that goes with it.
    pub component: u16,
    /// Over TCP, and who opens it; none over UDP.
    pub tcp: Option<TcpKind>,
    /// The higher the better.
    pub priority: u32,
    /// Where.
    pub address: Address,
    /// At which port; 9 where the side itself opens the connection.
    pub port: u16,
    /// Where it comes from.
    pub kind: CandidateKind,
    /// What else is said, without `tcptype`: `raddr 10.0.0.1 rport 9 generation 0`.
    pub rest: String,
}

impl Candidate {
    /// A host's own address, as a server tells it: over TCP one to be connected to. Of several addresses the first, `index` 0,
    /// is liked best, and all of UDP better than all of TCP.
    pub fn host(address: SocketAddr, tcp: bool, index: u16) -> Candidate {
        // RFC 8445 section 5.1.2.1, and RFC 6544 section 4.2: a passive one has 4 of 7 in the upper bits.
        let (preference, local) = match tcp {
            false => (126, u32::from(u16::MAX.saturating_sub(index))),
            true => (90, (4 << 13) | u32::from(0x1fff_u16.saturating_sub(index))),
        };
        Candidate {
            // Two different ones for each index.
            foundation: u32::from(index).saturating_mul(2).saturating_add(1 + u32::from(tcp)).to_string(),
            component: 1,
            tcp: tcp.then_some(TcpKind::Passive),
            priority: (preference << 24) | (local << 8) | 255,
            address: Address::Ip(address.ip().to_canonical()),
            port: address.port(),
            kind: CandidateKind::Host,
            rest: String::new(),
        }
    }

    /// Where to send, when the address is a number.
    pub fn socket_address(&self) -> Option<SocketAddr> {
        match self.address {
            Address::Ip(ip) => Some(SocketAddr::new(ip, self.port)),
            Address::Name(_) => None,
        }
    }
}

impl FromStr for Candidate {
    type Err = CandidateError;

    /// Reads `candidate:…`; `a=` before it is passed over.
    fn from_str(text: &str) -> Result<Candidate, CandidateError> {
        read(text).ok_or(CandidateError)
    }
}

fn read(text: &str) -> Option<Candidate> {
    let text = text.strip_prefix("a=").unwrap_or(text).strip_prefix("candidate:")?;
    let mut words = text.split_ascii_whitespace();
    let foundation = words.next()?;
    let component = words.next()?.parse().ok()?;
    let transport = words.next()?;
    let priority = words.next()?.parse().ok()?;
    let address = words.next()?;
    let port = words.next()?.parse().ok()?;
    (words.next()? == "typ").then_some(())?;
    let kind = match words.next()? {
        "host" => CandidateKind::Host,
        "srflx" => CandidateKind::Srflx,
        "prflx" => CandidateKind::Prflx,
        "relay" => CandidateKind::Relay,
        _ => return None,
    };
    let mut rest: Vec<&str> = words.collect();
    let tcp = match transport {
        _ if transport.eq_ignore_ascii_case("udp") => None,
        _ if transport.eq_ignore_ascii_case("tcp") => Some(take_tcp_kind(&mut rest)?),
        _ => return None,
    };
    let address = match address.parse() {
        Ok(ip) => Address::Ip(ip),
        Err(_) => Address::Name(address.to_owned()),
    };
    let foundation = foundation.to_owned();
    Some(Candidate { foundation, component, tcp, priority, address, port, kind, rest: rest.join(" ") })
}

/// Takes `tcptype` with its value out of the rest. Old ones do not say it, and mean that they wait.
fn take_tcp_kind(rest: &mut Vec<&str>) -> Option<TcpKind> {
    let Some(at) = rest.iter().position(|word| *word == "tcptype") else { return Some(TcpKind::Passive) };
    let kind = match *rest.get(at.saturating_add(1))? {
        "active" => TcpKind::Active,
        "passive" => TcpKind::Passive,
        "so" => TcpKind::So,
        _ => return None,
    };
    rest.drain(at..=at.saturating_add(1));
    Some(kind)
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Candidate { foundation, component, tcp, priority, address, port, kind, rest } = self;
        let transport = if tcp.is_some() { "tcp" } else { "udp" };
        let kind = match kind {
            CandidateKind::Host => "host",
            CandidateKind::Srflx => "srflx",
            CandidateKind::Prflx => "prflx",
            CandidateKind::Relay => "relay",
        };
        write!(f, "candidate:{foundation} {component} {transport} {priority} {address} {port} typ {kind}")?;
        let mut words = rest.split_ascii_whitespace();
        // The related address stands before the type of TCP, and all else behind it.
        if rest.starts_with("raddr ") {
            words.by_ref().take(4).try_for_each(|word| write!(f, " {word}"))?;
        }
        match tcp {
            None => {}
            Some(TcpKind::Active) => f.write_str(" tcptype active")?,
            Some(TcpKind::Passive) => f.write_str(" tcptype passive")?,
            Some(TcpKind::So) => f.write_str(" tcptype so")?,
        }
        words.try_for_each(|word| write!(f, " {word}"))
    }
}
