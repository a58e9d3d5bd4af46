//! What a node tells of itself: its process, its machine, what it was built with; and SRS's aids for testing.

use super::{Api, Shows};
use crate::machine::{self, Cpu, Reading, share};
use crate::reply;
use axum::extract::{Query, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, COOKIE, LOCATION, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// SRS's `ERROR_SYSTEM_CONFIG_RAW_DISABLED`.
const RAW_DISABLED: u32 = 1061;
/// What SRS's `tests/errors` answers always.
const TEST_ERROR: u32 = 100;
/// Where `tests/redirects` leads.
const ERRORS: HeaderValue = HeaderValue::from_static("/api/v1/tests/errors");

/// What is built, in SRS's words.
const FEATURES: [(&str, bool); 15] = [
    ("ssl", false),
    ("hls", true),
    ("hds", false),
    ("callback", false),
    ("api", true),
    ("httpd", true),
    ("dvr", false),
    ("transcode", false),
    ("ingest", false),
    ("stat", true),
    ("caster", false),
    ("complex_send", false),
    ("tcp_nodelay", true),
    ("so_sendbuf", false),
    ("mr", true),
];

pub(super) async fn summaries(State(api): State<Arc<Api>>) -> Response {
    match &api.shows {
        Shows::Own(_) => api.answer("data", summary(&api)),
        Shows::Cluster(cluster) => cluster.summaries(&api, summary(&api)).await,
    }
}

/// This process and its machine.
fn summary(api: &Api) -> Value {
    let now = api.machine.read();
    let argv: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let cwd = std::env::current_dir().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    json!({
        "ok": now.ok,
        "now_ms": machine::unix_ms(),
        "self": {
            "version": api.identity.version,
            "pid": std::process::id(),
            "ppid": machine::of(&now.stat, "ppid"),
            "argv": argv.join(" "),
            "cwd": cwd,
            "mem_kbyte": now.max_rss,
            "mem_percent": share(now.max_rss, now.memory.total),
            "cpu_percent": now.own_share,
            "srs_uptime": api.machine.uptime().as_secs(),
        },
        "system": system(api, &now),
    })
}

fn system(api: &Api, now: &Reading) -> Value {
    let totals = match &api.shows {
        Shows::Own(inventory) => inventory.totals(),
        Shows::Cluster(_) => srs_names::Totals::default(),
    };
    let [uptime, idle] = now.uptime;
    let [load_1m, load_5m, load_15m] = now.load;
    json!({
        "cpu_percent": now.cpu_share,
        "disk_read_KBps": now.read_per_s,
        "disk_write_KBps": now.written_per_s,
        "disk_busy_percent": now.disk_share,
        "mem_ram_kbyte": now.memory.total,
        "mem_ram_percent": now.memory.ram_share(),
        "mem_swap_kbyte": now.memory.swap_total,
        "mem_swap_percent": now.memory.swap_share(),
        "cpus": now.cpus,
        "cpus_online": now.cpu.online,
        "uptime": uptime,
        // SRS's spelling.
        "ilde_time": idle,
        "load_1m": load_1m,
        "load_5m": load_5m,
        "load_15m": load_15m,
        "net_sample_time": now.at_ms,
        "net_recv_bytes": now.public.0,
        "net_send_bytes": now.public.1,
        "net_recvi_bytes": now.private.0,
        "net_sendi_bytes": now.private.1,
        "srs_sample_time": now.at_ms,
        "srs_recv_bytes": totals.recv_bytes,
        "srs_send_bytes": totals.send_bytes,
        "conn_sys": now.tcp,
        "conn_sys_et": now.tcp_established,
        "conn_sys_tw": now.tcp_waiting,
        "conn_sys_udp": now.udp,
        "conn_srs": api.counts.connections(),
    })
}

/// `getrusage` by way of `/proc`. Fields that Linux does not keep are 0, as they are in SRS.
pub(super) async fn rusages(State(api): State<Arc<Api>>) -> Response {
    let now = api.machine.read();
    let of = |name| machine::of(&now.stat, name);
    let data = json!({
        "ok": now.ok,
        "sample_time": now.at_ms,
        "ru_utime": of("utime") / machine::TICKS,
        "ru_stime": of("stime") / machine::TICKS,
        "ru_maxrss": now.max_rss,
        "ru_ixrss": 0,
        "ru_idrss": 0,
        "ru_isrss": 0,
        "ru_minflt": of("minflt"),
        "ru_majflt": of("majflt"),
        "ru_nswap": 0,
        "ru_inblock": now.blocks_in,
        "ru_oublock": now.blocks_out,
        "ru_msgsnd": 0,
        "ru_msgrcv": 0,
        "ru_nsignals": 0,
        "ru_nvcsw": now.voluntary_switches,
        "ru_nivcsw": now.forced_switches,
    });
    api.answer("data", data)
}

pub(super) async fn self_proc_stats(State(api): State<Arc<Api>>) -> Response {
    let now = api.machine.read();
    let mut data = sampled(&now);
    data.insert("percent".to_owned(), now.own_share.into());
    data.extend(now.stat.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    api.answer("data", data.into())
}

pub(super) async fn system_proc_stats(State(api): State<Arc<Api>>) -> Response {
    let now = api.machine.read();
    let Cpu { user, nice, sys, idle, iowait, irq, softirq, steal, guest, .. } = now.cpu;
    let mut data = sampled(&now);
    data.insert("percent".to_owned(), now.cpu_share.into());
    let ticks = [
        ("user", user),
        ("nice", nice),
        ("sys", sys),
        ("idle", idle),
        ("iowait", iowait),
        ("irq", irq),
        ("softirq", softirq),
        ("steal", steal),
        ("guest", guest),
    ];
    data.extend(ticks.map(|(name, ticks)| (name.to_owned(), ticks.into())));
    api.answer("data", data.into())
}

fn sampled(now: &Reading) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("ok".to_owned(), now.ok.into());
    data.insert("sample_time".to_owned(), now.at_ms.into());
    data
}

pub(super) async fn meminfos(State(api): State<Arc<Api>>) -> Response {
    let now = api.machine.read();
    let memory = &now.memory;
    let data = json!({
        "ok": now.ok,
        "sample_time": now.at_ms,
        "percent_ram": memory.ram_share(),
        "percent_swap": memory.swap_share(),
        "MemActive": memory.active(),
        "RealInUse": memory.in_use(),
        "NotInUse": memory.total.saturating_sub(memory.in_use()),
        "MemTotal": memory.total,
        "MemFree": memory.free,
        "Buffers": memory.buffers,
        "Cached": memory.cached,
        "SwapTotal": memory.swap_total,
        "SwapFree": memory.swap_free,
    });
    api.answer("data", data)
}

pub(super) async fn authors(State(api): State<Arc<Api>>) -> Response {
    let data =
        json!({"license": env!("CARGO_PKG_LICENSE"), "contributors": "the contributors of this project"});
    api.answer("data", data)
}

/// Nothing is told of when and how it was built: the same source gives the same program.
pub(super) async fn features(State(api): State<Arc<Api>>) -> Response {
    let features: Map<String, Value> =
        FEATURES.iter().map(|(name, is_built)| ((*name).to_owned(), (*is_built).into())).collect();
    let data = json!({"options": "", "options2": "", "build": "", "build2": "", "features": features});
    api.answer("data", data)
}

/// The request itself. Secrets in it are left out of the answer, where a page or a log may find them.
pub(super) async fn requests(
    State(api): State<Arc<Api>>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let shown = |(name, value): (&http::HeaderName, &HeaderValue)| {
        let is_secret = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].contains(name);
        let value = if is_secret { "***".into() } else { String::from_utf8_lossy(value.as_bytes()) };
        (name.to_string(), Value::from(value))
    };
    let data = json!({
        "uri": uri.to_string(),
        "path": uri.path(),
        "METHOD": method.as_str(),
        "headers": headers.iter().map(shown).collect::<Map<String, Value>>(),
        "server": {
            // SRS's spelling.
            "sigature": api.identity.signature,
            "version": api.identity.version,
            "link": "",
            "time": machine::unix_ms(),
        },
    });
    api.answer("data", data)
}

pub(super) async fn errors(State(api): State<Arc<Api>>) -> Response {
    api.code(TEST_ERROR)
}

pub(super) async fn redirects(State(api): State<Arc<Api>>) -> Response {
    let mut response = reply::reply(StatusCode::MOVED_PERMANENTLY, &api.identity.reply(0));
    response.headers_mut().insert(LOCATION, ERRORS);
    response
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Raw {
    rpc: String,
}

/// Configuration by API is off, and nothing can switch it on.
pub(super) async fn raw(State(api): State<Arc<Api>>, Query(asked): Query<Raw>) -> Response {
    if asked.rpc != "raw" {
        return api.code(RAW_DISABLED);
    }
    let off = json!({"enabled": false, "allow_reload": false, "allow_query": false, "allow_update": false});
    api.answer("http_api", json!({"enabled": true, "crossdomain": api.crossdomain, "raw_api": off}))
}
