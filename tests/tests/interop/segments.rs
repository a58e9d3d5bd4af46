//! HLS over minutes: a real stream, and a player that checks every list and every packet.

use std::path::Path;
use std::time::Duration;

use srs_tests::{Cluster, HlsPlayer, Program, tools};
use tokio::time::Instant;

use crate::recording::words;

/// Length of a segment. The clip has a key frame each second.
const FRAGMENT: Duration = Duration::from_secs(2);

async fn cluster() -> Cluster {
    Cluster::build()
        .vhost(|vhost| {
            vhost.hls.enabled = true;
            vhost.hls.settings.cut.fragment = FRAGMENT;
            vhost.hls.settings.cut.window = Duration::from_secs(12);
        })
        .start()
        .await
}

/// Publishes the repository's clip over and over, in real time.
fn publish(ffmpeg: &Path, cluster: &Cluster, name: &str) -> Program {
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../doc/source.flv");
    let url = format!("rtmp://{}/live/{name}", cluster.rtmp());
    let line = format!("-v error -nostdin -re -stream_loop -1 -i {} -c copy -f flv {url}", clip.display());
    Program::start(ffmpeg, words(&line))
}

async fn runs(name: &str, time: Duration) {
    let Some(ffmpeg) = tools::find("ffmpeg") else { return };
    let cluster = cluster().await;
    let publisher = publish(&ffmpeg, &cluster, name);
    cluster.holder(name).await;
    let began = Instant::now();
    let mut player = HlsPlayer::start(cluster.http(), &format!("/live/{name}.m3u8")).await;
    let first = player.ready - began;
    let most = FRAGMENT + Duration::from_millis(1000 + 500);
    assert!(first <= most, "the first list came after {first:?}, not {most:?}");
    player.play(time).await;
    assert_eq!(player.continuity_errors(), 0);
    assert_eq!(player.breaks, 0);
    let behind = time.as_secs_f64() - player.seconds;
    assert!(behind.abs() < 10.0, "{} s of media in {time:?}", player.seconds);
    publisher.kill().await;
}

#[tokio::test]
async fn every_list_and_segment_of_a_run_is_sound() {
    runs("run", Duration::from_secs(15)).await;
}

#[tokio::test]
#[ignore = "takes five minutes"]
async fn every_list_and_segment_of_five_minutes_is_sound() {
    runs("long-run", Duration::from_secs(300)).await;
}
