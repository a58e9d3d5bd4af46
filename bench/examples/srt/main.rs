//! Load over SRT: a publisher of a constant bit rate and players of its stream, and what the server spent on them.
//!
//! ```text
//! srt --publish H:P --play H:P [--stream APP/NAME] [--kbps K] [--parts N] [--players N] [--ramp PER_S] [--warm S]
//!     [--settle S] [--window S] [--check-every N] [--server-pid PID]... [--server-cpu CPU] [--behind-pid PID]
//!     [--label k=v]...
//! ```
//! Prints one JSON line as `srs-bench play` does. The publisher has a thread, and all players another. Each picture leaves
//! in `--parts` parts, spread over the time to the next. Each player counts the packets' continuity; of every
//! `--check-every`th they are checked strictly and the delay of pictures is taken. `--behind-pid` is an origin behind the
//! server, by whose CPU that of the server is told too. SRT is spoken by the servers' own engine, which is no second opinion:
//! what srt-live-transmit passes on for the same load is one.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool that measures, not a server: an aborted run is the right answer to a broken assumption"
)]

#[allow(dead_code, reason = "the part of srs-bench that is used here")]
#[path = "../../src/args.rs"]
mod args;
#[allow(dead_code, reason = "the part of srs-bench that is used here")]
#[path = "../../src/h264.rs"]
mod h264;
mod player;
#[allow(dead_code, reason = "the part of srs-bench that is used here")]
#[path = "../../src/procfs.rs"]
mod procfs;
mod programme;
mod publisher;
#[allow(dead_code, reason = "the part of srs-bench that is used here")]
#[path = "../../src/stats.rs"]
mod stats;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use srs_net::shards::{Handle, Shards};

use args::Args;
use player::Seen;
use procfs::{Sample, core_busy};
use publisher::{Progress, Published, Publishing};
use stats::{percentile, print, put_percentiles, round};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const OPTIONS: [&str; 15] = [
    "publish",
    "play",
    "stream",
    "kbps",
    "parts",
    "players",
    "ramp",
    "warm",
    "settle",
    "window",
    "check-every",
    "server-pid",
    "server-cpu",
    "behind-pid",
    "label",
];
/// A player that received nothing for this long at the end is starved.
const SILENT: Duration = Duration::from_secs(2);
/// And so is one with less than this part of the median player's bytes.
const STARVED_PERCENT: u64 = 90;
/// Error texts kept for the result line.
const ERRORS_SHOWN: usize = 3;

