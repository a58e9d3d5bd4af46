//! The tables of edges.

use super::rows::Rows;
use super::{Table, mbps, show};

/// An edge and the origin that it fetches from, each with the same players.
pub fn fan(rows: &Rows) -> String {
    let mut out = Table::new(&[
        "protocol",
        "Mbit/s",
        "players",
        "mw",
        "edge",
        "origin",
        "edge/origin",
        "pairs",
        "delay p50/p99 edge",
        "origin",
        "first frame p50/p99 edge",
        "origin",
        "KiB a player edge",
        "origin",
        "starved",
        "stalls",
        "gaps",
        "wrong stream",
    ]);
    for key in rows.keys("edge") {
        let [edge, origin] = ["edge", "origin"].map(|server| rows.of(&key.server(server)));
        out.row(&[
            key.proto.clone(),
            mbps(&key),
            key.players.to_string(),
            key.mw.clone(),
            edge.figure("cpu_per_gbit", 4),
            origin.figure("cpu_per_gbit", 4),
            show(edge.ratio(&origin, "cpu_per_gbit"), 2),
            edge.ratios(&origin, "cpu_per_gbit"),
            edge.pair("delay"),
            origin.pair("delay"),
            edge.pair("first"),
            origin.pair("first"),
            edge.figure("kib_per_player", 1),
            origin.figure("kib_per_player", 1),
            edge.worst("starved"),
            edge.worst("stalls"),
            edge.worst("seq_gaps"),
            edge.worst("wrong_stream"),
        ]);
    }
    out.text()
}

/// An origin whose viewers are edges, each with one player, and one whose viewers are players: drained together, as everywhere
/// else, or in threads that are woken, as edges' are.
pub fn crowd(rows: &Rows) -> String {
    let mut out = Table::new(&[
        "edges",
        "Mbit/s",
        "origin's CPU for edges",
        "for players",
        "for players apart",
        "edges/players",
        "rounds",
        "edges/apart",
        "rounds",
        "first frame p50/p99 at edges",
        "delay p50/p99 at edges",
        "KiB an edge at the origin",
        "a player",
        "starved",
        "stalls",
        "gaps",
        "wrong stream",
    ]);
    for key in rows.keys("edges") {
        let [edges, players, apart] =
            ["edges", "players", "apart"].map(|server| rows.of(&key.server(server)));
        let mut cells = vec![key.players.to_string(), mbps(&key)];
        cells.extend([&edges, &players, &apart].map(|row| row.figure("cpu_per_gbit", 4)));
        for others in [&players, &apart] {
            cells.push(show(edges.ratio(others, "cpu_per_gbit"), 2));
            cells.push(edges.ratios(others, "cpu_per_gbit"));
        }
        cells.extend([edges.pair("first"), edges.pair("delay")]);
        cells.extend([&edges, &players].map(|row| row.figure("kib_per_player", 1)));
        cells.extend(["starved", "stalls", "seq_gaps", "wrong_stream"].map(|name| edges.worst(name)));
        out.row(&cells);
    }
    out.text()
}

/// What a crowd at an edge costs the origin that has the stream.
pub fn cold(rows: &Rows) -> String {
    let mut out = Table::new(&[
        "viewers",
        "Mbit/s",
        "pulls at the origin",
        "egress by the stream's rate",
        "first frame p50/p99",
        "without a first frame",
        "starved",
        "stalls",
        "gaps",
        "wrong stream",
    ]);
    for key in rows.keys("cold") {
        let edge = rows.of(&key.server("edge"));
        out.row(&[
            key.players.to_string(),
            mbps(&key),
            edge.worst("pulls"),
            show(edge.worst_of(|row| row.number("egress")), 3),
            edge.pair("first"),
            edge.worst("no_first_frame"),
            edge.worst("starved"),
            edge.worst("stalls"),
            edge.worst("seq_gaps"),
            edge.worst("wrong_stream"),
        ]);
    }
    out.text()
}
