//! What the tests of this crate share: doors on loopback sockets, a publisher, and players that read everything back.

pub(crate) mod source;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use srs_amf::Value;
use srs_hub::{Hub, Publisher, Settings};
use srs_names::envelope::{Envelope, Purpose, RTMP_PROPERTY, Seal, bound};
use srs_names::{AdmitAll, NodeId, StreamKey, Term};
use srs_net::http::{Body, Response, read_response};
use srs_net::rtmp::{Error, Link};
use srs_rtmp::chunk::Bodies;
use srs_rtmp::{client, tag};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::{Config, Envelopes, Gateway, Vhost};

/// Socket buffers so small that a player that does not read is noticed.
const SMALL: u32 = 8 << 10;

/// Doors with one vhost, which serves HTTP-FLV too.
pub(crate) fn gateway(vhost: Vhost) -> Arc<Gateway> {
    Gateway::new(Hub::new(), config(vhost))
}

/// Their settings.
pub(crate) fn config(vhost: Vhost) -> Config {
    let vhost = Vhost { http_live: crate::Live::ALL.to_vec(), ..vhost };
    Config {
        vhosts: vec![vhost],
        chunk_size: 60_000,
        crossdomain: true,
        admit: Arc::new(AdmitAll),
        files: None,
        envelopes: Some(Arc::new(envelopes())),
        me: "vid-origin".to_owned(),
        http_port: Some(8080),
        source: None,
        elsewhere: None,
        pass_on: None,
        srt: None,
        rtc: None,
        sound: crate::Sound::default(),
    }
}

/// What the doors of [`gateway`] open: for `vid-origin`, which is dialled at 1935.
pub(crate) fn envelopes() -> Envelopes {
    Envelopes::new(seal(), "vid-origin", vec![1935])
}

pub(crate) fn seal() -> Seal {
    Seal::new(b"the secret of a test")
}

/// From a proxy, for a client that is at 203.0.113.7.
pub(crate) fn envelope(purpose: Purpose) -> Envelope {
    Envelope {
        from: NodeId::new("vid-proxy").unwrap(),
        role: "proxy".to_owned(),
        purpose,
        to: "vid-origin".to_owned(),
        client: Some(([203, 0, 113, 7], 5000).into()),
        term: None,
        hold: None,
        session: String::new(),
        bound: String::new(),
        hops: Vec::new(),
    }
}

/// The same for a publish by a claim.
pub(crate) fn claimed(epoch: u64) -> Envelope {
    let term = Some(Term { domain: "d".to_owned(), epoch, resumed: false });
    Envelope { term, ..envelope(Purpose::Relay) }
}

/// What players and publishers of [`rtmp`] give as `tcUrl`.
const TC_URL: &str = "rtmp://some.where/live";

/// Sealed now.
pub(crate) fn sealed(envelope: &Envelope, bound: String) -> String {
    static NONCE: AtomicU64 = AtomicU64::new(1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let nonce = NONCE.fetch_add(1, Ordering::Relaxed);
    seal().sign(&Envelope { bound, ..envelope.clone() }, now.as_millis() as u64, nonce)
}

/// Sealed for a publisher of the stream `a`.
pub(crate) fn to_publish(envelope: &Envelope) -> String {
    sealed(envelope, bound::of_rtmp("publish", "live", TC_URL, "a"))
}

/// Sealed for an RTMP player of the stream `a`.
pub(crate) fn to_play(envelope: &Envelope) -> String {
    sealed(envelope, bound::of_rtmp("play", "live", TC_URL, "a"))
}

/// The same for the names of all streams.
pub(crate) fn to_play_all(envelope: &Envelope) -> String {
    sealed(envelope, bound::of_rtmp("play", "live", TC_URL, "*"))
}

/// Sealed for who gets this path.
pub(crate) fn to_get(envelope: &Envelope, path: &str) -> String {
    sealed(envelope, bound::of_http("GET", path))
}

pub(crate) fn key(stream: &str) -> StreamKey {
    StreamKey::new("__defaultVhost__", "live", stream).unwrap()
}

/// A publisher inside the process.
pub(crate) fn publisher(gateway: &Gateway, stream: &str) -> Publisher {
    gateway.hub.publish(&key(stream), Settings::default()).unwrap()
}

pub(crate) fn video(publisher: &Publisher, time: i64, body: &[u8]) {
    let frame = srs_flv::demux(9, time, Bytes::copy_from_slice(body)).unwrap();
    publisher.push(frame).unwrap();
}

/// A codec header, then a key frame.
pub(crate) fn begin(publisher: &Publisher) {
    video(publisher, 0, &[0x17, 0, 0, 0, 0, 1]);
    video(publisher, 0, &[0x17, 1, 0, 0, 0, 0]);
}

pub(crate) fn inter(publisher: &Publisher, time: i64, size: usize) {
    let mut body = vec![0x27, 1, 0, 0, 0];
    body.resize(5 + size, 9);
    video(publisher, time, &body);
}

/// Both ends of a connection over loopback: ours, and the client's.
pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    let listening = TcpSocket::new_v4().unwrap();
    listening.set_send_buffer_size(SMALL).unwrap();
    listening.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = listening.listen(8).unwrap();
    let calling = TcpSocket::new_v4().unwrap();
    calling.set_recv_buffer_size(SMALL).unwrap();
    let (theirs, ours) = tokio::join!(calling.connect(listener.local_addr().unwrap()), listener.accept());
    (ours.unwrap().0, theirs.unwrap())
}

