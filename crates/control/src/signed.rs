//! Requests that nodes of one cluster sign: the header [`HTTP_HEADER`] holds an envelope, which is good once, for some
//! thirty seconds, and for one request. A heartbeat is bound to its body, everything else to its method and path: who
//! listens on the way can neither say something else with it nor say it again.

use crate::machine::unix_ms;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use srs_names::envelope::{Envelope, HTTP_HEADER, Heard, Purpose, Seal, bound};
use srs_names::{Foreign, NodeId};
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// The header's name.
pub(crate) const NODE: HeaderName = HeaderName::from_static(HTTP_HEADER);

/// Signs what one node asks others.
#[derive(Clone, Debug)]
pub struct Signer {
    seal: Seal,
    me: NodeId,
    role: &'static str,
}

impl Signer {
    /// For the node `me`, whose role is `proxy`, `origin` or `edge`, with the cluster's secret.
    #[must_use]
    pub fn new(secret: &[u8], me: NodeId, role: &'static str) -> Self {
        Self { seal: Seal::new(secret), me, role }
    }

    /// The header of a heartbeat to a proxy that is dialled at `to`, a host and a port.
    pub(crate) fn beat(&self, to: &str, body: &[u8]) -> Option<HeaderValue> {
        self.sign(Purpose::Beat, to, bound::of_body(body))
    }

    /// The header of a request to the node with the id `to`.
    pub(crate) fn control(&self, to: &NodeId, method: &Method, path: &str) -> Option<HeaderValue> {
        self.sign(Purpose::Control, to.as_str(), bound::of_http(method.as_str(), path))
    }

    /// None only for what no header holds, which an envelope is not.
    fn sign(&self, purpose: Purpose, to: &str, bound: String) -> Option<HeaderValue> {
        let envelope = Envelope {
            from: self.me.clone(),
            role: self.role.to_owned(),
            purpose,
            to: to.to_owned(),
            client: None,
            term: None,
            hold: None,
            session: String::new(),
            bound,
            hops: Vec::new(),
        };
        let mut value = HeaderValue::try_from(self.seal.sign(&envelope, unix_ms(), rand::random())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// What is asked, as far as a signature is bound to it.
#[derive(Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// A registration; its body was not read yet, see [`is_of_body`].
    Beat,
    /// Anything else.
    Control(&'a Method, &'a str),
}

/// Why a signature does not open the door.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsigned {
    /// It is as if it were not there; the text says why.
    #[error("its signature is no good here: {0}")]
    Foreign(String),
    /// It was good, once.
    #[error("this signed request was heard already, or before others that were: sign each anew")]
    Again,
}

/// Opens what other nodes signed for this one.
pub struct Signatures {
    seal: Seal,
    me: String,
    ports: Vec<u16>,
    heard: Mutex<Heard>,
}

impl fmt::Debug for Signatures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Signatures")
            .field("me", &self.me)
            .field("ports", &self.ports)
            .finish_non_exhaustive()
    }
}

impl Signatures {
    /// For the node with this id, which is dialled at these ports, with the cluster's secret.
    #[must_use]
    pub fn new(secret: &[u8], me: &str, ports: Vec<u16>) -> Self {
        Self { seal: Seal::new(secret), me: me.to_owned(), ports, heard: Mutex::default() }
    }

    /// The envelope of a request; none where there is none.
    pub(crate) fn open(&self, headers: &HeaderMap, asked: Asked<'_>) -> Option<Result<Envelope, Unsigned>> {
        self.open_at(headers, asked, unix_ms())
    }

    fn open_at(
        &self,
        headers: &HeaderMap,
        asked: Asked<'_>,
        now_ms: u64,
    ) -> Option<Result<Envelope, Unsigned>> {
        let text = headers.get(NODE)?;
        let foreign = |why: &str| Some(Err(Unsigned::Foreign(why.to_owned())));
        let opened = match text.to_str() {
            Ok(text) => self.seal.open(text, |to| self.is_me(to), now_ms),
            Err(_) => Err(Foreign::Malformed),
        };
        let (envelope, mark) = match opened {
            Ok(opened) => opened,
            Err(error) => return foreign(&error.to_string()),
        };
        let is_for_this = match asked {
            Asked::Beat => envelope.purpose == Purpose::Beat,
            Asked::Control(method, path) => {
                envelope.purpose == Purpose::Control
                    && envelope.bound == bound::of_http(method.as_str(), path)
            }
        };
        if !is_for_this {
            return foreign("it is for another request");
        }
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        Some(if heard.is_new(mark, now_ms) { Ok(envelope) } else { Err(Unsigned::Again) })
    }

    fn is_me(&self, to: &str) -> bool {
        let port = || to.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        to == self.me || port().is_some_and(|port| self.ports.contains(&port))
    }
}

/// Whether a heartbeat's envelope was signed for this body.
pub(crate) fn is_of_body(envelope: &Envelope, body: &[u8]) -> bool {
    envelope.bound == bound::of_body(body)
}

#[cfg(test)]
mod tests;
