use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use srs_hub::{Hub, Phase};
use srs_names::Inventory as _;
use srs_net::shards::Shards;
use srs_net::srt::{Port, dial};
use srs_net::tcp::Slots;
use srs_peer::srt::{Call, Passphrase};
use srs_srt::Cookies;
use srs_srt::engine::{CallError, Ended, MESSAGE};
use srs_srt::streamid::with_key;
use srs_ts::check::Checker;
use srs_ts::{Codec, Muxer, Track, Unit};
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
use crate::Config;
use crate::config::Publish;
use crate::testkit::{claimed, config, key, sealed};

/// Doors that serve SRT at a port of their own.
struct Doors {
    gateway: Arc<Gateway>,
    at: SocketAddr,
    _shards: Shards,
}

fn doors(vhost: Vhost, peer: Settings) -> Doors {
    doors_with(vhost, peer, |config| config)
}

fn doors_with(vhost: Vhost, peer: Settings, change: impl FnOnce(Config) -> Config) -> Doors {
    let shards = Shards::start(2).unwrap();
    let srt = Some(Srt { peer, defaults: Defaults::default(), most_bandwidth: None });
    let gateway = Gateway::new(Hub::new(), change(Config { srt, ..config(Vhost { srt: true, ..vhost }) }));
    let port = Port::bind(&[([127, 0, 0, 1], 0).into()], 2).unwrap();
    let at = port.local_addr();
    let served = Arc::clone(&gateway);
    let session = move |knock| Arc::clone(&served).serve_srt(knock);
    srs_net::srt::serve(&shards.handle(), port, Cookies::new(b"key"), Slots::new(100), session);
    Doors { gateway, at, _shards: shards }
}

impl Doors {
    async fn call(&self, stream_id: &str) -> Result<Connection, CallError> {
        self.call_with(stream_id, Settings::default()).await
    }

    async fn call_with(&self, stream_id: &str, settings: Settings) -> Result<Connection, CallError> {
        dial(self.at, |local, now| Call::new(&settings, Some(stream_id), self.at, local, now)).await
    }

    async fn refusal(&self, stream_id: &str) -> Reason {
        match self.call(stream_id).await {
            Err(CallError::Refused(reason)) => reason,
            other => panic!("{stream_id} was not refused: {other:?}"),
        }
    }

    async fn until_live(&self, stream: &str) {
        self.until(stream, |phase| phase == Some(Phase::Live)).await;
    }

    async fn until_frames(&self, count: u64) {
        let wait = async {
            while self.gateway.streams().first().is_none_or(|stream| stream.video_frames < count) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), wait).await.unwrap();
    }

    async fn until(&self, stream: &str, is_good: impl Fn(Option<Phase>) -> bool) {
        let wait = async {
            while !is_good(self.gateway.hub.phase(&key(stream))) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), wait).await.unwrap();
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

/// A picture of x264 with its parameter sets, Annex B, 320x180 without B-frames.
const KEY: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x64, 0x00, 0x0c, 0xac, 0xb2, 0x02, 0x83, 0x3f, 0x3e, 0x02, 0x20, 0x00, 0x00, 0x03,
    0x00, 0x20, 0x00, 0x00, 0x06, 0x41, 0xe2, 0x85, 0x49, 0, 0, 0, 1, 0x68, 0xeb, 0xc3, 0xcb, 0x22, 0xc0, 0,
    0, 0, 1, 0x65, 0x88, 0x84, 0x00, 0x33, 0xff,
];
const INTER: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a, 0x24, 0x6c, 0x41];

/// A transport stream of pictures, one each 40 ms.
struct Encoder {
    muxer: Muxer,
    number: u64,
}

impl Encoder {
    fn new() -> Encoder {
        let mut muxer = Muxer::new();
        muxer.set_tracks(Some(Codec::H264), None);
        Encoder { muxer, number: 0 }
    }

