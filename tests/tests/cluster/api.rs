//! What the operators' API shows.

use serde_json::Value;
use srs_origin::Origin;
use srs_tests::cluster::{Folder, any_port, origin_config};
use srs_tests::{Cluster, Player, Publisher, Source, Target, http, until};

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

/// What the proxy's API says when every origin was quick enough to be in it.
async fn sum(cluster: &Cluster, path: &str) -> Value {
    until("an answer of all origins", async || {
        let reply = http::get(cluster.proxy().http_api(), &format!("/api/v1/{path}")).await.json();
        let nodes = reply["nodes"].as_array().expect("the nodes");
        nodes.iter().all(|node| node["answered"] == true).then_some(reply)
    })
    .await
}

/// A list of the whole cluster, by the proxy's API.
async fn of_cluster(cluster: &Cluster, what: &str) -> Vec<Value> {
    let reply = sum(cluster, &format!("{what}?count=1000")).await;
    reply[what].as_array().expect("a list").clone()
}

/// Ends a client's session by the proxy's API. An answer that came too late is asked for again, and the client may be
/// gone by then.
async fn kick(cluster: &Cluster, id: &str) {
    let mut is_first = true;
    until("a kick", async || {
        let path = format!("/api/v1/clients/{id}");
        let reply = http::request(cluster.proxy().http_api(), "DELETE", &path, "").await.json();
        let is_done = reply["code"] == 0 || (!is_first && reply["code"] == 2049);
        is_first = false;
        is_done.then_some(())
    })
    .await;
}

/// Ids of a node's or the cluster's list, with the node's name where the list tells it.
fn sorted(list: &[Value], field: &str) -> Vec<String> {
    let mut all: Vec<_> = list.iter().map(|one| one[field].as_str().expect("a text").to_owned()).collect();
    all.sort();
    all
}

#[tokio::test]
async fn the_proxys_lists_are_those_of_all_origins_while_streams_come_and_go() {
    let cluster = Cluster::build().start().await;
    let mut publishers = Vec::new();
    for number in 0..12 {
        let target = Target::live(&format!("sum-{number}"));
        let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
        publisher.send_all(&Source::new(number).clip(3)).await;
        publishers.push(publisher);
    }
    for remaining in [12, 5] {
        while publishers.len() > remaining {
            publishers.pop().expect("a publisher").goodbye().await;
        }
        until(&format!("{remaining} streams in the sum"), async || {
            (of_cluster(&cluster, "clients").await.len() == remaining).then_some(())
        })
        .await;
        let (mut streams, mut clients) = (Vec::new(), Vec::new());
        for number in 0..3 {
            streams.extend(cluster.streams(number).await);
            clients.extend(cluster.clients(number).await);
        }
        let live = |list: &[Value]| -> Vec<Value> {
            list.iter().filter(|stream| stream["publish"]["active"] == true).cloned().collect()
        };
        let listed = of_cluster(&cluster, "streams").await;
        let names: Vec<_> = (0..remaining).map(|number| format!("sum-{number}")).collect();
        let mut expected = names.clone();
        expected.sort();
        assert_eq!(sorted(&live(&listed), "name"), expected);
        assert_eq!(sorted(&live(&listed), "id"), sorted(&live(&streams), "id"));
        assert_eq!(sorted(&of_cluster(&cluster, "clients").await, "id"), sorted(&clients, "id"));
        assert!(listed.iter().all(|one| one["server"].as_str().is_some_and(|id| id.starts_with("origin-"))));
        let summaries = sum(&cluster, "summaries").await;
        let sums = &summaries["data"]["cluster"];
        assert_eq!((&sums["streams"], &sums["clients"]), (&remaining.into(), &remaining.into()), "{sums}");
        let vhosts = sum(&cluster, "vhosts").await;
        assert_eq!(vhosts["vhosts"][0]["streams"], remaining, "{vhosts}");
    }
}

