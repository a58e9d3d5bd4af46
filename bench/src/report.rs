//! `report`: from the JSON lines of the runs to the tables and bars of `bench/RESULTS.md`.
//!
//! Every figure is the median over rounds; every ratio is the median of the ratios within a round, because machines
//! drift more between rounds than inside one.

mod bars;
mod edges;
mod rows;
mod rtc;
mod srt;

use crate::Outcome;
use crate::args::Args;
use rows::{Key, Rows};

/// The subcommand.
pub fn run(words: Vec<String>) -> Outcome<()> {
    let args = Args::parse(words, &["note"], &[])?;
    let [file] = args.words() else { return Err("report takes one file of JSON lines".into()) };
    let rows = Rows::read(&std::fs::read_to_string(file)?)?;
    let notes: Vec<String> = args.given("note").map(|note| format!("- {note}\n")).collect();
    print!("{}", document(&rows, &notes.concat()));
    Ok(())
}

fn document(rows: &Rows, notes: &str) -> String {
    let tables = [
        ("Fan-out of one stream", fan(rows)),
        ("Through a proxy, 1 Mbit/s a viewer", proxy(rows)),
        ("Many publishers of 200 kbit/s", publishers(rows)),
        ("Shards, 1,000 players of one stream, not pinned", shards(rows)),
        ("HLS, segments of 2 s", hls(rows)),
        ("An edge's fan-out by the origin's", edges::fan(rows)),
        ("Many edges on one origin", edges::crowd(rows)),
        ("Viewers of a cold stream at an edge behind a proxy", edges::cold(rows)),
        ("SRT", srt::table(rows)),
        ("WebRTC", rtc::table(rows)),
    ];
    let tables =
        tables.map(
            |(title, table)| {
                if table.is_empty() { String::new() } else { format!("## {title}\n\n{table}\n") }
            },
        );
    let others = rows.median("others_percent").map_or_else(String::new, |median| {
        let worst = show(rows.worst_of(|row| row.number("others_percent")), 1);
        format!("- other work on the server's core during a measurement: median {median:.1} %, worst {worst} % of the core\n")
    });
    let bars = if rows.any_ours() {
        bars::table(rows)
    } else {
        "Peers only: nothing of ours was measured.\n".to_owned()
    };
    format!(
        "# Results\n\nWritten by `scripts/bench`. {METHOD}\n\n{notes}{others}\n## Bars\n\n{bars}\n{}",
        tables.concat()
    )
}

const METHOD: &str = "CPU is scheduler run time of all threads of the server per Gbit that the players received: lower is
better. Server on core 0; players, publishers and, behind a proxy, the origin on core 1; everything on the loopback
interface. `floor` is bare nonblocking sends of the same bytes to as many sockets. Variants run interleaved in rounds;
figures are medians over rounds, ratios medians of the ratios within each round. `mw` is the write-merging time in
milliseconds. First frame counts from the start of the TCP connect to the first whole key frame; delay from the
publisher's send to the player's receive, of every frame of 1 player in 50; a stall is a silence of over 500 ms; a starved
player is dead, heard nothing in the last 2 s, or received under 90 % of the median player's bytes. HLS players keep a
connection, look at the list twice per target duration and fetch each segment once; theirs is the first whole segment, and
a stall or starving is no new segment in 3 target durations; nginx serves the files that the origin writes to `/dev/shm`. An
edge is measured on core 0 with origin, publisher and players on core 1. Where the origin of many edges is measured, all of
these run in one process on core 1, a thread and a player each. A thread that sleeps and is woken for each write costs the
sender on the same machine, and no sender far away, so players \"apart\" have a thread each too, while all others are drained
together every 2 ms. Egress is what the origin sent, by its API, from 1 s after the first of the viewers came, while others
still came, by what was published in that time. By SRT a publisher sends H.264 of 25 pictures a second, each in parts over
the time to the next, from a thread on core 1, where players have another; the latency is 120 ms on either leg. Every player
counts continuity, and of 1 in 20 the packets are checked strictly; delay is from when a picture begins to leave to its first
packet at a player, with both latencies; a silence is between two messages. By WebRTC all viewers share a thread on core 1, each
with a socket of its own; every packet is decrypted and its number counted, joining is from the POST to the first packet of a key
frame, and bits are those of RTP payloads; the server on the crate `webrtc` 0.21 forwards the same publisher's packets. CPU ms per Mbit is the same as CPU s per Gbit.";

fn fan(rows: &Rows) -> String {
    let mut out = Table::new(&[
        "protocol",
        "Mbit/s",
        "players",
        "mw",
        "ours",
        "nginx-rtmp",
        "floor",
        "ours/nginx",
        "ours/floor",
        "delay p50/p99",
        "first frame p50/p99",
        "KiB a player",
        "starved",
        "stalls",
        "gaps",
        "wrong stream",
    ]);
    for key in rows.keys("fan") {
        let us = rows.of(&key.server("us"));
        let (nginx, floor) = (rows.of(&key.nginx()), rows.of(&key.floor()));
        out.row(&[
            key.proto.clone(),
            mbps(&key),
            key.players.to_string(),
            key.mw.clone(),
            us.figure("cpu_per_gbit", 4),
            nginx.figure("cpu_per_gbit", 4),
            floor.figure("cpu_per_gbit", 4),
            show(us.ratio(&nginx, "cpu_per_gbit"), 2),
            show(us.ratio(&floor, "cpu_per_gbit"), 2),
            us.pair("delay"),
            us.pair("first"),
            us.figure("kib_per_player", 1),
            us.worst("starved"),
            us.worst("stalls"),
            us.worst("seq_gaps"),
            us.worst("wrong_stream"),
        ]);
    }
    out.text()
}

