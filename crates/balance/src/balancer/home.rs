//! Under which vhost a stream is known at the origins.
//!
//! An origin serves hosts that it was not told of in its default vhost, so one stream may be published by address and
//! played by host name. Proxies must fold the two as the origins do, or they are two streams to them.
//!
//! The rule, where nodes differ (one has the host, others do not, or do not say):
//!
//! - A claim is made under what [`Balancer::home`] answers: the default vhost when that is right at every origin, else the
//!   name that the client used. So proxies that know the same nodes ask the directory for the same key, whichever node
//!   they would pick.
//! - What a node lists is compared with what *that node* calls the stream ([`Names`]): a claim under a domain name stands
//!   while its holder lists the stream in its default vhost, and a viewer by domain name finds it there.
//!
//! What is left: beside a node that does not say, two names of one stream are two claims. They meet at the node that
//! lists the stream, which takes one heartbeat, and only if that node lists its streams.

use super::Balancer;
use crate::directory::Claim;
use crate::{Listed, Node, Role};
use srs_names::{DEFAULT_VHOST, StreamKey};

/// A stream as it was asked for, and as a node without its vhost keeps it.
pub(super) struct Names<'a> {
    asked: &'a StreamKey,
    folded: Option<StreamKey>,
}

impl<'a> Names<'a> {
    pub(super) fn of(asked: &'a StreamKey) -> Self {
        let folded = (asked.vhost() != DEFAULT_VHOST).then(|| asked.with_vhost(DEFAULT_VHOST).ok());
        Self { asked, folded: folded.flatten() }
    }

    /// The key under which this node keeps the stream. One that does not say which vhosts it has (plain SRS, a
    /// configured backend) may have any.
    fn at(&self, node: &Node) -> &StreamKey {
        let is_strange = node.vhosts.as_ref().is_some_and(|vhosts| !vhosts.contains(self.asked.vhost()));
        self.folded.as_ref().filter(|_| is_strange).unwrap_or(self.asked)
    }

    /// What this node says of the stream.
    pub(super) fn listed_by<'n>(&self, node: &'n Node) -> Option<&'n Listed> {
        node.live.as_ref()?.get(self.at(node))
    }

    /// All names that it may have at a node.
    pub(super) fn all(&self) -> impl Iterator<Item = &StreamKey> {
        std::iter::once(self.asked).chain(&self.folded)
    }
}

impl Balancer {
    /// Whether the holder of this claim, in the run that holds it, says that it has the stream, or waits for its publisher.
    /// None where it lists nothing, or is not known.
    #[must_use]
    pub fn is_listed(&self, claim: &Claim) -> Option<bool> {
        let state = self.state();
        let node = &state.nodes.get(&claim.holder)?.node;
        node.live.as_ref()?;
        Some(node.instance == claim.instance && Names::of(&claim.key).listed_by(node).is_some())
    }

    /// The key to pick by: in the default vhost when every origin would keep the stream there, else as it is. Edges have it
    /// under whatever name it is asked for.
    #[must_use]
    pub fn home(&self, key: StreamKey) -> StreamKey {
        let names = Names::of(&key);
        let state = self.state();
        let origins = state.nodes.values().filter(|entry| entry.node.role == Role::Origin);
        let mut nodes = origins.peekable();
        let is_strange = nodes.peek().is_some() && nodes.all(|entry| *names.at(&entry.node) != key);
        let folded = names.folded.filter(|_| is_strange);
        folded.unwrap_or(key)
    }
}

#[cfg(test)]
mod tests;
