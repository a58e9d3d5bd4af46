//! Edges: a stream is fetched once, and served to everyone.

use std::time::Duration;

use srs_edge::Edge;
use srs_tests::edge::remote;
use srs_tests::{Cluster, HlsPlayer, Plan, Player, Publisher, Show, Source, Target, http, logs, until};
use tokio::time::Instant;

/// Viewers over RTMP that origins list of this stream.
async fn pulls(cluster: &Cluster, stream: &str) -> usize {
    let mut seen = 0;
    for number in 0..3 {
        let clients = cluster.clients(number).await;
        let is_pull = |client: &&serde_json::Value| client["name"] == stream && client["type"] == "rtmp-play";
        seen += clients.iter().filter(is_pull).count();
    }
    seen
}

fn rtmp(edge: &Edge) -> std::net::SocketAddr {
    edge.rtmp()[0]
}

fn web(edge: &Edge) -> std::net::SocketAddr {
    edge.http()[0]
}

#[tokio::test]
async fn a_stream_plays_from_an_edge_by_every_protocol_and_is_fetched_once() {
    let cluster = Cluster::build().vhost(short_segments).start().await;
    let edge = cluster.edge("edge-1");
    let plan = Plan { streams: 1, rtmp: 2, flv: 2, gop: 25, size: 4000 };
    let show = Show::start("edged", cluster.rtmp(), &[(rtmp(&edge), web(&edge))], plan).await;
    let mut hls = HlsPlayer::start(web(&edge), "/live/edged-0.m3u8").await;
    hls.play(Duration::from_secs(4)).await;
    assert!(hls.segments > 2 && hls.continuity_errors() == 0 && hls.jumps.is_empty());
    assert_eq!(pulls(&cluster, "edged-0").await, 1, "HLS is not fetched as RTMP is");
    let report = show.stop().await;
    assert_eq!(
        (report.viewers_cut, report.wrong, report.disorder, report.to_the_end),
        (0, 0, 0, 4),
        "{report:?}"
    );
}