/// A player over HTTP.
pub(crate) struct Player {
    pub(crate) stream: TcpStream,
    pub(crate) response: Response,
    body: Body,
    tags: tag::Reader,
    piece: Bytes,
    input: Bytes,
}

/// Asks for `path`; the connection is served on this thread.
pub(crate) async fn get(gateway: &Arc<Gateway>, path: &str, version: &str) -> TcpStream {
    get_with(gateway, path, version, "").await
}

/// The same with further lines in the head.
pub(crate) async fn get_with(gateway: &Arc<Gateway>, path: &str, version: &str, more: &str) -> TcpStream {
    let (ours, mut theirs) = pair().await;
    let peer = ours.peer_addr().unwrap();
    let router = axum::Router::new().route("/page", axum::routing::get(|| async { "a page" }));
    tokio::task::spawn_local(Arc::clone(gateway).serve_http(ours, peer, || router));
    let text = format!("GET {path} HTTP/{version}\r\nHost: some.where\r\n{more}\r\n");
    theirs.write_all(text.as_bytes()).await.unwrap();
    theirs
}

impl Player {
    pub(crate) async fn of(mut stream: TcpStream) -> Player {
        let mut response = read_response(&mut stream).await.unwrap();
        let body = Body::of_response(&response.headers).unwrap();
        let input = std::mem::take(&mut response.rest);
        Player { stream, response, body, tags: tag::Reader::new(Bodies::Owned), piece: Bytes::new(), input }
    }

    pub(crate) async fn get(gateway: &Arc<Gateway>, stream: &str) -> Player {
        Player::of(get(gateway, &format!("/live/{stream}.flv"), "1.1").await).await
    }

    /// The next tag's time and body; none at the end of the body, which must not break off.
    pub(crate) async fn tag(&mut self) -> Option<(u32, Bytes)> {
        loop {
            if let Some(tag) = self.tags.read(&mut self.piece).unwrap() {
                return Some((tag.timestamp, tag.body));
            }
            if let Some(next) = self.body.read(&mut self.input).unwrap() {
                self.piece = next;
            } else if self.body.is_over() {
                return None;
            } else if !self.more().await {
                assert_eq!(self.body, Body::UntilClose, "the body broke off");
                return None;
            }
        }
    }

    /// Times of all tags up to the end.
    pub(crate) async fn rest(&mut self) -> Vec<u32> {
        let mut times = Vec::new();
        while let Some((time, _)) = self.tag().await {
            times.push(time);
        }
        times
    }

    async fn more(&mut self) -> bool {
        let mut bytes = BytesMut::new();
        let came = self.stream.read_buf(&mut bytes).await.unwrap();
        self.input = bytes.freeze();
        came > 0
    }
}

/// Opens RTMP sessions to a gateway on this thread.
pub(crate) async fn rtmp(
    gateway: &Arc<Gateway>,
    stream: &str,
    role: client::Role,
) -> Result<Link<client::Session>, Error> {
    rtmp_served(gateway, stream, role).await.0
}

/// The same, of another node that brings this envelope.
pub(crate) async fn rtmp_from(
    gateway: &Arc<Gateway>,
    stream: &str,
    role: client::Role,
    envelope: &str,
) -> Result<Link<client::Session>, Error> {
    rtmp_saying(gateway, stream, role, (RTMP_PROPERTY, envelope.into())).await
}

/// The same as [`rtmp`], with this among what the client says when it connects.
pub(crate) async fn rtmp_saying(
    gateway: &Arc<Gateway>,
    stream: &str,
    role: client::Role,
    said: (&str, Value),
) -> Result<Link<client::Session>, Error> {
    dialled(gateway, stream, role, Some(said)).await.0
}

/// The same as [`rtmp`], with the task that serves it.
pub(crate) async fn rtmp_served(
    gateway: &Arc<Gateway>,
    stream: &str,
    role: client::Role,
) -> (Result<Link<client::Session>, Error>, JoinHandle<()>) {
    dialled(gateway, stream, role, None).await
}

async fn dialled(
    gateway: &Arc<Gateway>,
    stream: &str,
    role: client::Role,
    said: Option<(&str, Value)>,
) -> (Result<Link<client::Session>, Error>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = Arc::clone(gateway);
    let served = tokio::task::spawn_local(async move {
        let (stream, peer) = listener.accept().await.unwrap();
        gateway.serve_rtmp(stream, peer).await;
    });
    let mut connect = Value::object([("app", "live".into()), ("tcUrl", TC_URL.into())]);
    if let Some((name, value)) = said {
        connect.set(name, value);
    }
    (srs_net::rtmp::dial(address, client::Config::new(connect, stream, role)).await, served)
}
