//! SRS's form of upstream: servers that have all streams of a vhost.

use std::fmt;

use srs_names::{StreamKey, upstream_vhost, without_vhost};

use crate::map::{Spot, spelt};
use crate::plan::{HostPort, NoSrtCall, Plan, Rules, Scheme, SrtCall, Target};

/// By which protocol [`Remote`] fetches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// RTMP.
    #[default]
    Rtmp,
    /// FLV over HTTP.
    Flv,
    /// SRT with a transport stream inside.
    Srt,
}

impl Protocol {
    fn scheme(self) -> Scheme {
        match self {
            Protocol::Rtmp => Scheme::Rtmp,
            Protocol::Flv => Scheme::Http,
            Protocol::Srt => Scheme::Srt,
        }
    }
}

/// A server that has all streams of a vhost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it is.
    pub at: HostPort,
    /// By what it is asked, where it does not go by [`Remote::protocol`].
    pub protocol: Option<Protocol>,
    /// SRT: how it is called.
    pub srt: SrtCall,
}

impl From<HostPort> for Server {
    fn from(at: HostPort) -> Server {
        Server { at, protocol: None, srt: SrtCall::default() }
    }
}

impl fmt::Display for Server {
    /// `host:port`, with the scheme before it where it has its own. It shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(protocol) = self.protocol {
            write!(f, "{}://", protocol.scheme().name())?;
        }
        self.at.fmt(f)
    }
}

/// Why a text names no server. It tells nothing of what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadServer {
    /// It is neither a host with a port nor such a URL.
    #[error("a host with a port, such as 10.0.0.1:1935 or [2001:db8::7]:1935, or srt://10.0.0.1:10080")]
    Spelling,
    /// Nobody can be called so.
    #[error("a server of SRT ({0})")]
    Srt(#[from] NoSrtCall),
    /// Each stream has its own name.
    #[error("a server of SRT with neither path nor streamid: they are made of the names of streams")]
    Stream,
}

impl Server {
    /// Reads `HOST[:PORT]`, which is asked by `protocol`, or a URL `rtmp://HOST[:PORT]` or `srt://HOST[:PORT]`; that may have
    /// `?latency=MS&passphrase=TEXT&pbkeylen=BYTES`. Over HTTP a port is needed, else it is 1935 and 10080.
    ///
    /// # Errors
    /// [`BadServer`].
    pub fn parse(text: &str, protocol: Protocol) -> Result<Server, BadServer> {
        let (own, rest) = match text.split_once("://") {
            None => (None, text),
            Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
                "rtmp" => (Some(Protocol::Rtmp), rest),
                "srt" => (Some(Protocol::Srt), rest),
                _ => return Err(BadServer::Spelling),
            },
        };
        let by = own.unwrap_or(protocol);
        let (rest, query) = match (own, rest.split_once('?')) {
            (Some(Protocol::Srt), Some(parted)) => parted,
            _ => (rest, ""),
        };
        let authority = if own.is_some() { rest.strip_suffix('/').unwrap_or(rest) } else { rest };
        if own == Some(Protocol::Srt) && authority.contains('/') {
            return Err(BadServer::Stream);
        }
        let port = (by != Protocol::Flv).then_some(by.scheme().port());
        let at = HostPort::parse(authority, port).map_err(|_| BadServer::Spelling)?;
        let (srt, rest) = SrtCall::take(query)?;
        if srt.stream_id.is_some() || !rest.is_empty() {
            return Err(BadServer::Stream);
        }
        Ok(Server { at, protocol: own, srt })
    }
}

/// Servers that have all streams of a vhost: SRS's `cluster { mode remote; }`, and `liveedge`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where they are, at least one.
    pub origins: Vec<Server>,
    /// The vhost upstream, in which `[vhost]` stands for this one.
    pub vhost: String,
    /// How those are asked that do not say it themselves.
    pub protocol: Protocol,
    /// Whether each viewer is asked about upstream, with what he said, before he is let in.
    pub token_traverse: bool,
    /// Whether upstream is told who asks, in the arguments of `connect`.
    pub debug: bool,
    /// In which order, and how long.
    pub rules: Rules,
    /// Whether every stream is fetched before a viewer asks.
    pub live_edge: bool,
}

impl Remote {
    /// By what a server is asked.
    pub(crate) fn protocol_of(&self, server: &Server) -> Protocol {
        server.protocol.unwrap_or(self.protocol)
    }

    /// How `key` is fetched for a viewer who said `query`.
    pub(crate) fn plan(&self, key: &StreamKey, query: &str) -> Plan {
        // The host that upstream sees; none for that of the server itself.
        let vhost = upstream_vhost(&self.vhost, key.vhost());
        let target = |server: &Server| {
            let protocol = self.protocol_of(server);
            let scheme = protocol.scheme();
            let (path, query) = match protocol {
                Protocol::Rtmp => (key.path().to_owned(), plain_query(query)),
                Protocol::Flv => (format!("{}.flv", key.path()), plain_query(query)),
                Protocol::Srt => {
                    let query = plain_pairs(query);
                    (spelt(key.path(), scheme, Spot::Path), spelt(&query, scheme, Spot::Query))
                }
            };
            Target {
                scheme,
                host: server.at.host.clone(),
                port: server.at.port,
                login: None,
                path,
                query,
                vhost: vhost.clone(),
                srt: server.srt.clone(),
            }
        };
        Plan { targets: self.origins.iter().map(target).collect(), rules: self.rules.clone() }
    }
}

/// What a viewer said, without the vhost: that is said by the host upstream.
pub(crate) fn plain_query(query: &str) -> String {
    let query = query.strip_prefix('?').unwrap_or(query);
    let names_vhost = |pair: &str| matches!(pair.split('=').next(), Some("vhost" | "domain"));
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !names_vhost(pair)).collect();
    kept.join("&")
}

/// The same where all that parts parameters parts pairs of a stream id.
pub(crate) fn plain_pairs(query: &str) -> String {
    without_vhost(&query.strip_prefix('?').unwrap_or(query).replace('?', "&"))
}

#[cfg(test)]
mod tests;
