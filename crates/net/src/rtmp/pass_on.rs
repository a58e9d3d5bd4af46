//! Publishes that are not for the node where they arrive.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use srs_names::NodeId;
use srs_rtmp::server;

use super::Link;

/// Who takes publishes that belong elsewhere: an edge's way to where its streams are published.
pub trait PassOn: Send + Sync {
    /// Serves a session to its end that wants to publish a stream of this vhost, which was not answered yet. `peer` is where
    /// the client is, `hops` are the nodes that it passed before this one, the first first. Dropping the future cuts it off.
    /// To be polled on a shard.
    fn publish<'a>(
        &'a self,
        vhost: &'a str,
        link: Link<server::Session>,
        request: server::PublishRequest,
        peer: SocketAddr,
        hops: Vec<NodeId>,
    ) -> Pin<Box<dyn Future<Output = ()> + 'a>>;
}
