//! A dead node is never the viewer's problem for long.

use std::time::Duration;

use srs_tests::cluster::register;
use srs_tests::{
    Cluster, FlvPlayer, OriginProcess, Plan, Player, Publisher, Report, Show, Source, Target, fake, logs,
    until,
};
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

/// Half a second a GOP; ten streams with four viewers each.
const PLAN: Plan = Plan { streams: 10, rtmp: 2, flv: 2, gop: 12, size: 4000 };

async fn show(cluster: &Cluster, name: &str) -> Show {
    Show::start(name, cluster.rtmp(), &[(cluster.rtmp(), cluster.http())], PLAN).await
}

/// Nobody was cut off, and everybody has seen it to the end, in order and of the right stream.
fn assert_whole(report: &Report) {
    println!("{report:?}");
    let viewers = PLAN.streams * (PLAN.rtmp + PLAN.flv);
    let is_whole = report.publishers_cut == 0
        && report.viewers_cut == 0
        && report.wrong == 0
        && report.repeated == 0
        && report.disorder == 0
        && report.to_the_end == viewers;
    assert!(is_whole, "{report:?}");
}

#[tokio::test]
async fn a_killed_origin_costs_no_session_and_nobody_waits_long() {
    let cluster = Cluster::build().origins(2).start().await;
    let process = origin_alone("killed", &cluster).await;
    cluster.wait_for_origins(3).await;
    let show = show(&cluster, "kill").await;
    process.kill().await;
    show.run(Duration::from_secs(4)).await;
    let report = show.stop().await;
    assert_whole(&report);
    assert!(report.longest_wait < Duration::from_secs(3), "{report:?}");
}

#[tokio::test]
async fn a_stopped_origin_costs_no_session_and_is_known_within_six_seconds() {
    let cluster = Cluster::build().origins(2).start().await;
    let process = origin_alone("stopped", &cluster).await;
    cluster.wait_for_origins(3).await;
    let show = show(&cluster, "stop").await;
    process.signal("STOP").await;
    show.run(Duration::from_secs(7)).await;
    process.signal("CONT").await;
    show.run(Duration::from_secs(3)).await;
    let report = show.stop().await;
    assert_whole(&report);
    assert!(report.longest_wait < Duration::from_secs(6), "{report:?}");
}

#[tokio::test]
async fn the_only_origin_may_come_back() {
    let mut cluster = Cluster::build().origins(1).start().await;
    let show = show(&cluster, "back").await;
    cluster.stop_origin(0);
    cluster.add_origin("origin-1");
    show.run(Duration::from_secs(4)).await;
    assert_whole(&show.stop().await);
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

#[tokio::test]
async fn a_proxy_that_is_started_anew_learns_from_the_origins_where_streams_are() {
    let mut cluster = Cluster::build().start().await;
    let mut places = Vec::new();
    for number in 0..6 {
        let target = Target::live(&format!("learns-{number}"));
        let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
        publisher.send_all(&Source::new(number).clip(3)).await;
        places.push((target.clone(), cluster.holder(&target.stream).await));
    }
    cluster.restart_proxy(Duration::ZERO).await;
    cluster.wait_for_origins(3).await;
    for (number, (target, place)) in places.iter().enumerate() {
        // The publisher was cut off with its proxy, and comes back within the hold.
        let mut publisher = Publisher::connect(cluster.rtmp(), target).await.expect("publishing begins");
        publisher.send_all(&Source::new(u8::try_from(100 + number).expect("few")).clip(3)).await;
        assert_eq!(cluster.holder(&target.stream).await, *place, "{target:?}");
    }
}
