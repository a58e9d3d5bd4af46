//! Edges that are told by who they fetch from where HLS is, and those that are not.

use std::net::SocketAddr;
use std::time::Duration;

use srs_edge::Edge;
use srs_edge::config::Vhost;
use srs_tests::edge::remote;
use srs_tests::{Cluster, HlsPlayer, Plan, Show, http};

fn short_segments(vhost: &mut Vhost) {
    vhost.hls.enabled = true;
    vhost.hls.settings.cut.fragment = Duration::from_secs(1);
}

fn web(edge: &Edge) -> SocketAddr {
    edge.http()[0]
}

/// An edge that would make HLS itself, and knows this RTMP server alone.
fn edge(cluster: &Cluster, name: &str, rtmp: SocketAddr) -> Edge {
    cluster.edge_with(name, None, |vhost| {
        short_segments(vhost);
        vhost.cluster = remote(&[rtmp], &[]);
    })
}

/// Publishes a stream for who plays its HLS.
async fn show(name: &str, cluster: &Cluster) -> Show {
    let plan = Plan { streams: 1, rtmp: 0, flv: 1, gop: 25, size: 4000 };
    Show::start(name, cluster.rtmp(), &[(cluster.rtmp(), cluster.http())], plan).await
}

/// Whether the segments of a list are had from elsewhere, by the token in their addresses.
async fn is_passed_on(at: SocketAddr, path: &str) -> bool {
    let mut path = path.to_owned();
    loop {
        let reply = http::get(at, &path).await;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert_eq!(reply.head.status, 200, "{text}");
        let last = text.lines().last().expect("an address").to_owned();
        match last.contains(".m3u8") {
            true if last.starts_with('/') => path = last,
            true => path = format!("/live/{last}"),
            false => return last.contains("srs_at="),
        }
    }
}

async fn plays(hls: &mut HlsPlayer) {
    hls.play(Duration::from_secs(4)).await;
    assert!(hls.segments > 2 && hls.continuity_errors() == 0 && hls.jumps.is_empty());
}

#[tokio::test]
async fn a_proxy_names_its_own_http_and_every_edge_has_the_same_lists_then() {
    let cluster = Cluster::build().vhost(short_segments).start().await;
    let edges = ["edge-1", "edge-2"].map(|name| edge(&cluster, name, cluster.rtmp()));
    let show = show("by-proxy", &cluster).await;
    let path = "/live/by-proxy-0.m3u8";
    let mut hls = HlsPlayer::start(web(&edges[0]), path).await;
    hls.play_in_turns(&[web(&edges[0]), web(&edges[1])], Duration::from_secs(5)).await;
    assert!(hls.segments > 2 && hls.continuity_errors() == 0 && hls.jumps.is_empty());
    assert!(is_passed_on(web(&edges[0]), path).await && is_passed_on(web(&edges[1]), path).await);
    show.stop().await;
}

#[tokio::test]
async fn an_origin_names_its_own_http() {
    let cluster = Cluster::build().vhost(short_segments).origins(1).without_proxy().start().await;
    let edge = edge(&cluster, "edge-1", cluster.rtmp());
    let show = show("by-origin", &cluster).await;
    let mut hls = HlsPlayer::start(web(&edge), "/live/by-origin-0.m3u8").await;
    plays(&mut hls).await;
    assert!(is_passed_on(web(&edge), "/live/by-origin-0.m3u8").await);
    show.stop().await;
}

#[tokio::test]
async fn an_edge_before_an_edge_is_told_as_well() {
    let cluster = Cluster::build().vhost(short_segments).origins(1).start().await;
    let near = edge(&cluster, "edge-1", cluster.rtmp());
    let far = edge(&cluster, "edge-2", near.rtmp()[0]);
    let show = show("by-edge", &cluster).await;
    let mut hls = HlsPlayer::start(web(&far), "/live/by-edge-0.m3u8").await;
    plays(&mut hls).await;
    assert!(is_passed_on(web(&far), "/live/by-edge-0.m3u8").await);
    show.stop().await;
}

#[tokio::test]
async fn who_fetches_by_flv_is_told_in_the_answer() {
    let cluster = Cluster::build().vhost(short_segments).start().await;
    let edge = cluster.edge_with("edge-1", None, |vhost| {
        short_segments(vhost);
        vhost.cluster = srs_edge::config::Cluster {
            protocol: srs_edge::config::Protocol::Flv,
            ..remote(&[cluster.http()], &[])
        };
    });
    let show = show("by-flv", &cluster).await;
    let mut hls = HlsPlayer::start(web(&edge), "/live/by-flv-0.m3u8").await;
    plays(&mut hls).await;
    assert!(is_passed_on(web(&edge), "/live/by-flv-0.m3u8").await);
    show.stop().await;
}

#[tokio::test]
async fn an_edge_makes_hls_itself_where_those_it_fetches_from_have_none() {
    let cluster = Cluster::build().start().await;
    let edge = edge(&cluster, "edge-1", cluster.rtmp());
    let show = show("by-none", &cluster).await;
    let mut hls = HlsPlayer::start(web(&edge), "/live/by-none-0.m3u8").await;
    plays(&mut hls).await;
    assert!(!is_passed_on(web(&edge), "/live/by-none-0.m3u8").await);
    show.stop().await;
}

#[tokio::test]
async fn a_stream_that_is_nowhere_has_no_list() {
    let cluster = Cluster::build().vhost(short_segments).start().await;
    let edge = edge(&cluster, "edge-1", cluster.rtmp());
    for _ in 0..2 {
        assert_eq!(http::get(web(&edge), "/live/nowhere.m3u8").await.head.status, 404);
    }
}