    /// The next picture; each tenth is a key picture.
    fn picture(&mut self) -> Bytes {
        let mut out = BytesMut::new();
        let key = self.number.is_multiple_of(10);
        if key {
            self.muxer.tables(&mut out);
        }
        let time = self.number * 3600;
        let data = if key { KEY } else { INTER };
        let unit = Unit { track: Track::Video, dts: time, pts: time, key, data };
        assert!(self.muxer.push(&unit, &mut out));
        self.number += 1;
        out.freeze()
    }

    /// Sends some pictures.
    async fn send(&mut self, connection: &Connection, pictures: usize) {
        for _ in 0..pictures {
            assert!(connection.send(self.picture()));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[test]
fn what_is_published_is_live_at_the_hub_and_over_when_the_publisher_says_so() {
    run(async {
        let doors = doors(Vhost::default(), Settings::default());
        let publisher = doors.call("#!::r=live/a,m=publish").await.unwrap();
        Encoder::new().send(&publisher, 30).await;
        doors.until_live("a").await;
        doors.until_frames(20).await;
        let clients = doors.gateway.clients();
        assert_eq!((clients[0].kind.as_str(), clients[0].publish), ("srt-publish", true));
        assert_eq!(clients[0].tc_url, "srt://__defaultVhost__/live");
        drop(publisher);
        doors.until("a", |phase| !matches!(phase, Some(Phase::Live | Phase::Held))).await;
    });
}

#[test]
fn a_player_gets_whole_packets_from_a_key_picture_on() {
    run(async {
        let doors = doors(Vhost::default(), Settings::default());
        // It comes first, and waits.
        let player = doors.call("#!::r=live/a,m=request").await.unwrap();
        let publisher = doors.call("publish:live/a").await.unwrap();
        let sending = async {
            let mut encoder = Encoder::new();
            loop {
                encoder.send(&publisher, 10).await;
            }
        };
        let mut checker = Checker::new();
        let mut pictures = 0;
        let playing = async {
            while pictures < 25 {
                let message = player.message().await.expect("the connection lasts");
                assert!(message.len() <= MESSAGE && message.len().is_multiple_of(188), "{}", message.len());
                checker.packets(&message).unwrap();
                pictures = checker.stream(srs_ts::VIDEO_PID).map_or(0, |stream| stream.units);
            }
        };
        tokio::select! {
            () = sending => {}
            done = timeout(Duration::from_secs(10), playing) => done.unwrap(),
        }
        assert_eq!(checker.continuity_errors(), 0);
    });
}

#[test]
fn a_player_is_told_the_end_behind_all_that_was_sent() {
    run(async {
        let doors = doors(Vhost::default(), Settings::default());
        let publisher = doors.call("#!::r=live/a,m=publish").await.unwrap();
        let mut encoder = Encoder::new();
        encoder.send(&publisher, 12).await;
        doors.until_live("a").await;
        let player = doors.call("live/a").await.unwrap();
        encoder.send(&publisher, 40).await;
        // The last picture is known to be whole by what follows.
        doors.until_frames(51).await;
        drop(publisher);
        let mut checker = Checker::new();
        let playing = async {
            while let Some(message) = player.message().await {
                checker.packets(&message).unwrap();
            }
            player.ended().await
        };
        assert_eq!(timeout(Duration::from_secs(10), playing).await.unwrap(), Ended::Peer);
        // From the key picture before it came, less the last one, whose end nobody saw.
        assert!(checker.stream(srs_ts::VIDEO_PID).is_some_and(|stream| stream.units >= 40));
    });
}

#[test]
fn who_is_refused_hears_why() {
    run(async {
        let publish = Publish { takeover: srs_hub::Takeover::Refuse, ..Publish::default() };
        let doors = doors(Vhost { publish, ..Vhost::default() }, Settings::default());
        assert_eq!(doors.refusal("#!::m=publish").await, Reason::BAD_REQUEST);
        assert_eq!(doors.refusal("#!::r=live/a,m=maybe").await, Reason::BAD_MODE);
        let _first = doors.call("#!::r=live/a,m=publish").await.unwrap();
        assert_eq!(doors.refusal("#!::r=live/a,m=publish").await, Reason::CONFLICT);
        doors.gateway.drain(true);
        assert_eq!(doors.refusal("#!::r=live/b,m=publish").await, Reason::UNAVAILABLE);
    });
}

#[test]
fn a_vhost_without_srt_refuses_it() {
    run(async {
        let doors = doors_with(Vhost::default(), Settings::default(), |config| Config {
            vhosts: vec![Vhost::default()],
            ..config
        });
        assert_eq!(doors.refusal("#!::r=live/a,m=publish").await, Reason::FORBIDDEN);
        assert_eq!(doors.refusal("#!::r=live/a").await, Reason::FORBIDDEN);
        assert_eq!(doors.gateway.totals().errors, 2);
    });
}

#[test]
fn who_does_not_know_the_passphrase_takes_nobodys_place() {
    run(async {
        let with =
            |text| Settings { passphrase: Some(Passphrase::new(text).unwrap()), ..Settings::default() };
        let doors = doors(Vhost::default(), with("the right one"));
        let publisher = doors.call_with("#!::r=live/a,m=publish", with("the right one")).await.unwrap();
        let mut encoder = Encoder::new();
        encoder.send(&publisher, 12).await;
        doors.until_live("a").await;
        let wrong = doors.call_with("#!::r=live/a,m=publish", with("another one")).await;
        assert_eq!(wrong.err(), Some(CallError::Refused(Reason::BAD_SECRET)));
        let none = doors.call("#!::r=live/a,m=publish").await;
        assert_eq!(none.err(), Some(CallError::Refused(Reason::UNSECURE)));
        encoder.send(&publisher, 5).await;
        assert_eq!(doors.gateway.clients().len(), 1);
    });
}

#[test]
fn a_kicked_client_is_closed() {
    run(async {
        let doors = doors(Vhost::default(), Settings::default());
        for stream_id in ["#!::r=live/a,m=publish", "#!::r=live/a"] {
            let connection = doors.call(stream_id).await.unwrap();
            let kicked = async {
                while !doors.gateway.clients().iter().any(|client| doors.gateway.kick(&client.id)) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                connection.ended().await
            };
            assert_eq!(timeout(Duration::from_secs(5), kicked).await.unwrap(), Ended::Peer);
        }
    });
}

#[test]
fn what_a_proxy_says_of_its_client_counts_and_is_not_part_of_the_name() {
    run(async {
        let doors = doors(Vhost::default(), Settings::default());
        let text = "#!::r=live/a,m=publish";
        let sent = sealed(&claimed(7 << 16), bound::of_srt(text));
        let stream_id = with_key(text, &Defaults::default(), SRT_KEY, &sent).unwrap();
        let _publisher = doors.call(&stream_id).await.unwrap();
        doors.until_live("a").await;
        let client = &doors.gateway.clients()[0];
        assert_eq!((client.ip.as_str(), client.via.as_deref()), ("203.0.113.7", Some("vid-proxy")));
        assert_eq!(doors.gateway.streams()[0].epoch, 7 << 16);
        // The same words for another stream are somebody else's.
        let stolen = with_key("#!::r=live/b,m=publish", &Defaults::default(), SRT_KEY, &sent).unwrap();
        let _thief = doors.call(&stolen).await.unwrap();
        doors.until_live("b").await;
        assert!(doors.gateway.clients().iter().any(|client| client.via.is_none()));
    });
}

/// Takes every publish for elsewhere, and counts what comes.
#[derive(Default)]
struct Elsewhere(Arc<std::sync::Mutex<Vec<Came>>>);

/// Its name, where it came from, and how many messages there were.
type Came = (String, SocketAddr, usize);

impl srs_net::rtmp::PassOn for Elsewhere {
    fn publish<'a>(
        &'a self,
        vhost: &'a str,
        mut link: srs_net::rtmp::Link<srs_rtmp::server::Session>,
        request: srs_rtmp::server::PublishRequest,
        peer: SocketAddr,
        _: Vec<srs_names::NodeId>,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>> {
        let name = format!("{vhost}/{}/{}", request.connect.app, request.stream);
        Box::pin(async move {
            link.machine().accept_publish();
            link.drain().await.unwrap();
            self.0.lock().unwrap().push((name, peer, 0));
            while let Ok(Some(event)) = link.next().await {
                match event {
                    srs_rtmp::server::Event::Message(_) => self.0.lock().unwrap().last_mut().unwrap().2 += 1,
                    srs_rtmp::server::Event::EndOfStream => {
                        self.0.lock().unwrap().push(("the end".to_owned(), peer, 0));
                        return;
                    }
                    _ => {}
                }
            }
        })
    }
}

#[test]
fn what_is_published_for_elsewhere_goes_on_as_rtmp() {
    run(async {
        let elsewhere = Arc::new(Elsewhere::default());
        let pass_on = Some(Arc::clone(&elsewhere) as Arc<dyn srs_net::rtmp::PassOn>);
        let publish = Publish { to: crate::config::To::Elsewhere, ..Publish::default() };
        let vhost = Vhost { publish, ..Vhost::default() };
        let doors = doors_with(vhost, Settings::default(), |config| Config { pass_on, ..config });
        let publisher = doors.call("#!::r=live/a,m=publish,token=1").await.unwrap();
        Encoder::new().send(&publisher, 12).await;
        // One codec header, which the second key picture only repeats, and twelve pictures.
        let until = async |is_there: &dyn Fn(&[Came]) -> bool| {
            let wait = async {
                while !is_there(&elsewhere.0.lock().unwrap()) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            let waited = timeout(Duration::from_secs(5), wait).await;
            waited.unwrap_or_else(|_| panic!("{:?}", elsewhere.0.lock().unwrap()));
        };
        until(&|came| came.first().is_some_and(|(_, _, messages)| *messages == 13)).await;
        drop(publisher);
        until(&|came| came.len() == 2).await;
        let came = elsewhere.0.lock().unwrap().clone();
        let (name, peer, messages) = &came[0];
        assert_eq!(name, "__defaultVhost__/live/a?token=1");
        assert!(peer.ip().is_loopback());
        assert_eq!((*messages, came[1].0.as_str()), (13, "the end"));
    });
}

#[test]
fn the_end_of_a_burst_comes_though_nothing_follows_it() {
    run(async {
        let doors = doors_with(Vhost::default(), Settings::default(), |mut config| {
            // A burst is more than this gives in the time.
            config.srt = config.srt.map(|srt| Srt { most_bandwidth: Some(1_000_000), ..srt });
            config
        });
        let publisher = doors.call("#!::r=live/a,m=publish").await.unwrap();
        // One large picture behind the first: as much as a player may get at once, and a little more.
        let mut encoder = Encoder::new();
        assert!(publisher.send(encoder.picture()));
        let mut large = BytesMut::new();
        let data = [INTER, &[0x55; 110_000]].concat();
        let unit = Unit { track: Track::Video, dts: 3600, pts: 3600, key: false, data: &data };
        assert!(encoder.muxer.push(&unit, &mut large));
        encoder.number = 2;
        for message in large.chunks(MESSAGE) {
            assert!(publisher.send(Bytes::copy_from_slice(message)));
        }
        assert!(publisher.send(encoder.picture()));
        doors.until_frames(2).await;
        let player = doors.call("#!::r=live/a,m=request").await.unwrap();
        let mut checker = Checker::new();
        let all = async {
            while checker.stream(srs_ts::VIDEO_PID).is_none_or(|stream| stream.bytes < 110_000) {
                checker.packets(&player.message().await.unwrap()).unwrap();
            }
        };
        timeout(Duration::from_secs(3), all)
            .await
            .expect("the rest comes, though the publisher sends nothing");
        drop(publisher);
    });
}

#[test]
fn what_a_caller_says_beside_the_name_is_not_for_the_log() {
    let defaults = Defaults::default();
    for said in [
        "#!::r=live/a,m=publish,s=SECRET,token=SECRET",
        "#!::r=live/a?token=SECRET,m=publish",
        "publish:live/a:bob:SECRET",
        "%23!::r=live/a,m=publish,u=SECRET",
    ] {
        assert_eq!(told(said, &defaults), "__defaultVhost__/live/a (publish)", "{said}");
    }
    assert_eq!(told("#!::SECRET", &defaults), "a stream id of 10 bytes that names none");
}
