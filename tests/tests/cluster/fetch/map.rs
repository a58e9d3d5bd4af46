//! Rules: what a viewer asks for, and what is fetched for it.

use srs_tests::fake::{self, Asked};
use srs_tests::{FlvPlayer, Source};

use super::*;

/// The rule by which `/edge_app/` is fetched, with further words in it and in its `pass`.
fn rule(words: &str, pass: &str) -> String {
    format!("origin_map {{ origin /edge_app/ {{ {words} pass {{ {pass} }} }} }}")
}

async fn plain() -> fake::Rtmp {
    fake::Rtmp::start(Source::new(1).clip(5)).await
}

/// The next play at a plain server: its app and its stream with the query.
async fn played(server: &mut fake::Rtmp) -> String {
    match server.asked().await {
        Asked::Play(request) => format!("{}/{}", request.connect.app, request.stream),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_viewer_of_an_app_here_gets_the_stream_of_the_app_upstream() {
    let cluster = origins(1).await;
    let edge = cluster.edge_of(
        "edge-1",
        &rule("", &format!("scheme rtmp; urls {}/origin_app/;", cluster.origin(0).rtmp()[0])),
    );
    let publisher = publisher(cluster.rtmp(), &at("origin_app", "x"), 1).await;
    sees(rtmp(&edge), &at("edge_app", "x"), &publisher).await;
    sees_flv(web(&edge), "/edge_app/x.flv", &publisher).await;
    assert_eq!(viewers(cluster.origin(0).api()[0], "x").await.len(), 1, "one fetch for both");
}

#[tokio::test]
async fn a_stream_may_be_fetched_as_flv_over_http() {
    let cluster = origins(1).await;
    let urls = format!("scheme HTTP; urls {}/origin_app/;", cluster.origin(0).http()[0]);
    let edge = cluster.edge_of("edge-1", &rule("", &urls));
    let mut publisher = publisher(cluster.rtmp(), &at("origin_app", "x"), 1).await;
    sees_flv(web(&edge), "/edge_app/x.flv", &publisher).await;
    let mut player = Player::connect(rtmp(&edge), &at("edge_app", "x")).await.expect("playing begins");
    let upstream = viewers(cluster.origin(0).api()[0], "x").await;
    assert_eq!((upstream.len(), &upstream[0]["type"]), (1, &Value::from("flv-play")));
    publisher.send_all(&Source::new(2).clip(5)).await;
    player.reach(*publisher.sent.last().expect("frames")).await;
    publisher.goodbye().await;
    player.finish().await;
}

#[tokio::test]
async fn what_a_viewer_says_behind_the_question_mark_is_said_upstream() {
    let cluster = origins(1).await;
    let mut server = plain().await;
    let edge =
        cluster.edge_of("edge-1", &rule("", &format!("scheme rtmp; urls {}/origin_app/;", server.address)));
    let _player = Player::connect(rtmp(&edge), &at("edge_app", "x?transport=tcp")).await;
    assert_eq!(played(&mut server).await, "origin_app/x?transport=tcp");
    let _player = FlvPlayer::request(web(&edge), "/edge_app/y.flv?transport=tcp").await;
    until("the other stream", async || {
        (played(&mut server).await == "origin_app/y?transport=tcp").then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_viewer_says_is_said_over_http_too() {
    let cluster = origins(1).await;
    let mut server = fake::Http::start("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    let edge =
        cluster.edge_of("edge-1", &rule("", &format!("scheme http; urls {}/origin_app/;", server.address)));
    assert_eq!(answer(&edge, "/edge_app/x.flv?transport=tcp").await.0, 404);
    let request = server.request().await;
    assert!(request.starts_with("GET /origin_app/x.flv?transport=tcp HTTP/1.1\r\n"), "{request}");
}

#[tokio::test]
async fn what_a_viewer_says_is_kept_back_where_the_rule_says_so() {
    let cluster = origins(1).await;
    let mut server = plain().await;
    // Both places are OvenMediaEngine's.
    let url = format!("{}/origin_app/", server.address);
    let (words, pass) =
        ("forward_query_params off;", format!("scheme rtmp; urls {url}; forward_query_params off;"));
    let rules = [rule("", &pass), rule(words, &format!("scheme rtmp; urls {url};"))];
    for (number, rule) in rules.iter().enumerate() {
        let edge = cluster.edge_of(&format!("edge-{number}"), rule);
        let _player = Player::connect(rtmp(&edge), &at("edge_app", "x?transport=tcp")).await;
        assert_eq!(played(&mut server).await, "origin_app/x");
    }
}

#[tokio::test]
async fn a_location_is_matched_by_whole_parts_unless_it_is_to_be_matched_as_text() {
    let cluster = origins(1).await;
    let mut server = plain().await;
    let rule = |words: &str| {
        format!(
            "origin_map {{ origin /app/stream {{ {words} pass {{ scheme rtmp; urls {}/another/and_stream; }} }} }}",
            server.address
        )
    };
    let (segment, string) = (rule(""), rule("location_match string;"));
    let edge = cluster.edge_of("edge-1", &segment);
    assert_eq!(answer(&edge, "/app/stream_o.flv").await.0, 404, "no rule is for it");
    let _player = Player::connect(rtmp(&edge), &at("app", "stream")).await;
    assert_eq!(played(&mut server).await, "another/and_stream");
    drop((_player, edge));
    let edge = cluster.edge_of("edge-2", &string);
    let _player = Player::connect(rtmp(&edge), &at("app", "stream_o")).await;
    until("the stream whose name goes on", async || {
        (played(&mut server).await == "another/and_stream_o").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_strict_location_is_for_nothing_below_it() {
    let cluster = origins(1).await;
    let mut server = plain().await;
    let rule = |words: &str| {
        format!(
            "origin_map {{ origin /app/one {{ {words} pass {{ scheme rtmp; urls {}/up/two; }} }} }}",
            server.address
        )
    };
    let (strict, loose) = (rule("strict_location on;"), rule(""));
    let edge = cluster.edge_of("edge-1", &strict);
    assert_eq!(answer(&edge, "/app/one/below.flv").await.0, 404);
    let _player = Player::connect(rtmp(&edge), &at("app", "one")).await;
    assert_eq!(played(&mut server).await, "up/two");
    drop((_player, edge));
    let edge = cluster.edge_of("edge-2", &loose);
    let _player = Player::connect(rtmp(&edge), &at("app/one", "below")).await;
    until("the stream below", async || (played(&mut server).await == "up/two/below").then_some(())).await;
}

#[tokio::test]
async fn a_protocol_that_is_not_built_is_named_to_viewers() {
    let cluster = origins(1).await;
    let edge = cluster.edge_of("edge-1", &rule("", "scheme ovt; urls 127.0.0.1:9000/origin_app/;"));
    let (status, words) = answer(&edge, "/edge_app/x.flv").await;
    assert!(status == 404 && words.contains("ovt is not built yet"), "{status} {words}");
    let refusal = refusal(&edge, &at("edge_app", "x")).await;
    assert_eq!(refusal.code(), "NetStream.Play.StreamNotFound");
    assert!(format!("{refusal:?}").contains("ovt is not built yet"), "{refusal:?}");
}

#[tokio::test]
async fn an_application_that_nobody_configured_is_made_when_it_is_wanted() {
    let cluster = origins(1).await;
    let words = "application * { providers rtmp; } application shop { providers rtsp flv; }";
    let rules = format!(
        "{words} origin_map {{ origin / {{ pass {{ scheme rtmp; urls {}/; }} }} }}",
        cluster.origin(0).rtmp()[0]
    );
    let edge = cluster.edge_of("edge-1", &rules);
    let publisher = publisher(cluster.rtmp(), &at("new", "x"), 1).await;
    sees(rtmp(&edge), &at("new", "x"), &publisher).await;
    let made = srs_tests::logs::lines(&["an application is made", "app=\"new\""]);
    assert_eq!(made.len(), 1, "{made:?}");
    let refusal = refusal(&edge, &at("shop", "x")).await;
    let reason = "the application shop has no provider rtmp: it has rtsp, http, https";
    assert!(format!("{refusal:?}").contains(reason), "{refusal:?}");
    assert_eq!(answer(&edge, "/shop/x.flv").await, (404, format!("{reason}\n")));
}

#[tokio::test]
#[ignore = "over a minute"]
async fn an_application_that_was_made_is_removed_when_it_had_no_stream_for_a_minute() {
    let cluster = origins(1).await;
    let edge = cluster.edge_of(
        "edge-1",
        &format!(
            "origin_map {{ unused_stream_deletion_timeout 1000; origin / {{ pass {{ scheme rtmp; urls {}/; }} }} }}",
            cluster.rtmp()
        ),
    );
    let publisher = publisher(cluster.rtmp(), &at("new", "x"), 1).await;
    sees(rtmp(&edge), &at("new", "x"), &publisher).await;
    has_viewers(cluster.origin(0).api()[0], "x", 0).await;
    let removed = || srs_tests::logs::lines(&["an application is removed", "app=\"new\""]).len();
    tokio::time::sleep(Duration::from_secs(55)).await;
    assert_eq!(removed(), 0);
    until("the removal", async || (removed() == 1).then_some(())).await;
}
