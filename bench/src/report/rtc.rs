//! The table and the bars of WebRTC.

use super::rows::{Key, Rows};
use super::{Table, mbps, show};

/// By the load's name: what it is called, and whether it is ours and an end.
const SERVERS: [(&str, &str); 5] = [
    ("whip", "our origin, published by WHIP"),
    ("peer", "the crate webrtc, published by WHIP"),
    ("rtmp", "our origin, published by RTMP, AAC made Opus"),
    ("edge", "our edge, which makes the Opus"),
    ("proxy", "our proxy, that origin behind it"),
];

/// Viewers by WHEP.
pub fn table(rows: &Rows) -> String {
    let mut out = Table::new(&[
        "server",
        "Mbit/s",
        "viewers",
        "CPU ms/Mbit",
        "by the crate webrtc",
        "by the origin behind",
        "Gbit/s a core",
        "% of a core",
        "join p50/p99",
        "KiB a viewer",
        "longest silence",
        "starved",
        "never came",
        "sent again",
    ]);
    for key in rows.keys("rtc") {
        let peer = rows.of(&key.server("peer"));
        for (server, name) in SERVERS {
            let row = rows.of(&key.server(server));
            if row.is_empty() {
                continue;
            }
            let by_peer = if matches!(server, "peer" | "proxy") {
                "-".to_owned()
            } else {
                show(row.ratio(&peer, "cpu_per_gbit"), 2)
            };
            out.row(&[
                name.to_owned(),
                mbps(&key),
                key.players.to_string(),
                row.figure("cpu_per_gbit", 3),
                by_peer,
                row.figure("cpu_by_behind", 2),
                row.figure("gbit_per_core", 2),
                row.figure("cpu_percent", 1),
                row.pair("first"),
                row.figure("kib_per_player", 1),
                row.worst("longest_gap_ms") + " ms",
                row.worst("starved"),
                row.worst("missing"),
                row.worst("repaired"),
            ]);
        }
    }
    out.text()
}

/// What is to be kept: of a server's name, its limit, unit and value.
pub fn bars(rows: &Rows) -> Vec<(String, f64, &'static str, Option<f64>)> {
    rows.keys("rtc").iter().flat_map(|key| of_key(rows, key)).collect()
}

fn of_key(rows: &Rows, key: &Key) -> Vec<(String, f64, &'static str, Option<f64>)> {
    let mut bars = Vec::new();
    let peer = rows.of(&key.server("peer"));
    for (server, name) in SERVERS.into_iter().filter(|(server, _)| *server != "peer") {
        let row = rows.of(&key.server(server));
        if row.is_empty() {
            continue;
        }
        let title = |text: &str| {
            let rate = key.kbps as f64 / 1000.0;
            format!("WebRTC, {name}, {rate} Mbit/s, {} viewers: {text}", key.players)
        };
        let worst = |name: &str| row.worst_of(|row| row.number(name));
        if server == "proxy" {
            bars.push((title("CPU by the origin's"), 0.6, "x", row.median("cpu_by_behind")));
        } else {
            bars.push((title("CPU per Mbit"), 0.5, "ms", row.median("cpu_per_gbit")));
            bars.push((title("CPU by the crate webrtc"), 0.55, "x", row.ratio(&peer, "cpu_per_gbit")));
        }
        bars.push((title("join p99"), 300.0, "ms", row.median("first_p99_ms")));
        bars.push((title("packets that never came"), 0.0, "", worst("missing")));
        bars.push((title("starved viewers"), 0.0, "", worst("starved")));
    }
    bars
}
