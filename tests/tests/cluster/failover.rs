//! A dead node is never the viewer's problem for long.

use std::time::Duration;

use srs_tests::cluster::register;
use srs_tests::{Cluster, FlvPlayer, OriginProcess, Player, Publisher, Source, Target, fake, logs, until};
use tokio::time::Instant;

/// Silence is known after 3 s, judged twice a second; the rest is this machine's own slowness.
const SILENCE: Duration = Duration::from_millis(4000);

#[tokio::test]
async fn the_next_publish_avoids_an_origin_that_refuses_at_once() {
    let mut cluster = Cluster::build().start().await;
    let target = Target::live("refuses");
    let first = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    let holder = cluster.holder("refuses").await;
    cluster.stop_origin(holder);
    drop(first);
    let started = Instant::now();
    let mut second = Publisher::connect(cluster.rtmp(), &target).await.expect("another origin takes it");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    let other = cluster.holder("refuses").await;
    assert_ne!(other, holder);
    second.send_all(&Source::new(71).clip(12)).await;
    let mut player = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    player.reach(*second.sent.last().expect("frames")).await;
    let mut flv = FlvPlayer::connect(cluster.http(), &Target::flv("refuses")).await;
    flv.reach(*second.sent.last().expect("frames")).await;
}

#[tokio::test]
async fn a_publisher_of_a_dead_origin_is_told_within_a_second() {
    let mut cluster = Cluster::build().start().await;
    let target = Target::live("dies");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(72).clip(3)).await;
    let holder = cluster.holder("dies").await;
    let started = Instant::now();
    cluster.stop_origin(holder);
    publisher.closed().await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_silent_origin_is_out_within_four_seconds() {
    let cluster = Cluster::build().origins(1).start().await;
    let silent = fake::Silent::start().await;
    register(cluster.proxy().system_api(), "silent", silent.address, Some(silent.address)).await;
    let started = Instant::now();
    cluster.wait_for_origins(2).await;
    cluster.wait_for_origins(1).await;
    assert!(started.elapsed() < SILENCE, "{:?}", started.elapsed());
    for number in 0..12 {
        let started = Instant::now();
        let target = Target::live(&format!("after-silence-{number}"));
        let _publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    }
    assert_eq!(cluster.streams(0).await.len(), 12, "all of them at the origin that lives");
}

