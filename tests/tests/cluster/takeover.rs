//! A second publisher of a stream, and how streams end.

use std::time::Duration;

use srs_origin::config::Takeover;
use srs_tests::media::{coded, run_in};
use srs_tests::{Cluster, FlvPlayer, Player, Publisher, Refusal, Source, Target, logs, until};

#[tokio::test]
async fn a_new_publisher_takes_over_and_viewers_stay() {
    let cluster = Cluster::build().start().await;
    let target = Target::live("replace");
    let mut first = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    first.send_all(&Source::new(21).clip(12)).await;
    cluster.holder("replace").await;
    let mut rtmp = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    let mut flv = FlvPlayer::connect(cluster.http(), &Target::flv("replace")).await;
    let last = *first.sent.last().expect("frames");
    rtmp.reach(last).await;
    flv.reach(last).await;
    let mut second = Publisher::connect(cluster.rtmp(), &target).await.expect("the second takes over");
    second.send_all(&Source::new(22).clip(12)).await;
    let last = *second.sent.last().expect("frames");
    rtmp.reach(last).await;
    flv.reach(last).await;
    let told = first.closed().await;
    assert_eq!(told.len(), 1, "the first is told, and closed: {told:?}");
    assert!(rtmp.told.is_empty(), "viewers see nothing of it: {:?}", rtmp.told);
    for got in [&rtmp.got, &flv.got] {
        let start = coded(got).len() - 36;
        assert_eq!(run_in(&coded(got)[start..], &second.sent), Some(0), "every frame of the second");
        assert!(coded(got).windows(2).all(|two| two[0].time <= two[1].time), "time never steps back");
    }
}

#[tokio::test]
async fn a_second_publisher_is_refused_where_the_vhost_says_so() {
    let cluster = Cluster::build().vhost(|vhost| vhost.publish.takeover = Takeover::Refuse).start().await;
    let target = Target::live("refuse");
    let mut first = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    let mut source = Source::new(23);
    first.send_all(&source.clip(12)).await;
    cluster.holder("refuse").await;
    let mut viewer = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    let refused = Publisher::connect(cluster.rtmp(), &target).await.err().expect("the stream is busy");
    let Refusal::Told { code, description } = refused else { panic!("told why: {refused:?}") };
    assert_eq!(code, "NetStream.Publish.BadName");
    assert!(description.contains("busy"), "{description}");
    let more: Vec<_> = (0..5).flat_map(|_| source.tick()).collect();
    first.send_all(&more).await;
    viewer.reach(*first.sent.last().expect("frames")).await;
}

#[tokio::test]
async fn a_clean_end_ends_viewers_at_once_and_tells_them() {
    let cluster = Cluster::build().start().await;
    let target = Target::live("ends");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(24).clip(12)).await;
    cluster.holder("ends").await;
    let mut rtmp = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    let mut flv = FlvPlayer::connect(cluster.http(), &Target::flv("ends")).await;
    let sent = publisher.goodbye().await;
    rtmp.finish().await;
    flv.finish().await;
    assert!(run_in(&rtmp.got, &sent).is_some() && run_in(&flv.got, &sent).is_some());
    assert_eq!(coded(&rtmp.got).last(), coded(&sent).last(), "to the last frame");
    assert!(rtmp.told.contains(&"StreamEof".to_owned()), "{:?}", rtmp.told);
    assert!(rtmp.told.contains(&"NetStream.Play.UnpublishNotify".to_owned()), "{:?}", rtmp.told);
    assert!(flv.whole, "the last chunk came");
}

#[tokio::test]
async fn a_dropped_publisher_is_held_and_viewers_see_it_come_back() {
    let cluster = Cluster::build().start().await;
    let target = Target::live("held");
    let mut first = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    first.send_all(&Source::new(25).clip(12)).await;
    let holder = cluster.holder("held").await;
    let mut rtmp = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    let mut flv = FlvPlayer::connect(cluster.http(), &Target::flv("held")).await;
    rtmp.reach(*first.sent.last().expect("frames")).await;
    drop(first);
    logs::wait(&["rtmp publish ended", "live/held", "held=true"]).await;
    let mut second = Publisher::connect(cluster.rtmp(), &target).await.expect("it comes back");
    second.send_all(&Source::new(26).clip(12)).await;
    rtmp.reach(*second.sent.last().expect("frames")).await;
    flv.reach(*second.sent.last().expect("frames")).await;
    assert_eq!(cluster.holder("held").await, holder, "at the same origin");
}

#[tokio::test]
async fn a_publisher_that_stays_away_ends_its_viewers_when_the_hold_is_over() {
    let hold = Duration::from_millis(300);
    let cluster = Cluster::build().vhost(move |vhost| vhost.publish.hold = hold).start().await;
    let target = Target::live("away");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(27).clip(12)).await;
    cluster.holder("away").await;
    let mut rtmp = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    let mut flv = FlvPlayer::connect(cluster.http(), &Target::flv("away")).await;
    flv.frames(1).await;
    drop(publisher);
    rtmp.finish().await;
    flv.finish().await;
    assert!(rtmp.told.contains(&"NetStream.Play.UnpublishNotify".to_owned()), "{:?}", rtmp.told);
}

#[tokio::test]
async fn a_publisher_that_sends_nothing_is_ended_and_its_place_is_free() {
    let cluster = Cluster::build()
        .vhost(|vhost| {
            vhost.publish.normal_timeout = Duration::from_millis(400);
            vhost.publish.takeover = Takeover::Refuse;
            vhost.publish.hold = Duration::ZERO;
        })
        .start()
        .await;
    let target = Target::live("stalls");
    let mut stalled = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    stalled.send_all(&Source::new(28).clip(3)).await;
    let told = stalled.closed().await;
    assert_eq!(told.len(), 1, "{told:?}");
    until("the stalled publisher's place", async || Publisher::connect(cluster.rtmp(), &target).await.ok())
        .await;
}
