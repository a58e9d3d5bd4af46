//! The addresses at which a client of WebRTC is told to look for media: those that an operator names, that of the request
//! by which its session is made, and those of this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::dial;

/// Names are looked up so long; who wants a session waits for it.
const LOOK_UP: Duration = Duration::from_secs(2);
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

/// An address that an operator or a client names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Named {
    /// An address or the name of a host.
    pub host: String,
    /// Where it is not that of the listener: behind a translator of addresses.
    pub port: Option<u16>,
}

impl Named {
    /// Reads `host`, `host:port`, an IPv6 address or `[address]:port`.
    pub fn parse(text: &str) -> Option<Named> {
        if text.parse::<IpAddr>().is_ok() {
            return Some(Named { host: text.to_owned(), port: None });
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Some(Named { host: address.ip().to_string(), port: Some(address.port()) });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port > 0)?)),
            None => (text, None),
        };
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
        let is_name = !host.is_empty() && host.len() <= 255 && host.chars().all(is_letter);
        is_name.then(|| Named { host: host.to_owned(), port })
    }
}

/// How candidates are found. The rules are SRS's.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Those that are named. None: all of this machine.
    pub named: Vec<Named>,
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
        Rules { named: Vec::new(), api: true, resolve: true, keep: false, detect: true, family: Family::V4 }
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

/// An address to be told, and its port where that is not the listener's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Where.
    pub host: Host,
    /// At which port.
    pub port: Option<u16>,
}

/// An address or a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address.
    Ip(IpAddr),
    /// A name, which the client looks up.
    Name(String),
}

impl Rules {
    /// The candidates for a request at a server whose listeners are bound to `bound`, in the order in which they should be tried; at
    /// least one.
    pub async fn candidates(&self, bound: &[IpAddr], asked: Asked<'_>) -> Vec<Place> {
        let mut found = Found(Vec::new());
        if let Some(named) = asked.external.and_then(Named::parse)
            && let Ok(ip) = named.host.parse()
        {
            found.add(Host::Ip(ip), named.port);
        }
        if self.api && asked.host != "localhost" {
            self.of_api(asked.host, &mut found).await;
        }
        for named in &self.named {
            look_up(named, &mut found).await;
        }
        if self.named.is_empty() && self.detect {
            for ip in own(bound).into_iter().filter(|ip| self.family.has(*ip)) {
                found.add(Host::Ip(ip), None);
            }
        }
        if found.0.is_empty() {
            for ip in own(bound) {
                found.add(Host::Ip(ip), None);
            }
        }
        if found.0.is_empty() {
            found.add(Host::Ip(Ipv4Addr::LOCALHOST.into()), None);
        }
        found.0
    }

    async fn of_api(&self, host: &str, found: &mut Found) {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(ip) => found.add(Host::Ip(ip), None),
            Err(_) => {
                let Some(named) = Named::parse(host).filter(|named| named.port.is_none()) else { return };
                if self.resolve {
                    look_up(&named, found).await;
                }
                if self.keep {
                    found.add(Host::Name(named.host), None);
                }
            }
        }
    }
}

/// Candidates, each once.
struct Found(Vec<Place>);

impl Found {
    fn add(&mut self, host: Host, port: Option<u16>) {
        let host = match host {
            Host::Ip(ip) => Host::Ip(ip.to_canonical()),
            name @ Host::Name(_) => name,
        };
        let is_any = matches!(&host, Host::Ip(ip) if ip.is_unspecified());
        let place = Place { host, port };
        if !is_any && self.0.len() < MOST && !self.0.contains(&place) {
            self.0.push(place);
        }
    }
}

async fn look_up(named: &Named, found: &mut Found) {
    match dial::addresses(&named.host, 0, LOOK_UP).await {
        Ok(addresses) => addresses.iter().for_each(|address| found.add(Host::Ip(address.ip()), named.port)),
        Err(error) => tracing::warn!(host = named.host, %error, "a candidate is left out"),
    }
}

/// The addresses at which listeners that are bound to these are reached, from other machines where that can be.
fn own(bound: &[IpAddr]) -> Vec<IpAddr> {
    let fixed: Vec<IpAddr> = bound.iter().copied().filter(|ip| !ip.is_unspecified()).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Place {
        Place { host: Host::Ip(text.parse().unwrap()), port: None }
    }

    #[test]
    fn what_is_named_is_read_with_and_without_a_port() {
        let named = |host: &str, port| Some(Named { host: host.to_owned(), port });
        assert_eq!(Named::parse("1.2.3.4"), named("1.2.3.4", None));
        assert_eq!(Named::parse("1.2.3.4:8000"), named("1.2.3.4", Some(8000)));
        assert_eq!(Named::parse("2001:db8::1"), named("2001:db8::1", None));
        assert_eq!(Named::parse("[2001:db8::1]:8000"), named("2001:db8::1", Some(8000)));
        assert_eq!(Named::parse("media.example.com:1"), named("media.example.com", Some(1)));
        for wrong in ["", ":1", "a:0", "a:b", "a:99999", "a b", "a/b"] {
            assert_eq!(Named::parse(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn what_the_client_says_comes_first_then_the_requests_host_then_what_is_named() {
        let rules = Rules { named: vec![Named::parse("10.0.0.9:7000").unwrap()], ..Rules::default() };
        let asked = Asked { external: Some("203.0.113.5:9"), host: "192.0.2.7" };
        let found = rules.candidates(&["0.0.0.0".parse().unwrap()], asked).await;
        let with = |text: &str, port| Place { port: Some(port), ..ip(text) };
        assert_eq!(found, [with("203.0.113.5", 9), ip("192.0.2.7"), with("10.0.0.9", 7000)]);
    }

    #[tokio::test]
    async fn a_listener_with_an_address_is_reached_there_alone() {
        let found = Rules::default().candidates(&["127.0.0.1".parse().unwrap()], Asked::default()).await;
        assert_eq!(found, [ip("127.0.0.1")]);
    }

    #[tokio::test]
    async fn there_is_always_a_candidate() {
        let rules = Rules { detect: false, ..Rules::default() };
        for bound in ["0.0.0.0", "::"] {
            assert!(!rules.candidates(&[bound.parse().unwrap()], Asked::default()).await.is_empty());
        }
    }
}
