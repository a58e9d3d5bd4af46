//! Envelopes at the door: what another node of ours says of the client that it stands for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, Request};
use srs_amf::Value;
use srs_names::envelope::{Envelope, HTTP_HEADER, Purpose, RTMP_PROPERTY, Seal};
use srs_rtmp::server::Connect;

use crate::clients::Via;
use crate::{Gateway, shown};

/// Opens what other nodes sealed for this one.
#[derive(Debug)]
pub struct Envelopes {
    seal: Seal,
    server: String,
    ports: Vec<u16>,
}

impl Envelopes {
    /// For the node with this server id, which is dialled at these ports.
    pub fn new(seal: Seal, server: &str, ports: Vec<u16>) -> Envelopes {
        Envelopes { seal, server: server.to_owned(), ports }
    }

    /// The envelope, if it is good and for one of these purposes.
    fn open(&self, text: &str, purposes: &[Purpose], peer: SocketAddr) -> Option<Envelope> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        match self.seal.open(text, |to| self.is_me(to), now) {
            Ok((envelope, _)) if purposes.contains(&envelope.purpose) => Some(envelope),
            Ok((envelope, _)) => {
                let purpose = envelope.purpose;
                tracing::debug!(peer = shown(peer), ?purpose, "an envelope for another purpose is left out");
                None
            }
            Err(error) => {
                tracing::debug!(peer = shown(peer), %error, "an envelope is left out");
                None
            }
        }
    }

    fn is_me(&self, to: &str) -> bool {
        let port = || to.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        to == self.server || port().is_some_and(|port| self.ports.contains(&port))
    }
}

impl Gateway {
    /// Takes the envelope out of what an RTMP client said when it connected.
    pub(crate) fn envelope_of(
        &self,
        connect: &mut Arc<Connect>,
        purposes: &[Purpose],
        peer: SocketAddr,
    ) -> Option<Envelope> {
        connect.object.get(RTMP_PROPERTY)?;
        let taken = Arc::make_mut(connect).object.remove(RTMP_PROPERTY);
        let text = taken.as_ref().and_then(Value::as_str)?;
        self.envelopes.as_ref()?.open(text, purposes, peer)
    }

    /// Takes the envelope out of a request for media; the answer is where the client is, and the node that stands for it.
    pub(crate) fn client_of(&self, request: &mut Request<()>, peer: SocketAddr) -> (SocketAddr, Option<Via>) {
        let taken: &mut HeaderMap = request.headers_mut();
        let Some(text) = taken.remove(HTTP_HEADER) else { return (peer, None) };
        let opened = text
            .to_str()
            .ok()
            .zip(self.envelopes.as_ref())
            .and_then(|(text, envelopes)| envelopes.open(text, &[Purpose::Relay, Purpose::Pull], peer));
        let Some(envelope) = opened else { return (peer, None) };
        (envelope.client.unwrap_or(peer), Some(Via::of(&envelope)))
    }
}

impl Via {
    pub(crate) fn of(envelope: &Envelope) -> Via {
        Via { node: envelope.from.clone(), session: envelope.session.clone() }
    }
}

#[cfg(test)]
mod tests;
