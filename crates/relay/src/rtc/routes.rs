//! Which node has a session, by its user name.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use srs_balance::Node;
use srs_names::NodeId;
use srs_names::envelope::CAPABILITY;
use srs_rtc::ufrag::{Keys, Route, Ufrag};

use super::dial::LABEL;

/// The nodes that were registered when it was looked last.
#[derive(Default)]
pub(super) struct Routes(RwLock<Table>);

#[derive(Default)]
struct Table {
    routes: HashMap<NodeId, Route>,
    nodes: HashMap<Route, NodeId>,
    /// There are nodes that name their sessions as they like.
    has_strangers: bool,
}

impl Routes {
    /// Takes over which nodes there are.
    pub(super) fn learn<'a>(&self, keys: &Keys, nodes: impl Iterator<Item = &'a Node> + Clone) {
        let is_new = |table: &Table| {
            let mut count = 0_usize;
            let known = nodes.clone().all(|node| {
                count = count.saturating_add(1);
                table.routes.contains_key(&node.id)
            });
            !known || count != table.routes.len()
        };
        let is_stranger = |node: &Node| !node.can(CAPABILITY) && node.endpoint(LABEL).is_some();
        let has_strangers = nodes.clone().any(is_stranger);
        {
            let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if !is_new(&table) && table.has_strangers == has_strangers {
                return;
            }
        }
        let routes: HashMap<NodeId, Route> =
            nodes.map(|node| (node.id.clone(), keys.route(node.id.as_str()))).collect();
        let by_route = routes.iter().map(|(id, route)| (*route, id.clone())).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) =
            Table { routes, nodes: by_route, has_strangers };
    }

    /// The node that has the session of this user name, where the name says it.
    pub(super) fn find(&self, ufrag: &Ufrag<'_>) -> Option<NodeId> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).nodes.get(&ufrag.route()).cloned()
    }

    /// Whether a node of ours has that route.
    pub(super) fn has(&self, ufrag: &Ufrag<'_>) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).nodes.contains_key(&ufrag.route())
    }

    /// Whether there are nodes that name their sessions as they like.
    pub(super) fn has_strangers(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).has_strangers
    }
}