#[tokio::test]
async fn five_hundred_viewers_of_a_cold_stream_cost_one_fetch() {
    let cluster = Cluster::build().start().await;
    let edge = cluster.edge("edge-1");
    let target = Target::live("cold");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    let mut source = Source::new(1);
    publisher.send_all(&source.clip(50)).await;
    let tasks: Vec<_> = (0..500)
        .map(|_| {
            let (address, target) = (rtmp(&edge), target.clone());
            tokio::spawn(async move {
                let began = Instant::now();
                let mut player = Player::connect(address, &target).await.expect("playing begins");
                player.frames(1).await;
                began.elapsed()
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.push(task.await.expect("no panic"));
    }
    waits.sort();
    assert_eq!(pulls(&cluster, "cold").await, 1);
    println!("first frame p50 {:?} p99 {:?}", waits[250], waits[495]);
}

#[tokio::test]
async fn a_stream_that_is_nowhere_is_refused_clearly_and_soon() {
    let cluster = Cluster::build().start().await;
    let edge = cluster.edge("edge-1");
    let began = Instant::now();
    let reply = http::get(web(&edge), &Target::flv("nowhere")).await;
    assert_eq!(reply.head.status, 404);
    let refusal = Player::connect(rtmp(&edge), &Target::live("nowhere")).await.err();
    println!("{:?}: {:?} {refusal:?}", began.elapsed(), String::from_utf8_lossy(&reply.body));
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn viewers_of_an_edge_stay_when_the_origin_behind_the_proxy_dies() {
    let mut cluster = Cluster::build().start().await;
    let edge = cluster.edge("edge-1");
    let plan = Plan { streams: 3, rtmp: 2, flv: 2, gop: 12, size: 4000 };
    let doors = [(rtmp(&edge), web(&edge))];
    let show = Show::start("edge-dies", cluster.rtmp(), &doors, plan).await;
    let holder = cluster.holder("edge-dies-0").await;
    cluster.stop_origin(holder);
    show.run(Duration::from_secs(5)).await;
    let report = show.stop().await;
    println!("{report:?}");
    assert_eq!(
        (report.publishers_cut, report.viewers_cut, report.wrong, report.disorder),
        (0, 0, 0, 0),
        "{report:?}"
    );
    assert!(report.longest_wait < Duration::from_secs(3), "{report:?}");
    assert_eq!(report.to_the_end, 12);
}

#[tokio::test]
async fn an_edge_lets_go_of_a_stream_that_nobody_watches() {
    let cluster = Cluster::build().origins(1).start().await;
    let edge = cluster.edge("edge-1");
    let target = Target::live("let-go");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(1).clip(25)).await;
    let mut player = Player::connect(rtmp(&edge), &target).await.expect("playing begins");
    player.frames(1).await;
    drop(player);
    until("the fetch ends", async || {
        let clients = cluster.clients(0).await;
        clients.iter().all(|client| client["publish"] == true).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_published_at_an_edge_is_at_an_origin_and_plays_everywhere() {
    let cluster = Cluster::build().start().await;
    let (edge, other) = (cluster.edge("edge-1"), cluster.edge("edge-2"));
    let target = Target::live("pushed");
    let mut publisher = Publisher::connect(rtmp(&edge), &target).await.expect("publishing begins");
    let mut source = Source::new(1);
    publisher.send_all(&source.clip(10)).await;
    cluster.holder("pushed").await;
    let mut players = Vec::new();
    for address in [rtmp(&edge), rtmp(&other), cluster.rtmp()] {
        let mut player = Player::connect(address, &target).await.expect("playing begins");
        player.frames(1).await;
        players.push(player);
    }
    publisher.send_all(&source.clip(10)).await;
    let last = *publisher.sent.last().expect("frames");
    for player in &mut players {
        player.reach(last).await;
    }
    publisher.goodbye().await;
    for player in &mut players {
        player.finish().await;
    }
}

#[tokio::test]
async fn a_publish_at_an_edge_goes_on_at_another_origin() {
    let mut cluster = Cluster::build().start().await;
    let edge = cluster.edge("edge-1");
    let plan = Plan { streams: 1, rtmp: 1, flv: 1, gop: 12, size: 4000 };
    let show = Show::start("push-dies", rtmp(&edge), &[(rtmp(&edge), web(&edge))], plan).await;
    let holder = cluster.holder("push-dies-0").await;
    cluster.stop_origin(holder);
    show.run(Duration::from_secs(3)).await;
    let report = show.stop().await;
    assert_eq!((report.publishers_cut, report.viewers_cut, report.to_the_end), (0, 0, 2), "{report:?}");
}

#[tokio::test]
async fn an_edge_may_be_told_to_take_no_publish() {
    let cluster = Cluster::build().origins(1).start().await;
    let edge = cluster.edge_with("edge-1", None, |vhost| vhost.cluster.push = false);
    let refusal = Publisher::connect(rtmp(&edge), &Target::live("refused")).await.err().expect("a refusal");
    assert!(format!("{refusal:?}").contains("push off"), "{refusal:?}");
}

#[tokio::test]
async fn an_origin_may_be_for_the_nodes_of_its_cluster_alone() {
    let cluster = Cluster::build().origins(1).vhost(|vhost| vhost.play_from_cluster = true).start().await;
    let edge = cluster.edge_with("edge-1", None, |vhost| vhost.play_from_cluster = false);
    let target = Target::live("closed");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(1).clip(10)).await;
    cluster.holder("closed").await;
    let refusal = Player::connect(cluster.origin(0).rtmp()[0], &target).await.err().expect("a refusal");
    assert!(format!("{refusal:?}").contains("play_from cluster"), "{refusal:?}");
    let reply = http::get(cluster.origin(0).http()[0], &Target::flv("closed")).await;
    assert_eq!(reply.head.status, 403);
    for address in [rtmp(&edge), cluster.rtmp()] {
        let mut player = Player::connect(address, &target).await.expect("playing begins");
        player.frames(1).await;
    }
}

#[tokio::test]
async fn edges_that_fetch_from_each_other_are_told_of_the_loop() {
    let cluster = Cluster::build().origins(1).start().await;
    // The first learns the second's address by being told of it; a loop has to be closed by hand.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let first = cluster.edge_with("edge-a", None, |vhost| vhost.cluster = remote(&[port], &[]));
    let second = cluster.edge_at("edge-b", port, |vhost| vhost.cluster = remote(&[rtmp(&first)], &[]));
    for edge in [&first, &second] {
        let reply = http::get(web(edge), &Target::flv("round")).await;
        let words = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(words.contains("loop: edge-") && reply.head.status == 508, "{} {words}", reply.head.status);
    }
    let told = Player::connect(rtmp(&first), &Target::live("round")).await.err();
    assert!(format!("{told:?}").contains("loop: edge-"), "{told:?}");
    let refused = Publisher::connect(rtmp(&first), &Target::live("round")).await.err();
    assert!(format!("{refused:?}").contains("loop: edge-a > edge-b > edge-a"), "{refused:?}");
}

#[tokio::test]
async fn ten_thousand_requests_for_streams_that_do_not_exist_cost_one_question_a_stream_and_second() {
    let cluster = Cluster::build().origins(1).start().await;
    let edge = cluster.edge("edge-1");
    let began = Instant::now();
    let mut tasks = Vec::new();
    for worker in 0..1000 {
        let address = web(&edge);
        tasks.push(tokio::spawn(async move {
            for number in 0..10 {
                let path = Target::flv(&format!("none-{}", (worker + number) % 10));
                let reply = http::get(address, &path).await;
                assert_eq!(reply.head.status, 404, "{}", String::from_utf8_lossy(&reply.body));
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    let seconds = began.elapsed().as_secs_f64();
    let asked = logs::lines(&["srs_gateway", "rtmp play", "none-"]);
    let asked = asked.iter().filter(|line| !line.contains("ended")).count();
    println!("{seconds:.1} s, {asked} questions");
    assert!(asked as f64 <= 10.0 * (seconds + 1.0), "{asked} in {seconds} s");
}

/// A player whose every request goes to the other one of two edges.
async fn takes_turns(name: &str, time: Duration) {
    let cluster = Cluster::build().vhost(short_segments).start().await;
    let edges = [cluster.edge("edge-1"), cluster.edge("edge-2")];
    let plan = Plan { streams: 1, rtmp: 0, flv: 1, gop: 25, size: 4000 };
    let show = Show::start(name, cluster.rtmp(), &[(cluster.rtmp(), cluster.http())], plan).await;
    let mut hls = HlsPlayer::start(web(&edges[0]), &format!("/live/{name}-0.m3u8")).await;
    hls.play_in_turns(&[web(&edges[0]), web(&edges[1])], time).await;
    assert!(hls.segments > time.as_secs() / 2 && hls.continuity_errors() == 0 && hls.jumps.is_empty());
    show.stop().await;
}

fn short_segments(vhost: &mut srs_origin::config::Vhost) {
    vhost.hls.enabled = true;
    vhost.hls.settings.cut.fragment = Duration::from_secs(1);
}

#[tokio::test]
async fn a_player_of_lists_that_takes_turns_between_two_edges_sees_one_stream() {
    takes_turns("turns", Duration::from_secs(6)).await;
}

#[tokio::test]
#[ignore = "takes a minute"]
async fn a_player_of_lists_that_takes_turns_for_a_minute_sees_one_stream() {
    takes_turns("turns-long", Duration::from_secs(60)).await;
}

#[tokio::test]
async fn lists_at_an_edge_only_grow_when_the_origin_behind_the_proxy_dies() {
    let mut cluster = Cluster::build().vhost(short_segments).start().await;
    let edge = cluster.edge("edge-1");
    let plan = Plan { streams: 1, rtmp: 1, flv: 0, gop: 25, size: 4000 };
    let show = Show::start("lists-edge", cluster.rtmp(), &[(rtmp(&edge), web(&edge))], plan).await;
    let mut hls = HlsPlayer::start(web(&edge), "/live/lists-edge-0.m3u8").await;
    hls.play(Duration::from_secs(3)).await;
    let holder = cluster.holder("lists-edge-0").await;
    cluster.stop_origin(holder);
    let killed = Instant::now();
    hls.play(Duration::from_secs(8)).await;
    assert_eq!((hls.jumps.len(), hls.breaks, hls.continuity_errors()), (1, 1, 0), "one change of origins");
    // A fragment, a GOP, and three seconds.
    let first = hls.jumps[0] - killed;
    assert!(first < Duration::from_secs(5), "the first new segment came after {first:?}");
    let report = show.stop().await;
    assert_eq!((report.publishers_cut, report.viewers_cut, report.disorder), (0, 0, 0), "{report:?}");
}