fn proxy(rows: &Rows) -> String {
    let mut out = Table::new(&[
        "protocol",
        "players",
        "origin's mw",
        "ours",
        "HAProxy",
        "ours/HAProxy",
        "first frame ours",
        "HAProxy",
        "direct",
        "delay ours",
        "HAProxy",
        "direct",
        "KiB a player ours",
        "HAProxy",
        "starved",
        "gaps",
        "wrong stream",
    ]);
    for key in rows.keys("proxy") {
        let [us, haproxy, direct] = ["us", "haproxy", "direct"].map(|server| rows.of(&key.server(server)));
        out.row(&[
            key.proto.clone(),
            key.players.to_string(),
            key.mw.clone(),
            us.figure("cpu_per_gbit", 4),
            haproxy.figure("cpu_per_gbit", 4),
            show(us.ratio(&haproxy, "cpu_per_gbit"), 2),
            us.pair("first"),
            haproxy.pair("first"),
            direct.pair("first"),
            us.pair("delay"),
            haproxy.pair("delay"),
            direct.pair("delay"),
            us.figure("kib_per_player", 1),
            haproxy.figure("kib_per_player", 1),
            us.worst("starved"),
            us.worst("seq_gaps"),
            us.worst("wrong_stream"),
        ]);
    }
    out.text()
}

fn publishers(rows: &Rows) -> String {
    let mut out = Table::new(&[
        "publishers",
        "our proxy",
        "HAProxy",
        "ours/HAProxy",
        "our origin, direct",
        "accepted proxy",
        "HAProxy",
        "direct",
        "KiB a publisher proxy",
        "HAProxy",
        "origin",
        "lost",
    ]);
    for key in rows.keys("publishers") {
        let [us, haproxy, direct] = ["us", "haproxy", "direct"].map(|server| rows.of(&key.server(server)));
        let lost = us.worst_of(|row| {
            row.number("publishers").zip(row.number("alive")).map(|(all, alive)| all - alive)
        });
        out.row(&[
            key.players.to_string(),
            us.figure("cpu_per_gbit", 3),
            haproxy.figure("cpu_per_gbit", 3),
            show(us.ratio(&haproxy, "cpu_per_gbit"), 2),
            direct.figure("cpu_per_gbit", 3),
            us.pair("accept"),
            haproxy.pair("accept"),
            direct.pair("accept"),
            us.figure("kib_per_publisher", 1),
            haproxy.figure("kib_per_publisher", 1),
            direct.figure("kib_per_publisher", 1),
            show(lost, 0),
        ]);
    }
    out.text()
}

fn shards(rows: &Rows) -> String {
    let mut out = Table::new(&[
        "protocol",
        "Mbit/s",
        "players",
        "1 shard",
        "2 shards",
        "2/1",
        "largest shard's part of the work",
        "starved",
    ]);
    for key in rows.keys("shards") {
        let [one, two] = ["one", "two"].map(|server| rows.of(&key.server(server)));
        out.row(&[
            key.proto.clone(),
            mbps(&key),
            key.players.to_string(),
            one.figure("cpu_per_gbit", 4),
            two.figure("cpu_per_gbit", 4),
            show(two.ratio(&one, "cpu_per_gbit"), 2),
            show(two.largest_share().map(|share| share * 100.0), 0) + " %",
            two.worst("starved"),
        ]);
    }
    out.text()
}

fn hls(rows: &Rows) -> String {
    let mut out = Table::new(&[
        "server",
        "Mbit/s",
        "players",
        "CPU s/Gbit",
        "by nginx",
        "% of a core",
        "first segment p50/p99",
        "KiB a player",
        "segments",
        "starved",
        "stalls",
        "errors",
        "fetches of a segment",
    ]);
    for key in rows.keys("hls") {
        let nginx = rows.of(&key.server("nginx"));
        for (server, name) in HLS_SERVERS {
            let row = rows.of(&key.server(server));
            if row.is_empty() {
                continue;
            }
            out.row(&[
                name.to_owned(),
                mbps(&key),
                key.players.to_string(),
                row.figure("cpu_per_gbit", 4),
                show(row.ratio(&nginx, "cpu_per_gbit"), 2),
                row.figure("cpu_percent", 1),
                row.pair("first"),
                row.figure("kib_per_player", 1),
                row.figure("segments", 0),
                row.worst("starved"),
                row.worst("stalls"),
                row.worst("error_count"),
                row.worst("fetches_per_segment"),
            ]);
        }
    }
    out.text()
}

const HLS_SERVERS: [(&str, &str); 4] = [
    ("us", "our origin, from memory"),
    ("disk", "our origin, files in memory"),
    ("nginx", "nginx, the same files"),
    ("proxy", "our proxy, the origin behind it"),
];

fn mbps(key: &Key) -> String {
    (key.kbps as f64 / 1000.0).to_string()
}

/// A number with so many decimals, or a dash.
fn show(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

struct Table {
    head: String,
    body: String,
}

impl Table {
    fn new(columns: &[&str]) -> Self {
        let head = format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
        Self { head, body: String::new() }
    }

    fn row(&mut self, cells: &[String]) {
        self.body += &format!("| {} |\n", cells.join(" | "));
    }

    /// The table, or nothing when it has no rows.
    fn text(self) -> String {
        if self.body.is_empty() { String::new() } else { self.head + &self.body }
    }
}

#[cfg(test)]
mod tests;