#[tokio::test]
async fn a_hundred_kicks_through_the_proxy_end_those_hundred_sessions_and_no_other() {
    let cluster = Cluster::build().start().await;
    let mut sessions = Vec::new();
    for (seed, name) in [(1, "kicked-a"), (2, "kicked-b"), (3, "kept")] {
        let target = Target::live(name);
        let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
        publisher.send_all(&Source::new(seed).clip(6)).await;
        let mut players = Vec::new();
        for _ in 0..50 {
            let mut player = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
            player.frames(1).await;
            players.push(player);
        }
        sessions.push((publisher, players));
    }
    let listed = of_cluster(&cluster, "clients").await;
    let is_meant = |client: &&Value| {
        client["publish"] == false && client["name"].as_str().is_some_and(|name| name.starts_with("kicked"))
    };
    let ids: Vec<String> = sorted(&listed.iter().filter(is_meant).cloned().collect::<Vec<_>>(), "id");
    assert_eq!((listed.len(), ids.len()), (153, 100));
    for id in &ids {
        kick(&cluster, id).await;
    }
    let (mut kept, mut kept_players) = sessions.pop().expect("the session that stays");
    for (publisher, players) in &mut sessions {
        for player in players {
            player.finish().await;
        }
        assert!(publisher.send(&Source::new(7).clip(1)[0]).await, "publishers stay");
    }
    kept.send_all(&Source::new(8).clip(6)).await;
    for player in &mut kept_players {
        player.reach(*kept.sent.last().expect("frames")).await;
    }
    until("only those that stay", async || (of_cluster(&cluster, "clients").await.len() == 53).then_some(()))
        .await;
}

#[tokio::test]
async fn a_stopped_origin_is_named_and_the_others_are_listed() {
    let mut cluster = Cluster::build().start().await;
    cluster.stop_origin(1);
    let api = cluster.proxy().http_api();
    let reply = until("an origin that does not answer", async || {
        let reply = http::get(api, "/api/v1/streams").await.json();
        let answered = |node: &Value| node["answered"] == true;
        let nodes = reply["nodes"].as_array().expect("the nodes").clone();
        (nodes.iter().filter(|node| answered(node)).count() == 2).then_some(reply)
    })
    .await;
    assert_eq!(reply["code"], 0);
    assert_eq!(reply["nodes"][1]["id"], "origin-2", "{reply}");
    assert!(reply["nodes"][1]["error"].is_string(), "{reply}");
}

#[tokio::test]
async fn both_roles_have_metrics_that_count_what_is_there() {
    let cluster = Cluster::build().origins(1).start().await;
    let target = Target::live("counted");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(3).clip(12)).await;
    let mut player = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    player.frames(3).await;
    let page = async |address| {
        let reply = http::get(address, "/metrics").await;
        assert!(
            reply
                .head
                .field("content-type")
                .is_some_and(|kind| kind.starts_with("text/plain; version=0.0.4"))
        );
        String::from_utf8(reply.body).expect("text")
    };
    let origin = page(cluster.origin(0).api()[0]).await;
    for line in [
        "srs_streams 1",
        "srs_clients 2",
        "srs_clients_total 2",
        "srs_clients_errs_total 0",
        "srs_cluster_clients{type=\"fmle-publish\"} 1",
        "srs_cluster_clients{type=\"rtmp-play\"} 1",
        "srs_cluster_stream_clients{vhost=\"__defaultVhost__\",app=\"live\",stream=\"counted\"} 2",
    ] {
        assert!(origin.lines().any(|known| known == line), "{line} is not in:\n{origin}");
    }
    for address in [cluster.proxy().http_api(), cluster.proxy().system_api()] {
        until("the proxy's counters", async || {
            let proxy = page(address).await;
            let lines = [
                "srs_cluster_nodes{state=\"alive\"} 1",
                "srs_cluster_legs{node=\"origin-1\"} 2",
                "srs_cluster_claims 1",
                "srs_clients 2",
            ];
            lines.iter().all(|line| proxy.lines().any(|known| known == *line)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn the_exporter_has_a_listener_of_its_own() {
    let folder = Folder::new();
    let mut config = origin_config(&folder.path(""), "exported", None);
    config.exporter.enabled = true;
    config.exporter.listen = vec![any_port()];
    config.exporter.label = "here".to_owned();
    let origin = Origin::bind(config).expect("an origin starts");
    let [address] = origin.exporter() else { panic!("one listener") };
    let reply = http::get(*address, "/metrics").await;
    let page = String::from_utf8(reply.body).expect("text");
    assert!(page.contains("server=\"exported\"") && page.contains("label=\"here\""), "{page}");
    assert_eq!(http::get(*address, "/api/v1/versions").await.head.status, 404);
}
