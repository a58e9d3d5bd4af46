//! Leaving an origin: by a word to the balancer, which stands at once, and by one to the node, whose own heartbeats then
//! tell every proxy.

use super::Cluster;
use crate::api::Api;
use crate::client::Target;
use crate::reply;
use axum::response::Response;
use http::{Method, StatusCode};
use srs_balance::Node;
use srs_names::NodeId;
use std::time::Duration;

/// Time for the node's answer.
const LIMIT: Duration = Duration::from_secs(2);
/// Where our nodes are told.
const PATH: &str = "/api/v1/drain";

impl Cluster {
    /// Begins or undoes it. The answer says whether the node was told too, and if not why.
    pub(in crate::api) async fn drain(&self, api: &Api, id: &str, on: bool) -> Response {
        let known = NodeId::new(id).ok().and_then(|id| self.balancer.drain(&id, on));
        let Some(node) = known else { return reply::error(StatusCode::NOT_FOUND, "no origin has this id") };
        let told = self.tell(&node, on).await;
        tracing::info!(id, on, told = told.is_ok(), "an operator decided whether an origin is left");
        let mut body = api.identity.reply(0);
        body.insert("id".to_owned(), id.into());
        body.insert("draining".to_owned(), on.into());
        body.insert("told".to_owned(), told.is_ok().into());
        if let Err(why) = told {
            body.insert("why".to_owned(), why.into());
        }
        reply::ok(&body)
    }

    async fn tell(&self, node: &Node, on: bool) -> Result<(), String> {
        // Those of ours say what they have.
        if node.live.is_none() {
            return Err("a plain SRS cannot be told: this proxy alone leaves it".to_owned());
        }
        let endpoint =
            node.endpoint("api").ok_or("it registered no api endpoint: this proxy alone leaves it")?;
        let target = Target::new(&endpoint.host, endpoint.port, PATH);
        let method = if on { Method::POST } else { Method::DELETE };
        let told = tokio::time::timeout(LIMIT, self.fetch(node, target, method)).await;
        let answered = told.unwrap_or_else(|_| Err(format!("no answer within {LIMIT:?}")))?;
        let answered = super::ask::understood(answered)?;
        match answered.body.get("draining").and_then(serde_json::Value::as_bool) {
            Some(draining) if draining == on => Ok(()),
            _ => Err("it answered something else".to_owned()),
        }
    }
}
