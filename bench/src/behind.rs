//! What a server behind the measured one was asked for and sent, by its own API: what an edge or a cache really costs it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::Outcome;

/// The API of a server is on this machine and idle.
const PATIENCE: Duration = Duration::from_secs(2);

/// One look at the server's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Clients that came since it started, publishers included.
    clients: u64,
    /// Bytes that its streams' publishers sent.
    received: u64,
    /// Bytes that their viewers were sent.
    sent: u64,
}

impl Look {
    /// Asks the API at `host:port` now.
    pub fn take(api: &str) -> Outcome<Self> {
        Self::read(&get(api, "/metrics")?, &get(api, "/api/v1/streams?count=1000")?)
    }

    fn read(metrics: &str, streams: &str) -> Outcome<Self> {
        let clients = metrics.lines().find_map(|line| line.strip_prefix("srs_clients_total "));
        let clients = clients.ok_or("no srs_clients_total among the metrics")?.trim().parse()?;
        let streams: Value = serde_json::from_str(streams)?;
        let streams = streams["streams"].as_array().ok_or("no list of streams")?;
        let sum = |name: &str| streams.iter().filter_map(|stream| stream[name].as_u64()).sum();
        Ok(Self { clients, received: sum("recv_bytes"), sent: sum("send_bytes") })
    }
}

/// Puts into a result line how many sessions came since `began`, and what was sent from `settled` on by what the streams
/// had in that time.
pub fn report(began: &Look, settled: &Look, ended: &Look, line: &mut Map<String, Value>) {
    let (sent, received) = (ended.sent - settled.sent, ended.received - settled.received);
    line.insert("pulls".into(), json!(ended.clients - began.clients));
    line.insert("pull_bytes".into(), json!(sent));
    line.insert("stream_bytes".into(), json!(received));
    let by = (received > 0).then(|| (sent as f64 / received as f64 * 1e4).round() / 1e4);
    line.insert("egress".into(), json!(by));
}

fn get(api: &str, path: &str) -> Outcome<String> {
    let mut socket = TcpStream::connect(api)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => Err(format!("{api}{path}: {}", answer.lines().next().unwrap_or_default()).into()),
    }
}

#[cfg(test)]
mod tests;
