//! The question a door asks before it seats a viewer: can the stream be had from elsewhere?

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use crate::{AppRecord, FetchRecord, NodeId, StreamKey};

/// Who fetches streams that are wanted here and published elsewhere: an edge's pull.
pub trait Source: Send + Sync {
    /// Somebody wants a stream: begins to fetch it, or joins those for whom it is fetched already. To be asked before the
    /// viewer subscribes at the hub, and waited for: the answer is ready at once unless the viewer has to be asked about
    /// upstream.
    ///
    /// # Errors
    /// [`Missing`] when it is known already that this viewer cannot have it.
    fn fetch<'a>(
        &'a self,
        wish: Wish<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Fetch, Missing>> + Send + 'a>>;

    /// What is fetched now, in the order of the streams' names. Answers from memory, as the next does.
    fn fetches(&self) -> Vec<FetchRecord>;

    /// The applications that there are, made ones among them, in the order of vhost and name.
    fn applications(&self) -> Vec<AppRecord>;
}

/// What is wanted, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The stream as this node keeps it.
    pub key: &'a StreamKey,
    /// The host that the viewer named.
    pub host: &'a str,
    /// What the viewer said behind the `?`, as said.
    pub query: &'a str,
    /// Where the viewer is.
    pub client: SocketAddr,
    /// The nodes that wait behind this viewer, the farthest first: empty for a player.
    pub hops: &'a [NodeId],
}

/// What becomes of a wish.
pub enum Fetch {
    /// The stream is not fetched: it is published here, or will be.
    Here,
    /// It is fetched, or comes already. The future is ready when it is given up before anything came, and never otherwise.
    Coming(Pin<Box<dyn Future<Output = Missing> + Send>>),
}

impl std::fmt::Debug for Fetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Fetch::Here => "Here",
            Fetch::Coming(_) => "Coming",
        })
    }
}

/// Why a stream cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Missing {
    /// What the protocol's answer is chosen by.
    pub kind: MissingKind,
    /// One line for the viewer and the log.
    pub reason: String,
}

/// What a viewer can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKind {
    /// Nothing, or come later: it is nowhere (HTTP 404).
    NotFound,
    /// It is not for this viewer (HTTP 403).
    Forbidden,
    /// It would be fetched from a node that fetches it from here (HTTP 508).
    Loop,
    /// Nobody upstream answers (HTTP 504).
    Unreachable,
}
