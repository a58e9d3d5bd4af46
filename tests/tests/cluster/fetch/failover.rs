//! Servers that stall, servers that wait for their publisher, and edges behind edges.

use srs_tests::edge::remote;
use srs_tests::{OriginProcess, Plan, Show};
use tokio::time::{Instant, timeout};

use super::*;

const SEEN: Plan = Plan { streams: 1, rtmp: 2, flv: 2, gop: 12, size: 4000 };

fn urls(servers: &[SocketAddr]) -> String {
    let urls: Vec<String> = servers.iter().map(|server| format!("{server}/live/")).collect();
    format!("origin_map {{ origin /live/ {{ pass {{ scheme rtmp; urls {}; }} }} }}", urls.join(" "))
}

#[tokio::test]
async fn a_server_that_stalls_is_left_within_three_seconds_for_the_next() {
    let cluster = origins(1).await;
    let one = OriginProcess::start(ORIGIN, "one", None).await;
    let two = OriginProcess::start(ORIGIN, "two", None).await;
    let servers = [one.rtmp, two.rtmp];
    let edge = cluster.edge_of("edge-1", &urls(&servers));
    let show = Show::start_at("stalls", &servers, &[(rtmp(&edge), web(&edge))], SEEN).await;
    has_viewers(one.api, "stalls-0", 1).await;
    one.signal("STOP").await;
    has_viewers(two.api, "stalls-0", 1).await;
    show.run(Duration::from_secs(2)).await;
    let report = show.stop().await;
    println!("longest wait {:?}", report.longest_wait);
    assert_kept(&report, Duration::from_secs(4));
    assert!(report.longest_wait > Duration::from_secs(2), "it was there: {report:?}");
    assert_eq!(report.to_the_end, 4, "{report:?}");
}

#[tokio::test]
async fn a_stream_whose_publisher_is_awaited_is_not_fetched_elsewhere() {
    let cluster = origins(2).await;
    let (one, two) = (cluster.origin(0), cluster.origin(1));
    let edge = cluster.edge_of("edge-1", &urls(&[one.rtmp()[0], two.rtmp()[0]]));
    let target = Target::live("awaited");
    let lost = publisher(one.rtmp()[0], &target, 1).await;
    // The same name, and another stream: who gets that was sent to the wrong place.
    let other =
        Show::start("awaited", two.rtmp()[0], &[], Plan { streams: 1, rtmp: 0, flv: 0, gop: 5, size: 900 });
    let _other = other.await;
    let mut player = Player::connect(rtmp(&edge), &target).await.expect("playing begins");
    player.frames(15).await;
    drop(lost);
    let silent = timeout(Duration::from_millis(5500), player.next()).await;
    assert!(silent.is_err(), "{silent:?} {:?}", player.told);
    assert_eq!(viewers(one.api()[0], "awaited").await.len(), 1);
    let mut back = publisher(one.rtmp()[0], &target, 2).await;
    let last = *back.sent.last().expect("frames");
    player.reach(last).await;
    back.send_all(&Source::new(3).clip(5)).await;
    player.reach(*back.sent.last().expect("frames")).await;
}

/// Three edges in a row behind an origin, the last with these of the other two as its servers.
fn row(cluster: &Cluster, servers_of_last: impl Fn(&Edge, &Edge) -> Vec<SocketAddr>) -> [Edge; 3] {
    let first = cluster.edge("edge-a");
    let second = cluster.edge_with("edge-b", None, |vhost| vhost.cluster = remote(&[rtmp(&first)], &[]));
    let servers = servers_of_last(&first, &second);
    let third = cluster.edge_with("edge-c", None, |vhost| vhost.cluster = remote(&servers, &[]));
    [first, second, third]
}

#[tokio::test]
async fn a_stream_plays_through_three_edges_in_a_row() {
    let cluster = Cluster::build().origins(1).start().await;
    let edges = row(&cluster, |_, second| vec![rtmp(second)]);
    let show = Show::start("row", cluster.rtmp(), &[(rtmp(&edges[2]), web(&edges[2]))], SEEN).await;
    for edge in &edges[..2] {
        assert_eq!(viewers(edge.api()[0], "row-0").await.len(), 1);
    }
    show.run(Duration::from_secs(1)).await;
    let report = show.stop().await;
    assert_kept(&report, Duration::from_secs(2));
    assert_eq!((report.to_the_end, report.lost), (4, 0), "{report:?}");
}

#[tokio::test]
async fn viewers_at_the_end_of_a_row_switch_when_its_middle_dies() {
    let cluster = Cluster::build().origins(1).start().await;
    let [first, second, third] = row(&cluster, |first, second| vec![rtmp(second), rtmp(first)]);
    let show = Show::start("middle", cluster.rtmp(), &[(rtmp(&third), web(&third))], SEEN).await;
    has_viewers(second.api()[0], "middle-0", 1).await;
    drop(second);
    until("the last edge at the first", async || {
        let list = viewers(first.api()[0], "middle-0").await;
        list.iter().any(|client| client["via"] == "edge-c").then_some(())
    })
    .await;
    show.run(Duration::from_secs(2)).await;
    let report = show.stop().await;
    assert_kept(&report, Duration::from_secs(3));
    assert_eq!(report.to_the_end, 4, "{report:?}");
}

#[tokio::test]
async fn viewers_at_the_end_of_a_row_see_an_end_when_its_middle_is_gone_for_good() {
    let cluster = Cluster::build().origins(1).start().await;
    let [_first, second, third] = row(&cluster, |_, second| vec![rtmp(second)]);
    let show =
        Show::start("cut", cluster.rtmp(), &[], Plan { streams: 1, rtmp: 0, flv: 0, gop: 12, size: 4000 })
            .await;
    let mut player = Player::connect(rtmp(&third), &Target::live("cut-0")).await.expect("playing begins");
    player.frames(10).await;
    drop(second);
    let began = Instant::now();
    let end = async { while player.next().await.is_some() {} };
    timeout(Duration::from_secs(40), end).await.expect("an end");
    println!("{:?}: {:?}", began.elapsed(), player.told);
    drop(show);
}
