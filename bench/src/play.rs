//! `play`: many players in one loop, and what the server spent on them.
//!
//! Players that discard are drained every few milliseconds instead of on arrival, all at once: a process that sleeps
//! and is woken for each packet would make the server pay for the wake-ups, which no server pays for remote viewers.

use std::net::SocketAddr;
use std::ops::Range;

use serde_json::{Map, Value, json};

use crate::args::{Args, Url};
use crate::judge::Judge;
use crate::player::{Next, Player, STALL_NS};
use crate::poll::{self, Poll, Scratch, now_ns};
use crate::procfs::{Sample, core_busy};
use crate::stats::{percentile, print, put_percentiles, round};
use crate::{Outcome, behind, hls};

/// A player that received nothing for this long at the end is starved.
const SILENT_NS: u64 = 2_000_000_000;
/// And so is one with less than this part of the median player's bytes.
const STARVED_PERCENT: u64 = 90;
/// Error texts kept for the result line.
const ERRORS_SHOWN: usize = 3;
const OPTIONS: [&str; 17] = [
    "url",
    "players",
    "streams",
    "ramp",
    "settle",
    "window",
    "decode-every",
    "drain-ms",
    "server-pid",
    "server-cpu",
    "rss-base",
    "label",
    "pin",
    "requests",
    "each",
    "behind",
    "behind-after",
];

struct Plan {
    url: Url,
    /// Where players ask, in turn.
    addresses: Vec<SocketAddr>,
    players: usize,
    streams: usize,
    every_ns: u64,
    decode_every: usize,
    drain_ns: u64,
    /// Each player in a thread of its own, which its socket wakes.
    apart: bool,
    measure_ns: u64,
    end_ns: u64,
    begin_ns: u64,
    pids: Vec<u32>,
    server_cpu: Option<usize>,
    behind: Option<Behind>,
}

/// A server behind the measured one.
struct Behind {
    api: String,
    settled_ns: u64,
}

/// The subcommand.
pub fn run(words: Vec<String>) -> Outcome<()> {
    let args = Args::parse(words, &OPTIONS, &["apart"])?;
    poll::pin(args.maybe("pin")?)?;
    poll::raise_file_limit();
    if hls::is_list(args.need("url")?) {
        let line = hls::run(&args)?;
        hls::print_for_people(&line);
        return print(line, &args);
    }
    let plan = Plan::read(&args)?;
    let before = Sample::take(&plan.pids);
    let mut crowd = Crowd::new(&plan, 0..plan.players)?;
    let measured = if plan.apart { crowd.run_apart()? } else { crowd.run()? };
    let rss_base = args.number("rss-base", before.rss_kib)?;
    let line = crowd.report(&measured, rss_base);
    print_for_people(&line);
    print(line, &args)
}

impl Plan {
    fn read(args: &Args) -> Outcome<Self> {
        let url = Url::parse(args.need("url")?)?;
        let players: usize = args.number("players", 1)?;
        let ns = |seconds: f64| (seconds.max(0.0) * 1e9) as u64;
        let ramp: f64 = args.number("ramp", 500.0)?;
        let every_ns = ns(1.0 / ramp.max(0.1));
        let begin_ns = now_ns();
        let measure_ns = begin_ns + every_ns * players as u64 + ns(args.number("settle", 2.5)?);
        let settled_ns = begin_ns + ns(args.number("behind-after", 0.0)?);
        Ok(Self {
            addresses: addresses(&url, args.text("each"))?,
            url,
            players,
            streams: args.number("streams", 1)?,
            every_ns,
            decode_every: args.number("decode-every", 50usize)?.max(1),
            drain_ns: if args.flag("apart") { 0 } else { ns(args.number("drain-ms", 2.0)? / 1e3) },
            apart: args.flag("apart"),
            measure_ns,
            end_ns: measure_ns + ns(args.number("window", 6.0)?),
            begin_ns,
            pids: args.pids()?,
            server_cpu: args.maybe("server-cpu")?,
            behind: args.text("behind").map(|api| Behind { api: api.to_owned(), settled_ns }),
        })
    }
}

/// Those that a file lists, else the URL's.
fn addresses(url: &Url, each: Option<&str>) -> Outcome<Vec<SocketAddr>> {
    let Some(file) = each else { return Ok(vec![url.address()?]) };
    let found = listed(&std::fs::read_to_string(file)?);
    if found.is_empty() { Err(format!("{file} has no address").into()) } else { Ok(found) }
}

fn listed(text: &str) -> Vec<SocketAddr> {
    text.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

struct Crowd<'a> {
    plan: &'a Plan,
    /// Which of the plan's players these are.
    numbers: Range<usize>,
    players: Vec<Player>,
    prompt: Poll,
    lazy: Poll,
    scratch: Scratch,
}

/// What was read at both ends of the window.
struct Measured {
    began_ns: u64,
    ended_ns: u64,
    bytes_at_start: Vec<u64>,
    server: [Sample; 2],
    load: [Sample; 2],
    core_busy: [Option<f64>; 2],
    /// Of the server behind: before the first player, when it has settled, at the end.
    behind: Option<[behind::Look; 3]>,
}

