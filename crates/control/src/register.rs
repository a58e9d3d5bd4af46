//! The registration message: what SRS's heartbeat posts, our optional fields beside it, and what is believed
//! of it.

use crate::endpoint;
use serde::{Deserialize, Serialize};
use srs_balance::{Endpoint, Epoch, Listed, Node, Role};
use srs_names::{NodeId, StreamKey};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Endpoints in one list: SRS sends one or two; a node with one per interface stays below this.
const MAX_ENDPOINTS: usize = 16;
/// Live streams that one node may list: what one machine can carry.
pub const MAX_STREAMS: usize = 10_000;
/// Capabilities that one node may name.
const MAX_CAPABILITIES: usize = 32;
/// Virtual hosts of one node: platforms that give each customer one have hundreds.
const MAX_VHOSTS: usize = 1_000;
/// Bytes of a label or id.
const MAX_LABEL: usize = 256;
/// The slowest heartbeat interval believed: SRS's documents recommend at most 30 s.
const MAX_INTERVAL: Duration = Duration::from_secs(30);

/// Levels of a body. A message has two; the rest is room for fields to come. Fields that nobody reads are skipped by the parser
/// without any limit of its own.
const MAX_DEPTH: usize = 32;

/// How deep arrays and objects are nested in a text that may or may not be JSON.
fn depth(body: &[u8]) -> usize {
    let (mut level, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                level = level.saturating_add(1);
                deepest = deepest.max(level);
            }
            b']' | b'}' if !quoted => level = level.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Body of `POST /api/v1/srs/register`. Absent lists are empty; unknown fields are ignored, and a field given
/// twice is refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Message {
    /// The operator's label.
    pub device_id: String,
    /// Address or host name that the proxy dials.
    pub ip: String,
    /// Stable server id.
    pub server: String,
    /// Changes with each restart.
    pub service: String,
    /// Process id, a text.
    pub pid: String,
    /// RTMP endpoints; the only list that must not be empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtmp: Option<Vec<String>>,
    /// HTTP streaming endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Vec<String>>,
    /// HTTP API endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<Vec<String>>,
    /// SRT endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub srt: Option<Vec<String>>,
    /// WebRTC endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtc: Option<Vec<String>>,
    /// Ours: `origin` (also when absent), `edge` or `proxy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Ours: how busy the node is, 1.0 is full: the larger of the shares of processors and of connections in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<f32>,
    /// Ours: what the node has to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Ours: size relative to other nodes, 100 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Ours: milliseconds between heartbeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u64>,
    /// Ours: what is live here. Absent means unknown, empty means nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streams: Option<Vec<Stream>>,
    /// Ours: the virtual hosts that the node has. Absent means unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vhosts: Option<Vec<String>>,
    /// Ours: what the node can do beyond SRS, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// Ours: the node is to be left. Absent when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draining: Option<bool>,
}

/// What a node has to do, see [`srs_balance::Usage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// How much of all its processors' time is used, from 0 to 1.
    pub cpu: f32,
    /// Streams that it has.
    pub streams: u64,
    /// Viewers of these, waiting ones included.
    pub viewers: u64,
    /// Media received, in kbit/s.
    pub recv_kbps: u64,
    /// Media sent, in kbit/s.
    pub send_kbps: u64,
}

/// A live stream in a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// `vhost/app/stream`.
    pub key: String,
    /// Which owner of the stream this is, see [`Epoch`].
    #[serde(default)]
    pub epoch: u64,
    /// The directory that gave the claim by which the stream came. Absent for one that came without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Whether its publisher is gone and awaited. Absent when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
}

/// Why a registration is refused. The first five are SRS's texts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No `ip`.
    #[error("empty ip")]
    EmptyIp,
    /// No `server`.
    #[error("empty server")]
    EmptyServer,
    /// No `service`.
    #[error("empty service")]
    EmptyService,
    /// No `pid`.
    #[error("empty pid")]
    EmptyPid,
    /// No `rtmp`, or an empty list.
    #[error("empty rtmp")]
    EmptyRtmp,
    /// Not JSON, or a field of the wrong kind.
    #[error("bad json: {0}")]
    Json(String),
    /// A host or endpoint that cannot be dialled.
    #[error("{field}: {error}")]
    Endpoint {
        /// The list, or `ip`.
        field: &'static str,
        /// What is wrong.
        error: endpoint::Error,
    },
    /// `server` is not a name.
    #[error("bad server: {0}")]
    Server(srs_names::NameError),
    /// More of something than a node may have.
    #[error("too much in {0}")]
    TooMuch(&'static str),
}

