//! ffmpeg 9 and aiortc, in and out.

use std::net::SocketAddr;

use srs_tests::rtc::{publish_rtmp, watch};
use srs_tests::{Cluster, Player, Program, Target, tools};

use super::recorded;
use crate::recording::words;

/// aiortc: see there.
const AIORTC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/webrtc_peer.py");

fn url(http: SocketAddr, kind: &str) -> String {
    format!("http://{http}/rtc/v1/{kind}/?app=live&stream=one")
}

/// Seen and heard in a browser by WHEP, and over RTMP with AAC.
async fn arrives(cluster: &Cluster) {
    let Some(ffmpeg) = tools::find("ffmpeg") else { return };
    cluster.holder("one").await;
    let Some(mut viewer) = watch(cluster.http(), "one", "").await else { return };
    viewer.sees_and_hears(3.0).await;
    recorded(&ffmpeg, cluster, "rtmp.flv", format!("rtmp://{}/live/one", cluster.rtmp())).await;
    viewer.sees_and_hears(1.0).await;
}

#[tokio::test]
async fn ffmpeg_9_publishes_by_whip_through_the_proxy() {
    let Some(ffmpeg) = tools::ffmpeg9() else { return };
    let cluster = Cluster::build().origins(2).rtc().start().await;
    let line = format!(
        "-v warning -nostdin -re -f lavfi -i testsrc2=size=640x360:rate=25 -re -f lavfi -i sine=frequency=440:sample_rate=48000 \
         -c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -threads 1 -pix_fmt yuv420p -g 25 -b:v 800k \
         -c:a libopus -ac 2 -f whip {}",
        url(cluster.http(), "whip")
    );
    let publisher = Program::start(&ffmpeg, words(&line));
    arrives(&cluster).await;
    publisher.kill().await;
}

#[tokio::test]
async fn aiortc_publishes_by_whip_through_the_proxy() {
    let Some(python) = tools::python_aiortc() else { return };
    let cluster = Cluster::build().origins(2).rtc().start().await;
    let publisher = Program::start(&python, [AIORTC, "publish", &url(cluster.http(), "whip")]);
    publisher.line("connected").await;
    arrives(&cluster).await;
    publisher.kill().await;
}

#[tokio::test]
async fn aiortc_plays_by_whep_at_the_proxy_at_the_origin_and_at_an_edge() {
    let Some(python) = tools::python_aiortc() else { return };
    let cluster = Cluster::build().origins(1).rtc().start().await;
    let edge = cluster.edge_rtc("edge-1");
    let Some(_source) = publish_rtmp(cluster.rtmp(), "one") else { return };
    cluster.holder("one").await;
    // An edge has it when somebody there wants it.
    let _demand = Player::connect(edge.rtmp()[0], &Target::live("one")).await.expect("playing begins");
    let places = [cluster.http(), cluster.origin(0).http()[0], edge.http()[0]];
    let players = places.map(|http| Program::start(&python, [AIORTC, "play", &url(http, "whep"), "75"]));
    for player in players {
        let (status, said) = player.finish().await;
        println!("{said}");
        let played = said
            .lines()
            .find_map(|line| line.strip_prefix("played "))
            .unwrap_or_else(|| panic!("{status}: {said}"));
        let numbers: Vec<i64> = played.split(' ').map(|word| word.parse().expect("a number")).collect();
        let [pictures, contrast, loudness] = numbers[..] else { panic!("{said}") };
        assert!(pictures == 75 && contrast > 100 && loudness > 500, "{said}");
    }
}
