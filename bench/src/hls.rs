//! `play` of HLS: many players in one loop, each doing what a player does, and what the server spent on them.
//!
//! A player joins at the third segment from the end, looks at the list twice per target duration, and fetches each
//! segment once. Behind its first segment it is served every few milliseconds only, like the players of other protocols.

mod answer;
mod list;
mod packets;
mod player;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::ToSocketAddrs as _;

use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::args::Args;
use crate::poll::{Poll, Scratch, now_ns};
use crate::procfs::{Sample, core_busy};
use crate::stats::{percentile, put_percentiles, round};
use player::{Crew, Player};

/// What the command line asks for.
pub struct Plan {
    path: String,
    players: usize,
    every_ns: u64,
    strict_every: usize,
    drain_ns: u64,
    measure_ns: u64,
    end_ns: u64,
    begin_ns: u64,
    pids: Vec<u32>,
    server_cpu: Option<usize>,
}

/// Whether a URL is that of a list.
pub fn is_list(url: &str) -> bool {
    url.split('?').next().is_some_and(|url| url.ends_with(".m3u8"))
}

/// Plays and measures; the result line.
pub fn run(args: &Args) -> Outcome<Map<String, Value>> {
    let url = args.need("url")?;
    let (authority, path) = split(url).ok_or_else(|| format!("{url:?} is not http://host/path.m3u8"))?;
    let with_port = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let address = with_port.to_socket_addrs()?.next().ok_or_else(|| format!("{authority} has no address"))?;
    let plan = Plan::read(args, path)?;
    let before = Sample::take(&plan.pids);
    let crew = Crew {
        address,
        authority: authority.to_owned(),
        scratch: Scratch::new(),
        errors: Default::default(),
        measuring: false,
    };
    let players = Vec::with_capacity(plan.players);
    let (prompt, lazy, due) = (Poll::new()?, Poll::new()?, BinaryHeap::new());
    let mut crowd = Crowd { plan, crew, players, prompt, lazy, due };
    let measured = crowd.run()?;
    let mut line = crowd.report(&measured, args.number("rss-base", before.rss_kib)?);
    if let Some(file) = args.text("requests") {
        crate::count::report(&std::fs::read_to_string(file)?, &mut line);
    }
    Ok(line)
}

fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    rest.find('/').map(|at| rest.split_at(at))
}

impl Plan {
    fn read(args: &Args, path: &str) -> Outcome<Self> {
        let players: usize = args.number("players", 1)?;
        let ns = |seconds: f64| (seconds.max(0.0) * 1e9) as u64;
        let ramp: f64 = args.number("ramp", 100.0)?;
        let every_ns = ns(1.0 / ramp.max(0.1));
        let begin_ns = now_ns();
        let measure_ns = begin_ns + every_ns * players as u64 + ns(args.number("settle", 6.0)?);
        Ok(Self {
            path: path.to_owned(),
            players,
            every_ns,
            strict_every: args.number("decode-every", 50usize)?.max(1),
            drain_ns: ns(args.number("drain-ms", 2.0)? / 1e3),
            measure_ns,
            end_ns: measure_ns + ns(args.number("window", 12.0)?),
            begin_ns,
            pids: args.pids()?,
            server_cpu: args.maybe("server-cpu")?,
        })
    }
}

/// How a player's socket is watched.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Watch {
    lazy: bool,
    sending: bool,
}

struct Member {
    player: Player,
    watch: Watch,
}

struct Crowd {
    plan: Plan,
    crew: Crew,
    players: Vec<Member>,
    prompt: Poll,
    lazy: Poll,
    /// When each player looks at the list next.
    due: BinaryHeap<Reverse<(u64, usize)>>,
}

/// One look at everything that grows.
struct Look {
    ns: u64,
    received: Vec<[u64; 3]>,
    server: Sample,
    load: Sample,
    core_busy: Option<f64>,
}

impl Crowd {
    fn run(&mut self) -> Outcome<[Look; 2]> {
        self.run_until(self.plan.measure_ns)?;
        let began = self.look();
        self.crew.measuring = true;
        self.run_until(self.plan.end_ns)?;
        Ok([began, self.look()])
    }

    fn look(&self) -> Look {
        let counts = |member: &Member| [member.player.bytes, member.player.segments, member.player.lists];
        Look {
            ns: now_ns(),
            received: self.players.iter().map(counts).collect(),
            server: Sample::take(&self.plan.pids),
            load: Sample::take(&[std::process::id()]),
            core_busy: core_busy(self.plan.server_cpu),
        }
    }

    fn run_until(&mut self, end_ns: u64) -> Outcome<()> {
        let mut drain_ns = now_ns();
        loop {
            let now = now_ns();
            if now >= end_ns {
                return Ok(());
            }
            let launch_ns = self.launch(now)?;
            self.wake(now)?;
            if now >= drain_ns {
                self.drain()?;
                drain_ns = now + self.plan.drain_ns;
            }
            let (ready, _) = self.prompt.wait(end_ns.min(launch_ns).min(drain_ns))?;
            for index in ready {
                self.serve(index)?;
            }
        }
    }

    /// Begins the players that are due; when the next one is.
    fn launch(&mut self, now: u64) -> Outcome<u64> {
        loop {
            let index = self.players.len();
            if index >= self.plan.players {
                return Ok(u64::MAX);
            }
            let due_ns = self.plan.begin_ns + self.plan.every_ns * index as u64;
            if due_ns > now {
                return Ok(due_ns);
            }
            let strict = index.is_multiple_of(self.plan.strict_every);
            let player = Player::begin(&self.plan.path, strict, &mut self.crew, now_ns());
            self.due.push(Reverse((first_look_ns(&player, index), index)));
            self.players.push(Member { player, watch: Watch { lazy: false, sending: false } });
            self.watch(index)?;
        }
    }

