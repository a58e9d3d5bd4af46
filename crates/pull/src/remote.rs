//! SRS's form of upstream: servers that have all streams of a vhost.

use srs_names::{StreamKey, upstream_vhost};

use crate::plan::{HostPort, Plan, Rules, Scheme, Target};

/// By which protocol [`Remote`] fetches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// RTMP.
    #[default]
    Rtmp,
    /// FLV over HTTP.
    Flv,
}

/// Servers that have all streams of a vhost: SRS's `cluster { mode remote; }`, and `liveedge`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where they are, at least one.
    pub origins: Vec<HostPort>,
    /// The vhost upstream, in which `[vhost]` stands for this one.
    pub vhost: String,
    /// How they are asked.
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
    /// How `key` is fetched for a viewer who said `query`.
    pub(crate) fn plan(&self, key: &StreamKey, query: &str) -> Plan {
        // The host that upstream sees; none for that of the server itself.
        let vhost = upstream_vhost(&self.vhost, key.vhost());
        let query = plain_query(query);
        let target = |at: &HostPort| match self.protocol {
            Protocol::Rtmp => Target {
                scheme: Scheme::Rtmp,
                host: at.host.clone(),
                port: at.port,
                login: None,
                path: key.path().to_owned(),
                query: query.clone(),
                vhost: vhost.clone(),
            },
            Protocol::Flv => Target {
                scheme: Scheme::Http,
                host: at.host.clone(),
                port: at.port,
                login: None,
                path: format!("{}.flv", key.path()),
                query: query.clone(),
                vhost: vhost.clone(),
            },
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

#[cfg(test)]
mod tests;
