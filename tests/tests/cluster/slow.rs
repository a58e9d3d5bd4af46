//! A viewer that does not keep up is its own loss alone.

use std::time::Duration;

use srs_tests::media::{assert_follows, coded, run_in};
use srs_tests::{Cluster, FlvPlayer, Player, Publisher, Source, Target, logs};

/// Both kinds of viewer stop reading while some 12 s and 40 MB of stream pass, and then read on.
async fn slow_viewers_skip(cluster: &Cluster, name: &str) {
    let target = Target::live(name);
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    let mut source = Source::new(41);
    source.size = 400_000;
    publisher.send_all(&source.clip(1)).await;
    cluster.holder(name).await;
    let mut healthy = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    let mut rtmp = Player::connect_narrow(cluster.rtmp(), &target).await.expect("playing begins");
    let mut flv = FlvPlayer::request_narrow(cluster.http(), &Target::flv(name)).await;
    healthy.frames(3).await;
    rtmp.frames(3).await;
    flv.frames(3).await;
    for _ in 0..300 {
        let frames = source.tick();
        publisher.send_all(&frames).await;
        healthy.reach(publisher.sent[publisher.sent.len() - 1]).await;
    }
    let marker = publisher.sent.len();
    // What is sent from here on finds the slow ones reading again.
    let (last, sent) = {
        let more = async {
            let mut ticks = tokio::time::interval(Duration::from_millis(5));
            for _ in 0..100 {
                ticks.tick().await;
                let frames = source.tick();
                publisher.send_all(&frames).await;
                healthy.reach(publisher.sent[publisher.sent.len() - 1]).await;
            }
            publisher.goodbye().await
        };
        let (sent, (), ()) = tokio::join!(more, rtmp.finish(), flv.finish());
        healthy.finish().await;
        (*coded(&sent).last().expect("frames"), sent)
    };
    assert_follows(&healthy.got, &sent, 0);
    for got in [coded(&rtmp.got), coded(&flv.got)] {
        assert_eq!(got.last().map(|mark| mark.sha256), Some(last.sha256), "it is back at the live edge");
        assert!(
            got.len() < marker - 150,
            "{} of {} frames came to a viewer that did not read",
            got.len(),
            sent.len()
        );
        assert_in_pieces_from_key_frames(&got, &sent);
    }
}

/// What came is made of unbroken runs, and each begins with a key frame.
fn assert_in_pieces_from_key_frames(got: &[srs_tests::Mark], sent: &[srs_tests::Mark]) {
    let sent = coded(sent);
    let place = |mark: &srs_tests::Mark| {
        sent.iter().position(|sent| sent.sha256 == mark.sha256).expect("a frame of ours")
    };
    let places: Vec<usize> = got.iter().map(place).collect();
    for (two, marks) in places.windows(2).zip(got.windows(2)) {
        assert!(two[0] < two[1], "order is kept");
        assert!(
            two[1] == two[0] + 1 || marks[1].is_key(),
            "a skip leads to a key frame, not to {:?}",
            marks[1]
        );
    }
    assert!(run_in(&got[got.len() - 3..], &sent).is_some());
}

#[tokio::test]
async fn a_viewer_that_stops_reading_skips_to_a_key_frame_at_an_origin_alone() {
    let cluster = Cluster::build().origins(1).without_proxy().start().await;
    slow_viewers_skip(&cluster, "slow-alone").await;
}

#[tokio::test]
async fn a_viewer_that_stops_reading_skips_to_a_key_frame_through_the_proxy() {
    let cluster = Cluster::build().origins(1).start().await;
    slow_viewers_skip(&cluster, "slow-proxy").await;
}

#[tokio::test]
async fn a_viewer_that_takes_nothing_for_ten_seconds_is_closed_at_origin_and_proxy() {
    let cluster = Cluster::build().origins(1).start().await;
    let target = Target::live("stuck");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    let mut source = Source::new(42);
    source.size = 400_000;
    publisher.send_all(&source.clip(1)).await;
    cluster.holder("stuck").await;
    let direct = (cluster.origin(0).rtmp()[0], cluster.origin(0).http()[0]);
    let mut stuck = Vec::new();
    let mut stuck_flv = Vec::new();
    for (rtmp, http) in [direct, (cluster.rtmp(), cluster.http())] {
        stuck.push(Player::connect_narrow(rtmp, &target).await.expect("playing begins"));
        stuck_flv.push(FlvPlayer::request_narrow(http, &Target::flv("stuck")).await);
    }
    let streaming = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(40));
        loop {
            ticks.tick().await;
            publisher.send_all(&source.tick()).await;
        }
    });
    for words in [
        ["srs_gateway::rtmp", "rtmp play ended"],
        ["srs_gateway::http", "http-flv play ended"],
        ["srs_relay::rtmp_play", "rtmp play ended"],
        ["srs_relay::flv", "http-flv play ended"],
    ] {
        logs::wait(&[words[0], words[1], "live/stuck", "took nothing for 10 s"]).await;
    }
    assert!(!streaming.is_finished(), "the publisher is not disturbed");
    streaming.abort();
}
