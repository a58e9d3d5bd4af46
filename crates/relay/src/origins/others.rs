//! Choosing a node where not all have the service that is wanted.

use std::sync::Arc;

use srs_balance::{NoOrigin, Node, Pick};
use srs_names::{NodeId, StreamKey};

use super::Claimed;
use crate::Relay;

impl Relay {
    /// A node other than these: for a publish the origin of its claim, else an edge where there `may` be one, or the stream's
    /// origin.
    pub(crate) async fn pick_other(
        self: &Arc<Self>,
        key: &StreamKey,
        is_publish: bool,
        may_edge: bool,
        not: &[NodeId],
    ) -> Result<(Pick, Option<Claimed>), NoOrigin> {
        let now = self.now();
        if is_publish {
            let pick = self.balancer.pick_publish(key, not, now).await?;
            let claimed = Claimed::new(Arc::clone(self), pick.claim.clone());
            return Ok((pick, Some(claimed)));
        }
        let pick = if may_edge {
            self.balancer.pick_view(key, not, now).await?
        } else {
            self.balancer.pick_play(key, not, now).await?
        };
        Ok((pick, None))
    }

    /// The nodes that did not register one of these services.
    pub(crate) fn without(&self, labels: &[&str]) -> Vec<NodeId> {
        let nodes = self.balancer.origins(self.now()).into_iter().map(|view| view.node);
        let lacks = |node: &Node| labels.iter().any(|label| node.endpoint(label).is_none());
        nodes.filter(|node| lacks(node)).map(|node| node.id.clone()).collect()
    }
}
