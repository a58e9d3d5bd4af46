//! Rules: which server is asked, and how long a fetch lasts.

use srs_tests::{Plan, Show, fake};
use tokio::time::Instant;

use super::*;

/// One stream without viewers of its own.
const UNSEEN: Plan = Plan { streams: 1, rtmp: 0, flv: 0, gop: 12, size: 4000 };
/// One with two at each kind of door.
const SEEN: Plan = Plan { streams: 1, rtmp: 2, flv: 2, gop: 12, size: 4000 };

/// All streams are fetched from these servers, by a rule with these words and after these times.
fn urls(times: &str, words: &str, servers: &[SocketAddr]) -> String {
    let urls: Vec<String> = servers.iter().map(|server| format!("{server}/live/")).collect();
    format!(
        "origin_map {{ {times} origin /live/ {{ {words} pass {{ scheme rtmp; urls {}; }} }} }}",
        urls.join(" ")
    )
}

/// How long a new viewer waits for its first frame.
async fn first_frame(edge: &Edge, stream: &str) -> Duration {
    let began = Instant::now();
    let mut player = Player::connect(rtmp(edge), &Target::live(stream)).await.expect("playing begins");
    player.frames(1).await;
    began.elapsed()
}

/// A new viewer's first frame, where the first server is this one, for a stream nobody wanted before and then another.
async fn waits_behind(dead: SocketAddr) {
    let cluster = origins(1).await;
    let edge = cluster.edge_of("edge-1", &urls("", "", &[dead, cluster.rtmp()]));
    let mut publishers = Vec::new();
    for stream in ["one", "two"] {
        publishers.push(publisher(cluster.rtmp(), &Target::live(stream), 1).await);
    }
    for stream in ["one", "two"] {
        let waited = first_frame(&edge, stream).await;
        println!("{stream}: {waited:?}");
        assert!(waited < Duration::from_secs(1), "{stream}: {waited:?}");
    }
}

#[tokio::test]
async fn a_first_server_that_refuses_for_ever_keeps_no_viewer_waiting() {
    waits_behind(fake::refusing().await).await;
}

#[tokio::test]
async fn a_first_server_that_is_switched_off_keeps_no_viewer_waiting() {
    let hole = fake::BlackHole::start();
    waits_behind(hole.address).await;
}

#[tokio::test]
async fn a_first_server_that_says_nothing_keeps_no_viewer_waiting() {
    let silent = fake::Silent::start().await;
    waits_behind(silent.address).await;
}

#[tokio::test]
async fn viewers_stay_when_a_rules_first_server_dies() {
    let mut cluster = origins(2).await;
    let servers = [cluster.origin(0).rtmp()[0], cluster.origin(1).rtmp()[0]];
    let edge = cluster.edge_of("edge-1", &urls("", "", &servers));
    let show = Show::start_at("rule-dies", &servers, &[(rtmp(&edge), web(&edge))], SEEN).await;
    has_viewers(cluster.origin(0).api()[0], "rule-dies-0", 1).await;
    cluster.stop_origin(0);
    has_viewers(cluster.origin(1).api()[0], "rule-dies-0", 1).await;
    show.run(Duration::from_secs(3)).await;
    let report = show.stop().await;
    assert_kept(&report, Duration::from_secs(3));
    assert_eq!(report.to_the_end, 4, "{report:?}");
}

/// With these words in the rule, the first server dies and comes back.
async fn first_comes_back(name: &str, words: &str) -> (Cluster, Show, Edge) {
    let mut cluster = origins(2).await;
    let servers = [cluster.origin(0).rtmp()[0], cluster.origin(1).rtmp()[0]];
    let edge = cluster.edge_of("edge-1", &urls("stream_failback_timeout 1000;", words, &servers));
    let show = Show::start_at(name, &servers, &[(rtmp(&edge), web(&edge))], SEEN).await;
    let stream = show.stream(0);
    cluster.stop_origin(0);
    has_viewers(cluster.origin(1).api()[0], &stream, 1).await;
    cluster.start_origin_again(0).await;
    is_published(&cluster, 0, &stream).await;
    (cluster, show, edge)
}

#[tokio::test]
async fn a_fetch_returns_to_the_first_server_where_the_rule_says_failback() {
    let (cluster, show, _edge) = first_comes_back("returns", "failback on;").await;
    has_viewers(cluster.origin(0).api()[0], "returns-0", 1).await;
    has_viewers(cluster.origin(1).api()[0], "returns-0", 0).await;
    show.run(Duration::from_secs(2)).await;
    let report = show.stop().await;
    assert_kept(&report, Duration::from_secs(3));
    assert_eq!(report.to_the_end, 4, "{report:?}");
}

#[tokio::test]
async fn a_fetch_stays_where_it_is_without_failback() {
    let (cluster, show, _edge) = first_comes_back("stays", "").await;
    show.run(Duration::from_secs(4)).await;
    assert_eq!(viewers(cluster.origin(0).api()[0], "stays-0").await.len(), 0);
    assert_kept(&show.stop().await, Duration::from_secs(3));
}

/// Watches once with these words in the rule; how long the fetch went on without viewers, up to 5 s.
async fn lasts(name: &str, words: &str) -> Duration {
    let cluster = origins(1).await;
    let api = cluster.origin(0).api()[0];
    let edge =
        cluster.edge_of("edge-1", &urls("unused_stream_deletion_timeout 1000;", words, &[cluster.rtmp()]));
    let show = Show::start(name, cluster.rtmp(), &[], UNSEEN).await;
    let stream = show.stream(0);
    let mut player = Player::connect(rtmp(&edge), &Target::live(&stream)).await.expect("playing begins");
    player.frames(3).await;
    drop(player);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) && !viewers(api, &stream).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let lasted = began.elapsed();
    println!("{name}: {lasted:?}");
    lasted
}

#[tokio::test]
async fn a_fetch_that_nobody_watches_ends_when_its_time_is_over() {
    let lasted = lasts("unused", "").await;
    assert!((Duration::from_secs(1)..Duration::from_secs(3)).contains(&lasted), "{lasted:?}");
}

#[tokio::test]
async fn a_persistent_fetch_stays_without_viewers() {
    let lasted = lasts("persistent", "persistent on;").await;
    assert!(lasted >= Duration::from_secs(5), "{lasted:?}");
}
