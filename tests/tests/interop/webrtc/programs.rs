//! ffmpeg 9, aiortc, GStreamer's webrtcbin and libdatachannel, the engine of OBS, in and out.

use std::net::SocketAddr;
use std::path::Path;

use srs_tests::rtc::{publish_rtmp, watch};
use srs_tests::{Cluster, Player, Program, Target, logs, tools};

use super::recorded;
use crate::recording::words;

/// aiortc: see there.
const AIORTC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/webrtc_peer.py");

/// webrtcbin: see there.
const GSTREAMER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/webrtc_gst.py");

/// libdatachannel: see there.
const DATACHANNEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/webrtc_datachannel.cjs");

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

/// What this script publishes is seen and heard.
async fn publishes(python: &Path, script: &str) {
    let cluster = Cluster::build().origins(2).rtc().start().await;
    let publisher = Program::start(python, [script, "publish", &url(cluster.http(), "whip")]);
    publisher.line("connected").await;
    arrives(&cluster).await;
    publisher.kill().await;
}

/// This script sees and hears what is published over RTMP, wherever it plays.
async fn plays(python: &Path, script: &str) {
    let cluster = Cluster::build().origins(1).rtc().start().await;
    let edge = cluster.edge_rtc("edge-1");
    let Some(_source) = publish_rtmp(cluster.rtmp(), "one") else { return };
    cluster.holder("one").await;
    // An edge has it when somebody there wants it.
    let _demand = Player::connect(edge.rtmp()[0], &Target::live("one")).await.expect("playing begins");
    let places = [cluster.http(), cluster.origin(0).http()[0], edge.http()[0]];
    let players = places.map(|http| Program::start(python, [script, "play", &url(http, "whep"), "75"]));
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

#[tokio::test]
async fn aiortc_publishes_by_whip_through_the_proxy() {
    let Some(python) = tools::python_aiortc() else { return };
    publishes(&python, AIORTC).await;
}

#[tokio::test]
async fn aiortc_plays_by_whep_at_the_proxy_at_the_origin_and_at_an_edge() {
    let Some(python) = tools::python_aiortc() else { return };
    plays(&python, AIORTC).await;
}

#[tokio::test]
async fn gstreamer_publishes_by_whip_through_the_proxy() {
    let Some(python) = tools::python_gst_webrtc() else { return };
    publishes(&python, GSTREAMER).await;
}

#[tokio::test]
async fn who_publishes_with_a_certificate_of_rsa_fails_and_the_log_says_why() {
    let Some(python) = tools::python_gst_webrtc() else { return };
    let cluster = Cluster::build().origins(1).rtc().start().await;
    let publisher = Program::start(&python, [GSTREAMER, "publish", &url(cluster.http(), "whip"), "RSA"]);
    publisher.line("state failed").await;
    logs::wait(&["did not connect", "live/one", "ECDSA and not RSA"]).await;
    publisher.kill().await;
}

#[tokio::test]
async fn gstreamer_plays_by_whep_at_the_proxy_at_the_origin_and_at_an_edge() {
    let Some(python) = tools::python_gst_webrtc() else { return };
    plays(&python, GSTREAMER).await;
}

#[tokio::test]
async fn the_engine_of_obs_publishes_by_whip_through_the_proxy_and_ends_its_session() {
    let (Some((node, module)), Some(ffmpeg)) = (tools::node_datachannel(), tools::find("ffmpeg")) else {
        return;
    };
    let cluster = Cluster::build().origins(2).rtc().start().await;
    let [video, audio] =
        ["one.h264", "one.ogg"].map(|name| cluster.folder().path(name).display().to_string());
    let line = format!(
        "-v error -nostdin -f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 -t 4 \
         -map 0 -c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -pix_fmt yuv420p -g 50 \
         -x264-params aud=1 -bsf:v h264_mp4toannexb -f h264 {video} -map 1 -t 4 -c:a libopus -ac 2 {audio}"
    );
    Program::start(&ffmpeg, words(&line)).succeed().await;
    let module = module.display().to_string();
    let target = url(cluster.http(), "whip");
    let publisher = Program::start(&node, [DATACHANNEL, &module, &target, &video, &audio]);
    publisher.line("connected").await;
    arrives(&cluster).await;
    let (status, said) = publisher.interrupt().await;
    assert!(said.contains("deleted 200"), "{status}: {said}");
}
