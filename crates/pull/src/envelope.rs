//! What upstream is told of who asks.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use srs_names::envelope::{Envelope, Purpose, bound};
use srs_names::{NodeId, Seal};

/// Who asks upstream, and for whom.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) seal: Option<Seal>,
    pub(crate) me: NodeId,
    /// The viewer that was the first to want the stream; none where it is not told.
    pub(crate) client: Option<SocketAddr>,
    /// The nodes that wait behind that viewer, the farthest first.
    pub(crate) hops: Vec<NodeId>,
    /// Whether upstream is told what we are, in the arguments of `connect`.
    pub(crate) debug: bool,
    /// Where the servers are that may be told, also when another of them names them.
    pub(crate) servers: Vec<(String, u16)>,
}

impl Asker {
    /// For an RTMP play at the server that was dialled as `to`; all else as it is said there.
    pub(crate) fn for_play(&self, to: &str, app: &str, tc_url: &str, stream: &str) -> Option<String> {
        self.sealed(to, bound::of_rtmp("play", app, tc_url, stream))
    }

    /// For an HTTP request of this path and query.
    pub(crate) fn for_get(&self, to: &str, target: &str) -> Option<String> {
        self.sealed(to, bound::of_http("GET", target))
    }

    /// For an SRT call with this stream id.
    pub(crate) fn for_srt(&self, to: &str, stream_id: &str) -> Option<String> {
        self.sealed(to, bound::of_srt(stream_id))
    }

    fn sealed(&self, to: &str, bound: String) -> Option<String> {
        let seal = self.seal.as_ref()?;
        let mut hops = self.hops.clone();
        hops.push(self.me.clone());
        let told = Envelope {
            from: self.me.clone(),
            role: "edge".to_owned(),
            purpose: Purpose::Pull,
            to: to.to_owned(),
            client: self.client,
            term: None,
            hold: None,
            session: String::new(),
            bound,
            hops,
        };
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX);
        Some(seal.sign(&told, unix_ms, rand::random()))
    }
}