impl<'a> Crowd<'a> {
    fn new(plan: &'a Plan, numbers: Range<usize>) -> Outcome<Self> {
        let players = Vec::with_capacity(numbers.len());
        Ok(Self { plan, numbers, players, prompt: Poll::new()?, lazy: Poll::new()?, scratch: Scratch::new() })
    }

    fn run(&mut self) -> Outcome<Measured> {
        let behind = self.plan.behind.as_ref();
        let mut looks = Vec::new();
        if let Some(behind) = behind {
            looks.push(behind::Look::take(&behind.api)?);
            self.run_until(behind.settled_ns.min(self.plan.measure_ns))?;
            looks.push(behind::Look::take(&behind.api)?);
        }
        self.run_until(self.plan.measure_ns)?;
        let look = || (now_ns(), Sample::take(&self.plan.pids), Sample::take(&[std::process::id()]));
        let (began_ns, server_before, load_before) = look();
        let bytes_at_start = self.players.iter().map(|player| player.bytes).collect();
        self.players.iter_mut().for_each(Player::measure);
        let busy_before = core_busy(self.plan.server_cpu);
        self.run_until(self.plan.end_ns)?;
        let core_busy = [busy_before, core_busy(self.plan.server_cpu)];
        let look = || (now_ns(), Sample::take(&self.plan.pids), Sample::take(&[std::process::id()]));
        let (ended_ns, server_after, load_after) = look();
        let (server, load) = ([server_before, server_after], [load_before, load_after]);
        if let Some(behind) = behind {
            looks.push(behind::Look::take(&behind.api)?);
        }
        let behind = looks.try_into().ok();
        Ok(Measured { began_ns, ended_ns, bytes_at_start, server, load, core_busy, behind })
    }

    /// The same with a thread for each player.
    fn run_apart(&mut self) -> Outcome<Measured> {
        let plan = self.plan;
        let alone = |number| Crowd::new(plan, number..number + 1).and_then(Crowd::run_alone);
        let (measured, ended) = std::thread::scope(|scope| {
            // Errors of threads pass as text.
            let start = |number| scope.spawn(move || alone(number).map_err(|error| error.to_string()));
            let threads: Vec<_> = (0..plan.players).map(start).collect();
            // No players of its own: it looks at the server only.
            let measured = Crowd::new(plan, 0..0).and_then(|mut watch| watch.run());
            (
                measured,
                threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Result<Vec<_>, _>>(),
            )
        });
        let (players, bytes_at_start) = ended?.into_iter().unzip();
        self.players = players;
        Ok(Measured { bytes_at_start, ..measured? })
    }

    /// The one player and its bytes at the beginning of the window.
    fn run_alone(mut self) -> Outcome<(Player, u64)> {
        self.run_until(self.plan.measure_ns)?;
        let bytes = self.players.iter().map(|player| player.bytes).sum();
        self.players.iter_mut().for_each(Player::measure);
        self.run_until(self.plan.end_ns)?;
        self.players.pop().map(|player| (player, bytes)).ok_or_else(|| "a player never came".into())
    }

    fn run_until(&mut self, end_ns: u64) -> Outcome<()> {
        let mut drain_ns = now_ns();
        loop {
            let now = now_ns();
            if now >= end_ns {
                return Ok(());
            }
            let launch_ns = self.launch(now)?;
            if self.plan.drain_ns == 0 {
                drain_ns = u64::MAX;
            } else if now >= drain_ns {
                self.drain(now)?;
                drain_ns = now + self.plan.drain_ns;
            }
            let (ready, _) = self.prompt.wait(end_ns.min(launch_ns).min(drain_ns))?;
            let now = now_ns();
            for index in ready {
                self.serve(index, now)?;
            }
        }
    }

    /// Dials the players that are due; when the next one is.
    fn launch(&mut self, now: u64) -> Outcome<u64> {
        loop {
            let (place, index) = (self.players.len(), self.numbers.start + self.players.len());
            let due_ns = self.plan.begin_ns + self.plan.every_ns * index as u64;
            if index >= self.numbers.end {
                return Ok(u64::MAX);
            }
            if due_ns > now {
                return Ok(due_ns);
            }
            let name = self.plan.url.name(index, self.plan.streams);
            let decode = index.is_multiple_of(self.plan.decode_every);
            let address = self.plan.addresses[index % self.plan.addresses.len()];
            let player = Player::dial(&self.plan.url, address, &name, decode)?;
            self.prompt.add(&player.socket, place, true)?;
            self.players.push(player);
        }
    }

    fn drain(&mut self, now: u64) -> Outcome<()> {
        loop {
            let (ready, more) = self.lazy.wait(0)?;
            for index in ready {
                if self.players[index].serve(&mut self.scratch, now) == Next::Forget {
                    self.lazy.remove(&self.players[index].socket);
                }
            }
            if !more {
                return Ok(());
            }
        }
    }

