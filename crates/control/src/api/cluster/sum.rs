//! Sums over the nodes' answers. What a node says is believed as far as it has the right shape; anything else counts as
//! nothing.

use super::ask::{Asked, Nodes};
use crate::api::records::vhost_id;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// Vhosts of the whole cluster, of which a node may register 1,000.
const MAX_VHOSTS: usize = 10_000;

/// The number of all entries that the nodes have, and the first of each, as many as are `wanted` of it: older versions
/// of SRS send at least ten.
pub(super) fn lists(nodes: &Nodes, name: &str, wanted: impl Fn(&str) -> usize) -> (u64, Vec<Value>) {
    let (mut total, mut all) = (0_u64, Vec::new());
    for node in nodes.iter() {
        let Some(list) = list(node, name) else { continue };
        total = total.saturating_add(entries(node, name));
        let records = list.iter().filter_map(Value::as_object).take(wanted(node.id()));
        all.extend(records.map(|record| with_server(record.clone(), node.id())));
    }
    (total, all)
}

/// The part of a node's list that is in its answer.
pub(super) fn of<'a>(node: &'a Asked, name: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    list(node, name).into_iter().flatten().filter_map(Value::as_object)
}

/// How many entries a node has. Older versions of SRS do not tell: those count as they come. Where an answer has several
/// lists, it tells of each.
pub(super) fn entries(node: &Asked, name: &str) -> u64 {
    let total = field(node, "totals").map_or_else(|| field(node, "total"), |totals| totals.get(name));
    let told = total.and_then(Value::as_u64).unwrap_or(0);
    told.max(list(node, name).map_or(0, |list| list.len() as u64))
}

/// Which part of a page each node has, as start and count in its own list; nodes without a part are left out.
pub(super) fn parts(
    nodes: &Nodes,
    entries: impl Fn(&Asked) -> u64,
    start: usize,
    count: usize,
) -> HashMap<String, (usize, usize)> {
    let (mut skip, mut left) = (start, count);
    let mut parts = HashMap::new();
    for node in nodes.iter() {
        let has = usize::try_from(entries(node)).unwrap_or(usize::MAX);
        let part = has.saturating_sub(skip).min(left);
        if part > 0 {
            parts.insert(node.id().to_owned(), (skip, part));
        }
        skip = skip.saturating_sub(has);
        left = left.saturating_sub(part);
    }
    parts
}

/// A record, and whose it is.
pub(super) fn with_server(mut record: Map<String, Value>, node: &str) -> Value {
    record.insert("server".to_owned(), node.into());
    record.into()
}

fn field<'a>(node: &'a Asked, name: &str) -> Option<&'a Value> {
    node.outcome.as_ref().ok()?.body.get(name)
}

fn list<'a>(node: &'a Asked, name: &str) -> Option<&'a Vec<Value>> {
    field(node, name)?.as_array()
}

/// A number inside a value; 0 where there is none.
fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}

/// The same vhost of several nodes.
pub(super) struct Vhost {
    pub record: Value,
    /// What the nodes call it. Ours have the same id for the same name, SRS makes one for each run.
    ids: Vec<String>,
}

impl Vhost {
    pub fn is_called(&self, id: &str) -> bool {
        self.record.get("id").is_some_and(|own| own == id) || self.ids.iter().any(|known| known == id)
    }
}

#[derive(Default)]
struct Sums {
    enabled: bool,
    numbers: [u64; NUMBERS.len()],
    hls: Option<Value>,
    ids: Vec<String>,
    servers: Vec<String>,
}

const NUMBERS: [&str; 6] =
    ["/clients", "/streams", "/send_bytes", "/recv_bytes", "/kbps/recv_30s", "/kbps/send_30s"];

/// All vhosts by name.
pub(super) fn vhosts(nodes: &Nodes) -> Vec<Vhost> {
    let mut all: BTreeMap<String, Sums> = BTreeMap::new();
    for node in nodes.iter() {
        for vhost in list(node, "vhosts").into_iter().flatten() {
            let Some(name) = vhost["name"].as_str() else { continue };
            if all.len() >= MAX_VHOSTS && !all.contains_key(name) {
                continue;
            }
            let sums = all.entry(name.to_owned()).or_default();
            sums.enabled |= vhost["enabled"] == true;
            for (sum, path) in sums.numbers.iter_mut().zip(NUMBERS) {
                *sum = sum.saturating_add(number(vhost, path));
            }
            let hls = vhost.get("hls").filter(|hls| hls.get("enabled") == Some(&Value::Bool(true)));
            sums.hls = sums.hls.take().or_else(|| hls.cloned());
            sums.ids.extend(vhost["id"].as_str().map(str::to_owned));
            sums.servers.push(node.id().to_owned());
        }
    }
    all.into_iter().map(|(name, sums)| sums.into_vhost(&name)).collect()
}

impl Sums {
    fn into_vhost(self, name: &str) -> Vhost {
        let [clients, streams, send_bytes, recv_bytes, recv_30s, send_30s] = self.numbers;
        let record = json!({
            "id": vhost_id(name),
            "name": name,
            "enabled": self.enabled,
            "clients": clients,
            "streams": streams,
            "send_bytes": send_bytes,
            "recv_bytes": recv_bytes,
            "kbps": {"recv_30s": recv_30s, "send_30s": send_30s},
            "hls": self.hls.unwrap_or_else(|| json!({"enabled": false})),
            "servers": self.servers,
        });
        Vhost { record, ids: self.ids }
    }
}

/// What all nodes that answered have together.
pub(super) fn summaries(nodes: &Nodes, vhosts: &Nodes) -> Value {
    let datas: Vec<&Value> = nodes.iter().filter_map(|node| field(node, "data")).collect();
    let sum = |path: &str| datas.iter().fold(0_u64, |sum, data| sum.saturating_add(number(data, path)));
    let cpu = |data: &&Value| data.pointer("/self/cpu_percent").and_then(Value::as_f64).unwrap_or(0.0);
    let carried = self::vhosts(vhosts);
    let of_vhosts =
        |path: &str| carried.iter().fold(0_u64, |sum, vhost| sum.saturating_add(number(&vhost.record, path)));
    json!({
        "nodes": nodes.len(),
        "alive": nodes.iter().filter(|node| node.view.health == srs_balance::Health::Alive).count(),
        "answered": datas.len(),
        "streams": of_vhosts("/streams"),
        "clients": of_vhosts("/clients"),
        "kbps": {"recv_30s": of_vhosts("/kbps/recv_30s"), "send_30s": of_vhosts("/kbps/send_30s")},
        "srs_recv_bytes": sum("/system/srs_recv_bytes"),
        "srs_send_bytes": sum("/system/srs_send_bytes"),
        "conn_srs": sum("/system/conn_srs"),
        "mem_kbyte": sum("/self/mem_kbyte"),
        "cpu_percent": datas.iter().map(cpu).sum::<f64>(),
    })
}
