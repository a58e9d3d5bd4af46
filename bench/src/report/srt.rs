//! The table of SRT.

use super::rows::Rows;
use super::{Table, mbps, show};

const SERVERS: [(&str, &str); 3] =
    [("us", "our origin"), ("slt", "srt-live-transmit"), ("proxy", "our proxy, the origin behind it")];

/// Publisher and players by SRT.
pub fn table(rows: &Rows) -> String {
    let mut out = Table::new(&[
        "server",
        "Mbit/s",
        "players",
        "CPU ms/Mbit",
        "by srt-live-transmit, 20 Mbit/s to 1 player",
        "by the origin behind",
        "% of a core",
        "delay p50/p99",
        "first packet p50/p99",
        "KiB a player",
        "longest silence",
        "starved",
        "continuity errors",
        "other faults",
        "given up",
        "sent again by the publisher",
    ]);
    for key in rows.keys("srt") {
        let peer = rows.of(&key.srt_live_transmit());
        for (server, name) in SERVERS {
            let row = rows.of(&key.server(server));
            if row.is_empty() {
                continue;
            }
            let by_peer =
                if server == "us" { show(row.ratio(&peer, "cpu_per_gbit"), 2) } else { "-".to_owned() };
            out.row(&[
                name.to_owned(),
                mbps(&key),
                key.players.to_string(),
                row.figure("cpu_per_gbit", 3),
                by_peer,
                row.figure("cpu_by_behind", 2),
                row.figure("cpu_percent", 1),
                row.pair("delay"),
                row.pair("first"),
                row.figure("kib_per_player", 1),
                row.worst("longest_gap_ms") + " ms",
                row.worst("starved"),
                row.worst("continuity_errors"),
                row.worst("faults"),
                row.worst("lost"),
                row.worst("resent_by_publisher"),
            ]);
        }
    }
    out.text()
}
