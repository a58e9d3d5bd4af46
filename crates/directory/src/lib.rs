//! Directories that several proxies share: drivers of [`srs_balance::Directory`] with sockets and a clock of their own.
//!
//! Beside the claims of streams a shared directory carries the [`Board`], where proxies show each other what nodes told
//! them. Neither is ever on the media path: every answer is bounded in time, and a directory that is away says so at
//! once. Where to read next: [`redis`], [`mesh`].

pub mod mesh;
pub mod redis;

use bytes::Bytes;
use srs_names::NodeId;
use std::pin::Pin;

/// Longest body of a [`Beat`], in bytes: ten thousand live streams of a node fit.
pub const MAX_BODY: usize = 1024 * 1024;
/// Most nodes on a board, as many as a balancer knows.
pub const MAX_NODES: usize = srs_balance::MAX_NODES;

/// What a node told one proxy, shown to the others. The body is the registration as it came; only `control` reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The node.
    pub id: NodeId,
    /// Its registration, at most [`MAX_BODY`] bytes; a longer one is not shown.
    pub body: Bytes,
    /// Whether it came over loopback: the node runs on the machine of the proxy that heard it.
    pub local: bool,
    /// Where that proxy's machine is reached, for a `local` node.
    pub host: String,
}

/// What will have been posted by others.
pub type News<'a> = Pin<Box<dyn Future<Output = Vec<Beat>> + Send + 'a>>;

/// Where proxies show each other the beats of nodes.
///
/// A node that stops beating makes no news, so whoever reads judges silence by its own clock.
pub trait Board: Send + Sync {
    /// Shows a beat to the others. Never waits; of several of one node the newest is shown. While the board is away
    /// beats are lost: the next one comes.
    fn post(&self, beat: Beat);

    /// Waits for what other proxies posted since the last call, the newest of each node. For one reader.
    fn news(&self) -> News<'_>;
}
