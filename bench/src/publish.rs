//! `publish`: many publishers in one loop, each paced by its own clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::args::{Args, Url};
use crate::mark::{Mark, stream_hash};
use crate::media::{Programme, Track, sequence_header};
use crate::poll::{self, Io, Poll, Scratch, now_ns};
use crate::procfs::Sample;
use crate::session::{Role, Session, metadata};
use crate::stats::{print, put_percentiles, round};

/// A publisher whose server takes nothing for so many bytes is ended: the run is spoilt.
const LONGEST_QUEUE: usize = 16 << 20;
const OPTIONS: [&str; 14] = [
    "url",
    "count",
    "kbps",
    "gop",
    "fps",
    "chunk",
    "ramp",
    "seconds",
    "server-pid",
    "settle",
    "window",
    "rss-base",
    "label",
    "pin",
];

/// The subcommand.
pub fn run(words: Vec<String>) -> Outcome<()> {
    let args = Args::parse(words, &OPTIONS, &["print-accept", "solid"])?;
    poll::pin(args.maybe("pin")?)?;
    poll::raise_file_limit();
    let pids = args.pids()?;
    let base = Sample::take(&pids);
    let mut crowd = Crowd::new(&args)?;
    crowd.run_until(None, true)?;
    if args.flag("print-accept") {
        let mut line = Map::new();
        put_percentiles(&mut line, "accept", &mut crowd.accepted_ns(), 1e6);
        eprintln!("{}", Value::Object(line));
    }
    println!("ready {} of {}", crowd.alive(), crowd.count);
    std::io::stdout().flush()?;
    if let Some(window) = args.maybe::<f64>("window")? {
        let settle: f64 = args.number("settle", 2.5)?;
        crowd.run_until(Some(now_ns() + (settle * 1e9) as u64), false)?;
        let (began, sent, before) = (now_ns(), crowd.sent, Sample::take(&pids));
        crowd.run_until(Some(now_ns() + (window * 1e9) as u64), false)?;
        let (seconds, after) = ((now_ns() - began) as f64 / 1e9, Sample::take(&pids));
        let rss_base = args.number("rss-base", base.rss_kib)?;
        let mut line = crowd.report();
        let sent = crowd.sent - sent;
        line.insert("mbps".into(), round(sent as f64 * 8.0 / 1e6 / seconds));
        line.insert("window_s".into(), round(seconds));
        line.insert("rss_base_kib".into(), json!(rss_base));
        line.insert("rss_kib".into(), json!(after.rss_kib));
        let grown = after.rss_kib as f64 - rss_base as f64;
        line.insert("kib_per_publisher".into(), round(grown / crowd.count.max(1) as f64));
        after.report(&before, sent, seconds, &mut line);
        return print(line, &args);
    }
    let seconds: Option<f64> = args.maybe("seconds")?;
    let end = seconds.map(|seconds| now_ns() + (seconds * 1e9) as u64);
    crowd.run_until(Some(end.unwrap_or(u64::MAX)), false)?;
    print(crowd.report(), &args)
}

struct Publisher {
    socket: OwnedFd,
    session: Session,
    queue: Vec<u8>,
    connected: bool,
    gone: Option<String>,
    hash: u64,
    instance: u32,
    next: [u64; 2],
    began_ns: u64,
    accepted_ns: Option<u64>,
}

struct Crowd {
    url: Url,
    address: SocketAddr,
    count: usize,
    chunk: usize,
    every_ns: u64,
    begin_ns: u64,
    programme: Programme,
    metadata: Vec<u8>,
    publishers: Vec<Publisher>,
    due: BinaryHeap<Reverse<(u64, usize, Track)>>,
    poll: Poll,
    scratch: Scratch,
    sent: u64,
}

impl Crowd {
    fn new(args: &Args) -> Outcome<Self> {
        let url = Url::parse(args.need("url")?)?;
        let (kbps, fps) = (args.number("kbps", 1000)?, args.number("fps", 25)?);
        let ramp: f64 = args.number("ramp", 200.0)?;
        let programme = Programme::new(kbps, fps, args.number("gop", 2.0)?);
        Ok(Self {
            address: url.address()?,
            url,
            count: args.number("count", 1)?,
            chunk: args.number("chunk", 60_000usize)?.max(1),
            every_ns: (1e9 / ramp.max(0.1)) as u64,
            begin_ns: now_ns(),
            programme: if args.flag("solid") { programme.solid() } else { programme },
            metadata: metadata(kbps, fps),
            publishers: Vec::new(),
            due: BinaryHeap::new(),
            poll: Poll::new()?,
            scratch: Scratch::new(),
            sent: 0,
        })
    }

    /// Runs until the time, or with `setup` until every publisher is accepted; an error when none is left.
    fn run_until(&mut self, end_ns: Option<u64>, setup: bool) -> Outcome<()> {
        let end_ns = end_ns.unwrap_or(u64::MAX);
        loop {
            let now = now_ns();
            let launch_ns = self.launch(now)?;
            let settled = |publisher: &Publisher| publisher.accepted_ns.is_some() || publisher.gone.is_some();
            if now >= end_ns || setup && launch_ns == u64::MAX && self.publishers.iter().all(settled) {
                return Ok(());
            }
            if launch_ns == u64::MAX && self.alive() == 0 {
                let why = self.publishers.iter().find_map(|publisher| publisher.gone.clone());
                return Err(format!("no publisher is left: {}", why.unwrap_or_default()).into());
            }
            self.send_due(now)?;
            let due_ns = self.due.peek().map_or(u64::MAX, |Reverse((due_ns, ..))| *due_ns);
            // A far end is cut to an hour so that it fits a timespec.
            let (ready, _) =
                self.poll.wait(end_ns.min(launch_ns).min(due_ns).min(now + 3_600_000_000_000))?;
            for index in ready {
                self.serve(index)?;
            }
        }
    }

