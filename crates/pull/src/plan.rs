//! What a stream is fetched from: the servers in order, and for how long each is tried.

mod login;
mod srt;

use std::fmt;
use std::time::Duration;

use srs_names::DEFAULT_VHOST;

pub use login::{Login, NoLogin};
pub(crate) use login::{masked, without_login};
pub use srt::{NoSrtCall, SrtCall};

/// By which protocol a stream is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RTMP over TCP; 1935 where no port is said.
    Rtmp,
    /// FLV over HTTP; 80.
    Http,
    /// FLV over HTTPS; 443.
    Https,
    /// RTSP with media over UDP, over TCP where that is asked for or UDP does not come through; 554.
    Rtsp,
    /// SRT with a transport stream inside; 10080.
    Srt,
    /// OvenMediaEngine's own, which is not built.
    Ovt,
}

impl Scheme {
    /// In lower case, as URLs have it.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Rtmp => "rtmp",
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Rtsp => "rtsp",
            Scheme::Srt => "srt",
            Scheme::Ovt => "ovt",
        }
    }

    /// The port where none is said.
    pub fn port(self) -> u16 {
        match self {
            Scheme::Rtmp => 1935,
            Scheme::Http => 80,
            Scheme::Https => 443,
            Scheme::Rtsp => 554,
            Scheme::Srt => 10080,
            Scheme::Ovt => 9000,
        }
    }
}

/// One place from which a stream may be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The protocol.
    pub scheme: Scheme,
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Who the server is told that we are. No text of a target shows it.
    pub login: Option<Login>,
    /// Path behind the authority with its leading `/`: for RTMP the app, which may have several levels, and the stream.
    pub path: String,
    /// What stands behind the `?`; empty for nothing.
    pub query: String,
    /// RTMP: the host that `tcUrl` names, where it is to be another one than is dialled (another vhost). SRT: that of the
    /// stream id.
    pub vhost: Option<String>,
    /// SRT: what is for the caller.
    pub srt: SrtCall,
}

impl Target {
    /// `host:port`, an IPv6 address in brackets.
    pub fn authority(&self) -> String {
        HostPort { host: self.host.clone(), port: self.port }.to_string()
    }

    /// The host that the server is told it was asked for.
    pub(crate) fn shown_host(&self) -> String {
        match &self.vhost {
            Some(vhost) if vhost != DEFAULT_VHOST => vhost.clone(),
            _ => self.authority(),
        }
    }

    /// Whether it is the same stream of the same server, whatever is said to it.
    pub(crate) fn is_place_of(&self, other: &Target) -> bool {
        let place = |it: &Target| (it.scheme, it.port);
        let stream = |it: &Target| it.srt.stream_id.clone();
        place(self) == place(other)
            && self.host == other.host
            && self.path == other.path
            && stream(self) == stream(other)
    }

    /// As a URL without login and without what stands behind the `?`: they may be secrets.
    pub fn public(&self) -> String {
        format!("{}://{}{}", self.scheme.name(), self.authority(), self.path)
    }
}

impl fmt::Display for Target {
    /// As a URL without login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public())?;
        if self.query.is_empty() { Ok(()) } else { write!(f, "?{}", self.query) }
    }
}

/// In which order targets are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The first that answers, from the beginning of the list.
    Listed,
    /// The next one behind that of the last fetch, as SRS's edges do.
    InTurn,
}

/// How long what is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// In which order.
    pub order: Order,
    /// Nothing came for so long, and the publisher is not held: on to the next target. 3 s.
    pub no_input: Duration,
    /// Nobody watched for so long: the fetch ends. 60 s.
    pub unused: Duration,
    /// The fetch ends neither for want of viewers nor of input.
    pub persistent: bool,
    /// While it runs on another target than the first, the first is tried so often. None: it stays where it is.
    pub failback: Option<Duration>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            order: Order::Listed,
            no_input: Duration::from_secs(3),
            unused: Duration::from_secs(60),
            persistent: false,
            failback: None,
        }
    }
}

/// How one stream is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// From where, at least one.
    pub targets: Vec<Target>,
    /// How.
    pub rules: Rules,
}

/// A server as configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// What is wrong with a text that should name a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host with a port, such as origin.example:1935 or [2001:db8::7]:1935")]
pub struct NoHostPort(String);

impl HostPort {
    /// Reads `host`, `host:port` or `[v6]:port`.
    ///
    /// # Errors
    /// [`NoHostPort`], also where no port is said and `default` is none.
    pub fn parse(text: &str, default: Option<u16>) -> Result<HostPort, NoHostPort> {
        let wrong = || NoHostPort(masked(text));
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
                let port = match rest.strip_prefix(':') {
                    Some(port) => Some(port),
                    None if rest.is_empty() => None,
                    None => return Err(wrong()),
                };
                (host, port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        if host.is_empty() || !host.chars().all(is_name) {
            return Err(wrong());
        }
        let port = match port {
            // A number may have a sign, a port has none.
            Some(port) if !port.bytes().all(|byte| byte.is_ascii_digit()) => None,
            Some(port) => port.parse().ok().filter(|port| *port != 0),
            None => default,
        };
        Ok(HostPort { host: host.to_owned(), port: port.ok_or_else(wrong)? })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HostPort { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests;
