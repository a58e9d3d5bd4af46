//! The page that Prometheus reads: SRS's metrics under SRS's names, ours under `srs_cluster_`, and `srs_pulls`.
//!
//! What clients can name (streams) and what registers here (nodes) gets series of its own up to [`MAX_SERIES`], the
//! busiest first; a flood of names must not become a flood of series. A proxy tells what is its own and what nodes told
//! it already: asking all of them is for those who look at lists, and a sum over whoever answers would fall and rise.

mod text;

use crate::machine::Uname;
use crate::{Access, Api, Cluster, Identity, Shows, access, reply};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use srs_balance::Health;
use srs_names::{FetchState, Inventory, NodeId, StreamRecord};
use srs_net::shards;
use srs_net::tcp::Slots;
use std::collections::BTreeMap;
use std::sync::Arc;
use text::{Kind, Page};

/// Streams, or nodes, with series of their own.
const MAX_SERIES: usize = 200;
/// The text format of Prometheus.
const FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// What only the role can count.
pub trait Counts: Send + Sync {
    /// Connections that are open at the media doors.
    fn connections(&self) -> usize;

    /// A proxy's legs to each of its nodes.
    fn legs(&self) -> Vec<(NodeId, usize)> {
        Vec::new()
    }
}

impl Counts for Slots {
    fn connections(&self) -> usize {
        self.used()
    }
}

/// `GET /metrics` alone, guarded, for a listener or a router of its own. It has no fallback.
pub fn metrics_api(api: Arc<Api>) -> Router {
    let (identity, access) = (api.identity.clone(), Arc::<Access>::new(api.access.clone()));
    let router = Router::new()
        .route("/metrics", get(page))
        .layer(from_fn_with_state(access, access::guard))
        .with_state(api);
    reply::with_headers(router, &identity)
}

pub(crate) async fn page(State(api): State<Arc<Api>>) -> Response {
    let mut response = Response::new(Body::from(written(&api)));
    response.headers_mut().insert(CONTENT_TYPE, FORMAT);
    response
}

/// The whole page.
fn written(api: &Api) -> String {
    let mut page = Page::default();
    program(&mut page, api);
    match &api.shows {
        Shows::Own(inventory) => node(&mut page, inventory.as_ref()),
        Shows::Cluster(cluster) => proxy(&mut page, api, cluster),
    }
    page.family("srs_cluster_connections", Kind::Gauge, "Connections that are open at the media doors.");
    page.sample("srs_cluster_connections", &[], api.counts.connections());
    let help = "Sessions and turns of loops that ended in a panic. Each one is a defect.";
    page.family("srs_cluster_panics_total", Kind::Counter, help);
    page.sample("srs_cluster_panics_total", &[], shards::panics());
    page.family("srs_cluster_uptime_seconds", Kind::Gauge, "Seconds since this process started.");
    page.sample("srs_cluster_uptime_seconds", &[], api.machine.uptime().as_secs());
    page.into_text()
}

/// What SRS tells of program and machine.
fn program(page: &mut Page, api: &Api) {
    let uname = Uname::read();
    let help = "Labeled system information as provided by the uname system call.";
    page.family("srs_node_uname_info", Kind::Gauge, help);
    let labels = [
        ("sysname", uname.sysname.as_str()),
        ("nodename", &uname.nodename),
        ("release", &uname.release),
        ("version", &uname.version),
        ("machine", uname.machine),
    ];
    page.sample("srs_node_uname_info", &labels, 1);
    let Identity { signature, version, server, service, pid } = &api.identity;
    let major = version.split('.').next().unwrap_or_default();
    let help = "A metric with a constant '1' value labeled by what was built.";
    page.family("srs_build_info", Kind::Gauge, help);
    let mut labels = vec![
        ("server", server.as_str()),
        ("service", service),
        ("pid", pid),
        // The same source gives the same program, so there is no date in it.
        ("build_date", ""),
        ("major", major),
        ("version", version),
        ("code", signature),
    ];
    let own = [("label", api.label.as_str()), ("tag", &api.tag)];
    labels.extend(own.into_iter().filter(|(_, value)| !value.is_empty()));
    page.sample("srs_build_info", &labels, 1);
    let now = api.machine.read();
    page.family("srs_cpu_percent", Kind::Gauge, "Percent of one processor that this process uses.");
    page.sample("srs_cpu_percent", &[], now.own_share * 100.0);
    page.family("srs_memory", Kind::Gauge, "Memory of this process that is resident, in KiB.");
    page.sample("srs_memory", &[], now.rss);
}

/// What a node with streams of its own tells.
fn node(page: &mut Page, inventory: &dyn Inventory) {
    let (streams, clients, totals) = (inventory.streams(), inventory.clients(), inventory.totals());
    let rows = [
        ("srs_send_bytes_total", Kind::Counter, "Bytes sent to clients.", totals.send_bytes),
        ("srs_receive_bytes_total", Kind::Counter, "Bytes received from clients.", totals.recv_bytes),
        ("srs_streams", Kind::Gauge, "Streams that are here now.", streams.len() as u64),
        ("srs_clients", Kind::Gauge, "Clients that are here now.", clients.len() as u64),
        ("srs_clients_total", Kind::Counter, "Clients that came since the start.", totals.clients),
        ("srs_clients_errs_total", Kind::Counter, "Clients whose session failed.", totals.errors),
    ];
    for (name, kind, help, value) in rows {
        page.family(name, kind, help);
        page.sample(name, &[], value);
    }
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for client in &clients {
        let count = kinds.entry(&client.kind).or_default();
        *count = count.saturating_add(1);
    }
    page.family("srs_cluster_clients", Kind::Gauge, "Clients that are here now, by what they do.");
    for (kind, count) in kinds {
        page.sample("srs_cluster_clients", &[("type", kind)], count);
    }
    let fetches = inventory.fetches();
    page.family("srs_pulls", Kind::Gauge, "Streams that are fetched from elsewhere now, by how far that is.");
    for state in FetchState::ALL {
        let count = fetches.iter().filter(|fetch| fetch.state == state).count();
        page.sample("srs_pulls", &[("state", state.name())], count);
    }
    of_streams(page, streams);
}

