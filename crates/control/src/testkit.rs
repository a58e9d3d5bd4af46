//! What the tests of this crate share: a served router and raw sockets on loopback, or one request without a
//! socket; doors with things to show; and a fleet of nodes that a proxy asks.

mod fleet;
mod shelf;

pub use fleet::{Fleet, fetch};
pub use shelf::{Counted, Shelf, client_record, stream_record};

use crate::{Access, Api, Identity, Limits, Machine, Peer, Shows, serve};
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A hang is a failure.
pub const HANG: Duration = Duration::from_secs(60);

pub fn identity() -> Identity {
    Identity {
        signature: "SRSProxy".to_owned(),
        version: "1.5.2".to_owned(),
        server: "vid-1234567".to_owned(),
        service: "abcdefgh".to_owned(),
        pid: "4242".to_owned(),
    }
}

pub fn access() -> Access {
    Access::of_proxy(None, Vec::new())
}

/// An API of these streams and clients.
pub fn api(shows: Shows) -> Api {
    Api {
        identity: identity(),
        shows,
        access: access(),
        crossdomain: false,
        machine: std::sync::Arc::new(Machine::new()),
        counts: std::sync::Arc::new(Counted),
        signalling: None,
        label: String::new(),
        tag: String::new(),
    }
}

/// A running server that stops when this is told to, or dropped.
pub struct Served {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Served {
    /// Everybody is known.
    pub async fn start(router: Router, limits: Limits) -> Self {
        Self::start_among(router, limits, |_| true).await
    }

    pub async fn start_among(
        router: Router,
        limits: Limits,
        is_known: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, router, limits, is_known, async {
            let _ = stopped.await;
        }));
        Self { address, stop, task }
    }

    /// Sends these bytes and gives all that comes back until the server closes.
    pub async fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // A server that refuses in the middle closes while we write.
        let _ = stream.write_all(bytes).await;
        read_all(&mut stream).await
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Begins the shutdown and gives the task to wait for.
    pub fn stop(self) -> JoinHandle<()> {
        self.stop.send(()).unwrap();
        self.task
    }
}

pub async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(HANG, stream.read_to_end(&mut answer)).await.expect("the server closes");
    String::from_utf8(answer).unwrap()
}

/// Reads until the text stands in the answer.
pub async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut answer = String::new();
    while !answer.contains(text) {
        let mut part = [0; 4096];
        let read = tokio::time::timeout(HANG, stream.read(&mut part)).await.unwrap().unwrap();
        assert!(read > 0, "closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&part[..read]).unwrap());
    }
    answer
}

/// One request from this address, without a socket. Bodies that are not JSON become null.
pub async fn ask(
    router: &Router,
    peer: &str,
    request: http::request::Builder,
    body: &str,
) -> (StatusCode, HeaderMap, Value) {
    let mut request: Request<Body> = request.body(Body::from(body.to_owned())).unwrap();
    request.extensions_mut().insert(Peer(format!("{peer}:5000").parse().unwrap()));
    let response = TowerToHyperService::new(router.clone()).call(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, serde_json::from_slice(&body).unwrap_or_default())
}
