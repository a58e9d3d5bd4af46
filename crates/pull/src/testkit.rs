//! What the tests of this crate share: servers upstream on loopback sockets, a puller on this thread, and viewers.

mod server;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use srs_amf::Value;
use srs_hub::{Feed, Format, Headers, Hub, Opener, Rendition};
use srs_media::{Frame, Kind, Role};
use srs_names::{Fetch, Missing, NodeId, Seal, Source as _, StreamKey, Wish};
use srs_rtmp::{Message, MessageKind};
use tokio::net::TcpListener;
use tokio::task::spawn_local;

pub(crate) use server::{Manner, Say, Server};

use crate::plan::{HostPort, Order, Rules};
use crate::{Config, Protocol, Puller, Remote, Upstream};

pub(crate) const VHOST: &str = "__defaultVhost__";

pub(crate) fn key(stream: &str) -> StreamKey {
    StreamKey::new(VHOST, "live", stream).unwrap()
}

pub(crate) fn id(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub(crate) fn seal() -> Seal {
    Seal::new(b"the secret of a test")
}

/// Lets what is on its way through sockets arrive. The time of these tests stands still meanwhile; left alone it would run
/// on much faster than packets do.
pub(crate) async fn settle() {
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_micros(300) {
        tokio::task::yield_now().await;
    }
}

/// Waits until this is so; time goes on in small steps.
pub(crate) async fn until(what: impl Fn() -> bool) {
    for step in 0..30_000_u64 {
        if what() {
            return;
        }
        settle().await;
        // The longer it takes, the less a moment matters.
        tokio::time::sleep(Duration::from_millis((step / 500).clamp(1, 20))).await;
    }
    panic!("it never came to that");
}

/// Sends a frame with this mark from `server` every 40 ms, from `time` on.
pub(crate) async fn feed(server: &Server, time: u32, mark: u8) {
    for frame in 0.. {
        server.send(inter(time + frame * 40, mark));
        pass(Duration::from_millis(40)).await;
    }
}

/// Waits for that while `feeding` goes on.
pub(crate) async fn fed(feeding: impl Future<Output = ()>, what: impl Fn() -> bool) {
    tokio::select! {
        () = feeding => {}
        () = until(what) => {}
    }
}

/// Lets time pass.
pub(crate) async fn pass(time: Duration) {
    let until = tokio::time::Instant::now() + time;
    while tokio::time::Instant::now() < until {
        settle().await;
        tokio::time::sleep(Duration::from_millis(40).min(time)).await;
    }
    settle().await;
}

pub(crate) fn message(kind: MessageKind, timestamp: u32, body: &[u8]) -> Message {
    Message { kind, timestamp, stream_id: 1, body: Bytes::copy_from_slice(body) }
}

pub(crate) fn video(timestamp: u32, body: &[u8]) -> Message {
    message(MessageKind::VIDEO, timestamp, body)
}

/// A codec header.
pub(crate) fn config(timestamp: u32, mark: u8) -> Message {
    video(timestamp, &[0x17, 0, 0, 0, 0, mark])
}

/// A key frame.
pub(crate) fn key_frame(timestamp: u32, mark: u8) -> Message {
    video(timestamp, &[0x17, 1, 0, 0, 0, mark])
}

pub(crate) fn inter(timestamp: u32, mark: u8) -> Message {
    video(timestamp, &[0x27, 1, 0, 0, 0, mark])
}

pub(crate) fn audio(timestamp: u32, mark: u8) -> Message {
    message(MessageKind::AUDIO, timestamp, &[0xaf, 1, mark])
}

/// A list of streams.
pub(crate) fn list(names: &[&str]) -> Message {
    let names = Value::StrictArray(names.iter().map(|name| (*name).into()).collect());
    let mut body = BytesMut::new();
    srs_amf::encode(&"onStreams".into(), &mut body);
    srs_amf::encode(&names, &mut body);
    message(MessageKind::DATA_AMF0, 0, &body)
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> HostPort {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    HostPort { host: address.ip().to_string(), port: address.port() }
}

/// Servers in SRS's form, in their order.
pub(crate) fn remote(origins: Vec<HostPort>) -> Remote {
    Remote {
        origins: origins.into_iter().map(Into::into).collect(),
        vhost: "[vhost]".to_owned(),
        protocol: Protocol::Rtmp,
        token_traverse: false,
        debug: false,
        rules: Rules { order: Order::Listed, ..Rules::default() },
        live_edge: false,
    }
}

/// A puller that works on this thread, and what it was asked to begin.
pub(crate) struct Edge {
    pub(crate) puller: Arc<Puller>,
    pub(crate) hub: Hub,
    pub(crate) begun: Arc<Mutex<Vec<(StreamKey, bool)>>>,
}

impl Edge {
    pub(crate) fn of(remote: Remote) -> Edge {
        Edge::with(Upstream { remote: Some(remote), ..Upstream::default() }, 1000)
    }

    pub(crate) fn with(upstream: Upstream, most: usize) -> Edge {
        let begun = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&begun);
        let puller = Puller::new(Config {
            me: id("edge"),
            seal: Some(seal()),
            vhosts: vec![(VHOST.to_owned(), upstream)],
            begun: Arc::new(move |key, hls| noted.lock().unwrap().push((key.clone(), hls))),
            most,
            announces: None,
        });
        let hub = Hub::with_demand(Arc::clone(&puller) as Arc<dyn srs_hub::Demand>);
        puller.attach_by(hub.clone(), Box::new(|task| drop(spawn_local(task()))));
        Edge { puller, hub, begun }
    }

    pub(crate) async fn fetch(&self, stream: &str) -> Result<Fetch, Missing> {
        self.fetch_with(stream, "", &[]).await
    }

    pub(crate) async fn fetch_with(
        &self,
        stream: &str,
        query: &str,
        hops: &[NodeId],
    ) -> Result<Fetch, Missing> {
        let wish = Wish {
            key: &key(stream),
            host: "some.where",
            query,
            client: ([203, 0, 113, 7], 5000).into(),
            hops,
        };
        self.puller.fetch(wish).await
    }

    /// Why a stream does not come.
    pub(crate) async fn missing(&self, stream: &str) -> Missing {
        match self.fetch(stream).await {
            Ok(Fetch::Coming(missing)) => missing.await,
            Ok(Fetch::Here) => panic!("it is not fetched"),
            Err(missing) => missing,
        }
    }

    /// A viewer who is let in, as doors do it.
    pub(crate) async fn watch(&self, stream: &str) -> Viewer {
        assert!(matches!(self.fetch(stream).await.unwrap(), Fetch::Coming(_)));
        Viewer::of(&self.hub, &key(stream))
    }
}

/// Who watches a stream, and sees all frames from the one on at which he came.
pub(crate) struct Viewer {
    pub(crate) frames: Arc<Mutex<Vec<Frame>>>,
    feed: Feed,
}

struct Eyes(Arc<Mutex<Vec<Frame>>>);

impl Opener for Eyes {
    fn head(&self, _: &Headers, _: i64, _: bool, _: &mut BytesMut) {}
}

impl Rendition for Eyes {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(Eyes(Arc::default()))
    }

    fn push(&mut self, frame: &Frame, _: bool, _: &mut BytesMut) {
        self.0.lock().unwrap().push(frame.clone());
    }
}

impl Viewer {
    /// One viewer of a stream at a time.
    pub(crate) fn of(hub: &Hub, key: &StreamKey) -> Viewer {
        let frames = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&frames);
        let feed = hub.subscribe(key, Format("seen"), || Box::new(Eyes(seen)));
        feed.viewer_came();
        Viewer { frames, feed }
    }

    /// Times and last bytes of the coded frames.
    pub(crate) fn coded(&self) -> Vec<(i64, u8)> {
        let frames = self.frames.lock().unwrap();
        let coded = frames
            .iter()
            .filter(|frame| frame.kind != Kind::Data && matches!(frame.role, Role::Key | Role::Inter));
        coded.map(|frame| (frame.time, *frame.wire.last().unwrap())).collect()
    }

    /// Waits for so many coded frames.
    pub(crate) async fn sees(&self, count: usize) {
        until(|| self.coded().len() >= count).await;
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.feed.viewer_went();
    }
}