#[tokio::test]
async fn a_publish_that_meets_a_silent_origin_is_served_elsewhere() {
    let cluster = Cluster::build().origins(1).start().await;
    let silent = fake::Silent::start().await;
    register(cluster.proxy().system_api(), "mute", silent.address, Some(silent.address)).await;
    // Some of these are the silent origin's by rendezvous.
    let started = Instant::now();
    let tasks: Vec<_> = (0..12)
        .map(|number| {
            let (address, target) = (cluster.rtmp(), Target::live(&format!("meets-silence-{number}")));
            tokio::spawn(async move {
                Publisher::connect(address, &target).await.map(|publisher| (publisher, number))
            })
        })
        .collect();
    let mut publishers = Vec::new();
    for task in tasks {
        publishers.push(task.await.expect("no panic").expect("publishing begins"));
    }
    assert!(started.elapsed() < SILENCE + Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(cluster.streams(0).await.len(), 12);
}

#[tokio::test]
async fn a_stopped_origin_is_left_and_its_streams_go_elsewhere() {
    let cluster = Cluster::build().origins(1).start().await;
    let frozen = origin_alone("frozen", &cluster).await;
    cluster.wait_for_origins(2).await;
    // One of these is the other process's.
    let (mut publisher, target) = at_the_process(&cluster, "stop").await;
    let mut flv = FlvPlayer::connect(cluster.http(), &format!("/live/{}.flv", target.stream)).await;
    flv.frames(3).await;
    let stopped = Instant::now();
    frozen.signal("STOP").await;
    let told = publisher.closed().await;
    assert!(stopped.elapsed() < SILENCE, "{:?}", stopped.elapsed());
    assert_eq!(told, ["NetStream.Publish.Failed"]);
    cluster.wait_for_origins(1).await;
    let _second = Publisher::connect(cluster.rtmp(), &target).await.expect("another origin takes it");
    assert!(stopped.elapsed() < SILENCE + Duration::from_secs(1), "{:?}", stopped.elapsed());
    frozen.signal("CONT").await;
    cluster.wait_for_origins(2).await;
    let mut player = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    let mut second = _second;
    second.send_all(&Source::new(74).clip(12)).await;
    player.reach(*second.sent.last().expect("frames")).await;
    let old: Vec<_> = publisher.sent.iter().map(|mark| mark.sha256).collect();
    let stale =
        srs_tests::media::coded(&player.got).into_iter().filter(|mark| old.contains(&mark.sha256)).count();
    assert_eq!(stale, 0, "nothing of the stopped origin reaches a viewer of the new one");
}

#[tokio::test]
async fn a_killed_origin_is_left_at_once() {
    let cluster = Cluster::build().origins(1).start().await;
    let process = origin_alone("killed", &cluster).await;
    cluster.wait_for_origins(2).await;
    let (mut publisher, target) = at_the_process(&cluster, "kill").await;
    let killed = Instant::now();
    process.kill().await;
    publisher.closed().await;
    let mut second = Publisher::connect(cluster.rtmp(), &target).await.expect("another origin takes it");
    assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
    second.send_all(&Source::new(76).clip(12)).await;
    let mut player = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    player.reach(*second.sent.last().expect("frames")).await;
}

#[tokio::test]
async fn an_origin_that_restarts_with_its_id_serves_again() {
    let mut cluster = Cluster::build().origins(1).start().await;
    let target = Target::live("restarts");
    let first = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    cluster.stop_origin(0);
    drop(first);
    cluster.add_origin("origin-1");
    logs::wait(&["node restarted", "origin-1"]).await;
    let restarted = Instant::now();
    let mut publisher =
        until("the restarted origin", async || Publisher::connect(cluster.rtmp(), &target).await.ok()).await;
    assert!(restarted.elapsed() < Duration::from_secs(5), "{:?}", restarted.elapsed());
    publisher.send_all(&Source::new(77).clip(12)).await;
    let mut player = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    player.reach(*publisher.sent.last().expect("frames")).await;
}

#[tokio::test]
async fn viewers_that_came_first_follow_the_stream_to_the_origin_that_gets_it() {
    let cluster = Cluster::build().start().await;
    let mut waiting = Vec::new();
    for number in 0..6 {
        let target = Target::live(&format!("first-{number}"));
        let player = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
        waiting.push((target, player));
    }
    // Published at one origin, wherever rendezvous sent the viewers.
    for (number, (target, player)) in waiting.iter_mut().enumerate() {
        let mut publisher =
            Publisher::connect(cluster.origin(2).rtmp()[0], target).await.expect("publishing begins");
        publisher.send_all(&Source::new(u8::try_from(number).expect("few")).clip(12)).await;
        player.reach(*publisher.sent.last().expect("frames")).await;
    }
}

#[tokio::test]
async fn an_http_viewer_of_a_mute_origin_is_told() {
    let mute = fake::Silent::start().await;
    let cluster = Cluster::build().origins(0).backend(mute.address, Some(mute.address)).start().await;
    let mut flv = FlvPlayer::request(cluster.http(), &Target::flv("mute")).await;
    let head = flv.head().await;
    assert!((500..=504).contains(&head.status), "{head:?}");
}

#[tokio::test]
async fn an_http_viewer_of_an_origin_that_hangs_up_is_told() {
    let origin = fake::Http::start("").await;
    let cluster = Cluster::build().origins(0).backend(origin.address, Some(origin.address)).start().await;
    let mut flv = FlvPlayer::request(cluster.http(), &Target::flv("hangs-up")).await;
    let head = flv.head().await;
    assert!((500..=504).contains(&head.status), "{head:?}");
}

async fn origin_alone(name: &str, cluster: &Cluster) -> OriginProcess {
    let program = env!("CARGO_BIN_EXE_origin-alone");
    OriginProcess::start(program, name, Some(cluster.proxy().system_api())).await
}

/// Publishes until a stream lands at the origin that is not in this process.
async fn at_the_process(cluster: &Cluster, name: &str) -> (Publisher, Target) {
    for number in 0..64 {
        let target = Target::live(&format!("{name}-{number}"));
        let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
        publisher.send_all(&Source::new(75).clip(3)).await;
        if !cluster.streams(0).await.iter().any(|listed| listed["name"] == target.stream.as_str()) {
            return (publisher, target);
        }
        publisher.goodbye().await;
    }
    panic!("none of 64 streams went to the other origin");
}
