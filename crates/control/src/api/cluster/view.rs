//! The cluster as a whole: nodes, streams and sessions, the same from every proxy that knows the same nodes.
//!
//! It is made of the nodes' own lists. Nodes have two seconds for them; of one that says nothing by then, or refuses, the
//! streams of its last heartbeat are shown, and its sessions are missing. Rows stand in the order of their nodes' ids, and
//! inside a node in the node's own; pages count the entries of the nodes' lists, of which those without a publisher are
//! left out, so that a page may be shorter than was asked for.

use super::ask::{Asked, Nodes, Turn};
use super::rows::{self, Names, Record};
use super::{Cluster, LIMIT_OF_VIEW, MAX_COUNT, busy, sum};
use crate::api::lists::PULLS;
use crate::api::{Api, Page};
use crate::{machine, reply};
use axum::response::Response;
use serde_json::{Map, Value, json};
use srs_balance::Role;
use std::collections::HashMap;

/// Entries of each list in the view of everything, when `count` is not given.
const WHOLE: usize = 1_000;

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Part {
    /// Everything.
    Whole,
    /// Nodes alone.
    Origins,
    /// Streams alone.
    Streams,
    /// Sessions alone.
    Sessions,
}

/// One list of every node, as far as a page needs it.
struct Lists {
    name: &'static str,
    nodes: Nodes,
    /// Where the page lies behind what a first question brings: each node's part of it.
    more: Option<Nodes>,
    /// What of each node's list is on the page, as start and count.
    parts: HashMap<String, (usize, usize)>,
}

impl Lists {
    async fn of(turn: &Turn<'_>, name: &'static str, start: usize, count: usize) -> Self {
        let wanted = start.saturating_add(count);
        let is_near = wanted <= MAX_COUNT;
        let first = if is_near { wanted } else { 1 };
        let nodes = turn.ask(&format!("/api/v1/{name}?start=0&count={first}"), |_| false).await;
        let parts = sum::parts(&nodes, |node| entries(node, name), start, count);
        let more = if is_near {
            None
        } else {
            let path = |id: &str| {
                let (start, count) = parts.get(id)?;
                Some(format!("/api/v1/{name}?start={start}&count={count}"))
            };
            Some(turn.ask_some(path, |_| false).await)
        };
        Self { name, nodes, more, parts }
    }

    fn total(&self) -> u64 {
        self.nodes.iter().fold(0, |sum: u64, node| sum.saturating_add(entries(node, self.name)))
    }

    /// The page: `row` makes a row of an entry, and `lost` stands for the list of a node that did not give it.
    fn rows(
        &self,
        row: impl Fn(&Asked, &Record) -> Option<Value>,
        lost: impl Fn(&Asked) -> Vec<Value>,
    ) -> Vec<Value> {
        let mut all = Vec::new();
        for node in self.nodes.iter() {
            let Some((start, count)) = self.parts.get(node.id()).copied() else { continue };
            let behind = self.more.as_ref().map(|more| more.iter().find(|more| more.id() == node.id()));
            let (list, skip) = match behind {
                Some(Some(part)) if node.outcome.is_ok() => (part, 0),
                _ => (node, start),
            };
            if list.outcome.is_ok() {
                let entries = sum::of(list, self.name).skip(skip).take(count);
                all.extend(entries.filter_map(|entry| row(node, entry)));
            } else {
                all.extend(lost(node).into_iter().skip(start).take(count));
            }
        }
        all
    }
}

/// How many entries a node has. One that did not answer has the streams of its last heartbeat.
fn entries(node: &Asked, name: &str) -> u64 {
    match &node.outcome {
        Err(_) if name == "streams" => node.view.node.live.as_ref().map_or(0, |live| live.len() as u64),
        _ => sum::entries(node, name),
    }
}