    fn wake(&mut self, now: u64) -> Outcome<()> {
        while let Some(&Reverse((due_ns, index))) = self.due.peek() {
            if due_ns > now {
                break;
            }
            self.due.pop();
            let player = &mut self.players[index].player;
            player.wake(&mut self.crew, now);
            self.due.push(Reverse((due_ns + player.interval_ns(), index)));
            self.watch(index)?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Outcome<()> {
        loop {
            let (ready, more) = self.lazy.wait(0)?;
            for index in ready {
                self.serve(index)?;
            }
            if !more {
                return Ok(());
            }
        }
    }

    fn serve(&mut self, index: usize) -> Outcome<()> {
        self.players[index].player.serve(&mut self.crew, now_ns());
        self.watch(index)
    }

    /// Sees to it that the player's socket, which may be another one by now, is watched for what it waits for.
    fn watch(&mut self, index: usize) -> Outcome<()> {
        let Member { player, watch } = &mut self.players[index];
        let is_new = std::mem::take(&mut player.is_new);
        let Some(socket) = &player.socket else { return Ok(()) };
        let wanted = Watch { lazy: player.first_ns.is_some(), sending: player.is_sending() };
        let before = std::mem::replace(watch, wanted);
        let set = |lazy: bool| if lazy { &self.lazy } else { &self.prompt };
        if !is_new && before.lazy == wanted.lazy {
            return if before == wanted {
                Ok(())
            } else {
                set(wanted.lazy).change(socket, index, wanted.sending)
            };
        }
        if !is_new {
            set(before.lazy).remove(socket);
        }
        set(wanted.lazy).add(socket, index, wanted.sending)
    }

    fn report(&self, [began, ended]: &[Look; 2], rss_base: u64) -> Map<String, Value> {
        let seconds = (ended.ns - began.ns) as f64 / 1e9;
        let grown = |what: usize| -> Vec<u64> {
            let before = began.received.iter().map(|counts| counts[what]).chain(std::iter::repeat(0));
            ended.received.iter().zip(before).map(|(after, before)| after[what] - before).collect()
        };
        let sum = |what: usize| grown(what).iter().sum::<u64>();
        let bytes = sum(0);
        let players = || self.players.iter().map(|member| &member.player);
        let silent = players().filter(|player| player.is_starved(ended.ns)).count();
        let mut first: Vec<u64> =
            players().filter_map(|player| Some(player.first_ns? - player.began_ns)).collect();
        let errors: u64 = self.crew.errors.values().sum();
        let mut line = Map::new();
        for (name, number) in [
            ("players", self.plan.players as u64),
            ("alive", (players().count() - silent) as u64),
            ("starved", (self.plan.players - players().count() + silent) as u64),
            ("no_first_segment", (self.plan.players - first.len()) as u64),
            ("bytes", bytes),
            ("segments", sum(1)),
            ("segments_p1", percentile(&mut grown(1), 1).unwrap_or(0)),
            ("lists", sum(2)),
            ("connections", players().map(|player| player.dials).sum()),
            ("stalls", players().map(|player| player.stalls).sum::<u64>() + silent as u64),
            ("error_count", errors),
            ("rss_base_kib", rss_base),
            ("rss_kib", ended.server.rss_kib),
        ] {
            line.insert(name.to_owned(), json!(number));
        }
        line.insert("kind".into(), json!("play-hls"));
        line.insert("errors".into(), json!(self.crew.errors));
        line.insert("window_s".into(), round(seconds));
        line.insert("mbps".into(), round(bytes as f64 * 8.0 / 1e6 / seconds));
        ended.server.report(&began.server, bytes, seconds, &mut line);
        let memory = ended.server.rss_kib as f64 - rss_base as f64;
        line.insert("kib_per_player".into(), round(memory / self.plan.players.max(1) as f64));
        put_percentiles(&mut line, "first", &mut first, 1e6);
        if let [Some(before), Some(after)] = [began.core_busy, ended.core_busy] {
            let others = after - before - ended.server.cpu_since(&began.server);
            line.insert("others_percent".into(), round(others.max(0.0) / seconds * 100.0));
        }
        line.insert("load_cpu_percent".into(), round(ended.load.cpu_since(&began.load) / seconds * 100.0));
        line
    }
}

/// Looks at the list are spread evenly over the interval, however few the players: by the golden ratio.
fn first_look_ns(player: &Player, index: usize) -> u64 {
    let part = (index as f64 * 0.618_033_988_75).fract();
    player.began_ns + ((1.0 + part) * player.interval_ns() as f64) as u64
}

/// One line to read.
pub fn print_for_people(line: &Map<String, Value>) {
    let show = |name: &str| line.get(name).map(Value::to_string).unwrap_or_default();
    eprintln!(
        "{}/{} players alive; {} Mbit/s, {} segments, {} lists, {} connections; server {} % of a core, {} CPU s/Gbit, {} \
         KiB/player; first segment {}/{} ms (p50/p99); stalls {}, errors {}; at most {} fetches of a segment; load {} %",
        show("alive"),
        show("players"),
        show("mbps"),
        show("segments"),
        show("lists"),
        show("connections"),
        show("cpu_percent"),
        show("cpu_per_gbit"),
        show("kib_per_player"),
        show("first_p50_ms"),
        show("first_p99_ms"),
        show("stalls"),
        show("errors"),
        show("fetches_per_segment"),
        show("load_cpu_percent"),
    );
}
