//! `count`: stands in front of an HTTP server, passes everything on, and prints each request: what a cache behind which
//! it stands really asks for.

use std::collections::BTreeMap;
use std::io::{self, Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::args::Args;
use crate::poll;

/// The subcommand. It ends when it is killed.
pub fn run(words: Vec<String>) -> Outcome<()> {
    let args = Args::parse(words, &["listen", "to", "pin"], &[])?;
    poll::pin(args.maybe("pin")?)?;
    let (listener, to) = (TcpListener::bind(args.need("listen")?)?, args.need("to")?.to_owned());
    for client in listener.incoming() {
        let (client, server) = (client?, TcpStream::connect(&to)?);
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut from, mut back) = (server.try_clone()?, client.try_clone()?);
        std::thread::spawn(move || {
            let _ended = io::copy(&mut from, &mut back);
            let _gone = back.shutdown(Shutdown::Both);
        });
        std::thread::spawn(move || {
            let _ended = pass(client, &server, &mut |request| {
                // One write a line: lines of two connections do not mix.
                let _best_effort = io::stdout().lock().write_all(format!("{request}\n").as_bytes());
            });
            let _gone = server.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}

/// Passes on what a client asks, and tells the first line of each request. Requests with a body are not understood.
fn pass(mut from: impl Read, mut to: impl io::Write, tell: &mut dyn FnMut(&str)) -> io::Result<()> {
    let (mut held, mut bytes) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        let count = from.read(&mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        held.extend_from_slice(&bytes[..count]);
        while let Some(end) = held.windows(4).position(|window| window == b"\r\n\r\n") {
            let head: Vec<u8> = held.drain(..end + 4).collect();
            tell(String::from_utf8_lossy(&head).lines().next().unwrap_or_default());
        }
        to.write_all(&bytes[..count])?;
    }
}

/// Puts what was asked for into a result line; `fetches_per_segment` is that of the segment that was asked for most often.
pub fn report(requests: &str, line: &mut Map<String, Value>) {
    let (mut lists, mut segments) = (0_u64, BTreeMap::<&str, u64>::new());
    for request in requests.lines() {
        let Some(path) = request.split_whitespace().nth(1).and_then(|target| target.split('?').next()) else {
            continue;
        };
        match path.rsplit('.').next() {
            Some("ts") => *segments.entry(path).or_default() += 1,
            Some("m3u8") => lists += 1,
            _ => {}
        }
    }
    let most = segments.values().max();
    for (name, number) in [
        ("origin_lists", Some(lists)),
        ("origin_segments", Some(segments.len() as u64)),
        ("origin_fetches", Some(segments.values().sum())),
        ("fetches_per_segment", most.copied()),
    ] {
        line.insert(name.to_owned(), json!(number));
    }
}

#[cfg(test)]
mod tests;
