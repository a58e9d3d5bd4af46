//! Load over WebRTC: viewers of a stream by WHEP, where asked for its publisher by WHIP, and what the server spent on them.
//!
//! ```text
//! webrtc --api H:P [--stream APP/NAME] [--publish H:P --kbps K] [--players N] [--ramp PER_S] [--warm S] [--settle S]
//!     [--window S] [--server-pid PID]... [--server-cpu CPU] [--behind-pid PID] [--label k=v]...
//! ```
//! Prints one JSON line as `srs-bench play` does. All viewers share a thread, and each has a socket of its own, so that each has
//! an address. Every packet is decrypted and its number counted; lost ones are asked for as a browser asks. Joining is from the
//! request to the first packet of a key frame. `--behind-pid` is an origin behind the server, by whose CPU that of the server
//! is told too. WebRTC is spoken by the servers' own library; browsers and the `webrtc` crate are second opinions.
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
mod line;
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
use publisher::Progress;
use stats::{percentile, print, put_percentiles, round};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const OPTIONS: [&str; 13] = [
    "api",
    "publish",
    "stream",
    "kbps",
    "players",
    "ramp",
    "warm",
    "settle",
    "window",
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
            eprintln!("webrtc: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Outcome<()> {
    let seconds = |name: &str, default: f64| -> Outcome<Duration> {
        Ok(Duration::from_secs_f64(args.number(name, default)?))
    };
    let (warm, settle, window) = (seconds("warm", 3.0)?, seconds("settle", 3.0)?, seconds("window", 8.0)?);
    let (app, stream) =
        args.text("stream").unwrap_or("live/b").rsplit_once('/').ok_or("--stream: APP/NAME")?;
    let path = |kind: &str| format!("/rtc/v1/{kind}/?app={app}&stream={stream}");
    let progress = Arc::new(Mutex::new(Progress::default()));
    let publishers = Shards::start(1)?;
    if let Some(to) = args.maybe::<SocketAddr>("publish")? {
        let (state, path, kbps) = (Arc::clone(&progress), path("whip"), args.number("kbps", 4000)?);
        publishers.handle().first(move || publisher::run(to, path, kbps, state));
        sleep(warm);
        let mut progress = progress.lock().unwrap();
        if progress.began.is_none() {
            return Err(progress.error.take().unwrap_or("not published".into()).into());
        }
    }
    let (servers, behind) = (args.pids()?, args.maybe("behind-pid")?);
    let rss_base = Sample::take(&servers).rss_kib;
    let players = Shards::start(1)?;
    let crowd = seat(args, &path("whep"), &players.handle())?;
    sleep(settle);
    let look = || Look::take(&servers, behind, args.maybe("server-cpu").ok().flatten(), &crowd);
    let before = look();
    crowd.iter().for_each(|seen| seen.lock().unwrap().measure(before.at));
    sleep(window);
    let after = look();
    let progress = progress.lock().unwrap().clone();
    let mut line = report(&crowd, [&before, &after], &progress);
    line.insert("rss_base_kib".into(), json!(rss_base));
    let grown = after.server.rss_kib as f64 - rss_base as f64;
    line.insert("kib_per_player".into(), round(grown / crowd.len().max(1) as f64));
    print_for_people(&line);
    print(line, args)
}

/// Has the players come, one by one.
fn seat(args: &Args, path: &str, handle: &Handle) -> Outcome<Vec<Arc<Mutex<Seen>>>> {
    let to: SocketAddr = args.need("api")?.parse()?;
    let path: Arc<str> = Arc::from(path);
    let count: usize = args.number("players", 1)?;
    let pause = Duration::from_secs_f64(1.0 / args.number("ramp", 20.0f64)?.max(0.1));
    let mut crowd = Vec::with_capacity(count);
    for _ in 0..count {
        let seen = Arc::<Mutex<Seen>>::default();
        let (path, state) = (Arc::clone(&path), Arc::clone(&seen));
        handle.first(move || player::run(to, path, state));
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
    /// Of each player: bytes, and packets.
    bytes: Vec<u64>,
    packets: u64,
    reads: u64,
    datagrams: u64,
}

impl Look {
    fn take(servers: &[u32], behind: Option<u32>, cpu: Option<usize>, crowd: &[Arc<Mutex<Seen>>]) -> Self {
        let sum = |of: fn(&Seen) -> u64| crowd.iter().map(|seen| of(&seen.lock().unwrap())).sum();
        Self {
            at: Instant::now(),
            server: Sample::take(servers),
            behind: behind.map(|pid| Sample::take(&[pid])),
            load: Sample::take(&[std::process::id()]),
            busy: core_busy(cpu),
            bytes: crowd.iter().map(|seen| seen.lock().unwrap().bytes).collect(),
            packets: sum(|seen| seen.flows.iter().map(|flow| flow.packets).sum()),
            reads: sum(|seen| seen.reads),
            datagrams: sum(|seen| seen.datagrams),
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
    line.insert("kind".into(), json!("webrtc"));
    line.insert("window_s".into(), round(seconds));
    line.insert("bytes".into(), json!(bytes));
    line.insert("mbps".into(), round(bytes as f64 * 8.0 / 1e6 / seconds));
    line.insert("packets".into(), json!(after.packets - before.packets));
    line.insert("datagrams".into(), json!(after.datagrams - before.datagrams));
    line.insert("reads".into(), json!(after.reads - before.reads));
    after.server.report(&before.server, bytes, seconds, &mut line);
    let cpu = after.server.cpu_since(&before.server);
    let gbit_per_core = if cpu > 0.0 { bytes as f64 * 8.0 / 1e9 / cpu } else { 0.0 };
    line.insert("gbit_per_core".into(), round(gbit_per_core));
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
    let [mut alive, mut well, mut missing, mut late, mut stalls] = [0u64; 5];
    let (mut gap, mut errors) = (Duration::ZERO, Vec::new());
    let mut times: [Vec<u64>; 3] = Default::default();
    for (seen, &bytes) in crowd.iter().zip(received) {
        let mut seen = seen.lock().unwrap();
        let heard = seen.last.is_some_and(|last| now.saturating_duration_since(last) < SILENT);
        let fed = heard && bytes > 0 && bytes * 100 >= middle * STARVED_PERCENT;
        seen.finish(now);
        alive += u64::from(seen.error.is_none());
        well += u64::from(seen.error.is_none() && fed);
        missing += seen.flows.iter().map(player::Flow::missing).sum::<u64>();
        late += seen.late;
        stalls += seen.stalls;
        gap = gap.max(seen.gap);
        for (times, at) in times.iter_mut().zip([seen.answered, seen.connected, seen.first]) {
            let since = |at: Instant| at.saturating_duration_since(seen.asked.unwrap()).as_micros() as u64;
            times.extend(at.map(since));
        }
        errors.extend(seen.error.take());
    }
    let players = crowd.len() as u64;
    for (name, count) in [
        ("players", players),
        ("alive", alive),
        ("starved", players - well),
        ("no_first_frame", players - times[2].len() as u64),
        ("missing", missing),
        ("repaired", late),
        ("stalls", stalls),
    ] {
        line.insert(name.to_owned(), json!(count));
    }
    line.insert("longest_gap_ms".into(), round(gap.as_secs_f64() * 1e3));
    for (name, times) in ["answer", "connect", "first"].into_iter().zip(&mut times) {
        put_percentiles(line, name, times, 1e3);
    }
    errors
}

fn print_for_people(line: &Map<String, Value>) {
    let show = |name: &str| line.get(name).map(Value::to_string).unwrap_or_default();
    eprintln!(
        "{}/{} players alive, {} starved; {} Mbit/s; server {} % of a core, {} CPU ms/Mbit, {} Gbit/s a core, {} KiB/player; \
         {} packets in {} datagrams and {} reads, missing {}, repaired {}, longest gap {} ms; answer {}/{}, connect {}/{}, \
         join {}/{} ms (p50/p99); load {} % {}",
        show("alive"),
        show("players"),
        show("starved"),
        show("mbps"),
        show("cpu_percent"),
        show("cpu_per_gbit"),
        show("gbit_per_core"),
        show("kib_per_player"),
        show("packets"),
        show("datagrams"),
        show("reads"),
        show("missing"),
        show("repaired"),
        show("longest_gap_ms"),
        show("answer_p50_ms"),
        show("answer_p99_ms"),
        show("connect_p50_ms"),
        show("connect_p99_ms"),
        show("first_p50_ms"),
        show("first_p99_ms"),
        show("load_cpu_percent"),
        show("errors"),
    );
}
