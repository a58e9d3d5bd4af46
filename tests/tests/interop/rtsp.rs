//! GStreamer's RTSP server, from which edges fetch.

use srs_tests::{Program, RtspServer, tools};

/// What ffmpeg makes of two seconds of a stream.
async fn probe(server: &RtspServer, stream: &str, transport: &str) -> Option<String> {
    let ffprobe = tools::find("ffprobe")?;
    let url = server.url(stream);
    let words = ["-v", "error", "-rtsp_transport", transport, "-read_intervals", "%+2", "-of", "csv=p=0"];
    let more = ["-show_entries", "stream=codec_name,has_b_frames", url.as_str()];
    Some(Program::start(&ffprobe, words.into_iter().chain(more)).succeed().await)
}

#[tokio::test]
async fn the_server_that_edges_are_tested_with_serves_what_it_says() {
    let Some(server) = RtspServer::start().await else { return };
    for transport in ["udp", "tcp"] {
        for (stream, says) in
            [("plain", "h264,0\naac\n"), ("reordered", "h264,2\naac\n"), ("hevc", "hevc,0\naac\n")]
        {
            let Some(found) = probe(&server, stream, transport).await else { return };
            assert!(found.replace("aac,0", "aac").contains(says), "{stream} over {transport}: {found}");
        }
    }
    server.kill().await;
}
