//! How a node finds what it tells: by what an operator names, by the request that makes the session, and on this machine.

use std::net::{IpAddr, Ipv4Addr};

use super::{Candidate, Host, Names, Place};

/// Most addresses that a client is told: it tries each.
const MOST: usize = 16;

/// Which addresses of this machine are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
    /// Both.
    Any,
}

impl Family {
    fn has(self, ip: IpAddr) -> bool {
        match self {
            Family::V4 => ip.is_ipv4(),
            Family::V6 => ip.is_ipv6(),
            Family::Any => true,
        }
    }
}

/// How candidates are found. The rules are SRS's.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Those that are set. This machine's addresses are looked for where none is named: `*` beside others adds nothing.
    pub candidates: Vec<Candidate>,
    /// Whether the host of the request is one.
    pub api: bool,
    /// Whether its address is looked up, where it is a name.
    pub resolve: bool,
    /// Whether the name itself is told beside that.
    pub keep: bool,
    /// Whether this machine's addresses are looked for.
    pub detect: bool,
    /// Which of them.
    pub family: Family,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            candidates: vec![Candidate::Detected],
            api: true,
            resolve: true,
            keep: false,
            detect: true,
            family: Family::V4,
        }
    }
}

/// What a request says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// `?eip=` or `?candidate=`: what the client says where it sees this server, `address` or `address:port`.
    pub external: Option<&'a str>,
    /// `Host`, without its port.
    pub host: &'a str,
}

impl Rules {
    /// The candidates for a request at a server whose listeners are bound to `bound`, in the order in which they should be tried; at
    /// least one.
    pub async fn candidates(&self, names: &Names, bound: &[IpAddr], asked: Asked<'_>) -> Vec<Place> {
        let mut found = Found(Vec::new());
        if let Some(place @ Place { host: Host::Ip(_), .. }) = asked.external.and_then(read) {
            found.add(place);
        }
        if self.api && asked.host != "localhost" {
            self.of_api(names, asked.host, &mut found).await;
        }
        let mut named = self.candidates.iter().filter_map(Candidate::place).peekable();
        let detects = self.detect && named.peek().is_none();
        for place in named {
            found.look_up(names, place).await;
        }
        if detects {
            found.ips(own(bound).into_iter().filter(|ip| self.family.has(*ip)));
        }
        if found.0.is_empty() {
            found.ips(own(bound));
        }
        if found.0.is_empty() {
            found.ips([Ipv4Addr::LOCALHOST.into()]);
        }
        found.0
    }

    async fn of_api(&self, names: &Names, host: &str, found: &mut Found) {
        let Some(place) = read(host).filter(|place| place.port.is_none()) else { return };
        let Host::Name(name) = &place.host else { return found.add(place) };
        if self.resolve {
            found.ips(names.find_strange(name).await);
        }
        if self.keep {
            found.add(place);
        }
    }
}

/// What a request names.
fn read(text: &str) -> Option<Place> {
    text.parse::<Candidate>().ok()?.place().cloned()
}

/// Candidates, each once.
struct Found(Vec<Place>);

impl Found {
    fn add(&mut self, place: Place) {
        if self.0.len() < MOST && !self.0.contains(&place) {
            self.0.push(place);
        }
    }

    async fn look_up(&mut self, names: &Names, place: &Place) {
        for ip in place.ips(names).await {
            self.add(Place { host: Host::Ip(ip), port: place.port });
        }
    }

    /// At the listener's own port.
    fn ips(&mut self, ips: impl IntoIterator<Item = IpAddr>) {
        for ip in ips {
            self.add(Place { host: Host::Ip(ip), port: None });
        }
    }
}

/// The addresses at which listeners that are bound to these are reached, from other machines where that can be.
fn own(bound: &[IpAddr]) -> Vec<IpAddr> {
    let fixed: Vec<IpAddr> =
        bound.iter().map(IpAddr::to_canonical).filter(|ip| !ip.is_unspecified()).collect();
    if fixed.len() == bound.len() && !fixed.is_empty() {
        return fixed;
    }
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    let ips =
        all.iter().map(|interface| interface.ip()).filter(|ip| !ip.is_loopback() && !is_link_local(*ip));
    fixed.iter().copied().chain(ips).collect()
}

/// What means something on one link alone.
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
