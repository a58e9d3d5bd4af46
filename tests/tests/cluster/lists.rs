//! HLS players of a stream whose origin dies.

use std::time::Duration;

use srs_tests::{Cluster, HlsPlayer, OriginProcess, Plan, Show};
use tokio::time::Instant;

const FRAGMENT: Duration = Duration::from_secs(2);
const HLS: &str = "hls { enabled on; hls_fragment 2; hls_window 20; }";

/// One stream, whose GOPs last a second.
const PLAN: Plan = Plan { streams: 1, rtmp: 0, flv: 0, gop: 25, size: 8000 };

async fn origin(name: &str, cluster: &Cluster) -> OriginProcess {
    let program = env!("CARGO_BIN_EXE_origin-alone");
    OriginProcess::with(program, name, &[cluster.proxy().system_api()], HLS).await
}

#[tokio::test]
async fn players_see_lists_that_only_grow_through_the_death_of_the_origin() {
    let cluster = Cluster::build().origins(0).start().await;
    let one = origin("one", &cluster).await;
    cluster.wait_for_origins(1).await;
    let began = Instant::now();
    let show = Show::start("lists", cluster.rtmp(), &[(cluster.rtmp(), cluster.http())], PLAN).await;
    let mut player = HlsPlayer::start(cluster.http(), "/live/lists-0.m3u8").await;
    let _two = origin("two", &cluster).await;
    cluster.wait_for_origins(2).await;
    player.play(Duration::from_secs(6)).await;
    let killed = Instant::now();
    one.kill().await;
    player.play(Duration::from_secs(12)).await;
    assert_eq!(player.jumps.len(), 1, "one change of origins");
    let first = player.jumps[0] - killed;
    assert!(first < FRAGMENT + Duration::from_secs(1 + 3), "the first new segment came after {first:?}");
    assert_eq!(player.breaks, 1, "marked as a discontinuity");
    assert_eq!(player.continuity_errors(), 0);
    let published = began.elapsed().as_secs_f64();
    // What is still being cut, and what was being cut when the origin died.
    let behind = published - player.seconds;
    assert!(behind < 2.0 * FRAGMENT.as_secs_f64() + 1.5, "{} s of {published} s", player.seconds);
    let report = show.stop().await;
    assert_eq!(report.publishers_cut, 0);
}