    fn launch(&mut self, now: u64) -> Outcome<u64> {
        loop {
            let index = self.publishers.len();
            if index >= self.count {
                return Ok(u64::MAX);
            }
            let due_ns = self.begin_ns + self.every_ns * index as u64;
            if due_ns > now {
                return Ok(due_ns);
            }
            let name = self.url.name(index, self.count);
            let mut queue = Vec::new();
            let began_ns = now_ns();
            let session = Session::new(Role::Publish(self.chunk), &self.url, &name, &mut queue);
            let socket = poll::dial(self.address)?;
            self.poll.add(&socket, index, true)?;
            self.publishers.push(Publisher {
                socket,
                session,
                queue,
                connected: false,
                gone: None,
                hash: stream_hash(&name),
                instance: (began_ns / 1000) as u32,
                next: [0; 2],
                began_ns,
                accepted_ns: None,
            });
        }
    }

    fn send_due(&mut self, now: u64) -> Outcome<()> {
        while let Some(&Reverse((due_ns, index, track))) = self.due.peek() {
            if due_ns > now {
                break;
            }
            self.due.pop();
            let publisher = &mut self.publishers[index];
            let (Some(start_ns), None) = (publisher.accepted_ns, &publisher.gone) else { continue };
            let next = &mut publisher.next[usize::from(track == Track::Video)];
            let sequence = *next;
            *next += 1;
            let time = (self.programme.due_ns(track, sequence) / 1_000_000) as u32;
            self.due.push(Reverse((start_ns + self.programme.due_ns(track, sequence + 1), index, track)));
            let mark = Mark {
                stream: publisher.hash,
                instance: publisher.instance,
                sequence: sequence as u32,
                sent_ns: now_ns(),
            };
            let body = self.programme.frame(track, sequence, &mark);
            publisher.session.send(track as u8, time, &body, &mut publisher.queue);
            self.flush(index)?;
        }
        Ok(())
    }

    fn flush(&mut self, index: usize) -> Outcome<()> {
        let publisher = &mut self.publishers[index];
        let before = publisher.queue.len();
        let well = poll::flush(&publisher.socket, &mut publisher.queue);
        self.sent += (before - publisher.queue.len()) as u64;
        if !well || publisher.queue.len() > LONGEST_QUEUE {
            return self.end(index, "the server takes no more");
        }
        if !publisher.queue.is_empty() {
            self.poll.change(&publisher.socket, index, true)?;
        }
        Ok(())
    }

    fn end(&mut self, index: usize, why: &str) -> Outcome<()> {
        let publisher = &mut self.publishers[index];
        self.poll.remove(&publisher.socket);
        eprintln!("publisher {index}: {why}");
        publisher.gone = Some(why.to_owned());
        Ok(())
    }

    fn serve(&mut self, index: usize) -> Outcome<()> {
        let publisher = &mut self.publishers[index];
        if !publisher.connected {
            if let Ok(Err(error)) | Err(error) = rustix::net::sockopt::socket_error(&publisher.socket) {
                return self.end(index, &format!("connect: {error}"));
            }
            publisher.connected = true;
        }
        let (io, bytes) = self.scratch.take(&publisher.socket);
        match io {
            Io::Bytes(_) => {
                if let Err(error) = publisher.session.feed(bytes, &mut publisher.queue, &mut |_, _| {}) {
                    return self.end(index, &error);
                }
            }
            Io::Wait => {}
            Io::Gone => return self.end(index, "closed by the server"),
        }
        if publisher.session.started && publisher.accepted_ns.is_none() {
            let start_ns = now_ns();
            publisher.accepted_ns = Some(start_ns);
            publisher.session.send(18, 0, &self.metadata, &mut publisher.queue);
            for track in [Track::Video, Track::Audio] {
                publisher.session.send(track as u8, 0, &sequence_header(track), &mut publisher.queue);
                self.due.push(Reverse((start_ns, index, track)));
            }
        }
        self.poll.change(&publisher.socket, index, false)?;
        self.flush(index)
    }

    fn alive(&self) -> usize {
        self.publishers.iter().filter(|publisher| publisher.gone.is_none()).count()
    }

    fn accepted_ns(&self) -> Vec<u64> {
        self.publishers
            .iter()
            .filter_map(|publisher| Some(publisher.accepted_ns? - publisher.began_ns))
            .collect()
    }

    fn report(&self) -> Map<String, Value> {
        let mut line = Map::new();
        line.insert("kind".into(), json!("publish"));
        line.insert("publishers".into(), json!(self.count));
        line.insert("alive".into(), json!(self.alive()));
        line.insert("bytes".into(), json!(self.sent));
        put_percentiles(&mut line, "accept", &mut self.accepted_ns(), 1e6);
        line
    }
}