fn of_streams(page: &mut Page, mut streams: Vec<StreamRecord>) {
    streams.sort_by(|a, b| b.clients.cmp(&a.clients).then_with(|| a.key.cmp(&b.key)));
    let unlisted = streams.len().saturating_sub(MAX_SERIES);
    streams.truncate(MAX_SERIES);
    type Row = (&'static str, Kind, &'static str, fn(&StreamRecord) -> u64);
    let rows: [Row; 4] = [
        ("srs_cluster_stream_clients", Kind::Gauge, "Viewers and publisher of a stream.", |stream| {
            stream.clients
        }),
        ("srs_cluster_stream_frames_total", Kind::Counter, "Frames received of a stream.", |stream| {
            stream.frames
        }),
        ("srs_cluster_stream_receive_bytes_total", Kind::Counter, "Bytes received of a stream.", |stream| {
            stream.recv_bytes
        }),
        ("srs_cluster_stream_send_bytes_total", Kind::Counter, "Bytes sent of a stream.", |stream| {
            stream.send_bytes
        }),
    ];
    for (name, kind, help, value) in rows {
        page.family(name, kind, help);
        for stream in &streams {
            let key = &stream.key;
            let labels = [("vhost", key.vhost()), ("app", key.app()), ("stream", key.stream())];
            page.sample(name, &labels, value(stream));
        }
    }
    let help = "Streams without series of their own: those with the fewest clients.";
    page.family("srs_cluster_streams_unlisted", Kind::Gauge, help);
    page.sample("srs_cluster_streams_unlisted", &[], unlisted);
}

/// One node as the proxy sees it.
struct Seen {
    id: String,
    legs: usize,
    streams: usize,
    claims: usize,
    load: Option<f32>,
}

/// What a proxy tells: its nodes, its legs, and the streams that nodes list in their heartbeats.
fn proxy(page: &mut Page, api: &Api, cluster: &Cluster) {
    let nodes = cluster.nodes();
    let mut legs: BTreeMap<NodeId, usize> = api.counts.legs().into_iter().collect();
    let all_legs = legs.values().fold(0, |sum: usize, count| sum.saturating_add(*count));
    let states = |state: fn(Health) -> bool| nodes.iter().filter(|node| state(node.health)).count();
    page.family("srs_cluster_nodes", Kind::Gauge, "Nodes that registered here, by how they stand.");
    for (state, count) in [
        ("alive", states(|health| health == Health::Alive)),
        ("silent", states(|health| health == Health::Silent)),
        ("refusing", states(|health| matches!(health, Health::Refusing { .. }))),
    ] {
        page.sample("srs_cluster_nodes", &[("state", state)], count);
    }
    let mut seen: Vec<Seen> = nodes
        .iter()
        .map(|view| Seen {
            id: view.node.id.as_str().to_owned(),
            legs: legs.remove(&view.node.id).unwrap_or(0),
            streams: view.node.live.as_ref().map_or(view.claims, |live| live.len()),
            claims: view.claims,
            load: view.node.load,
        })
        .collect();
    let sum = |of: fn(&Seen) -> usize| seen.iter().map(of).fold(0_usize, usize::saturating_add);
    let rows = [
        ("srs_streams", "Streams that the nodes have now.", sum(|node| node.streams)),
        ("srs_clients", "Clients that are served through this proxy now.", all_legs),
        ("srs_cluster_claims", "Streams that are claimed by a node.", sum(|node| node.claims)),
    ];
    for (name, help, value) in rows {
        page.family(name, Kind::Gauge, help);
        page.sample(name, &[], value);
    }
    seen.sort_by(|a, b| b.legs.cmp(&a.legs).then_with(|| a.id.cmp(&b.id)));
    let unlisted = seen.len().saturating_sub(MAX_SERIES);
    seen.truncate(MAX_SERIES);
    page.family("srs_cluster_legs", Kind::Gauge, "Clients that are served by a node through this proxy.");
    for node in &seen {
        page.sample("srs_cluster_legs", &[("node", &node.id)], node.legs);
    }
    page.family("srs_cluster_node_streams", Kind::Gauge, "Streams that a node has now.");
    for node in &seen {
        page.sample("srs_cluster_node_streams", &[("node", &node.id)], node.streams);
    }
    page.family("srs_cluster_node_load", Kind::Gauge, "How busy a node says it is; 1 is full.");
    for node in &seen {
        if let Some(load) = node.load {
            page.sample("srs_cluster_node_load", &[("node", &node.id)], load);
        }
    }
    let help = "Nodes without series of their own: those with the fewest legs.";
    page.family("srs_cluster_nodes_unlisted", Kind::Gauge, help);
    page.sample("srs_cluster_nodes_unlisted", &[], unlisted);
}

#[cfg(test)]
mod tests;
