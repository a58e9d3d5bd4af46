//! The rows of the view, made of what nodes answer and of what they said in their last heartbeats.

use super::ask::{Asked, Nodes};
use super::sum;
use crate::api::records::vhost_id;
use crate::system;
use serde_json::{Map, Value, json};
use srs_balance::{Epoch, Health, Listed, Node, OriginView};
use srs_names::{DEFAULT_VHOST, StreamKey};
use std::collections::HashMap;
use std::time::Duration;

pub(super) type Record = Map<String, Value>;

/// Bits of an epoch below its milliseconds.
const EPOCH_TAG_BITS: u32 = 16;

/// The vhosts of all nodes by what each calls them.
pub(super) struct Names(HashMap<String, HashMap<String, String>>);

impl Names {
    /// Of nodes that say which vhosts they have, the ids follow from the names; the others, in `asked`, told both.
    pub(super) fn of(views: &[OriginView], asked: &Nodes) -> Self {
        let default = || (vhost_id(DEFAULT_VHOST), DEFAULT_VHOST.to_owned());
        let registered = views.iter().map(|view| {
            let own = view.node.vhosts.iter().flatten().map(|name| (vhost_id(name), name.clone()));
            (view.node.id.as_str().to_owned(), own.chain([default()]).collect())
        });
        let mut names: HashMap<String, HashMap<String, String>> = registered.collect();
        for node in asked.iter() {
            let told = sum::of(node, "vhosts").map(|vhost| (text(vhost, "id"), text(vhost, "name")));
            names.entry(node.id().to_owned()).or_default().extend(told);
        }
        Self(names)
    }

    /// The name, or where nobody told it what the node calls it.
    fn name(&self, node: &Asked, id: &str) -> String {
        let name = self.0.get(node.id()).and_then(|names| names.get(id));
        name.map_or(id, String::as_str).to_owned()
    }
}

/// A node. What does not answer counts as dead, whatever its heartbeats say. How many streams it fetches is told by edges.
pub(super) fn origin(node: &Asked, pulls: Option<u64>, now: Duration) -> Value {
    let OriginView { node: told, health, last_seen, .. } = &node.view;
    let load = told.usage.map(|usage| {
        json!({
            // A share in thousandths: what lies behind that is noise.
            "cpu": (f64::from(usage.cpu) * 1_000.0).round() / 1_000.0,
            "streams": usage.streams,
            "viewers": usage.viewers,
            "recv_kbps": usage.recv_kbps,
            "send_kbps": usage.send_kbps,
        })
    });
    let mut row = json!({
        "id": node.id(),
        "device_id": told.device_id,
        "ip": told.host,
        "role": told.role.name(),
        "alive": *health == Health::Alive && !node.mute,
        "health": system::health(*health),
        "draining": told.draining,
        "since_ms": millis(now.saturating_sub(told.since)),
        "last_seen_ms": millis(*last_seen),
        "load": load,
        "streams": told.live.as_ref().map_or(node.view.claims, HashMap::len),
        "claims": claims(&node.view),
    });
    if let Some(row) = row.as_object_mut() {
        row.extend(pulls.map(|pulls| ("pulls".to_owned(), pulls.into())));
        let error = node.outcome.as_ref().err();
        row.extend(error.map(|text| ("error".to_owned(), text.clone().into())));
    }
    row
}

/// Claims under which streams run at a node: by what it says, which every proxy hears; else as this one knows.
fn claims(view: &OriginView) -> usize {
    let claimed = |listed: &&Listed| listed.domain.is_some();
    view.node.live.as_ref().map_or(view.claims, |live| live.values().filter(claimed).count())
}

/// A stream of a node that answered; none for one that nobody publishes, and nobody is awaited for.
pub(super) fn stream(node: &Asked, record: &Record, names: &Names, now_ms: u64) -> Option<Value> {
    let flag = |path: &str| record.get(path).and_then(Value::as_bool).unwrap_or(false);
    let active = record.get("publish").and_then(|publish| publish.get("active")) == Some(&Value::Bool(true));
    if !active && !flag("held") {
        return None;
    }
    let (vhost, app, name) =
        (names.name(node, &text(record, "vhost")), text(record, "app"), text(record, "name"));
    let field = |name: &str| record.get(name).cloned().unwrap_or_default();
    // Of plain SRS this is the time of its answer.
    let since = record.get("live_ms").and_then(Value::as_u64).filter(|_| record.contains_key("epoch"));
    Some(json!({
        "key": format!("{vhost}/{app}/{name}"),
        "vhost": vhost,
        "app": app,
        "stream": name,
        "origin": node.id(),
        "epoch": field("epoch"),
        "domain": field("domain"),
        "state": state(&node.view.node, flag("held")),
        "age_ms": since.map(|since| now_ms.saturating_sub(since)),
        "video": field("video"),
        "audio": field("audio"),
        "kbps": field("kbps"),
        "viewers": number(record, "clients").saturating_sub(u64::from(active)),
        "via": record.get("via").cloned().unwrap_or_else(|| json!([])),
    }))
}

/// The streams of a node that did not answer, as its last heartbeat listed them, in the order of their names.
pub(super) fn listed(node: &Asked, now_ms: u64) -> Vec<Value> {
    let mut live: Vec<(&StreamKey, &Listed)> = node.view.node.live.iter().flatten().collect();
    live.sort_by_key(|(key, _)| *key);
    let row = |(key, Listed { epoch, domain, held }): (&StreamKey, &Listed)| {
        let began_ms = (*epoch != Epoch::default()).then_some(epoch.0 >> EPOCH_TAG_BITS);
        json!({
            "key": key.as_str(),
            "vhost": key.vhost(),
            "app": key.app(),
            "stream": key.stream(),
            "origin": node.id(),
            "epoch": epoch.0,
            "domain": domain.as_deref(),
            "state": state(&node.view.node, *held),
            "age_ms": began_ms.map(|began| now_ms.saturating_sub(began)),
            "video": null,
            "audio": null,
            "kbps": null,
            "viewers": null,
            "via": [],
        })
    };
    live.into_iter().map(row).collect()
}

fn state(node: &Node, held: bool) -> &'static str {
    match (node.draining, held) {
        (true, _) => "draining",
        (false, true) => "held",
        (false, false) => "live",
    }
}

/// A client of a node.
pub(super) fn session(node: &Asked, record: &Record, names: &Names) -> Value {
    let url = text(record, "url");
    let stream = match url.starts_with('/') {
        true => format!("{}{url}", names.name(node, &text(record, "vhost"))),
        // SRS has the vhost in it, unless it is the default one.
        false => url,
    };
    let seconds = record.get("alive").and_then(Value::as_f64).unwrap_or(0.0);
    json!({
        "id": text(record, "id"),
        "type": text(record, "type"),
        "stream": stream,
        "origin": node.id(),
        "via": text(record, "via"),
        "address": text(record, "ip"),
        "age_ms": Duration::try_from_secs_f64(seconds).map_or(0, millis),
        "bytes": number(record, "send_bytes").saturating_add(number(record, "recv_bytes")),
    })
}

fn text(record: &Record, name: &str) -> String {
    record.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(record: &Record, name: &str) -> u64 {
    record.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
