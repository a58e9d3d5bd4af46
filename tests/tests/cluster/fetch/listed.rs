//! Edges of the first generation: every stream is there before a viewer asks, from a primary or its secondary.

use srs_tests::{Plan, Show};

use super::*;

const SEEN: Plan = Plan { streams: 2, rtmp: 1, flv: 1, gop: 12, size: 4000 };
const UNSEEN: Plan = Plan { streams: 2, rtmp: 0, flv: 0, gop: 12, size: 4000 };

/// A primary, its secondary, and an edge of both with further words in its `cluster`.
async fn pair(words: &str) -> (Cluster, [SocketAddr; 2], Edge) {
    let cluster = origins(2).await;
    let servers = [cluster.origin(0).rtmp()[0], cluster.origin(1).rtmp()[0]];
    let [primary, secondary] = servers;
    let said = format!("cluster {{ mode liveedge; primary {primary}; secondary {secondary}; {words} }}");
    let edge = cluster.edge_of("edge-1", &said);
    (cluster, servers, edge)
}

#[tokio::test]
async fn every_stream_is_fetched_before_a_viewer_asks() {
    let (cluster, servers, edge) = pair("").await;
    let first = Show::start_at("first", &servers, &[], UNSEEN).await;
    for stream in ["first-0", "first-1"] {
        has_viewers(cluster.origin(0).api()[0], stream, 1).await;
    }
    // One that begins later, in another application.
    let publisher = publisher(servers[0], &at("other/app", "later"), 7).await;
    has_viewers(cluster.origin(0).api()[0], "later", 1).await;
    for stream in ["first-0", "first-1", "later"] {
        assert_eq!(viewers(cluster.origin(1).api()[0], stream).await.len(), 0, "the secondary is in reserve");
    }
    sees(rtmp(&edge), &at("other/app", "later"), &publisher).await;
    first.stop().await;
}

#[tokio::test]
async fn a_secondary_takes_over_from_the_primary_and_gives_back() {
    let (mut cluster, servers, edge) = pair("").await;
    let show = Show::start_at("pair", &servers, &[(rtmp(&edge), web(&edge))], SEEN).await;
    cluster.stop_origin(0);
    has_viewers(cluster.origin(1).api()[0], "pair-0", 1).await;
    cluster.start_origin_again(0).await;
    is_published(&cluster, 0, "pair-0").await;
    show.run(Duration::from_secs(1)).await;
    cluster.stop_origin(1);
    for stream in ["pair-0", "pair-1"] {
        has_viewers(cluster.origin(0).api()[0], stream, 1).await;
    }
    show.run(Duration::from_secs(2)).await;
    let report = show.stop().await;
    println!("{report:?}");
    assert_kept(&report, Duration::from_secs(3));
    assert_eq!(report.to_the_end, 4, "{report:?}");
}

#[tokio::test]
async fn viewers_wait_for_a_pair_of_which_neither_is_there_for_a_while() {
    let (mut cluster, servers, edge) = pair("").await;
    let show = Show::start_at("neither", &servers, &[(rtmp(&edge), web(&edge))], SEEN).await;
    cluster.stop_origin(0);
    has_viewers(cluster.origin(1).api()[0], "neither-0", 1).await;
    cluster.stop_origin(1);
    show.run(Duration::from_secs(5)).await;
    cluster.start_origin_again(0).await;
    for stream in ["neither-0", "neither-1"] {
        has_viewers(cluster.origin(0).api()[0], stream, 1).await;
    }
    show.run(Duration::from_secs(2)).await;
    let report = show.stop().await;
    println!("{report:?}");
    assert_kept(&report, Duration::from_secs(12));
    assert_eq!(report.to_the_end, 4, "{report:?}");
}

#[tokio::test]
async fn streams_return_to_the_primary_where_that_is_wanted() {
    let (mut cluster, servers, edge) = pair("failback on;").await;
    let show = Show::start_at("back", &servers, &[(rtmp(&edge), web(&edge))], SEEN).await;
    cluster.stop_origin(0);
    has_viewers(cluster.origin(1).api()[0], "back-0", 1).await;
    cluster.start_origin_again(0).await;
    for stream in ["back-0", "back-1"] {
        has_viewers(cluster.origin(0).api()[0], stream, 1).await;
        has_viewers(cluster.origin(1).api()[0], stream, 0).await;
    }
    show.run(Duration::from_secs(2)).await;
    let report = show.stop().await;
    println!("{report:?}");
    assert_kept(&report, Duration::from_secs(3));
    assert_eq!(report.to_the_end, 4, "{report:?}");
}

#[tokio::test]
async fn the_end_of_a_stream_at_both_is_its_end_for_viewers() {
    let (cluster, servers, edge) = pair("").await;
    let target = Target::live("ends");
    let primary = publisher(servers[0], &target, 1).await;
    let secondary = publisher(servers[1], &target, 1).await;
    has_viewers(cluster.origin(0).api()[0], "ends", 1).await;
    let mut player = Player::connect(rtmp(&edge), &target).await.expect("playing begins");
    player.frames(3).await;
    primary.goodbye().await;
    secondary.goodbye().await;
    player.finish().await;
}

#[tokio::test]
async fn a_stream_that_ends_at_the_primary_alone_goes_on_from_the_secondary() {
    let (cluster, servers, edge) = pair("").await;
    let show = Show::start("half", servers[1], &[], UNSEEN).await;
    let target = Target::live("half-0");
    let primary = publisher(servers[0], &target, 1).await;
    let mut player = Player::connect(rtmp(&edge), &target).await.expect("playing begins");
    player.frames(3).await;
    primary.goodbye().await;
    has_viewers(cluster.origin(1).api()[0], "half-0", 1).await;
    player.frames(200).await;
    show.stop().await;
    player.finish().await;
}
