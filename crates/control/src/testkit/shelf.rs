//! Doors with things to show.

use crate::Counts;
use srs_names::{
    AppRecord, AudioRecord, ClientRecord, FetchRecord, FetchState, Inventory, Kbps, NodeId, PublishRecord,
    StreamRecord, Totals, VhostRecord, VideoRecord,
};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Streams and clients of one node; kicks are written down.
#[derive(Default)]
pub struct Shelf {
    pub streams: Vec<StreamRecord>,
    pub clients: Vec<ClientRecord>,
    pub fetches: Vec<FetchRecord>,
    pub applications: Vec<AppRecord>,
    pub kicked: Mutex<Vec<String>>,
    pub draining: AtomicBool,
}

impl Shelf {
    /// So many streams and clients, with numbers from `first` on.
    pub fn new(first: u64, streams: u64, clients: u64) -> Self {
        Self {
            streams: (first..first + streams).map(stream_record).collect(),
            clients: (first..first + clients).map(client_record).collect(),
            ..Self::default()
        }
    }

    /// So many streams that are fetched, with numbers from `first` on, and applications.
    pub fn fetching(first: u64, fetches: u64, applications: u64) -> Self {
        Self {
            fetches: (first..first + fetches).map(fetch_record).collect(),
            applications: (first..first + applications).map(app_record).collect(),
            ..Self::default()
        }
    }
}

impl Inventory for Shelf {
    fn streams(&self) -> Vec<StreamRecord> {
        self.streams.clone()
    }
    fn clients(&self) -> Vec<ClientRecord> {
        self.clients.clone()
    }
    fn kick(&self, id: &str) -> bool {
        let is_known = self.clients.iter().any(|client| client.id == id);
        if is_known {
            self.kicked.lock().unwrap().push(id.to_owned());
        }
        is_known
    }
    fn vhosts(&self) -> Vec<VhostRecord> {
        let vhost = |name: &str, enabled, hls| VhostRecord { name: name.to_owned(), enabled, hls };
        vec![vhost("__defaultVhost__", true, Some(2.5)), vhost("off.example", false, None)]
    }
    fn totals(&self) -> Totals {
        Totals { clients: 70, errors: 7, send_bytes: 5_000, recv_bytes: 6_000 }
    }
    fn drain(&self, on: bool) {
        self.draining.store(on, Ordering::SeqCst);
    }
    fn draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }
    fn fetches(&self) -> Vec<FetchRecord> {
        self.fetches.clone()
    }
    fn applications(&self) -> Vec<AppRecord> {
        self.applications.clone()
    }
}

/// A role that counts 17 connections, and legs to two nodes.
pub struct Counted;

impl Counts for Counted {
    fn connections(&self) -> usize {
        17
    }
    fn legs(&self) -> Vec<(NodeId, usize)> {
        vec![(NodeId::new("a").unwrap(), 3), (NodeId::new("gone").unwrap(), 1)]
    }
}

pub fn stream_record(number: u64) -> StreamRecord {
    StreamRecord {
        id: format!("vid-{number}"),
        key: format!("__defaultVhost__/live/s{number}").parse().unwrap(),
        url: format!("/live/s{number}"),
        tc_url: "rtmp://127.0.0.1/live".to_owned(),
        live_ms: 1_795_000_000_000,
        clients: 2,
        frames: 30,
        audio_frames: 10,
        video_frames: 20,
        send_bytes: 5,
        recv_bytes: 6,
        kbps: Kbps { recv_30s: 7, send_30s: 8 },
        publish: PublishRecord { active: true, cid: "c1".to_owned() },
        held: false,
        epoch: 7,
        domain: None,
        via: Vec::new(),
        video: Some(VideoRecord {
            codec: "H264".to_owned(),
            profile: "High".to_owned(),
            level: "3.1".to_owned(),
            width: 1280,
            height: 720,
        }),
        audio: (number != 3).then(|| AudioRecord {
            codec: "AAC".to_owned(),
            sample_rate: 44_100,
            channel: 2,
            profile: "LC".to_owned(),
        }),
    }
}

pub fn client_record(number: u64) -> ClientRecord {
    ClientRecord {
        id: format!("c{number}"),
        key: "__defaultVhost__/live/s1".parse().unwrap(),
        stream: "vid-1".to_owned(),
        ip: "127.0.0.1".to_owned(),
        page_url: "http://page".to_owned(),
        swf_url: "http://swf".to_owned(),
        tc_url: "rtmp://127.0.0.1/live".to_owned(),
        url: "/live/s1".to_owned(),
        name: "s1".to_owned(),
        kind: "rtmp-play".to_owned(),
        publish: false,
        alive_ms: 1_500,
        send_bytes: 1,
        recv_bytes: 2,
        kbps: Kbps::default(),
        via: None,
        session: None,
    }
}

/// Every second one is lost.
pub fn fetch_record(number: u64) -> FetchRecord {
    let lost = number % 2 == 1;
    FetchRecord {
        key: format!("__defaultVhost__/live/s{number}").parse().unwrap(),
        url: format!("rtmp://upstream:1935/live/s{number}"),
        since_ms: 1_795_000_000_000,
        state: if lost { FetchState::Lost } else { FetchState::Running },
        viewers: 2,
        error: if lost { "rtmp://upstream:1935: closed".to_owned() } else { String::new() },
    }
}

/// Every second one was made.
pub fn app_record(number: u64) -> AppRecord {
    AppRecord {
        vhost: "__defaultVhost__".to_owned(),
        name: format!("app{number}"),
        providers: vec!["rtmp".to_owned(), "rtsp".to_owned()],
        made_ms: (number % 2 == 1).then_some(1_795_000_000_000),
        streams: 1,
    }
}
