//! What viewers and publishers see when nodes die, stop and leave: real processes, with each directory. The long forms have
//! the numbers that the project promises.

use std::time::Duration;

use srs_tests::{
    Fleet, HlsPlayer, Plan, Player, Programs, Publisher, Report, Shared, Show, Source, Target, http, until,
};
use tokio::time::{Instant, sleep};

const PROGRAMS: Programs =
    Programs { proxy: env!("CARGO_BIN_EXE_proxy-alone"), origin: env!("CARGO_BIN_EXE_origin-alone") };

/// GOPs of a second.
const SHORT: Plan = Plan { streams: 9, rtmp: 2, flv: 2, gop: 25, size: 4000 };
const LONG: Plan = Plan { streams: 50, ..SHORT };

/// Nobody was cut off; everybody has seen it to the end, in order and of the right stream, and waited no longer than this.
fn assert_whole(report: &Report, plan: Plan, longest: Duration) {
    println!("{report:?}");
    let viewers = plan.streams * (plan.rtmp + plan.flv);
    let is_whole = report.publishers_cut == 0
        && report.viewers_cut == 0
        && report.wrong == 0
        && report.repeated == 0
        && report.disorder == 0
        && report.to_the_end == viewers
        && report.longest_wait < longest;
    assert!(is_whole, "{report:?}");
    // The open GOP is told again. Who waited into the next one lacks no more than what was sent meanwhile, 75 frames a second.
    let meanwhile = report.longest_wait.as_secs_f64() * 75.0 + 3.0;
    assert!(report.most_lost as f64 <= meanwhile, "{report:?}");
}

async fn show(fleet: &Fleet, name: &str, plan: Plan) -> Show {
    Show::start(name, fleet.proxies[0].rtmp, &fleet.doors(), plan).await
}

async fn kill(shared: Shared, plan: Plan) {
    let Some(mut fleet) = Fleet::start(PROGRAMS, shared, 3).await else { return };
    let show = show(&fleet, "kill", plan).await;
    fleet.take_origin(0).kill().await;
    show.run(Duration::from_secs(5)).await;
    let report = show.stop().await;
    assert_whole(&report, plan, Duration::from_secs(3));
}

async fn stop(shared: Shared, plan: Plan) {
    let Some(mut fleet) = Fleet::start(PROGRAMS, shared, 3).await else { return };
    let show = show(&fleet, "stop", plan).await;
    let stopped = fleet.take_origin(0);
    stopped.signal("STOP").await;
    show.run(Duration::from_secs(7)).await;
    // Nothing of what it still has may reach anybody.
    stopped.signal("CONT").await;
    show.run(Duration::from_secs(4)).await;
    assert_whole(&show.stop().await, plan, Duration::from_secs(6));
}

