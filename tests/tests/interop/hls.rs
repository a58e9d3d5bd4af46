//! HLS and HTTP-TS by programs of others: ffmpeg 5.1 and 9, VLC, and Chromium on the built-in pages.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use srs_tests::{Browser, Cluster, Program, tools};

use crate::recording::{Recording, clip, words};

/// A cluster whose segments are of one second.
async fn cluster() -> Cluster {
    Cluster::build()
        .vhost(|vhost| {
            vhost.hls.enabled = true;
            vhost.hls.settings.cut.fragment = Duration::from_secs(1);
            vhost.hls.settings.cut.window = Duration::from_secs(6);
        })
        .start()
        .await
}

/// Publishes a clip over and over, in real time.
async fn publish_for_ever(
    cluster: &Cluster,
    name: &str,
    encoders: (Option<&str>, Option<&str>),
) -> Option<Program> {
    let (ffmpeg, nine) = (tools::find("ffmpeg")?, tools::ffmpeg9()?);
    let file = cluster.folder().path(&format!("{name}.mkv"));
    // Debian's cannot put HEVC into FLV.
    let maker =
        if encoders.0.is_some_and(|encoder| encoder.starts_with("libx265")) { &nine } else { &ffmpeg };
    clip(maker, &file, encoders.0, encoders.1).await;
    let url = format!("rtmp://{}/live/{name}", cluster.rtmp());
    let line = format!("-v warning -nostdin -re -stream_loop -1 -i {} -c copy -f flv {url}", file.display());
    let program = Program::start(maker, words(&line));
    cluster.holder(name).await;
    Some(program)
}

/// Records some seconds by `reader`; the recording must have these codecs and most of its frames.
async fn records(reader: &Path, url: &str, file: PathBuf, codecs: (Option<&str>, Option<&str>)) {
    let line = format!("-v warning -nostdin -y -i {url} -t 3 -c copy {}", file.display());
    let said = Program::start(reader, words(&line)).succeed().await;
    let recording = Recording::of(&file, &said).await;
    let named = |track: &Option<(String, u64)>| track.as_ref().map(|(codec, _)| codec.clone());
    assert_eq!(named(&recording.video).as_deref(), codecs.0, "{recording:?}");
    assert_eq!(named(&recording.audio).as_deref(), codecs.1, "{recording:?}");
    let frames = recording.video.or(recording.audio).map_or(0, |(_, frames)| frames);
    assert!(frames >= 50, "{frames} frames");
}

async fn carried(name: &str, encoders: (Option<&str>, Option<&str>), codecs: (Option<&str>, Option<&str>)) {
    let (Some(five), Some(nine)) = (tools::find("ffmpeg"), tools::ffmpeg9()) else { return };
    let cluster = cluster().await;
    let Some(_publisher) = publish_for_ever(&cluster, name, encoders).await else { return };
    for (number, reader) in [&five, &nine].into_iter().enumerate() {
        for extension in ["m3u8", "ts"] {
            let url = format!("http://{}/live/{name}.{extension}", cluster.http());
            let file = cluster.folder().path(&format!("{extension}{number}.mkv"));
            records(reader, &url, file, codecs).await;
        }
    }
}

#[tokio::test]
async fn h264_and_aac_are_recorded_by_both() {
    let encoders = (Some("libx264 -preset ultrafast -bf 2"), Some("aac"));
    carried("hls-264", encoders, (Some("h264"), Some("aac"))).await;
}

#[tokio::test]
async fn hevc_is_recorded_by_both() {
    let encoders = (Some("libx265 -preset ultrafast -x265-params log-level=none:pools=none"), Some("aac"));
    carried("hls-265", encoders, (Some("hevc"), Some("aac"))).await;
}

#[tokio::test]
async fn audio_alone_is_recorded_by_both() {
    carried("hls-sound", (None, Some("aac")), (None, Some("aac"))).await;
}

#[tokio::test]
async fn video_alone_is_recorded_by_both() {
    carried("hls-mute", (Some("libx264 -preset ultrafast"), None), (Some("h264"), None)).await;
}

