//! `srs-bench`: load for the comparison benchmarks and the floor they are compared with.
//!
//! It shares no code with the servers, so that its reading of RTMP, HTTP-FLV and HLS is an independent second opinion; only
//! the packets of transport streams are judged by `srs_ts::check`.
//! It starts no servers: `scripts/bench` does, and `report` turns what it collected into `bench/RESULTS.md`.
//! One epoll loop per process and no runtime, because the cycles of the load are taken from the measurement.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool that measures, not a server: an aborted run is the right answer to a broken assumption"
)]

mod amf;
mod args;
mod behind;
mod chunk;
mod count;
mod floor;
mod flv;
mod h264;
mod hls;
mod judge;
mod mark;
mod media;
mod play;
mod player;
mod poll;
mod ports;
mod procfs;
mod publish;
mod report;
mod session;
mod stats;

use std::process::ExitCode;

/// What a subcommand returns: the text of an error is meant for the person at the terminal.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const HELP: &str = "srs-bench <command> [options]

publish  --url rtmp://H:P/app/NAME [--count N] [--kbps K] [--gop S] [--fps F] [--chunk BYTES] [--ramp PER_S]
         [--seconds S] [--solid] [--print-accept] [--server-pid PID]... [--settle S] [--window S] [--rss-base KB] [--pin CPU]
         N publishers (NAME, or NAME-0.. when N > 1); prints \"ready\" when all are accepted. With --window it
         measures the server like play does and ends. --solid: pictures of noise without filler data, which no server can
         leave out and no player can show.
play     --url rtmp://H:P/app/NAME | http://H:P/app/NAME.flv  --players N [--streams M] [--ramp PER_S] [--settle S]
         [--window S] [--decode-every N] [--drain-ms MS] [--server-pid PID]... [--server-cpu CPU] [--rss-base KB]
         [--label k=v]... [--pin CPU]
         N players; player i plays NAME-(i mod M) when M > 1. One JSON line and one line to read.
         --server-cpu also tells how busy others kept that core.
         [--each FILE]  player i asks at the i-th host:port of FILE, which may have lines of other words too.
         [--apart]  each player in a thread of its own that its socket wakes, instead of all drained every few ms.
         [--behind H:P --behind-after S]  the API of a server behind the measured one: how many sessions came to it, and
         what it sent from S seconds after the first player on, by what it received.
play     --url http://H:P/app/NAME.m3u8  --players N  [the same, without --streams] [--requests FILE]
         N players of HLS. --decode-every: every how manieth has its packets checked strictly. --requests: what count
         printed, for the line.
count    --listen H:P --to H:P [--pin CPU]
         Passes HTTP on and prints the first line of each request, until killed.
floor    --sockets N --kbps K --batch-ms B [--pieces P] [--slots S] [--seconds S] [--pin CPU] [--sink-pin CPU]
         [--drain-ms MS] [--label k=v]...
         Bare sends of the same bytes to N sockets that a second process discards.
ports    N
         N free loopback ports, one a line.
report   FILE [--note TEXT]...
         Markdown tables and the bars, from the JSON lines in FILE.
";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    if command.is_empty() || command == "--help" || rest.iter().any(|word| word == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let outcome = match command.as_str() {
        "publish" => publish::run(rest),
        "play" => play::run(rest),
        "count" => count::run(rest),
        "floor" => floor::run(rest),
        "sink" => floor::sink(rest),
        "ports" => ports::run(&rest),
        "report" => report::run(rest),
        _ => Err(format!("no command {command:?}; see --help").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("srs-bench {command}: {error}");
            ExitCode::FAILURE
        }
    }
}
