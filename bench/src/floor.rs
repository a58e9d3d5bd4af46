//! `floor`: what the system calls alone cost. Bare nonblocking sends to sockets whose other ends discard.
//!
//! Nothing is parsed, queued or scheduled, so no server that sends the same sizes as often can cost less.
//! The receivers are a second process, because threads that share a file table pay for it in each call.

use std::io::{BufRead as _, BufReader, IoSlice, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Map, json};

use crate::Outcome;
use crate::args::Args;
use crate::poll::{self, Io, Poll, Scratch, now_ns};
use crate::procfs::Sample;
use crate::stats::{print, round};

/// Sends before the measurement, so that congestion windows have opened.
const WARM_UP_NS: u64 = 2_000_000_000;
/// Distinct bytes that the sends walk through: as much as a GOP cache holds, more than a core's own cache.
const PROGRAMME: usize = 8 << 20;

/// The subcommand.
pub fn run(words: Vec<String>) -> Outcome<()> {
    let options =
        ["sockets", "kbps", "batch-ms", "pieces", "slots", "seconds", "pin", "sink-pin", "drain-ms", "label"];
    let args = Args::parse(words, &options, &[])?;
    poll::raise_file_limit();
    let sockets: usize = args.number("sockets", 100)?;
    let (kbps, batch_ms): (u64, u64) = (args.number("kbps", 1000)?, args.number("batch-ms", 350)?);
    let size = (kbps * batch_ms / 8) as usize;
    let pieces: usize = args.number("pieces", 1)?;
    let slots: u64 = args.number("slots", 1)?;
    let seconds: f64 = args.number("seconds", 6.0)?;
    if size == 0 || size > PROGRAMME || pieces == 0 || slots == 0 {
        return Err(
            "--kbps, --batch-ms, --pieces and --slots must make sends between 1 byte and 8 MiB".into()
        );
    }
    let sink = Sink::start(&args)?;
    poll::pin(args.maybe("pin")?)?;
    let streams = sink.connect(sockets)?;
    let mut sender = Sender {
        streams,
        programme: (0..2 * PROGRAMME).map(|i| (i as u32).wrapping_mul(2_654_435_761) as u8).collect(),
        size,
        pieces,
        sent: 0,
        refused: 0,
        sends: 0,
    };
    let slot_ns = batch_ms * 1_000_000 / slots;
    sender.run(0, slots, slot_ns, now_ns() + WARM_UP_NS)?;
    let pid = [std::process::id()];
    let (began, before) = (now_ns(), Sample::take(&pid));
    (sender.sent, sender.refused, sender.sends) = (0, 0, 0);
    sender.run(1, slots, slot_ns, now_ns() + (seconds * 1e9) as u64)?;
    let (elapsed, after) = ((now_ns() - began) as f64 / 1e9, Sample::take(&pid));
    let mut line = Map::new();
    line.insert("kind".into(), json!("floor"));
    for (name, number) in [
        ("sockets", sockets as u64),
        ("kbps", kbps),
        ("batch_ms", batch_ms),
        ("slots", slots),
        ("pieces", pieces as u64),
        ("bytes_per_send", size as u64),
        ("sends", sender.sends),
        ("bytes", sender.sent),
        ("refused_bytes", sender.refused),
    ] {
        line.insert(name.to_owned(), json!(number));
    }
    line.insert("mbps".into(), round(sender.sent as f64 * 8.0 / 1e6 / elapsed));
    after.report(&before, sender.sent, elapsed, &mut line);
    let cpu = after.cpu_since(&before);
    line.insert("us_per_send".into(), round(cpu * 1e6 / sender.sends.max(1) as f64));
    print(line, &args)
}

struct Sender {
    streams: Vec<TcpStream>,
    programme: Vec<u8>,
    size: usize,
    pieces: usize,
    sent: u64,
    refused: u64,
    sends: u64,
}

impl Sender {
    /// Sends one batch to each socket per interval, the sockets spread over the slots of the interval.
    fn run(&mut self, first: u64, slots: u64, slot_ns: u64, end_ns: u64) -> Outcome<()> {
        let (start, count) = (now_ns(), self.streams.len() as u64);
        for tick in 0.. {
            let due_ns = start + tick * slot_ns;
            if due_ns >= end_ns {
                break;
            }
            std::thread::sleep(Duration::from_nanos(due_ns.saturating_sub(now_ns())));
            let (interval, slot) = (first + tick / slots, tick % slots);
            let at = (interval as usize * self.size) % PROGRAMME;
            for index in count * slot / slots..count * (slot + 1) / slots {
                self.send(index as usize, at)?;
            }
        }
        std::thread::sleep(Duration::from_nanos(end_ns.saturating_sub(now_ns())));
        Ok(())
    }

    fn send(&mut self, index: usize, at: usize) -> Outcome<()> {
        let batch = &self.programme[at..at + self.size];
        let mut stream = &self.streams[index];
        let result = if self.pieces == 1 {
            stream.write(batch)
        } else {
            let parts: Vec<IoSlice<'_>> =
                batch.chunks(self.size.div_ceil(self.pieces)).map(IoSlice::new).collect();
            stream.write_vectored(&parts)
        };
        let written = match result {
            Ok(written) => written,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error.into()),
        };
        self.sends += 1;
        self.sent += written as u64;
        self.refused += (self.size - written) as u64;
        Ok(())
    }
}

/// The receiving process; ends with this one.
struct Sink {
    child: Child,
    port: u16,
}

impl Sink {
    fn start(args: &Args) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("sink").stdin(Stdio::piped()).stdout(Stdio::piped());
        for (ours, theirs) in [("sink-pin", "--pin"), ("drain-ms", "--drain-ms")] {
            if let Some(value) = args.text(ours) {
                command.args([theirs, value]);
            }
        }
        let mut child = command.spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("the sink has no output")?).read_line(&mut line)?;
        let port = line.trim().parse().map_err(|_| "the sink did not say its port")?;
        Ok(Self { child, port })
    }

    fn connect(&self, sockets: usize) -> Outcome<Vec<TcpStream>> {
        let mut streams = Vec::with_capacity(sockets);
        for _ in 0..sockets {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            streams.push(stream);
        }
        Ok(streams)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The receiving process: accepts, and discards every few milliseconds as `play` does. Ends when its input does.
pub fn sink(words: Vec<String>) -> Outcome<()> {
    let args = Args::parse(words, &["pin", "drain-ms"], &[])?;
    poll::raise_file_limit();
    poll::pin(args.maybe("pin")?)?;
    let drain_ns = (args.number("drain-ms", 2.0)? * 1e6) as u64;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    std::io::stdout().flush()?;
    listener.set_nonblocking(true)?;
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let (mut poll, mut scratch) = (Poll::new()?, Scratch::new());
    let mut sockets: Vec<OwnedFd> = Vec::new();
    loop {
        while let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true)?;
            let socket = OwnedFd::from(stream);
            poll.add(&socket, sockets.len(), false)?;
            sockets.push(socket);
        }
        let (ready, more) = poll.wait(if drain_ns == 0 { now_ns() + 1_000_000 } else { 0 })?;
        for index in ready {
            if scratch.discard(&sockets[index]) == Io::Gone {
                poll.remove(&sockets[index]);
            }
        }
        if !more && drain_ns > 0 {
            std::thread::sleep(Duration::from_nanos(drain_ns));
        }
    }
}
