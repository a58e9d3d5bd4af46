//! What a node says about itself: the record that registration fills in and selection reads.

use crate::Epoch;
use srs_names::{NodeId, StreamKey};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a node is for. Origins are picked for every purpose, edges for viewers alone, others never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Takes publishers. Nodes that name no role are origins, because plain SRS names none.
    #[default]
    Origin,
    /// Pulls streams for its viewers.
    Edge,
    /// Routes, and holds no media.
    Proxy,
    /// Something newer than this version: shown, never picked.
    Other(String),
}

impl Role {
    /// Reads the name that a registration carries; empty means origin.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "" | "origin" => Self::Origin,
            "edge" => Self::Edge,
            "proxy" => Self::Proxy,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name as it stands in registrations and in the API.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Origin => "origin",
            Self::Edge => "edge",
            Self::Proxy => "proxy",
            Self::Other(name) => name,
        }
    }
}

/// Where one service of a node is dialled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// `tcp`, `udp`, … when the node named one.
    pub proto: Option<String>,
    /// IP address (no brackets) or host name; never a wildcard.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    /// `host:port` as a dialler wants it: IPv6 addresses in brackets, the protocol left out.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(out, "[{}]:{}", self.host, self.port)
        } else {
            write!(out, "{}:{}", self.host, self.port)
        }
    }
}

/// What a node says of a stream that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Which owner of the stream the node is.
    pub epoch: Epoch,
    /// In which claim domain; none for a stream that came without a claim.
    pub domain: Option<Arc<str>>,
    /// It waits for its publisher.
    pub held: bool,
}

/// What a node has to do, in numbers that show; of them the viewers count when one more is sent to an edge.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// How much of all its processors' time is used, from 0 to 1.
    pub cpu: f32,
    /// Streams that it has.
    pub streams: u64,
    /// Viewers of these, waiting ones included.
    pub viewers: u64,
    /// Media that publishers send it, in kbit/s.
    pub recv_kbps: u64,
    /// Media that it sends to viewers, in kbit/s.
    pub send_kbps: u64,
}

/// One node as its latest heartbeat described it.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Stable over restarts: what streams are hashed to.
    pub id: NodeId,
    /// Different after each restart (service id and process id).
    pub instance: String,
    /// The operator's label; empty when none was given.
    pub device_id: String,
    /// Address or host name by which the node is reached.
    pub host: String,
    /// What the node is for.
    pub role: Role,
    /// Services by a label that only the doors understand.
    pub endpoints: BTreeMap<String, Vec<Endpoint>>,
    /// How busy the node feels, 1.0 is full. Where streams are claimed and where viewers go depends on it; the plain order
    /// does not, as proxies that are cut off from each other would judge it differently.
    pub load: Option<f32>,
    /// What it has to do; `None` when the node does not say (plain SRS).
    pub usage: Option<Usage>,
    /// Size relative to the others, see [`crate::rank::DEFAULT_WEIGHT`]; the weight in the hash and in the
    /// fair share.
    pub capacity: Option<u32>,
    /// The streams that are live there with their epochs; `None` when the node does not list them (plain
    /// SRS).
    pub live: Option<HashMap<StreamKey, Listed>>,
    /// The virtual hosts that it has; `None` when the node does not say (plain SRS).
    pub vhosts: Option<BTreeSet<String>>,
    /// What the node can do beyond SRS, by name.
    pub capabilities: Vec<String>,
    /// The time between its heartbeats, when it said so; otherwise it is measured.
    pub interval: Option<Duration>,
    /// It wants to leave: no new publish goes there, and those that run are moved.
    pub draining: bool,
    /// An operator wants it left, whatever it says itself: see [`Balancer::drain`](crate::Balancer::drain). Set by the
    /// balancer, and good for one run of the node.
    pub left: bool,
    /// When this run of the node registered first, by the balancer's clock. Set by the balancer.
    pub since: Duration,
    /// A configured backend that sends no heartbeats: silence is no sign of death.
    pub permanent: bool,
}

impl Node {
    /// A node with no endpoints that says nothing optional.
    #[must_use]
    pub fn new(id: NodeId, instance: impl Into<String>, host: impl Into<String>) -> Self {
        Self {
            id,
            instance: instance.into(),
            device_id: String::new(),
            host: host.into(),
            role: Role::Origin,
            endpoints: BTreeMap::new(),
            load: None,
            usage: None,
            capacity: None,
            live: None,
            vhosts: None,
            capabilities: Vec::new(),
            interval: None,
            draining: false,
            left: false,
            since: Duration::ZERO,
            permanent: false,
        }
    }

    /// The first endpoint with this label, which is the one that is dialled.
    #[must_use]
    pub fn endpoint(&self, label: &str) -> Option<&Endpoint> {
        self.endpoints.get(label)?.first()
    }

    /// The weight in hash and fair share.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.capacity.unwrap_or(crate::rank::DEFAULT_WEIGHT).clamp(1, crate::rank::MAX_WEIGHT)
    }

    /// True when the node registered this capability.
    #[must_use]
    pub fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|have| have == capability)
    }
}
