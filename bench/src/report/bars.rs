//! The bars: what must hold, and whether it did.

use super::rows::{Key, Rows};
use super::{Table, show};

/// One promise: met when the value is at most the limit.
struct Bar {
    what: String,
    limit: f64,
    unit: &'static str,
    value: Option<f64>,
}

/// The table of all bars whose suites were run.
pub fn table(rows: &Rows) -> String {
    let mut out = Table::new(&["bar", "limit", "measured", ""]);
    let bars = [
        fan(rows),
        proxy(rows),
        publishers(rows),
        shards(rows),
        hls(rows),
        edge(rows),
        edges(rows),
        cold(rows),
        srt(rows),
        rtc(rows),
    ];
    for bar in bars.into_iter().flatten() {
        let verdict = match bar.value {
            Some(value) if value <= bar.limit => "met",
            Some(_) => "**missed**",
            None => "not measured",
        };
        let decimals = if bar.unit == "x" || (bar.limit > 0.0 && bar.limit < 1.0) { 2 } else { 1 };
        let with_unit =
            |text: String| if bar.unit.is_empty() { text } else { format!("{text} {}", bar.unit) };
        out.row(&[
            bar.what,
            with_unit(bar.limit.to_string()),
            with_unit(show(bar.value, decimals)),
            verdict.to_owned(),
        ]);
    }
    out.text()
}

fn bar(what: String, limit: f64, unit: &'static str, value: Option<f64>) -> Bar {
    Bar { what, limit, unit, value }
}

/// One 4 Mbit/s stream to 300 and 500 players.
fn fan(rows: &Rows) -> Vec<Bar> {
    let mut bars = Vec::new();
    for key in rows.keys("fan").iter().filter(|key| key.kbps == 4000 && key.players >= 300) {
        let us = rows.of(&key.server("us"));
        let title =
            |text: &str| format!("fan-out {}, {} players, mw {}: {text}", key.proto, key.players, key.mw);
        let (floor, nginx) = (rows.of(&key.floor()), rows.of(&key.nginx()));
        bars.push(bar(title("CPU by floor"), 1.25, "x", us.ratio(&floor, "cpu_per_gbit")));
        let limit = if key.mw == "350" { 0.55 } else { 0.85 };
        bars.push(bar(title("CPU by nginx-rtmp"), limit, "x", us.ratio(&nginx, "cpu_per_gbit")));
        if key.mw != "350" {
            bars.push(bar(title("delay p50"), 30.0, "ms", us.median("delay_p50_ms")));
        }
        bars.push(bar(title("first frame p99"), 20.0, "ms", us.median("first_p99_ms")));
        bars.push(bar(title("memory a viewer"), 16.0, "KiB", us.median("kib_per_player")));
        bars.push(bar(title("starved players"), 0.0, "", us.worst_of(|row| row.number("starved"))));
        bars.push(bar(
            title("frames of a wrong stream"),
            0.0,
            "",
            us.worst_of(|row| row.number("wrong_stream")),
        ));
    }
    bars
}

fn proxy(rows: &Rows) -> Vec<Bar> {
    let mut bars = Vec::new();
    for key in rows.keys("proxy") {
        let [us, haproxy, direct] = ["us", "haproxy", "direct"].map(|server| rows.of(&key.server(server)));
        let title = |text: &str| {
            format!("proxy {}, {} viewers, origin's mw {}: {text}", key.proto, key.players, key.mw)
        };
        bars.push(bar(title("CPU by HAProxy"), 1.5, "x", us.ratio(&haproxy, "cpu_per_gbit")));
        bars.push(bar(
            title("first frame p50 later than direct"),
            10.0,
            "ms",
            us.difference(&direct, "first_p50_ms"),
        ));
        if key.players >= 500 {
            bars.push(bar(title("memory a viewer"), 16.0, "KiB", us.median("kib_per_player")));
        }
        bars.push(bar(title("starved players"), 0.0, "", us.worst_of(|row| row.number("starved"))));
        bars.push(bar(
            title("frames of a wrong stream"),
            0.0,
            "",
            us.worst_of(|row| row.number("wrong_stream")),
        ));
    }
    bars
}

fn publishers(rows: &Rows) -> Vec<Bar> {
    let mut bars = Vec::new();
    for key in rows.keys("publishers").iter().filter(|key| key.players >= 300) {
        let of = |server: &str| rows.of(&key.server(server));
        let title = |text: &str| format!("{} publishers: {text}", key.players);
        bars.push(bar(
            title("proxy CPU by HAProxy"),
            1.5,
            "x",
            of("us").ratio(&of("haproxy"), "cpu_per_gbit"),
        ));
        let memory = |key: &Key| rows.of(key).median("kib_per_publisher");
        bars.push(bar(title("memory a publisher, origin"), 256.0, "KiB", memory(&key.server("direct"))));
        bars.push(bar(title("memory a publisher, proxy"), 256.0, "KiB", memory(&key.server("us"))));
    }
    bars
}

fn shards(rows: &Rows) -> Vec<Bar> {
    let mut bars = Vec::new();
    for key in rows.keys("shards") {
        let [one, two] = ["one", "two"].map(|server| rows.of(&key.server(server)));
        let title = |text: &str| format!("shards, {} {} players: {text}", key.players, key.proto);
        bars.push(bar(title("CPU of 2 by 1"), 1.3, "x", two.ratio(&one, "cpu_per_gbit")));
        bars.push(bar(
            title("largest shard's part"),
            60.0,
            "%",
            two.largest_share().map(|share| share * 100.0),
        ));
    }
    bars
}

