//! Under which vhost a stream is known at the origins.
//!
//! An origin serves hosts that it was not told of in its default vhost, so one stream may be published by address and
//! played by host name. Proxies must fold the two as the origins do, or they are two streams to them.

use super::Balancer;
use srs_names::{DEFAULT_VHOST, StreamKey};

impl Balancer {
    /// The key as the origins keep it: in the default vhost when every origin says which vhosts it has and none has this
    /// one. One that does not say (plain SRS, a configured backend) may have any, and the key stays.
    #[must_use]
    pub fn home(&self, key: StreamKey) -> StreamKey {
        if key.vhost() == DEFAULT_VHOST {
            return key;
        }
        let state = self.state();
        let mut nodes = state.nodes.values().peekable();
        let is_strange = nodes.peek().is_some()
            && nodes
                .all(|entry| entry.node.vhosts.as_ref().is_some_and(|vhosts| !vhosts.contains(key.vhost())));
        if is_strange { key.with_vhost(DEFAULT_VHOST).unwrap_or(key) } else { key }
    }
}

#[cfg(test)]
mod tests;
