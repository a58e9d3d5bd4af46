//! What the tests of this crate share: a relay and origins on loopback sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use srs_amf::Value;
use srs_balance::{Balancer, Config, Endpoint, Memory, Node};
use srs_names::{NodeId, StreamKey};
use srs_net::rtmp::{Error, Link};
use srs_rtmp::client;
use tokio::net::{TcpListener, TcpStream};

use crate::Relay;

pub(crate) fn key(stream: &str) -> StreamKey {
    StreamKey::new("__defaultVhost__", "live", stream).unwrap()
}

pub(crate) fn id(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

/// An origin whose services are all at `address`.
pub(crate) fn node(name: &str, address: SocketAddr) -> Node {
    let endpoint = Endpoint { proto: None, host: address.ip().to_string(), port: address.port() };
    let endpoints = BTreeMap::from(["rtmp", "http"].map(|label| (label.to_owned(), vec![endpoint.clone()])));
    Node { endpoints, permanent: true, ..Node::new(id(name), "1", "127.0.0.1") }
}

/// The cluster's secret in tests.
pub(crate) const SECRET: &[u8] = b"the secret of these tests";

/// A relay that knows these origins.
pub(crate) fn relay(origins: &[(&str, SocketAddr)]) -> Arc<Relay> {
    let settings =
        Config { started_unix_ms: 1_795_000_000_000, me: id("proxy"), ttl: Duration::from_secs(300) };
    let balancer = Balancer::new(settings, Arc::new(Memory::new("memory")));
    for (name, address) in origins {
        balancer.register(node(name, *address), Duration::ZERO).unwrap();
    }
    Relay::new(Arc::new(balancer), Instant::now(), config())
}

pub(crate) fn config() -> crate::Config {
    crate::Config {
        chunk_size: 60_000,
        me: id("proxy"),
        hold: Duration::from_secs(10),
        secret: SECRET.to_vec(),
        static_files: None,
    }
}

pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    listener().await.1
}

/// A connection to a door of the relay, over HTTP.
pub(crate) async fn http(relay: &Arc<Relay>) -> TcpStream {
    let (listener, address) = listener().await;
    tokio::task::spawn_local(Arc::clone(relay).look());
    let relay = Arc::clone(relay);
    let (theirs, ours) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (ours, peer) = ours.unwrap();
    tokio::task::spawn_local(relay.serve_http(ours, peer, axum::Router::new));
    theirs.unwrap()
}

/// A session through the relay, over RTMP.
pub(crate) async fn rtmp(
    relay: &Arc<Relay>,
    stream: &str,
    role: client::Role,
) -> Result<Link<client::Session>, Error> {
    let (listener, address) = listener().await;
    tokio::task::spawn_local(Arc::clone(relay).look());
    let relay = Arc::clone(relay);
    tokio::task::spawn_local(async move {
        let (stream, peer) = listener.accept().await.unwrap();
        relay.serve_rtmp(stream, peer).await;
    });
    let connect = Value::object([
        ("app", "live".into()),
        ("tcUrl", format!("rtmp://{address}/live").into()),
        ("unknown", "kept".into()),
    ]);
    srs_net::rtmp::dial(address, client::Config::new(connect, stream, role)).await
}
