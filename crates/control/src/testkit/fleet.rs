//! Nodes that a proxy knows: real APIs on loopback, and servers that misbehave.

use super::{Served, Shelf, api, ask, identity};
use crate::{Access, Api, Cluster, Identity, Limits, Shows, http_api};
use axum::Router;
use http::{Request, StatusCode};
use serde_json::Value;
use srs_balance::{Balancer, Config, Endpoint, Memory, Node};
use srs_names::NodeId;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A proxy's nodes. Dropping it ends their servers.
pub struct Fleet {
    pub balancer: Arc<Balancer>,
    pub started: Instant,
    served: Vec<Served>,
    listeners: Vec<TcpListener>,
}

impl Fleet {
    pub fn new() -> Self {
        let config = Config {
            started_unix_ms: 1_795_000_000_000,
            me: NodeId::new("proxy").unwrap(),
            ttl: Duration::from_secs(300),
        };
        Self {
            balancer: Arc::new(Balancer::new(config, Arc::new(Memory::new("memory")))),
            started: Instant::now(),
            served: Vec::new(),
            listeners: Vec::new(),
        }
    }

    /// A heartbeat of the node with this id; its API listens on that port.
    pub fn register(&self, id: &str, api: Option<u16>) {
        self.register_as(id, api, |_| {});
    }

    /// The same with more to say.
    pub fn register_as(&self, id: &str, api: Option<u16>, say: impl FnOnce(&mut Node)) {
        let mut node = Node::new(NodeId::new(id).unwrap(), "run", "127.0.0.1");
        node.device_id = format!("device-{id}");
        let endpoint = |port| Endpoint { proto: None, host: "127.0.0.1".to_owned(), port };
        node.endpoints.extend(api.map(|port| ("api".to_owned(), vec![endpoint(port)])));
        say(&mut node);
        self.balancer.register(node, self.started.elapsed()).unwrap();
    }

    /// A node of ours with these doors.
    pub async fn node(&mut self, id: &str, shelf: Arc<Shelf>) {
        self.guarded_node(id, shelf, Access::of_origin()).await;
    }

    /// The same, and who may ask it.
    pub async fn guarded_node(&mut self, id: &str, shelf: Arc<Shelf>, access: Access) {
        let identity = Identity { server: id.to_owned(), ..identity() };
        let api = Api { identity, access, ..api(Shows::Own(shelf)) };
        let served = Served::start(http_api(Arc::new(api)), Limits::default()).await;
        self.register(id, Some(served.address.port()));
        self.served.push(served);
    }

    /// Where the API of a node is that was registered last with an endpoint.
    pub fn port_of(&self, id: &str) -> Option<u16> {
        let node = self.balancer.node(&NodeId::new(id).unwrap()).unwrap();
        node.endpoint("api").map(|api| api.port)
    }

    /// A further heartbeat of a node that is there.
    pub fn say(&self, id: &str, say: impl FnOnce(&mut Node)) {
        self.register_as(id, self.port_of(id), say);
    }

    /// A node that accepts and never answers.
    pub async fn dead(&mut self, id: &str) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.register(id, Some(listener.local_addr().unwrap().port()));
        // The system accepts for it.
        self.listeners.push(listener);
    }

    /// A node that answers everything with this status and body, and tells what it was asked.
    pub async fn words(&mut self, id: &str, status: &str, body: &[u8]) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.register(id, Some(listener.local_addr().unwrap().port()));
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        let answer = [head.as_bytes(), body].concat();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 4096]).await;
                    // The asker hangs up when it has seen enough.
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.read(&mut [0; 1]).await;
                });
            }
        });
    }

    pub fn shows(&self) -> Shows {
        Shows::Cluster(Cluster::new(Arc::clone(&self.balancer), self.started))
    }

    /// The proxy's API.
    pub fn router(&self) -> Router {
        http_api(Arc::new(api(self.shows())))
    }

    /// The reply to a GET from this machine.
    pub async fn fetch(&self, path: &str) -> Value {
        fetch(&self.router(), path).await
    }
}

/// The reply to a GET from this machine.
pub async fn fetch(router: &Router, path: &str) -> Value {
    let (status, _, body) = ask(router, "127.0.0.1", Request::get(path), "").await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}
