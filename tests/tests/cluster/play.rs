//! What a publisher sends is what viewers get, byte for byte.

use srs_tests::media::{DATA, assert_follows, coded};
use srs_tests::{Cluster, FlvPlayer, Player, Publisher, Source, Target};

/// Viewers by both protocols, there before the publisher; every payload must come, whole and in order.
async fn payloads_arrive(cluster: &Cluster, name: &str) {
    let target = Target::live(name);
    let mut rtmp = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    let mut flv = FlvPlayer::request(cluster.http(), &Target::flv(name)).await;
    cluster.viewers(name, 2).await;
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(1).clip(40)).await;
    let last = *publisher.sent.last().expect("frames");
    rtmp.reach(last).await;
    flv.reach(last).await;
    let sent = publisher.goodbye().await;
    rtmp.finish().await;
    flv.finish().await;
    assert_eq!(flv.head().await.status, 200);
    assert!(flv.whole, "the body ends as HTTP ends a body");
    assert_follows(&rtmp.got, &sent, 0);
    assert_follows(&flv.got, &sent, 0);
}

#[tokio::test]
async fn payloads_are_equal_through_the_proxy() {
    let cluster = Cluster::build().start().await;
    payloads_arrive(&cluster, "equal-proxy").await;
}

#[tokio::test]
async fn payloads_are_equal_at_an_origin_alone() {
    let cluster = Cluster::build().origins(1).without_proxy().start().await;
    payloads_arrive(&cluster, "equal-alone").await;
}

#[tokio::test]
async fn a_viewer_gets_metadata_and_codec_headers_before_any_frame() {
    let cluster = Cluster::build().start().await;
    let target = Target::live("headers");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    let mut source = Source::new(2);
    publisher.send_all(&source.clip(5)).await;
    cluster.holder("headers").await;
    let mut player = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    player.frames(1).await;
    let mut flv = FlvPlayer::connect(cluster.http(), &Target::flv("headers")).await;
    flv.frames(1).await;
    let headers = source.headers();
    for got in [&player.got, &flv.got] {
        let first = got.iter().position(|mark| mark.is_coded()).expect("a frame");
        for header in headers.iter().filter(|header| header.kind != DATA) {
            assert!(got[..first].iter().any(|mark| mark.sha256 == header.mark().sha256), "{header:?} first");
        }
        assert!(got[..first].iter().any(|mark| mark.kind == DATA), "metadata first");
    }
    let metadata = player.metadata.expect("metadata");
    assert!(headers[0].body.ends_with(&metadata[..]), "metadata as it was sent, without @setDataFrame");
}

#[tokio::test]
async fn a_stream_with_one_key_frame_can_be_joined_long_after_it() {
    let cluster = Cluster::build().start().await;
    let target = Target::live("one-key");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    let mut source = Source::new(9);
    (source.gop, source.size) = (u32::MAX, 400);
    // Twelve seconds of media time.
    publisher.send_all(&source.clip(300)).await;
    cluster.holder("one-key").await;
    let mut rtmp = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    let mut flv = FlvPlayer::connect(cluster.http(), &Target::flv("one-key")).await;
    rtmp.frames(1).await;
    flv.frames(1).await;
    publisher.send_all(&source.tick()).await;
    let last = *publisher.sent.last().expect("frames");
    rtmp.reach(last).await;
    flv.reach(last).await;
}

#[tokio::test]
async fn a_late_viewer_begins_at_the_newest_key_frame() {
    let cluster = Cluster::build().start().await;
    let target = Target::live("late");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    let mut source = Source::new(3);
    // Key frames at ticks 0, 10 and 20.
    publisher.send_all(&source.clip(25)).await;
    let mut early = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    early.reach(*publisher.sent.last().expect("frames")).await;
    let mut rtmp = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    let mut flv = FlvPlayer::connect(cluster.http(), &Target::flv("late")).await;
    rtmp.frames(5 * 3).await;
    flv.frames(5 * 3).await;
    let more: Vec<_> = (0..15).flat_map(|_| source.tick()).collect();
    publisher.send_all(&more).await;
    let last = *publisher.sent.last().expect("frames");
    rtmp.reach(last).await;
    flv.reach(last).await;
    let sent = publisher.goodbye().await;
    rtmp.finish().await;
    flv.finish().await;
    assert_follows(&rtmp.got, &sent, 2);
    assert_follows(&flv.got, &sent, 2);
}

#[tokio::test]
async fn without_the_gop_cache_a_viewer_begins_at_the_next_key_frame() {
    let cluster = Cluster::build().vhost(|vhost| vhost.play.gop_cache = false).start().await;
    let target = Target::live("no-cache");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    let mut source = Source::new(4);
    publisher.send_all(&source.clip(5)).await;
    cluster.holder("no-cache").await;
    let mut rtmp = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    cluster.viewers("no-cache", 1).await;
    let more: Vec<_> = (0..15).flat_map(|_| source.tick()).collect();
    publisher.send_all(&more).await;
    rtmp.reach(*publisher.sent.last().expect("frames")).await;
    let sent = publisher.goodbye().await;
    rtmp.finish().await;
    assert_follows(&rtmp.got, &sent, 1);
}

#[tokio::test]
async fn a_stream_of_audio_alone_is_played() {
    let cluster = Cluster::build().start().await;
    let target = Target::live("audio-only");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    let mut source = Source::new(5);
    source.video = false;
    publisher.send_all(&source.clip(50)).await;
    cluster.holder("audio-only").await;
    let mut flv = FlvPlayer::connect(cluster.http(), &Target::flv("audio-only")).await;
    flv.frames(20).await;
    assert_eq!(flv.flags, 4, "the file header says audio alone");
    let mut rtmp = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    rtmp.frames(20).await;
    assert!(coded(&rtmp.got).iter().all(|mark| mark.kind == 8));
}

#[tokio::test]
async fn a_player_of_http_1_0_gets_a_body_without_chunks() {
    let cluster = Cluster::build().start().await;
    let target = Target::live("http10");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(6).clip(20)).await;
    cluster.holder("http10").await;
    let head = "GET /live/http10.flv HTTP/1.0\r\n\r\n";
    let mut flv = FlvPlayer::ask(cluster.http(), head, None).await;
    let answer = flv.head().await;
    assert_eq!((answer.status, answer.field("transfer-encoding")), (200, None));
    flv.frames(10).await;
    let sent = publisher.goodbye().await;
    flv.finish().await;
    assert_follows(&flv.got, &sent, 1);
}

#[tokio::test]
async fn a_stream_that_never_comes_is_not_found() {
    let cluster = Cluster::build().start().await;
    let mut flv = FlvPlayer::request(cluster.http(), &Target::flv("nobody")).await;
    let head = flv.head().await;
    assert_eq!(head.status, 404);
}

#[tokio::test]
async fn a_publish_shorter_than_one_merged_write_reaches_those_who_wait() {
    let long = std::time::Duration::from_millis(350);
    let cluster =
        Cluster::build().origins(1).without_proxy().vhost(move |vhost| vhost.play.mw_latency = long);
    let cluster = cluster.start().await;
    let target = Target::live("short");
    let mut rtmp = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    let mut flv = FlvPlayer::request(cluster.http(), &Target::flv("short")).await;
    cluster.viewers("short", 2).await;
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(7).clip(10)).await;
    let sent = publisher.goodbye().await;
    rtmp.finish().await;
    flv.finish().await;
    assert_follows(&rtmp.got, &sent, 0);
    assert_follows(&flv.got, &sent, 0);
}
