//! Who asks at the doors: a client, or an edge of ours that asks for others.
//!
//! An edge says so in an envelope, which is bound to the words of the request that it comes with. Whatever passes for one
//! and is not is left out before the words reach an origin.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use http::Request;
use srs_names::NodeId;
use srs_names::envelope::{Envelope, HTTP_HEADER, Purpose, RTMP_PROPERTY, bound};
use srs_rtmp::server::Connect;

use crate::Relay;
use crate::forward::shown;

/// On what errand somebody comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// A player watches, or an encoder publishes.
    Client,
    /// An edge of ours fetches for others; the nodes that the stream is to pass.
    Pull(Vec<NodeId>),
    /// An edge passes a publish on; the nodes that it has passed, the first first.
    Push(Vec<NodeId>),
    /// Somebody who would be taken for a node of ours, and is not known as one. It may be an edge with a wrong clock or
    /// secret, which must not be sent to edges: it would fetch from itself.
    Stranger,
}

/// For whom an origin is asked.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) client: Option<SocketAddr>,
    pub(crate) session: String,
    /// What is published ran at another origin before.
    pub(crate) resumes: bool,
    pub(crate) errand: Errand,
}

impl Relay {
    /// Where the client is of this RTMP session, which `does` this (`publish` or `play`) with this stream, and its errand.
    pub(crate) fn caller_of_session(
        &self,
        connect: &Connect,
        (does, stream): (&str, &str),
        peer: SocketAddr,
    ) -> (SocketAddr, Errand) {
        let Some(property) = connect.object.get(RTMP_PROPERTY) else { return (peer, Errand::Client) };
        let bound = bound::of_rtmp(does, &connect.app, &connect.tc_url, stream);
        let purpose = if does == "publish" { Purpose::Push } else { Purpose::Pull };
        self.caller(property.as_str().unwrap_or_default(), purpose, &bound, peer)
    }

    /// The same of a request for media.
    pub(crate) fn caller_of_request(&self, request: &Request<()>, peer: SocketAddr) -> (SocketAddr, Errand) {
        let Some(text) = request.headers().get(HTTP_HEADER) else { return (peer, Errand::Client) };
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let bound = bound::of_http(request.method().as_str(), target);
        self.caller(text.to_str().unwrap_or_default(), Purpose::Pull, &bound, peer)
    }

    /// The same by an envelope that is good for this purpose and these words.
    pub(crate) fn caller(
        &self,
        text: &str,
        purpose: Purpose,
        bound: &str,
        peer: SocketAddr,
    ) -> (SocketAddr, Errand) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        match self.door.open(text, &[purpose], bound, now) {
            Ok(Envelope { client, hops, purpose: Purpose::Pull, .. }) => {
                (client.unwrap_or(peer), Errand::Pull(hops))
            }
            Ok(Envelope { client, hops, .. }) => (client.unwrap_or(peer), Errand::Push(hops)),
            Err(why) => {
                tracing::debug!(peer = shown(peer), %why, "an envelope is left out");
                (peer, Errand::Stranger)
            }
        }
    }
}

#[cfg(test)]
mod tests;
