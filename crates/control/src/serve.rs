//! Serves a router to whoever connects, within limits: hyper behind a strict reader (`framing`) that lets
//! no request through whose end another server might see elsewhere. HTTP/1.1 and 1.0 only; no TLS, no
//! upgrades.

mod framing;
mod room;
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
use room::{Complaints, Room};
use srs_net::haproxy::Accept;
use srs_net::shards;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use strict::Strict;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
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
    /// Of these, connections of strangers: addresses that may not steer, as far as one can see from an address.
    /// The rest is kept for those who may, so that strangers cannot keep the heartbeats of our nodes out.
    pub strangers: usize,
    /// Connections of one address, so that a single caller cannot do so either.
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
            strangers: 512,
            per_source: 256,
            head: Duration::from_secs(5),
            stall: Duration::from_secs(10),
            drain: Duration::from_secs(10),
        }
    }
}

/// Accepts until `shutdown` completes, then lets running requests end within [`Limits::drain`]. Each request
/// carries the [`Peer`] that sent it. `is_known` tells callers who may steer from strangers, by their address
/// alone (see [`Access::knows`](crate::Access::knows)): nothing was read of them yet.
pub async fn serve(
    mut listener: impl Accept,
    router: Router,
    limits: Limits,
    is_known: impl Fn(IpAddr) -> bool,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopped) = watch::channel(false);
    let mut door = Door {
        router,
        limits,
        stopped,
        room: Arc::default(),
        complaints: Complaints::default(),
        connections: JoinSet::new(),
    };
    let mut shutdown = pin!(shutdown);
    // A listener that nobody accepts from lets callers hang. The connections that there are go on.
    while shards::guarded("api", door.open(&mut listener, &is_known, shutdown.as_mut())).await.is_none() {}
    drop(listener);
    // The receivers are gone when all connections are.
    let _ = stop.send(true);
    let drained = async { while door.connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain, drained).await.is_err() {
        tracing::debug!("requests were cut off after {:?}", limits.drain);
    }
}

/// What the accepting loop works on.
struct Door {
    router: Router,
    limits: Limits,
    stopped: watch::Receiver<bool>,
    room: Arc<Room>,
    complaints: Complaints,
    connections: JoinSet<()>,
}

impl Door {
    /// Accepts until `shutdown` completes.
    async fn open(
        &mut self,
        listener: &mut impl Accept,
        is_known: &impl Fn(IpAddr) -> bool,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                // Ended connections are taken out as they end, or the set would grow for ever.
                Some(ended) = self.connections.join_next() => {
                    if ended.is_err() {
                        tracing::error!("an api's connection ended in a panic: a defect; others go on");
                    }
                    continue;
                }
                () = shutdown.as_mut() => return,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer, is_known),
                Err(error) => {
                    tracing::debug!("accept failed: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&mut self, stream: TcpStream, peer: SocketAddr, is_known: &impl Fn(IpAddr) -> bool) {
        let source = peer.ip().to_canonical();
        let slot = match self.room.take(source, is_known(source), self.limits) {
            Ok(slot) => slot,
            Err(refused) => {
                if self.complaints.is_due(refused) {
                    tracing::warn!(%peer, "an api closed a connection at once: {refused}");
                }
                return;
            }
        };
        let (router, limits, stopped) = (self.router.clone(), self.limits, self.stopped.clone());
        self.connections.spawn(async move {
            connection(stream, peer, router, limits, stopped).await;
            drop(slot);
        });
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
