//! A process with several shards serves a stream on all of them.

use srs_tests::media::assert_follows;
use srs_tests::{Cluster, FlvPlayer, Player, Publisher, Source, Target};

use crate::webrtc::whip::{Whip, play};

/// Connections are dealt in turn, so that eight viewers are on every shard of two.
async fn all_viewers_get_everything(cluster: &Cluster, name: &str) {
    let target = Target::live(name);
    let mut rtmp = Vec::new();
    let mut flv = Vec::new();
    for _ in 0..4 {
        rtmp.push(Player::connect(cluster.rtmp(), &target).await.expect("playing begins"));
        flv.push(FlvPlayer::request(cluster.http(), &Target::flv(name)).await);
    }
    cluster.viewers(name, 8).await;
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(51).clip(40)).await;
    let last = *publisher.sent.last().expect("frames");
    for player in &mut rtmp {
        player.reach(last).await;
    }
    for player in &mut flv {
        player.reach(last).await;
    }
    let sent = publisher.goodbye().await;
    for player in &mut rtmp {
        player.finish().await;
        assert_follows(&player.got, &sent, 0);
    }
    for player in &mut flv {
        player.finish().await;
        assert_follows(&player.got, &sent, 0);
    }
}

#[tokio::test]
async fn viewers_on_two_shards_of_an_origin_get_everything() {
    let cluster = Cluster::build().origins(1).without_proxy().shards(2).start().await;
    all_viewers_get_everything(&cluster, "shards-alone").await;
}

#[tokio::test]
async fn viewers_on_two_shards_of_proxy_and_origins_get_everything() {
    let cluster = Cluster::build().shards(2).start().await;
    all_viewers_get_everything(&cluster, "shards-proxy").await;
}

#[tokio::test]
async fn players_of_webrtc_see_the_stream_whichever_shard_the_system_gives_them_to() {
    let cluster = Cluster::build().origins(1).rtc().shards(2).start().await;
    let _publisher = Whip::start(cluster.http(), "shards-webrtc");
    cluster.holder("shards-webrtc").await;
    let mut players = Vec::new();
    for http in [cluster.http(), cluster.origin(0).http()[0]] {
        for _ in 0..8 {
            players.push(play(http, "shards-webrtc").await);
        }
    }
    cluster.viewers("shards-webrtc", 16).await;
    assert!(players.iter().all(|player| !player.is_finished()));
    for player in players {
        player.abort();
    }
}
