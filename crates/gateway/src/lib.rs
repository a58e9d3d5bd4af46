//! The doors of origin and edge: each protocol's publish and play against the hub.
//!
//! A door names the stream, asks whether the client may, and then connects the wire to the hub: publishers' messages
//! become frames ([`publish`](self)), viewers take a seat in a fan, the one task per shard, stream and format that
//! writes to all of them. Codecs are not looked into here, and other nodes are not known.

mod clients;
mod config;
mod drain;
mod envelopes;
mod fan;
mod fetch;
pub mod hls;
mod hold;
mod http;
mod idle;
mod inventory;
mod live;
mod publish;
mod push;
mod rendition;
mod rtc;
mod rtmp;
mod sound;
mod srt;
#[cfg(test)]
mod testkit;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use srs_hub::Hub;
use srs_names::source::{Missing, Source};
use srs_names::{Admit, NameError, Refusal, StreamKey};
use srs_net::http::{Elsewhere, Folder};
use srs_net::rtmp::PassOn;
use srs_net::shards;
use tokio::sync::watch;

use clients::Clients;
pub use config::{From, Play, Publish, To, Vhost};
pub use envelopes::Envelopes;
use hold::Holds;
pub use inventory::{Carried, LiveStream};
pub use live::Live;
pub use rtc::{Rtc, RtcSettings, Who};
pub use srs_sound::Settings as Sound;
pub use srt::Srt;

/// What a role hands to its doors.
pub struct Config {
    /// Virtual hosts.
    pub vhosts: Vec<Vhost>,
    /// Chunk size that is announced when an RTMP client connects, in bytes.
    pub chunk_size: u32,
    /// Whether browsers from other sites may read HTTP media (SRS's `crossdomain`).
    pub crossdomain: bool,
    /// Who may publish and play.
    pub admit: Arc<dyn Admit>,
    /// Files that are served beside the streams.
    pub files: Option<Folder>,
    /// Opens what other nodes say of clients. None: it is left out.
    pub envelopes: Option<Arc<Envelopes>>,
    /// The stable id of this node, by which it knows itself among those that a stream has passed.
    pub me: String,
    /// Where HTTP media is served, for nodes that ask over RTMP.
    pub http_port: Option<u16>,
    /// Fetches streams that are published elsewhere. None: what is not published here is not here.
    pub source: Option<Arc<dyn Source>>,
    /// Answers requests for HLS by what other nodes have, where [`Vhost::hls_elsewhere`] says so.
    pub elsewhere: Option<Arc<dyn Elsewhere>>,
    /// Takes what is published for elsewhere, where [`Publish::to`] says so.
    pub pass_on: Option<Arc<dyn PassOn>>,
    /// How SRT is served. None: it is not.
    pub srt: Option<Srt>,
    /// How WebRTC is served. None: it is not.
    pub rtc: Option<Rtc>,
    /// How sound of one codec is made into another.
    pub sound: Sound,
}

/// The doors of one node. Shared by all shards.
pub struct Gateway {
    hub: Hub,
    vhosts: Vec<Vhost>,
    chunk_size: u32,
    crossdomain: bool,
    admit: Arc<dyn Admit>,
    files: Option<Folder>,
    envelopes: Option<Arc<Envelopes>>,
    me: String,
    http_port: Option<u16>,
    source: Option<Arc<dyn Source>>,
    elsewhere: Option<Arc<dyn Elsewhere>>,
    pass_on: Option<Arc<dyn PassOn>>,
    srt: Option<Srt>,
    rtc: Option<rtc::Webrtc>,
    sound: Arc<sound::Sounds>,
    clients: Arc<Clients>,
    hls: Arc<hls::Hls>,
    holds: Arc<Holds>,
    /// Whether this node is being left.
    draining: watch::Sender<bool>,
    turns: drain::Turns,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("hub", &self.hub).finish_non_exhaustive()
    }
}

/// Why a client was turned away before anything began.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("bad stream name: {0}")]
    Name(#[from] NameError),
    #[error("there is no vhost {0} here")]
    Vhost(String),
    #[error("not allowed: {0}")]
    NotAllowed(Refusal),
    #[error(
        "the streams of this vhost are published elsewhere, and not passed on from here: it has `push off`, or fetches by FLV"
    )]
    Elsewhere,
    #[error("the origin is being drained")]
    Draining,
    #[error("{0}")]
    Missing(#[from] Missing),
    #[error("{0}")]
    Hub(#[from] srs_hub::Refused),
}

impl Gateway {
    /// Doors onto `hub`.
    pub fn new(hub: Hub, config: Config) -> Arc<Gateway> {
        let sound = sound::Sounds::new(&hub, config.sound, &config.vhosts);
        Arc::new(Gateway {
            hub,
            vhosts: config.vhosts,
            chunk_size: config.chunk_size,
            crossdomain: config.crossdomain,
            admit: config.admit,
            files: config.files,
            envelopes: config.envelopes,
            me: config.me,
            http_port: config.http_port,
            source: config.source,
            elsewhere: config.elsewhere,
            pass_on: config.pass_on,
            srt: config.srt,
            rtc: config.rtc.map(rtc::Webrtc::new),
            clients: Arc::default(),
            hls: hls::Hls::new(Arc::clone(&sound)),
            sound,
            holds: Arc::default(),
            draining: watch::Sender::new(false),
            turns: drain::Turns::default(),
        })
    }

    fn resolve(&self, key: &StreamKey) -> Result<(StreamKey, &Vhost), Refused> {
        config::resolve(&self.vhosts, key).ok_or_else(|| Refused::Vhost(key.vhost().to_owned()))
    }

    /// Keeps the counters' rates up to date; runs for ever, once per node.
    pub async fn sample(self: Arc<Self>) {
        // What one turn broke, the next may find whole: without any, streams that are gone would be listed for ever.
        while shards::guarded("sampling", self.sample_in_turns()).await.is_none() {}
    }

    async fn sample_in_turns(&self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(clients::SAMPLE_SECONDS));
        loop {
            ticks.tick().await;
            self.clients.sample();
            self.sample_streams();
            self.hls.sweep();
            if let Some(rtc) = &self.rtc {
                rtc.sweep();
            }
        }
    }
}

/// How a peer is written in the log.
fn shown(peer: SocketAddr) -> String {
    format!("{}:{}", peer.ip().to_canonical(), peer.port())
}

/// How a stream that a client named is written there: without what it said behind the name, which may be a secret.
fn bare(stream: &str) -> &str {
    stream.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_clients_say_behind_a_name_is_not_for_the_log() {
        for said in ["livestream", "livestream?secret=abc", "livestream#secret", "livestream?a=1?b#c"] {
            assert_eq!(super::bare(said), "livestream");
        }
    }
}
