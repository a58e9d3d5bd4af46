//! What the operators' API shows.

use srs_tests::{Cluster, Player, Publisher, Source, Target, http};

#[tokio::test]
async fn streams_and_clients_are_listed_by_start_and_count() {
    let cluster = Cluster::build().origins(1).start().await;
    let mut publishers = Vec::new();
    for number in 0..5 {
        let target = Target::live(&format!("listed-{number}"));
        let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
        publisher.send_all(&Source::new(number).clip(12)).await;
        publishers.push(publisher);
    }
    let mut player =
        Player::connect(cluster.rtmp(), &Target::live("listed-0")).await.expect("playing begins");
    player.frames(3).await;
    let api = cluster.origin(0).api()[0];
    for (what, all) in [("streams", 5), ("clients", 6)] {
        let list = async |query: &str| {
            let reply = http::get(api, &format!("/api/v1/{what}{query}")).await.json();
            assert_eq!(reply["code"], 0, "{reply}");
            let ids = reply[what].as_array().expect("a list").iter();
            ids.map(|one| one["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
        };
        let whole = list("").await;
        assert_eq!(whole.len(), all, "{what}");
        assert_eq!(list("?start=0&count=2").await, whole[..2]);
        assert_eq!(list("?start=2&count=2").await, whole[2..4]);
        assert_eq!(list("?start=4&count=100").await, whole[4..]);
        assert!(list("?start=100&count=10").await.is_empty());
        let one = &whole[1];
        let single = http::get(api, &format!("/api/v1/{what}/{one}")).await.json();
        assert_eq!(single[what.trim_end_matches('s')]["id"], one.as_str(), "{single}");
    }
}

#[tokio::test]
async fn a_live_stream_shows_its_codecs_and_counters() {
    let cluster = Cluster::build().origins(1).start().await;
    let target = Target::live("shown");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(61).clip(12)).await;
    let mut player = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    player.reach(*publisher.sent.last().expect("frames")).await;
    let streams = cluster.streams(0).await;
    let stream = &streams[0];
    assert_eq!((&stream["name"], &stream["app"]), (&"shown".into(), &"live".into()), "{stream}");
    assert_eq!(stream["publish"]["active"], true);
    assert_eq!(stream["clients"], 2, "publisher and viewer");
    assert_eq!(
        (&stream["video"]["codec"], &stream["video"]["width"]),
        (&"H264".into(), &1280.into()),
        "{stream}"
    );
    assert_eq!((&stream["audio"]["codec"], &stream["audio"]["sample_rate"]), (&"AAC".into(), &44_100.into()));
    assert!(stream["recv_bytes"].as_u64() > Some(1000), "{stream}");
}

#[tokio::test]
async fn an_origin_that_registered_is_shown_with_its_endpoints() {
    let cluster = Cluster::build().origins(1).start().await;
    let list = cluster.origins().await;
    let origin = &list[0];
    let port = cluster.origin(0).rtmp()[0].port();
    assert_eq!((&origin["id"], &origin["ip"]), (&"origin-1".into(), &"127.0.0.1".into()), "{origin}");
    let told = origin["rtmp"][0].as_str().expect("an endpoint");
    assert!(told.ends_with(&port.to_string()), "{origin}");
    assert_eq!(origin["role"], "origin");
}
