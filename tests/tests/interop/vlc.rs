//! VLC plays, without a window.

use srs_tests::{Cluster, Program, tools};

use crate::recording::{Recording, clip, publish, urls};

/// VLC refuses to run as root: as nobody it may not write but into folders that are open to all.
const NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

async fn vlc_records(name: &str, over_http: bool) {
    let (Some(vlc), Some(ffmpeg)) = (tools::find("cvlc"), tools::find("ffmpeg")) else { return };
    let Some(_) = tools::find("setpriv") else { return };
    let cluster = Cluster::build().start().await;
    let file = cluster.folder().path("clip.mkv");
    clip(&ffmpeg, &file, Some("libx264 -preset ultrafast"), Some("aac")).await;
    let urls = urls(&cluster, name);
    let url = if over_http { &urls.flv } else { &urls.rtmp };
    let publisher = publish(&ffmpeg, &file, &urls.rtmp);
    cluster.holder(name).await;
    let out = cluster.folder().path("vlc.ts");
    let sout = format!("--sout=#std{{access=file,mux=ts,dst={}}}", out.display());
    let arguments = ["--no-color", "--play-and-exit", "--network-caching=200", &sout, url];
    let player = Program::start_as(&vlc, arguments, &NOBODY);
    publisher.succeed().await;
    let (_, said) = player.finish().await;
    let recording = Recording::of(&out, &said).await;
    let (codec, frames) = recording.video.clone().unwrap_or_else(|| panic!("{recording:?}"));
    assert_eq!(
        (codec.as_str(), recording.audio.as_ref().map(|audio| audio.0.as_str())),
        ("h264", Some("aac"))
    );
    assert!(frames >= 40, "{frames} pictures: {recording:?}");
}

#[tokio::test]
async fn vlc_plays_rtmp() {
    vlc_records("vlc-rtmp", false).await;
}

#[tokio::test]
async fn vlc_plays_http_flv() {
    vlc_records("vlc-flv", true).await;
}