async fn drain(shared: Shared, plan: Plan) {
    let Some(mut fleet) = Fleet::start(PROGRAMS, shared, 3).await else { return };
    let show = show(&fleet, "drain", plan).await;
    let path = "/api/v1/origins/origin-0/drain";
    // Any proxy will do.
    let proxy = fleet.proxies.last().expect("a proxy");
    let reply = http::request(proxy.system, "POST", path, "").await;
    assert_eq!(reply.head.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    until("nothing is published at the origin that drains", async || {
        fleet.live().await[0].is_empty().then_some(())
    })
    .await;
    for number in 0..6 {
        let target = Target::live(&format!("after-{number}"));
        let ingest = fleet.proxies[number % fleet.proxies.len()].rtmp;
        let _publisher = Publisher::connect(ingest, &target).await.expect("publishing begins");
        assert_ne!(fleet.holder(&target.stream).await, 0, "no new stream goes there");
    }
    fleet.take_origin(0).kill().await;
    show.run(Duration::from_secs(2)).await;
    let report = show.stop().await;
    assert_whole(&report, plan, Duration::from_secs(1));
}

async fn term(shared: Shared, plan: Plan) {
    let Some(mut fleet) = Fleet::start(PROGRAMS, shared, 3).await else { return };
    let show = show(&fleet, "term", plan).await;
    let leaving = fleet.take_origin(0);
    leaving.signal("TERM").await;
    let (status, output) = leaving.finish().await;
    assert_eq!(status.code(), Some(0), "{output}");
    show.run(Duration::from_secs(2)).await;
    let report = show.stop().await;
    assert_whole(&report, plan, Duration::from_secs(1));
}

#[tokio::test]
async fn a_killed_origin_is_nobodys_problem() {
    kill(Shared::Memory, SHORT).await;
}

#[tokio::test]
async fn a_killed_origin_is_nobodys_problem_at_two_proxies() {
    kill(Shared::Redis, SHORT).await;
}

#[tokio::test]
async fn a_killed_origin_is_nobodys_problem_in_a_mesh() {
    kill(Shared::Mesh, SHORT).await;
}

#[tokio::test]
async fn streams_leave_an_origin_that_drains_in_a_mesh() {
    drain(Shared::Mesh, SHORT).await;
}

#[tokio::test]
async fn a_stopped_origin_is_known_within_six_seconds_at_two_proxies() {
    stop(Shared::Redis, SHORT).await;
}

#[tokio::test]
async fn streams_leave_an_origin_that_drains_and_nobody_waits_a_second() {
    drain(Shared::Memory, SHORT).await;
}

#[tokio::test]
async fn streams_leave_an_origin_that_drains_at_two_proxies() {
    drain(Shared::Redis, SHORT).await;
}

#[tokio::test]
async fn an_origin_that_is_asked_to_end_leaves_when_its_streams_have_gone() {
    term(Shared::Redis, SHORT).await;
}

#[tokio::test]
#[ignore = "50 publishers and 200 viewers, some minutes"]
async fn fifty_publishers_and_two_hundred_viewers_lose_nothing_by_a_dead_origin() {
    kill(Shared::Memory, LONG).await;
    kill(Shared::Redis, LONG).await;
    kill(Shared::Mesh, LONG).await;
}

#[tokio::test]
#[ignore = "50 publishers and 200 viewers, some minutes"]
async fn fifty_publishers_and_two_hundred_viewers_wait_six_seconds_for_a_stopped_origin() {
    stop(Shared::Memory, LONG).await;
    stop(Shared::Redis, LONG).await;
    stop(Shared::Mesh, LONG).await;
}

#[tokio::test]
#[ignore = "50 publishers and 200 viewers, some minutes"]
async fn fifty_publishers_and_two_hundred_viewers_wait_less_than_a_second_for_a_drain() {
    drain(Shared::Memory, LONG).await;
    drain(Shared::Redis, LONG).await;
    drain(Shared::Mesh, LONG).await;
}

/// A publisher that drops without a word and comes back, through the other proxy where there is one.
async fn away(shared: Shared, time: Duration, returns: bool) {
    let Some(fleet) = Fleet::start(PROGRAMS, shared, 2).await else { return };
    let target = Target::live("away");
    let (first, last) = (&fleet.proxies[0], fleet.proxies.last().expect("a proxy"));
    let mut publisher = Publisher::connect(first.rtmp, &target).await.expect("publishing begins");
    let mut source = Source::new(5);
    publisher.send_all(&source.clip(12)).await;
    let mut viewers = Vec::new();
    for (rtmp, _) in fleet.doors() {
        let mut player = Player::connect(rtmp, &target).await.expect("playing begins");
        player.frames(3).await;
        viewers.push(player);
    }
    let holder = fleet.holder("away").await;
    drop(publisher);
    let dropped = Instant::now();
    if !returns {
        for player in &mut viewers {
            player.finish().await;
            assert_eq!(player.told.last().map(String::as_str), Some("NetStream.Play.UnpublishNotify"));
        }
        assert!(dropped.elapsed() > Duration::from_secs(9) && dropped.elapsed() < Duration::from_secs(12));
        return;
    }
    sleep(time).await;
    let mut publisher = Publisher::connect(last.rtmp, &target).await.expect("publishing goes on");
    publisher.send_all(&source.clip(24)).await;
    for player in &mut viewers {
        player.reach(*publisher.sent.last().expect("frames")).await;
    }
    assert_eq!(fleet.holder("away").await, holder, "it is waited for where it was");
}

#[tokio::test]
async fn a_publisher_that_was_away_for_eight_seconds_finds_its_viewers() {
    tokio::join!(
        away(Shared::Memory, Duration::from_secs(8), true),
        away(Shared::Redis, Duration::from_secs(8), true),
        away(Shared::Mesh, Duration::from_secs(8), true),
    );
}

#[tokio::test]
async fn viewers_of_a_publisher_that_stays_away_are_told_the_end() {
    tokio::join!(away(Shared::Memory, Duration::ZERO, false), away(Shared::Redis, Duration::ZERO, false),);
}

/// An HLS player at each proxy through the death of the stream's origin.
#[tokio::test]
async fn lists_only_grow_at_both_proxies_through_the_death_of_the_origin() {
    let Some(mut fleet) = Fleet::start(PROGRAMS, Shared::Redis, 2).await else { return };
    let plan = Plan { streams: 1, rtmp: 0, flv: 0, gop: 25, size: 8000 };
    let show = show(&fleet, "hls", plan).await;
    let mut players = Vec::new();
    for (_, http) in fleet.doors() {
        players.push(HlsPlayer::start(http, "/live/hls-0.m3u8").await);
    }
    let holder = fleet.holder("hls-0").await;
    let origin = fleet.take_origin(holder);
    let play = async |players: &mut Vec<HlsPlayer>, time| {
        let (one, rest) = players.split_first_mut().expect("players");
        tokio::join!(one.play(time), rest[0].play(time));
    };
    play(&mut players, Duration::from_secs(5)).await;
    let killed = Instant::now();
    origin.kill().await;
    play(&mut players, Duration::from_secs(11)).await;
    for player in &players {
        assert_eq!((player.jumps.len(), player.breaks), (1, 1));
        let first = player.jumps[0] - killed;
        assert!(first < Duration::from_secs(2 + 1 + 3), "the first new segment came after {first:?}");
        assert_eq!(player.continuity_errors(), 0);
    }
    assert_eq!(show.stop().await.publishers_cut, 0);
}
