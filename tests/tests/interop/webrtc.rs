//! WebRTC in a real browser: published and played through the proxy, at an origin and at an edge, and by every other
//! protocol.

mod lines;
mod paths;
mod programs;
mod rust;
mod sources;
mod synchrony;

use std::path::Path;
use std::time::Duration;

use srs_tests::rtc::{publish, watch};
use srs_tests::{Browser, Cluster, FlvPlayer, HlsPlayer, Player, Program, Target, tools};

use crate::recording::{Recording, words};

/// Of the player's clock, in seconds.
const WATCHED: f64 = 3.0;
/// How late a picture may be shown, of 95 in 100, from drawn to drawn.
const GLASS_TO_GLASS_MS: f64 = 500.0;

/// A proxy and origins that serve WebRTC, SRT and HLS.
async fn cluster(origins: usize) -> Cluster {
    let build = Cluster::build().origins(origins).rtc().srt(None).vhost(|vhost| {
        vhost.hls.enabled = true;
        vhost.hls.settings.cut.fragment = Duration::from_secs(2);
    });
    build.start().await
}

/// Waits for so much of the player's clock, and for a picture and sound that are what was published, in time.
async fn in_time(page: &mut Browser, what: &str) {
    let shown = page.plays(WATCHED).await;
    let seen = page.measure(60).await;
    println!("{what}: {shown:?} {seen:?}");
    assert!(!seen.is_black, "{what}: {seen:?}");
    assert!(seen.loudness > 0.0, "{what}: {seen:?}");
    assert!(seen.p95 < GLASS_TO_GLASS_MS, "{what}: {seen:?}");
}

#[tokio::test]
async fn h264_of_a_browser_is_seen_in_time_at_the_proxy_at_its_origin_and_at_an_edge() {
    let cluster = cluster(2).await;
    let edge = cluster.edge_rtc("edge-1");
    let Some(_publisher) = publish(cluster.http(), "one", "codec=H264").await else { return };
    let origin = cluster.origin(cluster.holder("one").await).http()[0];
    let (proxied, direct, edged) = tokio::join!(
        watch(cluster.http(), "one", ""),
        watch(origin, "one", ""),
        watch(edge.http()[0], "one", ""),
    );
    let (Some(mut proxied), Some(mut direct), Some(mut edged)) = (proxied, direct, edged) else { return };
    tokio::join!(
        in_time(&mut proxied, "through the proxy"),
        in_time(&mut direct, "at the origin"),
        in_time(&mut edged, "at an edge"),
    );
}

/// One codec of a browser, played by another through the proxy.
async fn codec(name: &str) {
    let cluster = cluster(1).await;
    let Some(_publisher) = publish(cluster.http(), "one", &format!("codec={name}")).await else { return };
    let Some(mut viewer) = watch(cluster.http(), "one", "").await else { return };
    in_time(&mut viewer, name).await;
    assert_eq!(viewer.codec().await, format!("video/{name}"));
}

#[tokio::test]
async fn vp8_goes_from_browser_to_browser() {
    codec("VP8").await;
}

#[tokio::test]
async fn vp9_goes_from_browser_to_browser() {
    codec("VP9").await;
}

#[tokio::test]
async fn av1_goes_from_browser_to_browser() {
    codec("AV1").await;
}

/// Records five seconds of `url`: H.264 that decodes, and AAC in which the test picture's beeps are heard.
async fn recorded(ffmpeg: &Path, cluster: &Cluster, name: &str, url: String) {
    let file = cluster.folder().path(name);
    // How many pictures a browser makes is its own affair; that each of them decodes is ours.
    let line = format!("-v error -nostdin -y -i {url} -t 5 -c copy {}", file.display());
    let said = Program::start(ffmpeg, words(&line)).succeed().await;
    let recording = Recording::of(&file, &said).await;
    println!("{url}: {recording:?}");
    let (codec, frames) = recording.video.clone().expect("pictures");
    assert!(codec == "h264" && frames >= 50, "{url}: {recording:?}");
    let (codec, frames) = recording.audio.clone().expect("sound");
    // Of 47 each second.
    assert!(codec == "aac" && frames >= 150, "{url}: {recording:?}");
    assert!(recording.complaints.is_empty(), "{url}: {recording:?}");
    let line = format!("-nostdin -i {} -map 0:a -af volumedetect -f null -", file.display());
    let heard = Program::start(ffmpeg, words(&line)).succeed().await;
    let volume = heard.split("max_volume: ").nth(1).and_then(|rest| rest.split(' ').next());
    let volume: f64 = volume.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{heard}"));
    assert!(volume > -30.0, "{url}: {volume} dB");
}

#[tokio::test]
async fn what_a_browser_publishes_is_played_over_rtmp_flv_hls_and_srt_with_aac() {
    let Some(ffmpeg) = tools::find("ffmpeg") else { return };
    let cluster = cluster(1).await;
    let Some(_publisher) = publish(cluster.http(), "one", "codec=H264").await else { return };
    let Some(mut viewer) = watch(cluster.http(), "one", "").await else { return };
    viewer.sees_and_hears(1.0).await;
    let (rtmp, http) = (cluster.rtmp(), cluster.http());
    let by_kit = async {
        let mut player = Player::connect(rtmp, &Target::live("one")).await.expect("playing begins");
        let mut flv = FlvPlayer::connect(http, &Target::flv("one")).await;
        tokio::join!(player.frames(150), flv.frames(150));
    };
    // A list is there when the first segment is whole: a browser makes a key picture when it is asked for one.
    let by_hls = async {
        let mut hls = HlsPlayer::start(http, "/live/one.m3u8").await;
        let recorded = recorded(&ffmpeg, &cluster, "hls.ts", format!("http://{http}/live/one.m3u8"));
        tokio::join!(recorded, hls.play(Duration::from_secs(3)));
        assert!(hls.segments >= 1 && hls.continuity_errors() == 0, "{} segments of HLS", hls.segments);
    };
    let srt = format!("srt://{}?streamid=#!::r=live/one,m=request", cluster.srt());
    tokio::join!(
        recorded(&ffmpeg, &cluster, "srt.ts", srt),
        recorded(&ffmpeg, &cluster, "rtmp.flv", format!("rtmp://{rtmp}/live/one")),
        recorded(&ffmpeg, &cluster, "http.flv", format!("http://{http}/live/one.flv")),
        by_kit,
        by_hls,
    );
    // All the while it is played by WHEP.
    in_time(&mut viewer, "beside the others").await;
}
