//! Envelopes at the door: what another node of ours says of the client that it stands for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, Request};
use srs_amf::Value;
use srs_names::envelope::{Door, Envelope, HTTP_HEADER, Purpose, RTMP_PROPERTY, Seal, bound};
use srs_rtmp::server::Connect;

use crate::clients::Via;
use crate::{Gateway, shown};

/// Opens what other nodes sealed for this one.
#[derive(Debug)]
pub struct Envelopes(Door);

impl Envelopes {
    /// For the node with this server id, which is dialled at these ports.
    pub fn new(seal: Seal, server: &str, ports: Vec<u16>) -> Envelopes {
        Envelopes(Door::new(seal, server, ports))
    }

    /// The envelope, if it is good for this request and for one of these purposes.
    pub(crate) fn open(
        &self,
        text: &str,
        purposes: &[Purpose],
        bound: &str,
        peer: SocketAddr,
    ) -> Option<Envelope> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let opened = self.0.open(text, purposes, bound, now);
        opened.inspect_err(|why| tracing::debug!(peer = shown(peer), %why, "an envelope is left out")).ok()
    }
}

impl Gateway {
    /// Takes the envelope out of what an RTMP client said when it connected, which `does` this (`publish` or `play`) with
    /// this stream.
    pub(crate) fn envelope_of(
        &self,
        connect: &mut Arc<Connect>,
        (does, stream): (&str, &str),
        purposes: &[Purpose],
        peer: SocketAddr,
    ) -> Option<Envelope> {
        connect.object.get(RTMP_PROPERTY)?;
        let taken = Arc::make_mut(connect).object.remove(RTMP_PROPERTY);
        let text = taken.as_ref().and_then(Value::as_str)?;
        let bound = bound::of_rtmp(does, &connect.app, &connect.tc_url, stream);
        self.envelopes.as_ref()?.open(text, purposes, &bound, peer)
    }

    /// Takes the envelope out of a request for media; the answer is where the client is, and what the node said that stands
    /// for it.
    pub(crate) fn client_of(
        &self,
        request: &mut Request<()>,
        peer: SocketAddr,
    ) -> (SocketAddr, Option<Envelope>) {
        let taken: &mut HeaderMap = request.headers_mut();
        let Some(text) = taken.remove(HTTP_HEADER) else { return (peer, None) };
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let bound = bound::of_http(request.method().as_str(), target);
        let opened = text.to_str().ok().zip(self.envelopes.as_ref()).and_then(|(text, envelopes)| {
            envelopes.open(text, &[Purpose::Relay, Purpose::Pull], &bound, peer)
        });
        let Some(envelope) = opened else { return (peer, None) };
        (envelope.client.unwrap_or(peer), Some(envelope))
    }
}

impl Via {
    pub(crate) fn of(envelope: &Envelope) -> Via {
        Via { node: envelope.from.clone(), session: envelope.session.clone() }
    }
}

#[cfg(test)]
mod tests;
