//! What upstream is told: tokens, hosts; and upstream over HTTP-FLV.

use srs_rtmp::server::PlayRequest;
use srs_tests::fake::{self, Asked};
use srs_tests::{Plan, Show};

use super::*;

/// Everything from this server, with further words in `cluster`.
fn from(server: SocketAddr, words: &str) -> String {
    format!("cluster {{ mode remote; origin {server}; {words} }}")
}

async fn played(server: &mut fake::Rtmp) -> PlayRequest {
    match server.asked().await {
        Asked::Play(request) => request,
        other => panic!("{other:?}"),
    }
}

/// A player that names this host.
fn named(host: &str, stream: &str) -> Target {
    Target { tc_url: format!("rtmp://{host}/live"), ..Target::live(stream) }
}

#[tokio::test]
async fn a_viewer_whom_upstream_refuses_is_refused() {
    let cluster = origins(1).await;
    let server = fake::Rtmp::choosy(Source::new(1).clip(5), "token=good").await;
    let edge = cluster.edge_of("edge-1", &from(server.address, "token_traverse on;"));
    let refusal = refusal(&edge, &Target::live("s?token=bad")).await;
    assert_eq!(refusal.code(), "NetStream.Play.Failed", "{refusal:?}");
    assert!(format!("{refusal:?}").contains("not with this token"), "{refusal:?}");
    let mut player =
        Player::connect(rtmp(&edge), &Target::live("s?token=good")).await.expect("playing begins");
    player.frames(3).await;
}

#[tokio::test]
async fn each_viewer_of_a_stream_that_is_fetched_already_is_asked_about_upstream() {
    let cluster = origins(1).await;
    let mut server = fake::Rtmp::choosy(Source::new(1).clip(5), "token=good").await;
    let edge = cluster.edge_of("edge-1", &from(server.address, "token_traverse on;"));
    let mut player =
        Player::connect(rtmp(&edge), &Target::live("s?token=good")).await.expect("playing begins");
    player.frames(3).await;
    let (status, words) = answer(&edge, "/live/s.flv?token=bad").await;
    assert!(status == 403 && words.contains("not with this token"), "{status} {words}");
    until("the second viewer's words upstream", async || {
        (played(&mut server).await.stream == "s?token=bad").then_some(())
    })
    .await;
}

#[tokio::test]
async fn upstream_is_asked_for_its_own_host_unless_it_is_told_another() {
    let cluster = origins(1).await;
    for (words, host, seen) in
        [("", "viewer.example", None), ("vhost up.example;", "viewer.example", Some("up.example"))]
    {
        let mut server = fake::Rtmp::start(Source::new(1).clip(5)).await;
        let edge = cluster.edge_of(&format!("edge-{}", server.address.port()), &from(server.address, words));
        let _player = Player::connect(rtmp(&edge), &named(host, "s")).await.expect("playing begins");
        let seen = seen.map_or(server.address.to_string(), str::to_owned);
        assert_eq!(played(&mut server).await.connect.tc_url, format!("rtmp://{seen}/live"), "{words}");
    }
}

#[tokio::test]
async fn a_vhosts_name_has_its_place_in_the_one_upstream() {
    let cluster = origins(1).await;
    let mut server = fake::Rtmp::start(Source::new(1).clip(5)).await;
    let said = srs_tests::edge::vhost(&from(server.address, "vhost same.[vhost];"));
    let edge = cluster.edge_changed("edge-1", |config| {
        config.vhosts.insert("cam.example".to_owned(), said);
    });
    let _player = Player::connect(rtmp(&edge), &named("cam.example", "s")).await.expect("playing begins");
    assert_eq!(played(&mut server).await.connect.tc_url, "rtmp://same.cam.example/live");
}

#[tokio::test]
async fn an_edge_may_fetch_everything_as_flv_over_http() {
    let cluster = Cluster::build().start().await;
    let edge = cluster.edge_of("edge-1", &from(cluster.http(), "protocol flv;"));
    let plan = Plan { streams: 1, rtmp: 2, flv: 2, gop: 12, size: 4000 };
    let show = Show::start("as-flv", cluster.rtmp(), &[(rtmp(&edge), web(&edge))], plan).await;
    let holder = cluster.holder("as-flv-0").await;
    let upstream = viewers(cluster.origin(holder).api()[0], "as-flv-0").await;
    assert_eq!((upstream.len(), &upstream[0]["type"]), (1, &Value::from("flv-play")), "{upstream:?}");
    show.run(Duration::from_secs(1)).await;
    let report = show.stop().await;
    assert_kept(&report, Duration::from_secs(2));
    assert_eq!((report.to_the_end, report.lost), (4, 0), "{report:?}");
}

#[tokio::test]
async fn viewers_of_what_is_fetched_as_flv_stay_when_its_origin_dies() {
    let mut cluster = Cluster::build().start().await;
    let edge = cluster.edge_of("edge-1", &from(cluster.http(), "protocol flv;"));
    let plan = Plan { streams: 1, rtmp: 2, flv: 2, gop: 12, size: 4000 };
    let show = Show::start("flv-dies", cluster.rtmp(), &[(rtmp(&edge), web(&edge))], plan).await;
    let holder = cluster.holder("flv-dies-0").await;
    cluster.stop_origin(holder);
    show.run(Duration::from_secs(4)).await;
    let report = show.stop().await;
    println!("{report:?}");
    assert_kept(&report, Duration::from_secs(3));
    assert_eq!(report.to_the_end, 4, "{report:?}");
}

#[tokio::test]
async fn a_publish_at_an_edge_whose_upstream_is_flv_is_refused() {
    let cluster = origins(1).await;
    let edge = cluster.edge_of("edge-1", &from(cluster.http(), "protocol flv;"));
    let refused = Publisher::connect(rtmp(&edge), &Target::live("s")).await.err().expect("a refusal");
    assert_eq!(refused.code(), "NetStream.Publish.BadName", "{refused:?}");
}
