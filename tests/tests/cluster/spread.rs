//! How streams are spread over origins.

use std::collections::BTreeMap;

use srs_tests::{Cluster, Player, Publisher, Source, Target};

#[tokio::test]
async fn sixty_streams_leave_no_origin_with_more_than_45_percent() {
    let cluster = Cluster::build().start().await;
    let mut publishers = Vec::new();
    for number in 0..60 {
        let target = Target::live(&format!("spread-{number}"));
        publishers.push(Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins"));
    }
    let mut held = BTreeMap::new();
    for number in 0..3 {
        let streams = cluster.streams(number).await;
        held.insert(number, streams.iter().filter(|stream| stream["publish"]["active"] == true).count());
    }
    assert_eq!(held.values().sum::<usize>(), 60, "{held:?}");
    assert!(held.values().all(|count| *count <= 27), "{held:?}");
}

#[tokio::test]
async fn a_stream_published_at_an_origin_itself_is_found_through_the_proxy() {
    let cluster = Cluster::build().start().await;
    // Where rendezvous would not put all of them.
    let mut publishers = Vec::new();
    for number in 0..6 {
        let target = Target::live(&format!("direct-{number}"));
        let address = cluster.origin(1).rtmp()[0];
        let mut publisher = Publisher::connect(address, &target).await.expect("publishing begins");
        publisher.send_all(&Source::new(number).clip(12)).await;
        publishers.push((target, publisher));
    }
    for (target, publisher) in &publishers {
        let mut player = Player::connect(cluster.rtmp(), target).await.expect("playing begins");
        player.reach(*publisher.sent.last().expect("frames")).await;
    }
}

#[tokio::test]
async fn the_same_stream_is_the_same_whatever_port_and_case_the_host_has() {
    let cluster = Cluster::build().start().await;
    let named = |host: &str| {
        let tc_url = format!("rtmp://{host}/live");
        Target { tc_url, ..Target::live("one-name") }
    };
    let target = named("Video.Example.com:1935");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(9).clip(12)).await;
    let mut player =
        Player::connect(cluster.rtmp(), &named("video.example.com")).await.expect("playing begins");
    player.reach(*publisher.sent.last().expect("frames")).await;
}

#[tokio::test]
async fn a_stream_published_by_address_is_played_by_host_name() {
    let cluster = Cluster::build().start().await;
    for number in 0..6 {
        let name = format!("one-stream-{number}");
        let mut publisher =
            Publisher::connect(cluster.rtmp(), &Target::live(&name)).await.expect("publishing begins");
        publisher.send_all(&Source::new(number).clip(12)).await;
        let tc_url = "rtmp://video.example.com/live".to_owned();
        let by_name = Target { tc_url, ..Target::live(&name) };
        let mut player = Player::connect(cluster.rtmp(), &by_name).await.expect("playing begins");
        player.reach(*publisher.sent.last().expect("frames")).await;
    }
}
