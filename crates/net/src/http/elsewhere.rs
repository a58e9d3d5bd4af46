//! The question a media door asks before it answers for itself: is there somebody who has the answer from another node?

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use http::Request;
use srs_names::NodeId;

use super::Answer;

/// The name of the parameter by which addresses in a relayed list say where the list came from.
pub const TOKEN: &str = "srs_at";

/// Among a request's extensions: the nodes that wait behind the client, the farthest first. Not there for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hops(pub Vec<NodeId>);

/// Who answers requests by what other nodes have: an edge's relay of HLS.
pub trait Elsewhere: Send + Sync {
    /// The answer to `request`, which a client at `peer` sent and which may be answered from its head alone; none where it
    /// is not its business. The caller sends it and goes on with the connection. It is dropped when the client leaves.
    fn answer<'a>(
        &'a self,
        request: &'a Request<()>,
        peer: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = Option<Answer>> + 'a>>;
}
