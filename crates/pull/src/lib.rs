//! The door upstream: streams that are wanted here and published elsewhere.
//!
//! A [`Puller`] is asked by the doors before they seat a viewer ([`srs_names::Source`]), and told by the hub who watches
//! ([`srs_hub::Demand`]). Each stream is fetched once, by one task (`flight`), however many want it: the task opens the
//! servers of the stream's [`Plan`] (`opening`), reads one of them (`incoming`), puts its time behind what viewers have
//! (`seam`) and publishes at the hub.
//!
//! [`plan`] says from where a stream may be fetched. Names are turned into plans by the rules of a vhost ([`Upstream`]).

pub mod apps;
mod dial;
mod envelope;
mod flight;
mod flv;
mod incoming;
mod limits;
mod listed;
pub mod map;
mod opening;
pub mod plan;
mod puller;
mod remote;
mod rtmp;
mod rtsp;
mod seam;
mod srt;
pub mod store;
mod table;
#[cfg(test)]
mod testkit;
mod way;
mod wishes;

use std::sync::Arc;
use std::time::Duration;

use srs_names::{NodeId, Seal, StreamKey};

pub use plan::{
    HostPort, Login, NoHostPort, NoLogin, NoSrtCall, Order, Plan, Rules, Scheme, SrtCall, Target,
};
pub use puller::{HlsServers, Puller};
pub use remote::{BadServer, Protocol, Remote, Server};

/// What is told of a stream that is fetched, and whether its HLS is fetched too.
pub type Begun = Arc<dyn Fn(&StreamKey, bool) + Send + Sync>;

/// What a [`Puller`] is made of.
pub struct Config {
    /// This node.
    pub me: NodeId,
    /// The cluster's seal. None: nobody upstream is told who asks.
    pub seal: Option<Seal>,
    /// What is fetched, by vhost. What is not named here is published here.
    pub vhosts: Vec<(String, Upstream)>,
    /// Called when a stream that is fetched was published at the hub, before its first frame; on the task that fetches. The
    /// second tells whether the server has its HLS too; should one that has not take over, it is called again.
    pub begun: Begun,
    /// Streams that are fetched at a time.
    pub most: usize,
    /// What stores are told of this node. None: it only looks there.
    pub announces: Option<Announces>,
}

/// What a node says of itself where origins name their streams.
#[derive(Clone)]
pub struct Announces {
    /// The streams that are published here, each with the epoch of its claim.
    pub live: Arc<dyn Fn() -> Vec<(StreamKey, u64)> + Send + Sync>,
    /// Where RTMP is served.
    pub port: u16,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("me", &self.me).field("most", &self.most).finish_non_exhaustive()
    }
}

/// Where the streams of one vhost are. They are looked for in this order; the default fetches nothing.
#[derive(Clone, Debug, Default)]
pub struct Upstream {
    /// Servers that have them all.
    pub remote: Option<Remote>,
    /// Rules.
    pub map: Option<map::OriginMap>,
    /// A store that origins share.
    pub store: Option<store::Settings>,
    /// Templates of applications, for what rules and the store name.
    pub applications: Vec<apps::Template>,
    /// Frames that the GOP cache of a fetched stream keeps at most; 0 for no limit but the hub's own.
    pub gop_cache_max_frames: usize,
    /// How long a call by SRT may take. None: 3 s.
    pub srt_timeout: Option<Duration>,
}
