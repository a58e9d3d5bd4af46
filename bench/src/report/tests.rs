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