    fn serve(&mut self, index: usize, now: u64) -> Outcome<()> {
        let player = &mut self.players[index];
        match player.serve(&mut self.scratch, now) {
            Next::Watch(writable) => self.prompt.change(&player.socket, index, writable),
            Next::Discard if self.plan.drain_ns == 0 => self.prompt.change(&player.socket, index, false),
            Next::Discard => {
                self.prompt.remove(&player.socket);
                self.lazy.add(&player.socket, index, false)
            }
            Next::Forget => {
                self.prompt.remove(&player.socket);
                Ok(())
            }
        }
    }

    fn report(&self, measured: &Measured, rss_base: u64) -> Map<String, Value> {
        let seconds = (measured.ended_ns - measured.began_ns) as f64 / 1e9;
        let starts = measured.bytes_at_start.iter().chain(std::iter::repeat(&0));
        let received: Vec<u64> =
            self.players.iter().zip(starts).map(|(player, start)| player.bytes - start).collect();
        let bytes: u64 = received.iter().sum();
        let middle = percentile(&mut received.clone(), 50).unwrap_or(0);
        let silent = |player: &Player| measured.ended_ns.saturating_sub(player.heard_ns);
        let fed = |(player, bytes): (&Player, &u64)| {
            player.first_ns.is_some()
                && silent(player) < SILENT_NS
                && *bytes > 0
                && *bytes * 100 >= middle * STARVED_PERCENT
        };
        let alive = self.players.iter().filter(|player| player.alive()).count();
        let open_stalls =
            self.players.iter().filter(|player| player.alive() && silent(player) > STALL_NS).count();
        let mut judge = Judge::default();
        self.players.iter().for_each(|player| judge.add(&player.judge));
        let mut first: Vec<u64> =
            self.players.iter().filter_map(|player| Some(player.first_ns? - player.began_ns)).collect();
        let grown = measured.server[1].rss_kib as f64 - rss_base as f64;
        let errors = self.players.iter().filter_map(|player| player.error.as_deref()).take(ERRORS_SHOWN);

        let mut line = Map::new();
        line.insert("kind".into(), json!("play"));
        line.insert("players".into(), json!(self.plan.players));
        line.insert("alive".into(), json!(alive));
        let well = self.players.iter().zip(&received).filter(|&pair| pair.0.alive() && fed(pair)).count();
        line.insert("starved".into(), json!(self.plan.players - well));
        line.insert("no_first_frame".into(), json!(self.plan.players - first.len()));
        line.insert("window_s".into(), round(seconds));
        line.insert("bytes".into(), json!(bytes));
        line.insert("mbps".into(), round(bytes as f64 * 8.0 / 1e6 / seconds));
        measured.server[1].report(&measured.server[0], bytes, seconds, &mut line);
        line.insert("rss_base_kib".into(), json!(rss_base));
        line.insert("rss_kib".into(), json!(measured.server[1].rss_kib));
        line.insert("kib_per_player".into(), round(grown / self.plan.players.max(1) as f64));
        put_percentiles(&mut line, "first", &mut first, 1e6);
        judge.report(&mut line);
        let stalls: u64 = self.players.iter().map(|player| player.stalls).sum();
        line.insert("stalls".into(), json!(stalls + open_stalls as u64));
        let load = measured.load[1].cpu_since(&measured.load[0]);
        if let [Some(before), Some(after)] = measured.core_busy {
            let others = after - before - measured.server[1].cpu_since(&measured.server[0]);
            line.insert("others_percent".into(), round(others.max(0.0) / seconds * 100.0));
        }
        line.insert("load_cpu_percent".into(), round(load / seconds * 100.0));
        line.insert("errors".into(), errors.map(Value::from).collect());
        if let Some([began, settled, ended]) = &measured.behind {
            behind::report(began, settled, ended, &mut line);
        }
        line
    }
}

fn print_for_people(line: &Map<String, Value>) {
    let show = |name: &str| line.get(name).map(Value::to_string).unwrap_or_default();
    eprintln!(
        "{}/{} players alive, {} starved; {} Mbit/s; server {} % of a core, {} CPU s/Gbit, {} KiB/player; first frame \
         {}/{} ms, delay {}/{} ms (p50/p99); stalls {}, gaps {}, wrong stream {}, corrupt {}; load {} % {}",
        show("alive"),
        show("players"),
        show("starved"),
        show("mbps"),
        show("cpu_percent"),
        show("cpu_per_gbit"),
        show("kib_per_player"),
        show("first_p50_ms"),
        show("first_p99_ms"),
        show("delay_p50_ms"),
        show("delay_p99_ms"),
        show("stalls"),
        show("seq_gaps"),
        show("wrong_stream"),
        show("corrupt"),
        show("load_cpu_percent"),
        show("errors"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_address_are_left_out() {
        let found = listed("127.0.0.1:19350\n[::1]:7\nready\n\n");
        assert_eq!(found, ["127.0.0.1:19350".parse::<SocketAddr>().unwrap(), "[::1]:7".parse().unwrap()]);
    }
}
