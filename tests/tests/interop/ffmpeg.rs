//! ffmpeg 5.1 of Debian and ffmpeg 9, each publishing to the other.

use std::path::PathBuf;

use srs_tests::{Cluster, tools};

use crate::recording::{Recorder, clip, publish, urls};

/// What the reader must say to be sent enhanced RTMP.
const ENHANCED: &str = "-rtmp_enhanced_codecs hvc1,av01";

fn both() -> Option<(PathBuf, PathBuf)> {
    Some((tools::find("ffmpeg")?, tools::ffmpeg9()?))
}

/// One of `publisher`'s clips, recorded by all `readers` by both protocols, everyone there from the first frame.
async fn carried(
    name: &str,
    (maker, publisher): (&PathBuf, &PathBuf),
    readers: &[(&PathBuf, &str)],
    encoders: (Option<&str>, Option<&str>),
    codecs: (Option<&str>, Option<&str>),
) {
    let cluster = Cluster::build().start().await;
    let file = cluster.folder().path("clip.mkv");
    clip(maker, &file, encoders.0, encoders.1).await;
    let urls = urls(&cluster, name);
    let mut recorders = Vec::new();
    for (number, (reader, options)) in readers.iter().enumerate() {
        let path = |kind: &str| cluster.folder().path(&format!("{kind}{number}.mkv"));
        recorders.push(Recorder::start(reader, options, &urls.rtmp, path("rtmp")));
        recorders.push(Recorder::start(reader, "", &urls.flv, path("flv")));
    }
    cluster.viewers(name, recorders.len()).await;
    publish(publisher, &file, &urls.rtmp).succeed().await;
    for recorder in recorders {
        recorder.finish().await.assert_whole(codecs.0, codecs.1, 0);
    }
}

#[tokio::test]
async fn h264_with_b_frames_and_aac_of_ffmpeg_5_is_recorded_by_both() {
    let Some((five, nine)) = both() else { return };
    let encoders = (Some("libx264 -preset ultrafast -bf 2"), Some("aac"));
    let readers = [(&five, ""), (&nine, "")];
    carried("x264-5", (&five, &five), &readers, encoders, (Some("h264"), Some("aac"))).await;
}

#[tokio::test]
async fn h264_with_b_frames_and_aac_of_ffmpeg_9_is_recorded_by_both() {
    let Some((five, nine)) = both() else { return };
    let encoders = (Some("libx264 -preset ultrafast -bf 2"), Some("aac"));
    let readers = [(&five, ""), (&nine, ENHANCED)];
    carried("x264-9", (&nine, &nine), &readers, encoders, (Some("h264"), Some("aac"))).await;
}

#[tokio::test]
async fn hevc_by_enhanced_rtmp_is_recorded() {
    let Some((_, nine)) = both() else { return };
    let encoders = (Some("libx265 -preset ultrafast -x265-params log-level=none:pools=none"), Some("aac"));
    carried("hevc", (&nine, &nine), &[(&nine, ENHANCED)], encoders, (Some("hevc"), Some("aac"))).await;
}

#[tokio::test]
async fn av1_by_enhanced_rtmp_is_recorded() {
    let Some((_, nine)) = both() else { return };
    let encoders = (Some("libsvtav1 -preset 12 -svtav1-params lp=1"), Some("aac"));
    carried("av1", (&nine, &nine), &[(&nine, ENHANCED)], encoders, (Some("av1"), Some("aac"))).await;
}

#[tokio::test]
async fn audio_alone_is_recorded_by_both() {
    let Some((five, nine)) = both() else { return };
    let readers = [(&five, ""), (&nine, "")];
    carried("sound", (&five, &five), &readers, (None, Some("aac")), (None, Some("aac"))).await;
}

#[tokio::test]
async fn video_alone_is_recorded_by_both() {
    let Some((five, nine)) = both() else { return };
    let readers = [(&five, ""), (&nine, "")];
    let encoders = (Some("libx264 -preset ultrafast"), None);
    carried("pictures", (&nine, &nine), &readers, encoders, (Some("h264"), None)).await;
}

#[tokio::test]
async fn a_late_reader_is_shown_pictures_at_once_and_to_the_end() {
    let Some((five, _)) = both() else { return };
    let cluster = Cluster::build().start().await;
    let file = cluster.folder().path("clip.mkv");
    clip(&five, &file, Some("libx264 -preset ultrafast -bf 2"), Some("aac")).await;
    let urls = urls(&cluster, "late-reader");
    let publisher = publish(&five, &file, &urls.rtmp);
    cluster.holder("late-reader").await;
    let rtmp = Recorder::start(&five, "", &urls.rtmp, cluster.folder().path("rtmp.mkv"));
    let flv = Recorder::start(&five, "", &urls.flv, cluster.folder().path("flv.mkv"));
    cluster.viewers("late-reader", 2).await;
    publisher.succeed().await;
    for recorder in [rtmp, flv] {
        // Two of the three GOPs at least.
        recorder.finish().await.assert_whole(Some("h264"), Some("aac"), 25);
    }
}