#[tokio::test]
async fn mp3_is_recorded_by_both() {
    let encoders = (Some("libx264 -preset ultrafast"), Some("libmp3lame"));
    carried("hls-mp3", encoders, (Some("h264"), Some("mp3"))).await;
}

#[tokio::test]
async fn vlc_plays_hls_and_ts() {
    let (Some(vlc), Some(_)) = (tools::find("cvlc"), tools::find("setpriv")) else { return };
    let cluster = cluster().await;
    let encoders = (Some("libx264 -preset ultrafast"), Some("aac"));
    let Some(_publisher) = publish_for_ever(&cluster, "hls-vlc", encoders).await else { return };
    for extension in ["m3u8", "ts"] {
        let url = format!("http://{}/live/hls-vlc.{extension}", cluster.http());
        let out = cluster.folder().path(&format!("vlc-{extension}.ts"));
        let sout = format!("--sout=#std{{access=file,mux=ts,dst={}}}", out.display());
        let arguments = ["--no-color", "--run-time=4", "--play-and-exit", &sout, &url, "vlc://quit"];
        // VLC refuses to run as root.
        let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let (_, said) = Program::start_as(&vlc, arguments, &nobody).finish().await;
        let recording = Recording::of(&out, &said).await;
        assert!(
            recording.video.as_ref().is_some_and(|(codec, frames)| codec == "h264" && *frames >= 25),
            "{recording:?}"
        );
    }
}

async fn page_plays(address: SocketAddr, page: &str, stream: &str) {
    let url = format!("http://{address}/players/{page}?app=live&stream={stream}&autostart=true");
    let Some(mut browser) = Browser::open(&url).await else { return };
    browser.plays(3.0).await;
}

#[tokio::test]
async fn chromium_plays_hls_on_the_built_in_page() {
    let cluster = cluster().await;
    let encoders = (Some("libx264 -preset ultrafast"), Some("aac"));
    let Some(_publisher) = publish_for_ever(&cluster, "web-hls", encoders).await else { return };
    page_plays(cluster.http(), "hls.html", "web-hls").await;
}

#[tokio::test]
async fn a_player_goes_on_while_the_proxy_is_killed_and_started_again() {
    let mut cluster = cluster().await;
    let Some(ffmpeg) = tools::find("ffmpeg") else { return };
    let file = cluster.folder().path("restart.mkv");
    clip(&ffmpeg, &file, Some("libx264 -preset ultrafast"), Some("aac")).await;
    // At an origin, as a publisher at the proxy would end with it.
    let url = format!("rtmp://{}/live/restart", cluster.origin(1).rtmp()[0]);
    let line = format!("-v warning -nostdin -re -stream_loop -1 -i {} -c copy -f flv {url}", file.display());
    let _publisher = Program::start(&ffmpeg, words(&line));
    cluster.holder("restart").await;
    let page = format!("http://{}/players/hls.html?app=live&stream=restart&autostart=true", cluster.http());
    let Some(mut browser) = Browser::open(&page).await else { return };
    browser.plays(2.0).await;
    cluster.restart_proxy(Duration::from_millis(700)).await;
    let after = browser.plays(8.0).await;
    // The page says so when its player gives up and has to begin anew; it would then say so with its last start, too.
    assert!(after.state.starts_with("Plays, first picture after"), "{after:?}");
    let errors = browser.number("window.srsErrors || 0").await;
    assert_eq!(errors, 0.0, "errors that the player could not mend");
}

#[tokio::test]
async fn chromium_plays_http_flv_and_http_ts_on_the_built_in_page() {
    let cluster = cluster().await;
    let encoders = (Some("libx264 -preset ultrafast"), Some("aac"));
    let Some(_publisher) = publish_for_ever(&cluster, "web-flv", encoders).await else { return };
    page_plays(cluster.http(), "flv.html", "web-flv").await;
    page_plays(cluster.http(), "index.html", "web-flv.ts").await;
}