impl Cluster {
    /// A page of one part, or everything.
    pub(in crate::api) async fn view(&self, api: &Api, part: Part, page: &Page) -> Response {
        let Some(turn) = self.turn_of(LIMIT_OF_VIEW).await else { return busy() };
        let (start, count) = if part == Part::Whole { page.range_of(WHOLE) } else { page.range() };
        let mut data = Map::new();
        if part == Part::Whole {
            data.insert("domain".to_owned(), self.domain(api).into());
        }
        let mut totals = Map::new();
        let mut show = |name: &str, total: u64, rows: Vec<Value>| {
            data.insert(name.to_owned(), rows.into());
            totals.insert(name.to_owned(), total.into());
        };
        match part {
            Part::Origins => {
                let (nodes, pulls) =
                    tokio::join!(turn.ask("/api/v1/versions", |_| false), self.pulls_of_edges(&turn));
                show("origins", nodes.len() as u64, self.origin_rows(&nodes, &pulls, start, count));
            }
            Part::Streams => {
                let (lists, names) =
                    tokio::join!(Lists::of(&turn, "streams", start, count), self.names(&turn));
                show("streams", lists.total(), streams(&lists, &names));
            }
            Part::Sessions => {
                let (lists, names) =
                    tokio::join!(Lists::of(&turn, "clients", start, count), self.names(&turn));
                show("sessions", lists.total(), sessions(&lists, &names));
            }
            Part::Whole => {
                let (of_streams, of_clients, names, pulls) = tokio::join!(
                    Lists::of(&turn, "streams", start, count),
                    Lists::of(&turn, "clients", start, count),
                    self.names(&turn),
                    self.pulls_of_edges(&turn)
                );
                let nodes = &of_streams.nodes;
                show("origins", nodes.len() as u64, self.origin_rows(nodes, &pulls, start, count));
                show("streams", of_streams.total(), streams(&of_streams, &names));
                show("sessions", of_clients.total(), sessions(&of_clients, &names));
            }
        }
        data.insert("totals".to_owned(), totals.into());
        reply::ok(&json!({"code": 0, "data": data}))
    }

    /// The claim domain. What is of one proxy alone is called the same at all of them.
    fn domain(&self, api: &Api) -> String {
        let domain = self.balancer.domain();
        let shared = domain.strip_suffix(&api.identity.server).and_then(|kind| kind.strip_suffix(':'));
        shared.unwrap_or(domain).to_owned()
    }

    fn origin_rows(&self, nodes: &Nodes, pulls: &Nodes, start: usize, count: usize) -> Vec<Value> {
        let now = self.started.elapsed();
        let row = |node: &Asked| {
            let fetching = pulls.iter().find(|edge| edge.id() == node.id() && edge.outcome.is_ok());
            rows::origin(node, fetching.map(|edge| sum::entries(edge, PULLS)), now)
        };
        nodes.iter().skip(start).take(count).map(row).collect()
    }

    /// How much edges fetch. Heartbeats do not say it.
    async fn pulls_of_edges(&self, turn: &Turn<'_>) -> Nodes {
        let views = self.nodes();
        let is_edge =
            |id: &str| views.iter().any(|view| view.node.id.as_str() == id && view.node.role == Role::Edge);
        turn.ask_some(|id| is_edge(id).then(|| format!("/api/v1/{PULLS}?start=0&count=1")), |_| false).await
    }

    /// What nodes call their vhosts: plain SRS does not say it by itself.
    async fn names(&self, turn: &Turn<'_>) -> Names {
        let views = self.nodes();
        let is_plain =
            |id: &str| views.iter().any(|view| view.node.id.as_str() == id && view.node.vhosts.is_none());
        let path = |id: &str| is_plain(id).then(|| "/api/v1/vhosts".to_owned());
        Names::of(&views, &turn.ask_some(path, |_| false).await)
    }
}

fn streams(lists: &Lists, names: &Names) -> Vec<Value> {
    let now_ms = machine::unix_ms();
    lists.rows(|node, record| rows::stream(node, record, names, now_ms), |node| rows::listed(node, now_ms))
}

fn sessions(lists: &Lists, names: &Names) -> Vec<Value> {
    lists.rows(|node, record| Some(rows::session(node, record, names)), |_| Vec::new())
}

#[cfg(test)]
mod tests;
