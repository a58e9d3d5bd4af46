//! An SRT server whose manner a test chooses, on a thread of its own.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use srs_net::shards::Shards;
use srs_net::srt::{Connection, Knock, Port, serve};
use srs_net::tcp::Slots;
use srs_peer::srt::{Settings, accept};
use srs_srt::{Cookies, Reason};
use srs_ts::{Codec, Muxer, Track, Unit};
use tokio::sync::{mpsc, watch};

use crate::plan::{HostPort, Scheme, SrtCall, Target};

/// A picture of x264 with its parameter sets, Annex B, 320x180 without B-frames.
const KEY: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x64, 0x00, 0x0c, 0xac, 0xb2, 0x02, 0x83, 0x3f, 0x3e, 0x02, 0x20, 0x00, 0x00, 0x03,
    0x00, 0x20, 0x00, 0x00, 0x06, 0x41, 0xe2, 0x85, 0x49, 0, 0, 0, 1, 0x68, 0xeb, 0xc3, 0xcb, 0x22, 0xc0, 0,
    0, 0, 1, 0x65, 0x88, 0x84, 0x00, 0x33,
];
const INTER: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a, 0x24, 0x6c];

/// What a server does with who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Lets him in, and sends pictures of this mark from a key picture on.
    Play(u8),
    /// The same without a key picture.
    Headless,
    /// Lets him in, and sends nothing.
    Mute,
    /// Refuses him.
    Refuse(Reason),
    /// Refuses him so, as libsrt does, when he says much; else it plays.
    Narrow(Reason),
    /// Says that the stream is over, to those who are there too.
    Over,
}

/// The server; it vanishes without a word when it is dropped.
pub(super) struct Server {
    /// The first to go: a session that saw the others go would say goodbye.
    _shards: Shards,
    pub(super) at: SocketAddr,
    /// The stream ids of those who came.
    pub(super) said: mpsc::UnboundedReceiver<Option<String>>,
    pub(super) manner: watch::Sender<Manner>,
}

impl Server {
    pub(super) fn new(manner: Manner) -> Server {
        Server::with(manner, Settings::default())
    }

    pub(super) fn with(manner: Manner, settings: Settings) -> Server {
        let shards = Shards::start(1).unwrap();
        let port = Port::bind(&[([127, 0, 0, 1], 0).into()], 1).unwrap();
        let at = port.local_addr();
        let (tell, said) = mpsc::unbounded_channel();
        let (manner, look) = watch::channel(manner);
        let session = move |knock: Knock| {
            let text = knock.handshake().stream_id().unwrap();
            let is_long = text.as_ref().is_some_and(|text| text.len() > 512);
            let _test_over = tell.send(text.map(|text| text.to_string()));
            serve_one(knock, settings.clone(), look.clone(), is_long)
        };
        serve(&shards.handle(), port, Cookies::new(b"key"), Slots::new(100), session);
        Server { at, said, manner, _shards: shards }
    }

    pub(super) fn host_port(&self) -> HostPort {
        HostPort { host: self.at.ip().to_string(), port: self.at.port() }
    }

    pub(super) fn target(&self) -> Target {
        target(self.at)
    }
}

/// `live/a` there.
pub(super) fn target(at: SocketAddr) -> Target {
    Target {
        scheme: Scheme::Srt,
        host: at.ip().to_string(),
        port: at.port(),
        login: None,
        path: "/live/a".to_owned(),
        query: String::new(),
        vhost: None,
        srt: SrtCall::default(),
    }
}

async fn serve_one(knock: Knock, settings: Settings, mut look: watch::Receiver<Manner>, is_long: bool) {
    let manner = *look.borrow_and_update();
    let mark = match manner {
        Manner::Refuse(reason) => return knock.refuse(reason),
        Manner::Narrow(reason) if is_long => return knock.refuse(reason),
        Manner::Narrow(_) => 1,
        Manner::Play(mark) => mark,
        Manner::Headless | Manner::Mute | Manner::Over => 0,
    };
    let (from, now) = (knock.from(), std::time::Instant::now());
    let accepted = accept(&settings, &knock.handshake(), knock.local_id(), from, knock.rtt(), now);
    let accepted = match accepted {
        Ok(accepted) => accepted,
        Err(reason) => return knock.refuse(reason),
    };
    let connection = knock.accept(accepted.engine, accepted.answer);
    let sending = async {
        match manner {
            Manner::Mute => std::future::pending().await,
            Manner::Over => {}
            _ => send(&connection, mark, u64::from(manner == Manner::Headless)).await,
        }
    };
    tokio::select! {
        () = sending => {}
        _ = connection.ended() => {}
        _ = look.wait_for(|manner| *manner == Manner::Over) => {}
    }
}

/// A transport stream of pictures, 40 ms apart by its own times, each tenth a key picture.
async fn send(connection: &Connection, mark: u8, first: u64) {
    let mut muxer = Muxer::new();
    muxer.set_tracks(Some(Codec::H264), None);
    for number in first.. {
        let key = number % 10 == 0 && first == 0;
        let mut out = BytesMut::new();
        if key || number == first {
            muxer.tables(&mut out);
        }
        let mut data = if key { KEY } else { INTER }.to_vec();
        data.extend([0x80 | number as u8, mark]);
        let time = number * 3_600;
        let unit = Unit { track: Track::Video, dts: time, pts: time, key, data: &data };
        assert!(muxer.push(&unit, &mut out));
        connection.send(Bytes::from(out));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
