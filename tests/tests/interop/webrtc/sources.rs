//! What comes by RTMP and by SRT, seen in a browser by WHEP.

use std::path::Path;

use srs_edge::Edge;
use srs_tests::rtc::watch;
use srs_tests::srt::Call;
use srs_tests::{Browser, Cluster, Program, tools};

use crate::recording::words;

/// Pictures with a key picture each second and a tone, in real time and without end, encoded with these options of x264.
fn source(ffmpeg: &Path, x264: &str, to: &[&str]) -> Program {
    let line = format!(
        "-v warning -nostdin -re -f lavfi -i testsrc2=size=640x360:rate=25 -re -f lavfi -i sine=frequency=440:sample_rate=48000 \
         -c:v libx264 -threads 1 -pix_fmt yuv420p -g 25 -b:v 800k {x264} -c:a aac -ac 2"
    );
    Program::start(ffmpeg, words(&line).into_iter().chain(to.iter().map(|word| (*word).to_owned())))
}

/// Live, with as little delay as can be.
const LIVE: &str = "-preset ultrafast -tune zerolatency";

fn over_rtmp(ffmpeg: &Path, cluster: &Cluster, x264: &str) -> Program {
    source(ffmpeg, x264, &["-f", "flv", &format!("rtmp://{}/live/one", cluster.rtmp())])
}

/// An origin, a proxy and an edge, and a viewer at each.
async fn everywhere(cluster: &Cluster, edge: &Edge) -> Option<[Browser; 3]> {
    cluster.holder("one").await;
    let (proxied, direct, edged) = tokio::join!(
        watch(cluster.http(), "one", ""),
        watch(cluster.origin(0).http()[0], "one", ""),
        watch(edge.http()[0], "one", ""),
    );
    Some([proxied?, direct?, edged?])
}

async fn all_see_and_hear(cluster: &Cluster) {
    let edge = cluster.edge_rtc("edge-1");
    let Some([mut proxied, mut direct, mut edged]) = everywhere(cluster, &edge).await else { return };
    tokio::join!(proxied.sees_and_hears(3.0), direct.sees_and_hears(3.0), edged.sees_and_hears(3.0));
    for (page, place) in [(&mut proxied, "proxy"), (&mut direct, "origin"), (&mut edged, "edge")] {
        let (shown, codec) = (page.look().await, page.codec().await);
        println!("at the {place}: {shown:?} {codec}");
        assert_eq!((shown.width, codec.as_str()), (640.0, "video/H264"), "at the {place}");
    }
}

#[tokio::test]
async fn rtmp_is_seen_and_heard_at_the_proxy_at_the_origin_and_at_an_edge() {
    let Some(ffmpeg) = tools::find("ffmpeg") else { return };
    let cluster = Cluster::build().origins(1).rtc().start().await;
    let _source = over_rtmp(&ffmpeg, &cluster, LIVE);
    all_see_and_hear(&cluster).await;
}

#[tokio::test]
async fn srt_is_seen_and_heard_at_the_proxy_at_the_origin_and_at_an_edge() {
    let Some(ffmpeg) = tools::find("ffmpeg") else { return };
    let cluster = Cluster::build().origins(1).rtc().srt(None).start().await;
    let call = Call::publish(cluster.srt(), "one").latency(200);
    let _source = source(&ffmpeg, LIVE, &["-f", "mpegts", &call.ffmpeg_url()]);
    all_see_and_hear(&cluster).await;
}

#[tokio::test]
async fn h264_of_the_high_profile_is_seen_without_its_b_frames() {
    let Some(ffmpeg) = tools::find("ffmpeg") else { return };
    let cluster = Cluster::build().origins(1).rtc().start().await;
    // Two B-frames between any two others, none of which another one needs.
    let x264 = "-preset veryfast -profile:v high -bf 2 -x264-params b-adapt=0:b-pyramid=none:scenecut=0";
    let _source = over_rtmp(&ffmpeg, &cluster, x264);
    cluster.holder("one").await;
    let Some(mut viewer) = watch(cluster.http(), "one", "").await else { return };
    viewer.sees_and_hears(1.0).await;
    let before = (viewer.look().await.time, viewer.stat("inbound-rtp", "video", "framesDecoded").await);
    viewer.plays(4.0).await;
    let after = (viewer.look().await.time, viewer.stat("inbound-rtp", "video", "framesDecoded").await);
    let rate = (after.1 - before.1) / (after.0 - before.0);
    println!("{rate} pictures of 25 a second");
    // A third of them: each ninth of a second, two are left out behind one that stays.
    assert!((6.0..=11.5).contains(&rate), "{rate} pictures of 25 a second");
    assert_eq!(viewer.stat("inbound-rtp", "video", "freezeCount").await, 0.0);
}

#[tokio::test]
async fn a_stream_whose_codec_a_player_does_not_know_is_refused_with_its_name() {
    let Some(ffmpeg) = tools::ffmpeg9() else { return };
    let cluster = Cluster::build().origins(1).rtc().start().await;
    let line = format!(
        "-v warning -nostdin -re -f lavfi -i testsrc2=size=320x180:rate=25 -c:v libx265 -preset ultrafast \
         -x265-params log-level=none:pools=none -g 25 -f flv rtmp://{}/live/one",
        cluster.rtmp()
    );
    let _source = Program::start(&ffmpeg, words(&line));
    cluster.holder("one").await;
    let url = srs_tests::rtc::page(cluster.http(), "whep.html", "one", "autostart=true");
    let Some(mut page) = Browser::open(&url).await else { return };
    let said = page.state("refused").await;
    println!("{said}");
    assert!(said.contains("H.265"), "{said}");
}