fn main() -> ExitCode {
    let words = std::env::args().skip(1).collect();
    match Args::parse(words, &OPTIONS, &[]).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("srt: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Outcome<()> {
    let seconds = |name: &str, default: f64| -> Outcome<Duration> {
        Ok(Duration::from_secs_f64(args.number(name, default)?))
    };
    let (warm, settle, window) = (seconds("warm", 2.5)?, seconds("settle", 3.0)?, seconds("window", 8.0)?);
    let stream = args.text("stream").unwrap_or("live/b");
    let publishing = Publishing {
        to: args.need("publish")?.parse()?,
        stream_id: format!("#!::r={stream},m=publish"),
        kbps: args.number("kbps", 2000)?,
        parts: args.number("parts", 8u32)?.max(1),
    };
    let (publishers, players) = (Shards::start(1)?, Shards::start(1)?);
    let published = Arc::new(Published::default());
    let state = Arc::clone(&published);
    publishers.handle().first(move || publisher::run(publishing, state));
    sleep(warm);
    if published.began.get().is_none() {
        return Err(published.progress.lock().unwrap().error.take().unwrap_or("not published".into()).into());
    }
    let (servers, behind) = (args.pids()?, args.maybe("behind-pid")?);
    let rss_base = Sample::take(&servers).rss_kib;
    let crowd = seat(args, stream, &players.handle(), &published)?;
    sleep(settle);
    let look = || Look::take(&servers, behind, args.maybe("server-cpu").ok().flatten(), &crowd);
    let before = look();
    crowd.iter().for_each(|seen| seen.lock().unwrap().measure(before.at));
    sleep(window);
    let after = look();
    let progress = published.progress.lock().unwrap().clone();
    let mut line = report(&crowd, [&before, &after], &progress);
    line.insert("rss_base_kib".into(), json!(rss_base));
    let grown = after.server.rss_kib as f64 - rss_base as f64;
    line.insert("kib_per_player".into(), round(grown / crowd.len().max(1) as f64));
    print_for_people(&line);
    print(line, args)
}

/// Has the players come, one by one.
fn seat(
    args: &Args,
    stream: &str,
    handle: &Handle,
    published: &Arc<Published>,
) -> Outcome<Vec<Arc<Mutex<Seen>>>> {
    let from: SocketAddr = args.need("play")?.parse()?;
    let count: usize = args.number("players", 1)?;
    let every: usize = args.number("check-every", 20usize)?.max(1);
    let pause = Duration::from_secs_f64(1.0 / args.number("ramp", 50.0f64)?.max(0.1));
    let mut crowd = Vec::with_capacity(count);
    for number in 0..count {
        let seen = Arc::new(Mutex::new(Seen::new(number.is_multiple_of(every))));
        let (state, published) = (Arc::clone(&seen), Arc::clone(published));
        let stream_id = format!("#!::r={stream},m=request");
        handle.first(move || player::run(from, stream_id, state, published));
        crowd.push(seen);
        sleep(pause);
    }
    Ok(crowd)
}

/// What is read at both ends of the window.
struct Look {
    at: Instant,
    server: Sample,
    behind: Option<Sample>,
    load: Sample,
    busy: Option<f64>,
    bytes: Vec<u64>,
}

impl Look {
    fn take(servers: &[u32], behind: Option<u32>, cpu: Option<usize>, crowd: &[Arc<Mutex<Seen>>]) -> Self {
        Self {
            at: Instant::now(),
            server: Sample::take(servers),
            behind: behind.map(|pid| Sample::take(&[pid])),
            load: Sample::take(&[std::process::id()]),
            busy: core_busy(cpu),
            bytes: crowd.iter().map(|seen| seen.lock().unwrap().bytes).collect(),
        }
    }
}

fn report(
    crowd: &[Arc<Mutex<Seen>>],
    [before, after]: [&Look; 2],
    progress: &Progress,
) -> Map<String, Value> {
    let seconds = (after.at - before.at).as_secs_f64();
    let received: Vec<u64> = after.bytes.iter().zip(&before.bytes).map(|(now, then)| now - then).collect();
    let bytes: u64 = received.iter().sum();
    let mut line = Map::new();
    line.insert("kind".into(), json!("srt"));
    line.insert("window_s".into(), round(seconds));
    line.insert("bytes".into(), json!(bytes));
    line.insert("mbps".into(), round(bytes as f64 * 8.0 / 1e6 / seconds));
    after.server.report(&before.server, bytes, seconds, &mut line);
    let cpu = after.server.cpu_since(&before.server);
    if let [Some(then), Some(now)] = [&before.behind, &after.behind] {
        let behind = now.cpu_since(then);
        line.insert("behind_cpu_per_gbit".into(), json!(behind * 1e9 / 8.0 / bytes.max(1) as f64));
        line.insert("cpu_by_behind".into(), if behind > 0.0 { round(cpu / behind) } else { Value::Null });
    }
    if let [Some(then), Some(now)] = [before.busy, after.busy] {
        line.insert("others_percent".into(), round((now - then - cpu).max(0.0) / seconds * 100.0));
    }
    let load = after.load.cpu_since(&before.load);
    line.insert("load_cpu_percent".into(), round(load / seconds * 100.0));
    line.insert("published".into(), json!(progress.sent));
    line.insert("resent_by_publisher".into(), json!(progress.resent));
    line.insert("not_published".into(), json!(progress.refused));
    line.insert("publisher_late_ms".into(), round(progress.late.as_secs_f64() * 1e3));
    let errors = judge(crowd, &received, after.at, &mut line);
    let errors = progress.error.iter().cloned().chain(errors).take(ERRORS_SHOWN);
    line.insert("errors".into(), errors.map(Value::from).collect());
    line
}

/// Puts in what the players saw; the answer is what went wrong.
fn judge(
    crowd: &[Arc<Mutex<Seen>>],
    received: &[u64],
    now: Instant,
    line: &mut Map<String, Value>,
) -> Vec<String> {
    let middle = percentile(&mut received.to_vec(), 50).unwrap_or(0);
    let [mut alive, mut well, mut continuity, mut faults, mut stalls, mut lost] = [0u64; 6];
    let (mut gap, mut errors) = (Duration::ZERO, Vec::new());
    let (mut first, mut delays): (Vec<u64>, Vec<u64>) = Default::default();
    for (seen, &bytes) in crowd.iter().zip(received) {
        let mut seen = seen.lock().unwrap();
        let heard = seen.last.is_some_and(|last| now.saturating_duration_since(last) < SILENT);
        let fed = heard && bytes > 0 && bytes * 100 >= middle * STARVED_PERCENT;
        seen.finish(now);
        alive += u64::from(seen.error.is_none());
        well += u64::from(seen.error.is_none() && fed);
        continuity += seen.continuity + seen.damaged;
        faults += seen.faults;
        stalls += seen.stalls;
        lost += seen.lost;
        gap = gap.max(seen.gap);
        let came = |first: Instant| first.saturating_duration_since(seen.called.unwrap()).as_micros() as u64;
        first.extend(seen.first.map(came));
        delays.append(&mut seen.delays);
        errors.extend(seen.error.take().into_iter().chain(seen.fault.take()));
    }
    let players = crowd.len() as u64;
    for (name, count) in [
        ("players", players),
        ("alive", alive),
        ("starved", players - well),
        ("no_first_frame", players - first.len() as u64),
        ("continuity_errors", continuity),
        ("faults", faults),
        ("stalls", stalls),
        ("lost", lost),
    ] {
        line.insert(name.to_owned(), json!(count));
    }
    line.insert("longest_gap_ms".into(), round(gap.as_secs_f64() * 1e3));
    put_percentiles(line, "first", &mut first, 1e3);
    put_percentiles(line, "delay", &mut delays, 1e3);
    errors
}

fn print_for_people(line: &Map<String, Value>) {
    let show = |name: &str| line.get(name).map(Value::to_string).unwrap_or_default();
    eprintln!(
        "{}/{} players alive, {} starved; {} Mbit/s; server {} % of a core, {} CPU s/Gbit, {} KiB/player; continuity \
         errors {}, faults {}, longest gap {} ms; delay {}/{} ms, first {}/{} ms (p50/p99); load {} % {}",
        show("alive"),
        show("players"),
        show("starved"),
        show("mbps"),
        show("cpu_percent"),
        show("cpu_per_gbit"),
        show("kib_per_player"),
        show("continuity_errors"),
        show("faults"),
        show("longest_gap_ms"),
        show("delay_p50_ms"),
        show("delay_p99_ms"),
        show("first_p50_ms"),
        show("first_p99_ms"),
        show("load_cpu_percent"),
        show("errors"),
    );
}
