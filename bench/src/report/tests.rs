use serde_json::json;

use super::*;

fn line(server: &str, proto: &str, mw: &str, round: u64, cpu: f64) -> String {
    json!({"suite": "fan", "server": server, "proto": proto, "kbps": 4000, "n": 300, "mw": mw, "round": round,
        "cpu_per_gbit": cpu, "delay_p50_ms": 20.0, "first_p99_ms": 25.0, "kib_per_player": 8, "starved": 0,
        "wrong_stream": 0})
    .to_string()
}

fn three_rounds(ours: [f64; 3]) -> Rows {
    let rounds = ours.iter().zip(1..).flat_map(|(&cpu, round)| {
        [
            line("us", "flv", "40", round, cpu),
            line("nginx", "rtmp", "-", round, 0.1),
            line("floor", "-", "40", round, 0.05),
        ]
    });
    Rows::read(&rounds.collect::<Vec<_>>().join("\n")).unwrap()
}

fn verdict(table: &str, bar: &str) -> String {
    let line = table.lines().find(|line| line.contains(bar)).unwrap();
    line.trim_end_matches(" |").rsplit(" | ").next().unwrap().to_owned()
}

#[test]
fn ratio_is_the_median_of_the_rounds() {
    let table = bars::table(&three_rounds([0.06, 0.2, 0.055]));
    assert!(table.contains("mw 40: CPU by floor | 1.25 x | 1.20 x | met"), "{table}");
    assert!(table.contains("mw 40: CPU by nginx-rtmp | 0.85 x | 0.60 x | met"), "{table}");
}

#[test]
fn missed_bar_is_said() {
    let table = bars::table(&three_rounds([0.09; 3]));
    assert_eq!(verdict(&table, "CPU by floor"), "**missed**");
    assert_eq!(verdict(&table, "first frame p99"), "**missed**");
    assert_eq!(verdict(&table, "delay p50"), "met");
}

#[test]
fn one_starved_round_misses_the_bar() {
    let mut text = line("us", "rtmp", "350", 1, 0.05) + "\n";
    text += &line("us", "rtmp", "350", 2, 0.05).replace("\"starved\":0", "\"starved\":1");
    let table = bars::table(&Rows::read(&text).unwrap());
    assert_eq!(verdict(&table, "starved"), "**missed**");
}

#[test]
fn peer_that_was_not_run_leaves_the_bar_open() {
    let rows = Rows::read(&line("us", "rtmp", "350", 1, 0.05)).unwrap();
    assert_eq!(verdict(&bars::table(&rows), "CPU by nginx-rtmp"), "not measured");
    assert!(document(&rows, "").contains("| rtmp | 4 | 300 | 350 | 0.0500 | - | - | - | - |"));
}

fn hls_line(server: &str, cpu: f64, fetches: u64) -> String {
    json!({"suite": "hls", "server": server, "proto": "hls", "kbps": 2000, "n": 1000, "mw": "-", "round": 1,
        "cpu_per_gbit": cpu, "error_count": 0, "stalls": 0, "fetches_per_segment": fetches})
    .to_string()
}

#[test]
fn hls_is_measured_by_nginx_and_by_what_the_proxy_fetched() {
    let lines = [hls_line("us", 0.11, 0), hls_line("nginx", 0.1, 0), hls_line("proxy", 0.19, 2)];
    let rows = Rows::read(&lines.join("\n")).unwrap();
    let table = bars::table(&rows);
    assert!(table.contains("HLS origin, 1000 players: CPU by nginx | 1.2 x | 1.10 x | met"), "{table}");
    assert!(table.contains("HLS proxy, 1000 players: CPU by nginx | 2 x | 1.90 x | met"), "{table}");
    assert_eq!(verdict(&table, "HLS proxy, 1000 players: fetches of a segment"), "**missed**");
    assert!(document(&rows, "").contains("| our origin, from memory | 2 | 1000 | 0.1100 | 1.10 |"));
}

fn edge_line(suite: &str, server: &str, round: u64, cpu: f64) -> String {
    json!({"suite": suite, "server": server, "proto": "rtmp", "kbps": 4000, "n": 300, "mw": 350, "round": round,
        "cpu_per_gbit": cpu, "starved": 0, "wrong_stream": 0, "first_p50_ms": 1.0, "first_p99_ms": 9.0,
        "pulls": 1, "egress": 1.01, "no_first_frame": 0})
    .to_string()
}

#[test]
fn an_edge_is_measured_by_the_origin_in_the_same_round() {
    let rounds =
        [(1, 0.11, 0.1), (2, 0.4, 0.2), (3, 0.06, 0.05)].into_iter().flat_map(|(round, edge, origin)| {
            [edge_line("edge", "edge", round, edge), edge_line("edge", "origin", round, origin)]
        });
    let rows = Rows::read(&rounds.collect::<Vec<_>>().join("\n")).unwrap();
    let table = bars::table(&rows);
    assert!(
        table.contains("edge rtmp, 300 players, mw 350: CPU by the origin's | 1.15 x | 1.20 x | **missed**"),
        "{table}"
    );
    assert!(document(&rows, "").contains("| 1.20 | 1.10 to 2.00 of 3 |"), "{}", document(&rows, ""));
}

