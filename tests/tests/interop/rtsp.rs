//! GStreamer's RTSP server, from which edges fetch.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use srs_edge::Edge;
use srs_tests::media::{AUDIO, VIDEO};
use srs_tests::{Cluster, Player, Program, RtspServer, Target, tools, within};
use tokio::time::{Instant, timeout};

use crate::recording::{Recording, words};

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

/// An edge that fetches all from an RTSP server.
async fn edge(server: &RtspServer) -> (Cluster, Edge) {
    let cluster = Cluster::build().origins(1).without_proxy().start().await;
    let rule = format!(
        "origin_map {{ origin /live/ {{ pass {{ scheme rtsp; urls 127.0.0.1:{}/; }} }} }}",
        server.port()
    );
    let edge = cluster.edge_of("edge-1", &rule);
    (cluster, edge)
}

/// Frames of each kind with the first and the last of their times, and the longest time between two.
struct Watched {
    frames: HashMap<u8, (usize, u32, u32)>,
    longest: Duration,
}

impl Watched {
    /// None is missing of one kind, each of which lasts so many ms, and they span `seconds` but for the 1.5 s that an encoder
    /// on a busy machine may need to begin.
    fn assert_whole(&self, kind: u8, each: f64, seconds: u64) {
        let (count, first, last) = *self.frames.get(&kind).expect("frames of each kind");
        let span = f64::from(last - first);
        let spanned = span / each + 1.0;
        assert!((spanned - 3.0..=spanned + 3.0).contains(&(count as f64)), "{kind}: {:?}", self.frames);
        assert!(span >= seconds as f64 * 1_000.0 - 1_500.0, "{kind}: {:?}", self.frames);
    }
}

/// Watches for so long: times grow, and nothing ends.
async fn watch(edge: &Edge, stream: &str, time: Duration) -> Watched {
    let mut player = Player::connect(edge.rtmp()[0], &Target::live(stream)).await.expect("playing begins");
    player.frames(1).await;
    let until = Instant::now() + time;
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    let mut frames = HashMap::new();
    while Instant::now() < until {
        let frame = within("a frame", player.next()).await.expect("the stream goes on");
        if !frame.mark().is_coded() {
            continue;
        }
        longest = longest.max(last.elapsed());
        last = Instant::now();
        let (count, _, before) = frames.entry(frame.kind).or_insert((0, frame.time, 0));
        assert!(*count == 0 || *before < frame.time, "{before} {} {}", frame.kind, frame.time);
        (*count, *before) = (*count + 1, frame.time);
    }
    Watched { frames, longest }
}

/// Records a stream of the edge for so many seconds, unchanged; none where ffmpeg is missing.
fn record(edge: &Edge, cluster: &Cluster, stream: &str, seconds: u64) -> Option<(Program, PathBuf)> {
    // Older ones know no HEVC in RTMP.
    let ffmpeg = if stream == "hevc" { tools::ffmpeg9()? } else { tools::find("ffmpeg")? };
    let file = cluster.folder().path(&format!("{}.mkv", stream.split('?').next().expect("a name")));
    let url = format!("rtmp://{}/live/{stream}", edge.rtmp()[0]);
    let line = format!("-v warning -nostdin -y -i {url} -t {seconds} -c copy {}", file.display());
    Some((Program::start(&ffmpeg, words(&line)), file))
}

/// A stream is watched and recorded for so long; both have all of it, and the recording decodes.
async fn plays(streams: &[&str], seconds: u64) {
    let Some(server) = RtspServer::start().await else { return };
    let (cluster, edge) = edge(&server).await;
    for stream in streams {
        let recorder = record(&edge, &cluster, stream, seconds);
        let seen = watch(&edge, stream, Duration::from_secs(seconds)).await;
        println!("{stream}: {:?}, longest wait {:?}", seen.frames, seen.longest);
        seen.assert_whole(VIDEO, 40.0, seconds);
        seen.assert_whole(AUDIO, 1_024_000.0 / 44_100.0, seconds);
        assert!(seen.longest < Duration::from_secs(1), "{stream}: {:?}", seen.longest);
        let Some((recorder, file)) = recorder else { continue };
        let said = recorder.succeed().await;
        let recording = Recording::of(&file, &said).await;
        assert_eq!(recording.complaints, "", "{stream}: {recording:?}");
        let (_, decoded) = recording.video.clone().expect("pictures");
        // It may count its seconds from 0, and the stream begins at 1 s.
        assert!(decoded as usize >= seconds as usize * 25 - 38, "{stream}: {recording:?}");
    }
    server.kill().await;
}

#[tokio::test]
async fn an_edge_fetches_from_gstreamer_over_udp() {
    plays(&["plain"], 10).await;
}

#[tokio::test]
async fn an_edge_fetches_from_gstreamer_over_tcp_where_the_viewer_says_so() {
    plays(&["plain?transport=tcp"], 10).await;
}

#[tokio::test]
async fn an_edge_fetches_over_tcp_what_is_not_to_be_had_over_udp() {
    plays(&["plain-tcp"], 5).await;
}

#[tokio::test]
async fn pictures_out_of_order_and_hevc_come_through() {
    plays(&["reordered", "hevc"], 5).await;
}

#[tokio::test]
#[ignore = "two minutes"]
async fn an_edge_fetches_from_gstreamer_for_a_minute_each_over_udp_and_tcp() {
    plays(&["plain", "plain?transport=tcp"], 60).await;
}

#[tokio::test]
async fn a_stream_that_ends_at_an_rtsp_server_ends_at_the_edge() {
    let Some(server) = RtspServer::start().await else { return };
    let (_cluster, edge) = edge(&server).await;
    let mut player = Player::connect(edge.rtmp()[0], &Target::live("ends")).await.expect("playing begins");
    player.frames(20).await;
    let end = async { while player.next().await.is_some() {} };
    timeout(Duration::from_secs(10), end).await.expect("an end");
    assert!(player.told.iter().any(|code| code == "NetStream.Play.UnpublishNotify"), "{:?}", player.told);
}
