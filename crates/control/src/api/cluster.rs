//! The cluster's answer: the same question to every node, and the sum of what comes back in time.
//!
//! Nodes are asked side by side, and all of them together have [`LIMIT`]; what a node that is slow, refuses or is gone
//! would have added is missing, and the reply's `nodes` says so. Entries stand in the order of their nodes' ids, and
//! inside a node in the node's own, so a page needs no more of each node than its own first entries; a page far behind
//! asks first how many each has, and then those alone that have a part of it.

mod ask;
mod leave;
mod pulls;
mod rows;
mod sum;
mod view;

use super::{Api, CLIENT_NOT_FOUND, MAX_COUNT, Page, VHOST_NOT_FOUND};
use crate::{Signer, reply};
use ask::{Answered, Nodes, Turn};
use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use srs_balance::{Balancer, OriginView};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
pub(super) use view::Part;

/// Time for all nodes together: whoever watches a console does not notice it, and a node that needs longer to list what
/// it has is in trouble.
const LIMIT: Duration = Duration::from_millis(500);
/// The same for the view of everything, which programs read.
const LIMIT_OF_VIEW: Duration = Duration::from_secs(2);
/// Of which this may pass in waiting for a turn, so that time is left to ask.
const PATIENCE: Duration = Duration::from_millis(250);
/// Largest answer of one node.
const MAX_ANSWER: usize = 4 << 20;
/// All answers that are held at a time, for all callers together. As values they take some five times as much.
const MAX_ANSWERS: usize = 32 << 20;
/// Questions to the whole cluster at a time, each of which opens a connection to every node.
const MAX_TURNS: usize = 32;
/// Longest id: SRS's have some ten characters.
const MAX_ID: usize = 64;

/// The nodes that registered here, as the API asks them.
pub struct Cluster {
    balancer: Arc<Balancer>,
    started: Instant,
    room: Arc<Semaphore>,
    turns: Semaphore,
    signer: Option<Arc<Signer>>,
}

impl Cluster {
    /// The nodes that `balancer` knows, whose clock was zero at `started`.
    #[must_use]
    pub fn new(balancer: Arc<Balancer>, started: Instant) -> Self {
        let room = Arc::new(Semaphore::new(MAX_ANSWERS));
        Self { balancer, started, room, turns: Semaphore::new(MAX_TURNS), signer: None }
    }

    /// The same; nodes of the same cluster are asked under this signature, which opens their lists to us on other machines
    /// too.
    #[must_use]
    pub fn signing(self, signer: Option<Signer>) -> Self {
        Self { signer: signer.map(Arc::new), ..self }
    }

    /// All nodes, in the order of their ids.
    pub(crate) fn nodes(&self) -> Vec<OriginView> {
        self.balancer.origins(self.started.elapsed())
    }

    /// A page of `streams` or `clients`.
    pub(super) async fn list(&self, api: &Api, name: &str, page: &Page) -> Response {
        let Some(turn) = self.turn().await else { return busy() };
        let (start, count) = page.range();
        let wanted = start.saturating_add(count);
        let (total, records, nodes) = if wanted <= MAX_COUNT {
            let nodes = turn.ask(&format!("/api/v1/{name}?start=0&count={wanted}"), |_| false).await;
            let (total, records) = sum::lists(&nodes, name, |_| wanted);
            (total, page.cut(records).collect::<Vec<_>>(), nodes)
        } else {
            Self::page_behind(&turn, name, name, start, count).await
        };
        let mut body = api.identity.reply(0);
        body.insert("total".to_owned(), total.into());
        body.insert(name.to_owned(), records.into());
        finish(body, &nodes)
    }

    /// A page of the list of this name in what nodes answer at `of`.
    async fn page_behind(
        turn: &Turn<'_>,
        of: &str,
        name: &str,
        start: usize,
        count: usize,
    ) -> (u64, Vec<Value>, Nodes) {
        let mut nodes = turn.ask(&format!("/api/v1/{of}?start=0&count=1"), |_| false).await;
        let (total, _) = sum::lists(&nodes, name, |_| 1);
        let parts = sum::parts(&nodes, |node| sum::entries(node, name), start, count);
        let path = |id: &str| {
            let (start, count) = parts.get(id)?;
            Some(format!("/api/v1/{of}?start={start}&count={count}"))
        };
        let with_parts = turn.ask_some(path, |_| false).await;
        let (_, records) = sum::lists(&with_parts, name, |id| parts.get(id).map_or(0, |(_, part)| *part));
        nodes.note_failures(&with_parts);
        (total, records, nodes)
    }

