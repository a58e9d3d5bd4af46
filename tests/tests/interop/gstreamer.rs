//! GStreamer's `rtmp2sink` publishes.

use srs_tests::{Cluster, Program, tools};

use crate::recording::{Recorder, urls, words};

#[tokio::test]
async fn what_rtmp2sink_publishes_is_recorded() {
    let (Some(gst), Some(ffmpeg)) = (tools::find("gst-launch-1.0"), tools::find("ffmpeg")) else { return };
    let cluster = Cluster::build().start().await;
    let urls = urls(&cluster, "gst");
    let rtmp = Recorder::start(&ffmpeg, "", &urls.rtmp, cluster.folder().path("rtmp.mkv"));
    let flv = Recorder::start(&ffmpeg, "", &urls.flv, cluster.folder().path("flv.mkv"));
    cluster.viewers("gst", 2).await;
    let line = format!(
        "-q flvmux name=mux streamable=true ! rtmp2sink location={} \
         videotestsrc num-buffers=75 is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 \
         ! x264enc tune=zerolatency key-int-max=25 threads=1 ! h264parse ! mux. \
         audiotestsrc num-buffers=130 samplesperbuffer=1024 is-live=true ! audio/x-raw,rate=44100,channels=2 \
         ! avenc_aac ! aacparse ! mux.",
        urls.rtmp
    );
    Program::start(&gst, words(&line)).succeed().await;
    for recorder in [rtmp, flv] {
        recorder.finish().await.assert_whole(Some("h264"), Some("aac"), 3);
    }
}
