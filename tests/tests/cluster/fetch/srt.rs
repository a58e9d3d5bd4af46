//! Edges that fetch by SRT.

use srs_tests::srt::{Call, Feed, Program, Publishing, Watched, media, small, watch};
use srs_tests::{OriginProcess, tools};
use tokio::join;

use super::*;

/// Everything by SRT from these.
fn from(servers: &[SocketAddr]) -> String {
    let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
    format!("cluster {{ mode remote; protocol srt; origin {}; }}", servers.join(" "))
}

/// A viewer over RTMP and one over HTTP-FLV at this edge.
async fn watch_both(edge: &Edge, name: &str, seconds: u64) -> [(&'static str, Watched); 2] {
    let time = Duration::from_secs(seconds);
    let both = join!(watch::rtmp(rtmp(edge), name, time), watch::flv(web(edge), name, time));
    [("RTMP", both.0), ("HTTP-FLV", both.1)]
}

#[tokio::test]
async fn every_frame_that_is_fetched_by_srt_is_seen_over_rtmp_and_flv() {
    let cluster = Cluster::build().origins(1).without_proxy().srt(None).start().await;
    let Some(file) = media(cluster.folder(), 30).await else { return };
    let edge = cluster.edge_of("edge-1", &from(&[cluster.srt()]));
    let publish = Call::publish(cluster.srt(), "fetched");
    let Some(publisher) = Publishing::start(Program::Ffmpeg5, &publish, &file) else { return };
    is_published(&cluster, 0, "fetched").await;
    let asking = async {
        let api = cluster.origin(0).api()[0];
        has_viewers(api, "fetched", 1).await;
        viewers(api, "fetched").await
    };
    let (watched, asked) = join!(watch_both(&edge, "fetched", 6), asking);
    for (protocol, watched) in watched {
        watched.assert_whole(protocol, 5.0);
        assert_eq!((watched.ended, watched.jumps()), (false, 0), "{protocol}");
    }
    // One fetch for both, which the origin knows to be the edge's.
    assert_eq!((&asked[0]["type"], &asked[0]["via"]), (&"srt-play".into(), &"edge-1".into()), "{asked:?}");
    publisher.kill().await;
}

#[tokio::test]
async fn viewers_go_on_by_srt_from_the_next_origin_when_one_is_killed() {
    let cluster = origins(1).await;
    let one = OriginProcess::with_srt(ORIGIN, "one", &[]).await;
    let two = OriginProcess::with_srt(ORIGIN, "two", &[]).await;
    let servers = [one.srt.expect("it serves SRT"), two.srt.expect("it serves SRT")];
    let Some(file) = small(cluster.folder()).await else { return };
    let publish = |server| Publishing::start(Program::Ffmpeg5, &Call::publish(server, "killed"), &file);
    let Some(publishers) = servers.map(publish).into_iter().collect::<Option<Vec<_>>>() else { return };
    let edge = cluster.edge_of("edge-1", &from(&servers));
    let killing = async {
        has_viewers(one.api, "killed", 1).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        one.kill().await;
        has_viewers(two.api, "killed", 1).await;
    };
    let (watched, ()) = join!(watch_both(&edge, "killed", 9), killing);
    for (protocol, watched) in watched {
        println!("{protocol}: {watched:?}");
        assert!(!watched.ended && watched.longest < Duration::from_secs(4), "{protocol}: {watched:?}");
    }
    drop(publishers);
}

#[tokio::test]
async fn viewers_of_an_edge_that_fetches_by_srt_through_the_proxy_outlive_an_origin() {
    let cluster = Cluster::build().origins(0).srt(None).start().await;
    let (Some(ffmpeg), Some(file)) = (tools::find("ffmpeg"), small(cluster.folder()).await) else { return };
    let system = cluster.proxy().system_api();
    let dying = OriginProcess::with_srt(ORIGIN, "dying", &[system]).await;
    cluster.wait_for_origins(1).await;
    let edge = cluster.edge_of("edge-1", &from(&[cluster.srt()]));
    let line = format!("-v error -nostdin -re -stream_loop -1 -i {} -c copy -f flv", file.display());
    let to = format!("rtmp://{}/live/outlived", cluster.rtmp());
    let publisher = srs_tests::Program::start(&ffmpeg, line.split_whitespace().chain([to.as_str()]));
    has_publisher(dying.api, "outlived").await;
    let other = OriginProcess::with_srt(ORIGIN, "other", &[system]).await;
    cluster.wait_for_origins(2).await;
    let killing = async {
        has_viewers(dying.api, "outlived", 1).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        dying.kill().await;
        has_viewers(other.api, "outlived", 1).await;
    };
    let (watched, ()) = join!(watch_both(&edge, "outlived", 10), killing);
    for (protocol, watched) in watched {
        println!("{protocol}: {watched:?}");
        assert!(!watched.ended && watched.longest < Duration::from_secs(4), "{protocol}: {watched:?}");
    }
    drop(publisher);
}

/// Waits until this origin has a live stream of this name.
async fn has_publisher(api: SocketAddr, name: &str) {
    until(&format!("{name} at an origin"), async || {
        let list = http::get(api, "/api/v1/streams?count=1000").await.json();
        let list = list["streams"].as_array()?;
        list.iter().any(|stream| stream["name"] == name && stream["publish"]["active"] == true).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_an_origin_of_srt_does_not_have_or_forbid_is_said_to_viewers() {
    let cluster = Cluster::build().origins(1).without_proxy().srt(None).start().await;
    let edge = cluster.edge_of("edge-1", &from(&[cluster.srt()]));
    let (status, words) = answer(&edge, "/live/nobody.flv").await;
    assert_eq!(status, 404, "{words}");
    let off = Cluster::build().origins(1).without_proxy().srt(None).vhost(|vhost| vhost.srt.enabled = false);
    let off = off.start().await;
    let edge = off.edge_of("edge-2", &from(&[off.srt()]));
    let (status, words) = answer(&edge, "/live/forbidden.flv").await;
    assert!(status == 403 && words.contains("1403"), "{status} {words}");
}

/// A port on which nobody listens just now.
fn free() -> SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address")
}

/// `srt-live-transmit` that listens with these options, and sends `feed` to who calls.
fn listener(feed: &Feed, at: SocketAddr, options: &str) -> Option<srs_tests::Program> {
    let transmit = tools::find("srt-live-transmit")?;
    let (from, to) =
        (format!("udp://127.0.0.1:{}", feed.ports[0]), format!("srt://{at}?mode=listener{options}"));
    let arguments = ["-q", "-ll:fatal", "-chunk:1316", &from, &to].map(str::to_owned);
    Some(srs_tests::Program::start(&transmit, arguments))
}

/// What the edge fetches from such a listener by a rule for `location` is whole. `name` is what a viewer asks for.
async fn from_a_listener(options: &str, location: &str, name: &str) {
    let cluster = origins(1).await;
    let Some(file) = small(cluster.folder()).await else { return };
    let (Some(feed), at) = (Feed::start(&file, 1), free()) else { return };
    let Some(_listener) = listener(&feed, at, options) else { return };
    let url = format!("{at}?{}", options.trim_start_matches('&'));
    let pass = format!("scheme srt; urls {};", url.trim_end_matches('?'));
    let edge =
        cluster.edge_of("edge-1", &format!("origin_map {{ origin {location} {{ pass {{ {pass} }} }} }}"));
    let watched = watch::flv(web(&edge), name, Duration::from_secs(4)).await;
    watched.assert_whole(options, 3.0);
}

#[tokio::test]
async fn an_encoder_that_listens_is_fetched_from() {
    from_a_listener("", "/live/cam", "cam").await;
}

#[tokio::test]
async fn an_encoder_that_listens_and_encrypts_is_fetched_from() {
    from_a_listener("&passphrase=a-good-passphrase&pbkeylen=32&latency=300", "/live/cam", "cam").await;
}

#[tokio::test]
async fn a_server_of_others_need_not_bear_what_nodes_tell_each_other() {
    let token = "0".repeat(300);
    from_a_listener("", "/live/", &format!("cam.flv?token={token}")).await;
}
