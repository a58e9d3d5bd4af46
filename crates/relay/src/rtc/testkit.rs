//! Nodes with an HTTP API that answers as it is told, for the tests of this folder.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use srs_balance::{Node, Role};
use srs_names::envelope::CAPABILITY;
use srs_net::candidates::Candidate;
use srs_net::http::Signalling as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Face;
use crate::Relay;
use crate::testkit::{config, listener, nobody, node, relay_with};

/// A request as a node heard it.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) head: String,
    pub(super) body: String,
}

impl Heard {
    /// Method and target.
    pub(super) fn line(&self) -> String {
        self.head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned()
    }

    pub(super) fn field(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    }
}

/// A node.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Api {
    /// One that answers with what `answer` says: a head without its last empty line, and a body.
    pub(super) async fn start(answer: impl Fn(&Heard) -> (String, String) + Send + Sync + 'static) -> Api {
        let (listener, address) = listener().await;
        let api = Api { address, heard: Arc::default() };
        let (known, answer) = (api.clone(), Arc::new(answer));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (known, answer) = (known.clone(), Arc::clone(&answer));
                tokio::spawn(async move { known.serve(stream, &*answer).await });
            }
        });
        api
    }

    async fn serve(&self, mut stream: TcpStream, answer: &(impl Fn(&Heard) -> (String, String) + ?Sized)) {
        let mut bytes = Vec::new();
        let heard = loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let heard = Heard { head: head.to_owned(), body: body.to_owned() };
                let length: usize = heard.field("content-length").map_or(0, |length| length.parse().unwrap());
                if body.len() >= length {
                    break heard;
                }
            }
            if stream.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
                return;
            }
        };
        let (head, body) = answer(&heard);
        self.heard.lock().unwrap().push(heard);
        let said = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let _left = stream.write_all(said.as_bytes()).await;
    }

    /// What was asked so far.
    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// The node, which understands envelopes.
    pub(super) fn node(&self, name: &str, role: Role) -> Node {
        let mut node = node(name, self.address);
        for label in ["api", "rtc"] {
            node.endpoints.insert(label.to_owned(), node.endpoints["http"].clone());
        }
        Node { role, capabilities: vec![CAPABILITY.to_owned()], ..node }
    }

    pub(super) fn origin(&self, name: &str) -> Node {
        self.node(name, Role::Origin)
    }
}

/// A relay with these nodes, which shows itself at 203.0.113.9.
pub(super) fn proxy(nodes: impl IntoIterator<Item = Node>) -> Arc<Relay> {
    proxy_with(nodes, config())
}

pub(super) fn proxy_with(nodes: impl IntoIterator<Item = Node>, config: crate::Config) -> Arc<Relay> {
    opened(relay_with(nodes, config))
}

/// The same of one that was made otherwise.
pub(super) fn opened(relay: Arc<Relay>) -> Arc<Relay> {
    let candidates = Candidate::list("203.0.113.9").unwrap();
    relay.open_rtc(Face { listen: ([0, 0, 0, 0], 18000).into(), has_tcp: true, candidates });
    relay
}

/// A client's request, answered.
pub(super) async fn ask(relay: &Arc<Relay>, request: Request<&str>) -> (Response<()>, String) {
    let request = request.map(|body| Bytes::copy_from_slice(body.as_bytes()));
    let from = ([198, 51, 100, 7], 5000).into();
    let (parts, body) = Arc::clone(relay).answer(request, from).await.into_parts();
    (Response::from_parts(parts, ()), String::from_utf8(body.to_vec()).unwrap())
}

pub(super) async fn post(relay: &Arc<Relay>, target: &str, body: &str) -> (Response<()>, String) {
    ask(relay, Request::post(target).header("host", "a:1").body(body).unwrap()).await
}

/// A description of one section, with these credentials.
pub(super) fn sdp(ufrag: &str) -> String {
    [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=ice-lite",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP4 0.0.0.0",
        &format!("a=ice-ufrag:{ufrag}"),
        "a=ice-pwd:0123456789012345678901",
        "a=mid:0",
        "a=rtpmap:96 H264/90000",
        "a=candidate:1 1 udp 2130706431 10.9.8.7 8000 typ host generation 0",
        "",
    ]
    .join("\r\n")
}

/// A node's answer that takes a session.
pub(super) fn created(location: &str, ufrag: &str) -> (String, String) {
    let head = format!(
        "HTTP/1.1 201 Created\r\ncontent-type: application/sdp\r\nlocation: {location}\r\netag: \"e1\"\r\nlink: <stun:s>; rel=\"ice-server\""
    );
    (head, sdp(ufrag))
}

/// A node's answer without more.
pub(super) fn plain(status: &str, body: &str) -> (String, String) {
    (format!("HTTP/1.1 {status}\r\ncontent-type: text/plain"), body.to_owned())
}

/// An address of a node where nobody listens.
pub(super) async fn dead(name: &str) -> Node {
    Api { address: nobody().await, heard: Arc::default() }.origin(name)
}
