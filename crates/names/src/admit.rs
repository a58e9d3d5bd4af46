//! The question each door asks before it lets a client in.

use crate::{Params, StreamKey};
use std::net::SocketAddr;

/// May this client publish or play? Asked once per session, before anything is claimed or opened.
/// The answer must be ready at once: what takes time (hooks) is looked up beforehand or afterwards.
pub trait Admit: Send + Sync {
    /// May the client at `peer` publish `key`?
    fn publish(&self, key: &StreamKey, params: &Params, peer: SocketAddr) -> Result<(), Refusal>;

    /// May the client at `peer` play `key`?
    fn play(&self, key: &StreamKey, params: &Params, peer: SocketAddr) -> Result<(), Refusal>;
}

/// The answer of a server without rules: everyone may.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdmitAll;

impl Admit for AdmitAll {
    fn publish(&self, _: &StreamKey, _: &Params, _: SocketAddr) -> Result<(), Refusal> {
        Ok(())
    }

    fn play(&self, _: &StreamKey, _: &Params, _: SocketAddr) -> Result<(), Refusal> {
        Ok(())
    }
}

/// A client that may not enter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// What the protocol's answer is chosen by.
    pub kind: RefusalKind,
    /// One line for the client and the log: what is missing, and where it would be allowed.
    pub reason: String,
}

/// What a client can do about its refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// Bring a token or another one (HTTP 401).
    Unauthorized,
    /// Nothing: this client is not wanted here (HTTP 403).
    Forbidden,
    /// Come again later: a limit is reached or the node drains (HTTP 503).
    Busy,
}
