//! RTMP as two other libraries speak it: `rtmp-rs` as a client, `scuffle-rtmp` as a server behind the proxy.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rtmp_rs::client::{ClientConfig, ClientEvent, RtmpPublisher, RtmpPuller};
use scuffle_rtmp::ServerSession;
use scuffle_rtmp::session::server::{ServerSessionError, SessionData, SessionHandler};
use srs_tests::media::{AUDIO, VIDEO, coded};
use srs_tests::{Cluster, Mark, Player, Publisher, Source, Target, until, within};

/// A stream as rtmp-rs names it: its tcUrl goes on with the stream, which by SRS's rules is then a part of the app.
fn as_rtmp_rs(stream: &str) -> Target {
    let tc_url = format!("rtmp://127.0.0.1/live/{stream}");
    Target { app: "live".to_owned(), tc_url, ..Target::live(stream) }
}

#[tokio::test]
async fn rtmp_rs_plays_what_we_publish() {
    let cluster = Cluster::build().start().await;
    let target = as_rtmp_rs("rtmp-rs-plays");
    let (puller, mut events) =
        RtmpPuller::new(ClientConfig::new(format!("rtmp://{}/live/rtmp-rs-plays", cluster.rtmp())));
    let playing = tokio::spawn(async move { puller.start().await });
    cluster.viewers("rtmp-rs-plays", 1).await;
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(81).clip(20)).await;
    let mut got = Vec::new();
    while coded(&got).len() < 60 {
        match within("a frame at rtmp-rs", events.recv()).await {
            Some(ClientEvent::VideoTag(tag)) => got.push(Mark::of(VIDEO, tag.timestamp, &tag.data)),
            Some(ClientEvent::AudioTag(tag)) => got.push(Mark::of(AUDIO, tag.timestamp, &tag.data)),
            Some(ClientEvent::Error(error)) => panic!("rtmp-rs: {error}"),
            Some(_) => {}
            None => panic!("rtmp-rs ended with {} frames", coded(&got).len()),
        }
    }
    assert_eq!(coded(&got), coded(&publisher.sent), "payloads and times");
    playing.abort();
}

#[tokio::test]
async fn what_rtmp_rs_publishes_is_played() {
    let cluster = Cluster::build().start().await;
    let target = as_rtmp_rs("rtmp-rs-sends");
    let mut player = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    cluster.viewers("rtmp-rs-sends", 1).await;
    let config = ClientConfig::new(format!("rtmp://{}/live/rtmp-rs-sends", cluster.rtmp()));
    let (mut publisher, _events) = RtmpPublisher::new(config);
    within("rtmp-rs to publish", publisher.connect()).await.expect("rtmp-rs publishes");
    let mut source = Source::new(82);
    source.video = false;
    let mut sent = Vec::new();
    let frames = source.clip(20);
    for frame in frames.iter().filter(|frame| frame.kind == AUDIO) {
        publisher.send_audio(frame.body.clone(), frame.time).await.expect("rtmp-rs sends");
        sent.push(frame.mark());
    }
    player.reach(*sent.last().expect("frames")).await;
    assert_eq!(srs_tests::media::payloads(&player.got), srs_tests::media::payloads(&sent));
}

/// Keeps what is published to scuffle's server.
struct Keeper(Arc<Mutex<Vec<Mark>>>);

impl SessionHandler for Keeper {
    async fn on_publish(&mut self, _: u32, app: &str, stream: &str) -> Result<(), ServerSessionError> {
        assert_eq!((app, stream), ("live", "to-scuffle"));
        Ok(())
    }

    async fn on_unpublish(&mut self, _: u32) -> Result<(), ServerSessionError> {
        Ok(())
    }

    async fn on_data(&mut self, _: u32, data: SessionData) -> Result<(), ServerSessionError> {
        let keep = |kind: u8, time: u32, data: Bytes| {
            self.0.lock().expect("no panic inside").push(Mark::of(kind, time, &data));
        };
        match data {
            SessionData::Video { timestamp, data } => keep(VIDEO, timestamp, data),
            SessionData::Audio { timestamp, data } => keep(AUDIO, timestamp, data),
            SessionData::Amf0 { .. } => {}
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_server_of_scuffle_gets_what_is_published_at_the_proxy() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let kept = Arc::new(Mutex::new(Vec::new()));
    let handler = Keeper(Arc::clone(&kept));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("accepting");
        ServerSession::new(stream, handler).run().await
    });
    let cluster = Cluster::build().origins(0).backend(address, None).start().await;
    let mut publisher =
        Publisher::connect(cluster.rtmp(), &Target::live("to-scuffle")).await.expect("publishing begins");
    // Past the limit of 24 bits, where headers change their form.
    let mut source = Source::new(83).starting_at(0x00ff_ffff - 400);
    source.size = 70_000;
    publisher.send_all(&source.clip(20)).await;
    let want: Vec<Mark> = publisher.sent.iter().copied().filter(|mark| mark.kind != 18).collect();
    until("every frame at scuffle's server", async || {
        (kept.lock().expect("no panic inside").len() == want.len()).then_some(())
    })
    .await;
    assert_eq!(*kept.lock().expect("no panic inside"), want);
}
