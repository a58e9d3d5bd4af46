//! The origin that need not register.

use srs_balance::{Endpoint, Node};
use srs_names::NodeId;

use crate::config::DefaultBackend;
use crate::proxy::Error;

/// It, as if it had.
pub(crate) fn node(backend: &DefaultBackend) -> Result<Node, Error> {
    let id = NodeId::new("default-backend")?;
    let mut node = Node::new(id, "configured", backend.ip.clone());
    let services = [
        ("rtmp", backend.rtmp),
        ("http", backend.http),
        ("api", backend.api),
        ("srt", backend.srt),
        ("rtc", backend.rtc),
    ];
    for (label, listen) in services {
        let host = listen.ip.map_or_else(|| backend.ip.clone(), |ip| ip.to_string());
        node.endpoints.insert(label.to_owned(), vec![Endpoint { proto: None, host, port: listen.port }]);
    }
    node.permanent = true;
    Ok(node)
}