#[test]
fn edges_are_measured_by_as_many_players_of_the_same_origin() {
    let lines = [("edges", 0.042), ("apart", 0.035), ("players", 0.04)];
    let lines = lines.map(|(server, cpu)| edge_line("edges", server, 1, cpu));
    let rows = Rows::read(&lines.join("\n")).unwrap();
    let table = bars::table(&rows);
    let bar = "300 edges on one origin: its CPU by that for players | 1.1 x | 1.05 x | met";
    assert!(table.contains(bar), "{table}");
    assert_eq!(verdict(&table, "edges whose player starves"), "met");
    let text = document(&rows, "");
    assert!(text.contains("| 1.05 | 1.05 to 1.05 of 1 | 1.20 | 1.20 to 1.20 of 1 |"), "{text}");
}

#[test]
fn a_second_pull_in_one_of_the_rounds_misses_the_bar() {
    let second = edge_line("cold", "edge", 2, 0.04).replace("\"pulls\":1", "\"pulls\":2");
    let rows = Rows::read(&(edge_line("cold", "edge", 1, 0.04) + "\n" + &second)).unwrap();
    let table = bars::table(&rows);
    assert_eq!(verdict(&table, "pulls at the origin"), "**missed**");
    assert_eq!(verdict(&table, "egress by the stream's rate"), "met");
    assert!(
        document(&rows, "").contains("| 300 | 4 | 2 | 1.010 | 1.0 / 9.0 ms |"),
        "{}",
        document(&rows, "")
    );
}

fn srt_line(server: &str, kbps: u64, players: u64, round: u64, cpu: f64) -> String {
    json!({"suite": "srt", "server": server, "proto": "srt", "kbps": kbps, "n": players, "mw": "-", "round": round,
        "cpu_per_gbit": cpu, "cpu_by_behind": 0.55, "continuity_errors": 0, "longest_gap_ms": 61.5, "starved": 0})
    .to_string()
}

#[test]
fn srt_is_measured_by_what_srt_live_transmit_spends_on_one_large_stream_and_the_proxy_by_its_origin() {
    let rounds = [(1, 1.0), (2, 2.0)].into_iter().flat_map(|(round, pace)| {
        [
            srt_line("slt", 20_000, 1, round, 2.0 * pace),
            srt_line("us", 20_000, 1, round, 2.5 * pace),
            srt_line("us", 2000, 100, round, 1.0 * pace),
            srt_line("proxy", 2000, 20, round, 1.0 * pace),
        ]
    });
    let rows = Rows::read(&rounds.collect::<Vec<_>>().join("\n")).unwrap();
    let table = bars::table(&rows);
    for bar in [
        "SRT origin, 20 Mbit/s, 1 player: CPU by srt-live-transmit | 1.2 x | 1.25 x | **missed**",
        "SRT origin, 2 Mbit/s, 100 players: CPU by srt-live-transmit | 1.2 x | 0.50 x | met",
        "SRT proxy, 2 Mbit/s, 20 players: CPU by the origin's | 0.6 x | 0.55 x | met",
        "SRT proxy, 2 Mbit/s, 20 players: longest silence | 500 ms | 61.5 ms | met",
    ] {
        assert!(table.contains(bar), "{table}");
    }
    let text = document(&rows, "");
    assert!(text.contains("| srt-live-transmit | 20 | 1 | 3.000 | - |"), "{text}");
}

#[test]
fn a_packet_lost_at_one_player_in_one_round_misses_the_bar() {
    let lossy =
        srt_line("us", 2000, 100, 2, 1.0).replace("\"continuity_errors\":0", "\"continuity_errors\":1");
    let rows = Rows::read(&(srt_line("us", 2000, 100, 1, 1.0) + "\n" + &lossy)).unwrap();
    let table = bars::table(&rows);
    assert_eq!(verdict(&table, "continuity errors"), "**missed**");
    assert_eq!(verdict(&table, "CPU by srt-live-transmit"), "not measured");
}

fn rtc_line(server: &str, round: u64, cpu: f64) -> String {
    json!({"suite": "rtc", "server": server, "proto": "webrtc", "kbps": 4000, "n": 100, "mw": "-", "round": round,
        "cpu_per_gbit": cpu, "cpu_by_behind": 0.5, "first_p99_ms": 120.0, "missing": 0, "starved": 0})
    .to_string()
}

#[test]
fn webrtc_is_measured_by_the_crate_webrtc_in_the_same_round_and_the_proxy_by_its_origin() {
    let of_round = |(round, pace): (u64, f64)| {
        [("peer", 1.0), ("whip", 0.4), ("edge", 0.6), ("proxy", 0.2)]
            .map(|(server, cpu)| rtc_line(server, round, cpu * pace))
    };
    let lines = [(1, 1.0), (2, 1.5), (3, 1.1)].map(of_round).concat();
    let rows = Rows::read(&lines.join("\n")).unwrap();
    let table = bars::table(&rows);
    let title = |name: &str, bar: &str| format!("WebRTC, {name}, 4 Mbit/s, 100 viewers: {bar}");
    for (name, bar, rest) in [
        ("our origin, published by WHIP", "CPU by the crate webrtc", "0.55 x | 0.40 x | met"),
        ("our origin, published by WHIP", "CPU per Mbit", "0.5 ms | 0.44 ms | met"),
        ("our edge, which makes the Opus", "CPU by the crate webrtc", "0.55 x | 0.60 x | **missed**"),
        ("our proxy, that origin behind it", "CPU by the origin's", "0.6 x | 0.50 x | met"),
    ] {
        assert!(table.contains(&format!("{} | {rest}", title(name, bar))), "{name}: {table}");
    }
    let text = document(&rows, "");
    assert!(text.contains("| the crate webrtc, published by WHIP | 4 | 100 | 1.100 | - |"), "{text}");
}