    /// The stream or client with this id, wherever it is.
    pub(super) async fn one(&self, api: &Api, name: &str, id: &str, missing: u32) -> Response {
        if !is_id(id) {
            return api.code(missing);
        }
        let Some(turn) = self.turn().await else { return busy() };
        let nodes = turn.find(name, id).await;
        let Some((node, record)) = nodes.found(name) else {
            return finish(api.identity.reply(missing), &nodes);
        };
        let mut body = api.identity.reply(0);
        body.insert(name.to_owned(), sum::with_server(record.clone(), node.id()));
        finish(body, &nodes)
    }

    /// Ends the session of the client with this id at the node that has it, and answers as that does.
    pub(super) async fn kick(&self, api: &Api, id: &str) -> Response {
        if !is_id(id) {
            return api.code(CLIENT_NOT_FOUND);
        }
        let Some(turn) = self.turn().await else { return busy() };
        let nodes = turn.find("client", id).await;
        let Some((node, _)) = nodes.found("client") else {
            return finish(api.identity.reply(CLIENT_NOT_FOUND), &nodes);
        };
        let path = format!("/api/v1/clients/{id}");
        match turn.tell(node, Method::DELETE, &path).await {
            Ok(Answered { status, body, .. }) => {
                tracing::info!(id, node = node.id(), %status, "client kicked by its node");
                reply::reply(status, &body)
            }
            Err(text) => reply::error(StatusCode::BAD_GATEWAY, &format!("{}: {text}", node.id())),
        }
    }

    /// All vhosts, those of one name summed.
    pub(super) async fn vhosts(&self, api: &Api) -> Response {
        let Some(turn) = self.turn().await else { return busy() };
        let nodes = turn.ask("/api/v1/vhosts", |_| false).await;
        let mut body = api.identity.reply(0);
        let vhosts = sum::vhosts(&nodes).into_iter().map(|vhost| vhost.record);
        body.insert("vhosts".to_owned(), vhosts.collect::<Vec<_>>().into());
        finish(body, &nodes)
    }

    /// The vhost that has this id, here or at any node.
    pub(super) async fn vhost(&self, api: &Api, id: &str) -> Response {
        let Some(turn) = self.turn().await else { return busy() };
        let nodes = turn.ask("/api/v1/vhosts", |_| false).await;
        let found = sum::vhosts(&nodes).into_iter().find(|vhost| vhost.is_called(id));
        let Some(vhost) = found else { return finish(api.identity.reply(VHOST_NOT_FOUND), &nodes) };
        let mut body = api.identity.reply(0);
        body.insert("vhost".to_owned(), vhost.record);
        finish(body, &nodes)
    }

    /// `own` is what the proxy tells of itself; the nodes' sums stand beside it as `cluster`.
    pub(super) async fn summaries(&self, api: &Api, mut own: Value) -> Response {
        let Some(turn) = self.turn().await else { return busy() };
        let none = |_: &Answered| false;
        let (mut nodes, vhosts) =
            tokio::join!(turn.ask("/api/v1/summaries", none), turn.ask("/api/v1/vhosts", none));
        nodes.note_failures(&vhosts);
        if let Some(data) = own.as_object_mut() {
            data.insert("cluster".to_owned(), sum::summaries(&nodes, &vhosts));
        }
        let mut body = api.identity.reply(0);
        body.insert("data".to_owned(), own);
        finish(body, &nodes)
    }

    /// The right to ask all nodes, and the time for it; none while too many others do.
    async fn turn(&self) -> Option<Turn<'_>> {
        self.turn_of(LIMIT).await
    }

    /// The same with another limit.
    async fn turn_of(&self, limit: Duration) -> Option<Turn<'_>> {
        let deadline = tokio::time::Instant::now() + limit;
        let permit = tokio::time::timeout(PATIENCE, self.turns.acquire()).await.ok()?.ok()?;
        Some(Turn { cluster: self, limit, deadline, _permit: permit })
    }
}

/// An id that may stand in a path as it is.
fn is_id(id: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(is_good)
}

fn busy() -> Response {
    reply::error(StatusCode::SERVICE_UNAVAILABLE, "too many ask the cluster at once: try again")
}

/// Adds who was asked, and what came of it.
fn finish(mut body: Map<String, Value>, nodes: &Nodes) -> Response {
    let shown = nodes.iter().map(|node| {
        let mut shown = json!({
            "id": node.id(),
            "device_id": node.view.node.device_id,
            "alive": node.view.health == srs_balance::Health::Alive,
            "answered": node.outcome.is_ok(),
        });
        if let (Err(text), Some(shown)) = (&node.outcome, shown.as_object_mut()) {
            shown.insert("error".to_owned(), text.clone().into());
        }
        shown
    });
    body.insert("nodes".to_owned(), shown.collect::<Vec<_>>().into());
    reply::ok(&body)
}

#[cfg(test)]
mod tests;