/// One 2 Mbit/s stream as segments; files of the origin itself have no bar.
fn hls(rows: &Rows) -> Vec<Bar> {
    let mut bars = Vec::new();
    for key in rows.keys("hls") {
        let nginx = rows.of(&key.server("nginx"));
        for (server, name, limit) in [("us", "origin", 1.2), ("proxy", "proxy", 2.0)] {
            let row = rows.of(&key.server(server));
            let title = |text: &str| format!("HLS {name}, {} players: {text}", key.players);
            let worst = |name: &str| row.worst_of(|row| row.number(name));
            bars.push(bar(title("CPU by nginx"), limit, "x", row.ratio(&nginx, "cpu_per_gbit")));
            bars.push(bar(title("errors"), 0.0, "", worst("error_count")));
            bars.push(bar(title("stalls and starved players"), 0.0, "", worst("stalls")));
            if server == "proxy" {
                bars.push(bar(title("fetches of a segment"), 1.0, "", worst("fetches_per_segment")));
            }
        }
    }
    bars
}

/// An edge's fan-out beside the same by the origin itself.
fn edge(rows: &Rows) -> Vec<Bar> {
    let mut bars = Vec::new();
    for key in rows.keys("edge") {
        let [edge, origin] = ["edge", "origin"].map(|server| rows.of(&key.server(server)));
        let title =
            |text: &str| format!("edge {}, {} players, mw {}: {text}", key.proto, key.players, key.mw);
        let worst = |name: &str| edge.worst_of(|row| row.number(name));
        bars.push(bar(title("CPU by the origin's"), 1.15, "x", edge.ratio(&origin, "cpu_per_gbit")));
        bars.push(bar(title("starved players"), 0.0, "", worst("starved")));
        bars.push(bar(title("frames of a wrong stream"), 0.0, "", worst("wrong_stream")));
    }
    bars
}

/// Edges as viewers of one origin.
fn edges(rows: &Rows) -> Vec<Bar> {
    let mut bars = Vec::new();
    for key in rows.keys("edges") {
        let [edges, players] = ["edges", "players"].map(|server| rows.of(&key.server(server)));
        let title = |text: &str| format!("{} edges on one origin: {text}", key.players);
        let worst = |name: &str| edges.worst_of(|row| row.number(name));
        bars.push(bar(title("its CPU by that for players"), 1.1, "x", edges.ratio(&players, "cpu_per_gbit")));
        bars.push(bar(title("edges whose player starves"), 0.0, "", worst("starved")));
        bars.push(bar(title("frames of a wrong stream"), 0.0, "", worst("wrong_stream")));
    }
    bars
}

/// Viewers that come at once for a stream that the edge does not have.
fn cold(rows: &Rows) -> Vec<Bar> {
    let mut bars = Vec::new();
    for key in rows.keys("cold") {
        let edge = rows.of(&key.server("edge"));
        let title = |text: &str| format!("cold stream, {} viewers at an edge: {text}", key.players);
        let worst = |name: &str| edge.worst_of(|row| row.number(name));
        bars.push(bar(title("pulls at the origin"), 1.0, "", worst("pulls")));
        bars.push(bar(title("origin's egress by the stream's rate"), 1.05, "x", worst("egress")));
        bars.push(bar(title("first frame p99"), 1000.0, "ms", worst("first_p99_ms")));
        bars.push(bar(title("viewers without a first frame"), 0.0, "", worst("no_first_frame")));
        bars.push(bar(title("starved players"), 0.0, "", worst("starved")));
    }
    bars
}

/// SRT by what srt-live-transmit spends on a large stream, and a proxy by its origin.
fn srt(rows: &Rows) -> Vec<Bar> {
    let mut bars = Vec::new();
    for key in rows.keys("srt") {
        let peer = rows.of(&key.srt_live_transmit());
        for (server, name) in [("us", "origin"), ("proxy", "proxy")] {
            let row = rows.of(&key.server(server));
            if row.is_empty() {
                continue;
            }
            let title = |text: &str| {
                let rate = key.kbps as f64 / 1000.0;
                let players = if key.players == 1 { "player" } else { "players" };
                format!("SRT {name}, {rate} Mbit/s, {} {players}: {text}", key.players)
            };
            let worst = |name: &str| row.worst_of(|row| row.number(name));
            bars.push(if server == "us" {
                bar(title("CPU by srt-live-transmit"), 1.2, "x", row.ratio(&peer, "cpu_per_gbit"))
            } else {
                bar(title("CPU by the origin's"), 0.6, "x", row.median("cpu_by_behind"))
            });
            bars.push(bar(title("continuity errors"), 0.0, "", worst("continuity_errors")));
            bars.push(bar(title("longest silence"), 500.0, "ms", worst("longest_gap_ms")));
            bars.push(bar(title("starved players"), 0.0, "", worst("starved")));
        }
    }
    bars
}

/// WebRTC by what the crate webrtc spends, and a proxy by its origin.
fn rtc(rows: &Rows) -> Vec<Bar> {
    let all = super::rtc::bars(rows).into_iter();
    all.map(|(what, limit, unit, value)| bar(what, limit, unit, value)).collect()
}