impl Message {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Error::Json`].
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        if depth(body) > MAX_DEPTH {
            return Err(Error::Json(format!("nested more than {MAX_DEPTH} deep")));
        }
        serde_json::from_slice(body).map_err(|error| Error::Json(error.to_string()))
    }

    /// Checks the message and makes the balancer's record of it. `local` says that it came over loopback.
    ///
    /// # Errors
    /// [`Error`]; the first fault in SRS's order.
    pub fn into_node(self, local: bool) -> Result<Node, Error> {
        let required = [
            (&self.ip, Error::EmptyIp),
            (&self.server, Error::EmptyServer),
            (&self.service, Error::EmptyService),
            (&self.pid, Error::EmptyPid),
        ];
        for (text, error) in required {
            if text.is_empty() {
                return Err(error);
            }
        }
        if self.rtmp.as_ref().is_none_or(Vec::is_empty) {
            return Err(Error::EmptyRtmp);
        }
        self.check_sizes()?;
        let host = endpoint::host(&self.ip, local).map_err(|error| Error::Endpoint { field: "ip", error })?;
        let mut endpoints = BTreeMap::new();
        let lists = [
            ("rtmp", &self.rtmp),
            ("http", &self.http),
            ("api", &self.api),
            ("srt", &self.srt),
            ("rtc", &self.rtc),
        ];
        for (field, list) in lists {
            let list = list.as_deref().unwrap_or_default();
            if !list.is_empty() {
                endpoints.insert(field.to_owned(), read_list(field, list, &host, local)?);
            }
        }
        let id = NodeId::new(&self.server).map_err(Error::Server)?;
        let node = Node::new(id, format!("{}-{}", self.service, self.pid), host);
        Ok(Node {
            device_id: self.device_id,
            role: Role::named(self.role.as_deref().unwrap_or_default()),
            endpoints,
            load: self.load.filter(|load| load.is_finite() && *load >= 0.0),
            usage: self.usage.map(read_usage),
            draining: self.draining.unwrap_or(false),
            capacity: self.capacity,
            live: self.streams.map(read_streams),
            vhosts: self.vhosts.map(|vhosts| vhosts.into_iter().collect()),
            capabilities: self.capabilities.unwrap_or_default(),
            interval: self.interval_ms.map(|millis| Duration::from_millis(millis.max(1)).min(MAX_INTERVAL)),
            ..node
        })
    }

    fn check_sizes(&self) -> Result<(), Error> {
        let role = self.role.as_deref().unwrap_or_default();
        let labels = [
            ("device_id", self.device_id.as_str()),
            ("service", &self.service),
            ("pid", &self.pid),
            ("role", role),
        ];
        for (field, text) in labels {
            if text.len() > MAX_LABEL || text.chars().any(char::is_control) {
                return Err(Error::TooMuch(field));
            }
        }
        if self.streams.as_ref().is_some_and(|streams| streams.len() > MAX_STREAMS) {
            return Err(Error::TooMuch("streams"));
        }
        let domains = self.streams.iter().flatten().filter_map(|stream| stream.domain.as_ref());
        if domains.into_iter().any(|domain| domain.len() > MAX_LABEL || domain.chars().any(char::is_control))
        {
            return Err(Error::TooMuch("streams"));
        }
        let vhosts = self.vhosts.as_deref().unwrap_or_default();
        if vhosts.len() > MAX_VHOSTS || vhosts.iter().any(|name| name.len() > MAX_LABEL) {
            return Err(Error::TooMuch("vhosts"));
        }
        let capabilities = self.capabilities.as_deref().unwrap_or_default();
        if capabilities.len() > MAX_CAPABILITIES || capabilities.iter().any(|name| name.len() > MAX_LABEL) {
            return Err(Error::TooMuch("capabilities"));
        }
        Ok(())
    }
}

fn read_list(field: &'static str, list: &[String], host: &str, local: bool) -> Result<Vec<Endpoint>, Error> {
    if list.len() > MAX_ENDPOINTS {
        return Err(Error::TooMuch(field));
    }
    let read =
        |text: &String| endpoint::parse(text, host, local).map_err(|error| Error::Endpoint { field, error });
    list.iter().map(read).collect()
}

fn read_usage(Usage { cpu, streams, viewers, recv_kbps, send_kbps }: Usage) -> srs_balance::Usage {
    srs_balance::Usage { cpu: cpu.clamp(0.0, 1.0), streams, viewers, recv_kbps, send_kbps }
}

/// A stream whose name is none is left out: it must not cost its node the registration.
fn read_streams(streams: Vec<Stream>) -> HashMap<StreamKey, Listed> {
    let mut live: HashMap<StreamKey, Listed> = HashMap::new();
    // A node's streams come from one or two directories.
    let mut domains: HashMap<String, Arc<str>> = HashMap::new();
    for Stream { key, epoch, domain, held } in streams {
        let Ok(key) = key.parse() else { continue };
        let domain = domain.filter(|domain| !domain.is_empty()).map(|domain| {
            let text = || Arc::from(domain.as_str());
            Arc::clone(domains.entry(domain.clone()).or_insert_with(text))
        });
        let listed = Listed { epoch: Epoch(epoch), domain, held: held.unwrap_or(false) };
        match live.get_mut(&key) {
            Some(known) if known.epoch > listed.epoch => {}
            Some(known) => *known = listed,
            None => drop(live.insert(key, listed)),
        }
    }
    live
}

#[cfg(test)]
mod tests;
