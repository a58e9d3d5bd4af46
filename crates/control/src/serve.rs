//! Serves a router to whoever connects, within limits: hyper behind a strict reader (`framing`) that lets
//! no request through whose end another server might see elsewhere. HTTP/1.1 and 1.0 only; no TLS, no
//! upgrades.

mod framing;
mod strict;

use crate::Peer;
use axum::Router;
use framing::Fault;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use strict::Strict;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Pause after `accept` failed (no file descriptors left): it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a refused caller may go on sending, so that closing does not destroy the answer on its way to it.
const LINGER: Duration = Duration::from_secs(1);
/// The same in bytes.
const LINGER_BYTES: u64 = 16 << 20;

/// What one API listener allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more are closed at once. At some 20 KiB each, 1,024 hold 20 MiB.
    pub connections: usize,
    /// Connections of one address, so that a single caller cannot keep the heartbeats of others out.
    pub per_source: usize,
    /// Time for a whole request head, and for an idle connection.
    pub head: Duration,
    /// Time without progress of a write, after which the reader is given up.
    pub stall: Duration,
    /// Time for running requests after shutdown began.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            per_source: 256,
            head: Duration::from_secs(5),
            stall: Duration::from_secs(10),
            drain: Duration::from_secs(10),
        }
    }
}

/// Connections by source; a [`Slot`] takes itself out when it is dropped.
#[derive(Default)]
struct Sources(Mutex<HashMap<IpAddr, usize>>);

struct Slot {
    sources: Arc<Sources>,
    source: IpAddr,
}

impl Sources {
    fn take(self: &Arc<Self>, source: IpAddr, most: usize) -> Option<Slot> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(source).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Slot { sources: Arc::clone(self), source })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.sources.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.source);
            }
        }
    }
}

/// Accepts until `shutdown` completes, then lets running requests end within [`Limits::drain`]. Each request
/// carries the [`Peer`] that sent it.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let sources = Arc::new(Sources::default());
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Ended connections are taken out as they end, or the set would grow for ever. A panic ended that
            // one only.
            Some(_) = connections.join_next() => continue,
            () = &mut shutdown => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!("accept failed: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if connections.len() >= limits.connections {
            tracing::debug!(%peer, "closed: {} connections are open", limits.connections);
            continue;
        }
        let Some(slot) = sources.take(peer.ip().to_canonical(), limits.per_source) else {
            tracing::debug!(%peer, "closed: {} connections of this address are open", limits.per_source);
            continue;
        };
        let (router, stopped) = (router.clone(), stopped.clone());
        connections.spawn(async move {
            connection(stream, peer, router, limits, stopped).await;
            drop(slot);
        });
    }
    drop(listener);
    // The receivers are gone when all connections are.
    let _ = stop.send(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain, drained).await.is_err() {
        tracing::debug!("requests were cut off after {:?}", limits.drain);
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    // A small answer must not wait for the acknowledgement of the one before it; without the option it is
    // merely slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        TowerToHyperService::new(router.clone()).call(request)
    });
    let io = TokioIo::new(Strict::new(stream, limits.stall));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(framing::MAX_FIELDS)
        .max_buf_size(framing::MAX_HEAD)
        .serve_connection(io, service);
    let stopping = async {
        // An error means that `serve` was dropped, and this task will be too.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = stopping => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let mut io = connection.into_parts().io.into_inner();
    let timed_out = ended.is_err_and(|error| error.is_timeout());
    let answer = match io.fault() {
        Some(Fault::Bad(text)) => {
            tracing::debug!(%peer, "bad request: {text}");
            Some("400 Bad Request")
        }
        Some(Fault::TooLarge) => Some("431 Request Header Fields Too Large"),
        // A connection that is merely idle is closed without a word, which a client that sends just now can
        // retry.
        None if timed_out && io.is_inside_head() => Some("408 Request Timeout"),
        // The answer is out already, while the rest of the request may be on its way.
        None if io.is_inside_body() => None,
        None => return,
    };
    end(io.stream(), answer).await;
}

/// Sends the last answer, if there is one to send, and reads what the caller still has to say.
async fn end(stream: &mut TcpStream, answer: Option<&str>) {
    let linger = async {
        if let Some(status) = answer {
            stream.write_all(refusal(status).as_bytes()).await?;
        }
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // The caller is gone or goes on talking; either way the connection ends here.
    let _ = tokio::time::timeout(LINGER, linger).await;
}

fn refusal(status: &str) -> String {
    let (code, words) = status.split_once(' ').unwrap_or((status, ""));
    let body = format!(r#"{{"code":{code},"error":"{}"}}"#, words.to_ascii_lowercase());
    let head = "content-type: application/json\r\nconnection: close";
    format!("HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[cfg(test)]
mod tests;
