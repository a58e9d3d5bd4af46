//! What the tests of this crate share: a relay and origins on loopback sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use srs_amf::Value;
use srs_balance::{Balancer, Config, Directory, Endpoint, Memory, Node, Role};
use srs_names::envelope::{CAPABILITY, Envelope, Purpose, RTMP_PROPERTY, Seal};
use srs_names::{NodeId, StreamKey};
use srs_net::rtmp::{Error, Link};
use srs_rtmp::client;
use tokio::net::{TcpListener, TcpStream};

use crate::Relay;
use crate::follow::Place;

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
    relay_with(origins.iter().map(|(name, address)| node(name, *address)), config())
}

/// A relay that knows these origins and edges, which understand envelopes.
pub(crate) fn cluster(origins: &[(&str, SocketAddr)], edges: &[(&str, SocketAddr)]) -> Arc<Relay> {
    relay_with(nodes(origins, edges), config())
}

/// Origins and edges that understand envelopes.
pub(crate) fn nodes(origins: &[(&str, SocketAddr)], edges: &[(&str, SocketAddr)]) -> Vec<Node> {
    let all =
        origins.iter().map(|told| (told, Role::Origin)).chain(edges.iter().map(|told| (told, Role::Edge)));
    let known = all.map(|((name, address), role)| Node {
        role,
        capabilities: vec![CAPABILITY.to_owned()],
        ..node(name, *address)
    });
    known.collect()
}

pub(crate) fn relay_with(nodes: impl IntoIterator<Item = Node>, config: crate::Config) -> Arc<Relay> {
    relay_of(Arc::new(Memory::new("memory")), nodes, config)
}

/// A relay that shares this directory.
pub(crate) fn relay_in(directory: Arc<dyn Directory>, nodes: impl IntoIterator<Item = Node>) -> Arc<Relay> {
    relay_of(directory, nodes, config())
}

fn relay_of(
    directory: Arc<dyn Directory>,
    nodes: impl IntoIterator<Item = Node>,
    config: crate::Config,
) -> Arc<Relay> {
    let settings =
        Config { started_unix_ms: 1_795_000_000_000, me: id("proxy"), ttl: Duration::from_secs(300) };
    let balancer = Balancer::new(settings, directory);
    for node in nodes {
        balancer.register(node, Duration::ZERO).unwrap();
    }
    Relay::new(Arc::new(balancer), Instant::now(), config)
}

/// What an edge tells this proxy, which waits behind another edge, for a client far away.
pub(crate) fn from_edge(purpose: Purpose, bound: String) -> Envelope {
    Envelope {
        from: id("edge-b"),
        role: "edge".to_owned(),
        purpose,
        to: "proxy".to_owned(),
        client: Some(([203, 0, 113, 7], 5000).into()),
        term: None,
        hold: None,
        session: String::new(),
        bound,
        hops: vec![id("edge-a"), id("edge-b")],
    }
}

/// Sealed now.
pub(crate) fn sealed(envelope: &Envelope) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Seal::new(SECRET).sign(envelope, u64::try_from(now).unwrap(), 7)
}

/// What this relay told the node of that name, opened.
pub(crate) fn told(node: &str, text: &str) -> Envelope {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Seal::new(SECRET).open(text, |to| to == node, u64::try_from(now).unwrap()).unwrap().0
}

pub(crate) fn config() -> crate::Config {
    crate::Config {
        chunk_size: 60_000,
        me: id("proxy"),
        hold: Duration::from_secs(10),
        secret: SECRET.to_vec(),
        static_files: None,
        ports: Vec::new(),
        http_port: None,
        redirects: false,
        role: crate::Role::Proxy,
        srt: srs_srt::streamid::Defaults::default(),
    }
}

/// Does this while legs of the stream `a` hear all the time that it is at a node which nobody knows: as where it was before its
/// origin was lost.
pub(crate) async fn told_of_nowhere(relay: &Relay, what: impl Future<Output = ()>) {
    let nowhere = Place { node: id("nowhere"), epoch: None, edge: false };
    let tell = async {
        loop {
            relay.followed.tell(&key("a"), Some(nowhere.clone()));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = what => {}
        () = tell => {}
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
    rtmp_as(relay, stream, role, |_| None).await
}

/// The same by somebody who says this of himself, who is told the address of the application.
pub(crate) async fn rtmp_as(
    relay: &Arc<Relay>,
    stream: &str,
    role: client::Role,
    says: impl FnOnce(&str) -> Option<String>,
) -> Result<Link<client::Session>, Error> {
    let (listener, address) = listener().await;
    tokio::task::spawn_local(Arc::clone(relay).look());
    let relay = Arc::clone(relay);
    tokio::task::spawn_local(async move {
        let (stream, peer) = listener.accept().await.unwrap();
        relay.serve_rtmp(stream, peer).await;
    });
    let tc_url = format!("rtmp://{address}/live");
    let says = says(&tc_url);
    let mut connect =
        Value::object([("app", "live".into()), ("tcUrl", tc_url.into()), ("unknown", "kept".into())]);
    if let Some(says) = says {
        connect.set(RTMP_PROPERTY, says.into());
    }
    srs_net::rtmp::dial(address, client::Config::new(connect, stream, role)).await
}
