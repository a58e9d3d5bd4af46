use super::*;
use crate::api::{Shows, http_api};
use crate::testkit::{Fleet, Shelf, api, ask, client_record, stream_record};
use crate::{Access, Signatures, Signer};
use http::{Request, StatusCode};
use srs_balance::{Epoch, Listed, Usage};
use srs_names::NodeId;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const SECRET: &[u8] = b"the secret of a test";

/// The numbers of these rows that grow by themselves, taken out.
fn without_ages(mut rows: Value) -> Value {
    for row in rows.as_array_mut().unwrap() {
        for age in ["age_ms", "since_ms", "last_seen_ms"] {
            row.as_object_mut().unwrap().shift_remove(age);
        }
    }
    rows
}

fn ids(rows: &Value, field: &str) -> Vec<String> {
    rows.as_array().unwrap().iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

/// What a node of ours says of itself.
fn ours(node: &mut srs_balance::Node) {
    node.vhosts = Some(["v.example".to_owned()].into());
    node.usage = Some(Usage { cpu: 0.123_456, streams: 1, viewers: 2, recv_kbps: 3, send_kbps: 4 });
    let listed = |ms: u64, held| Listed { epoch: Epoch(ms << 16), domain: Some(Arc::from("d")), held };
    let key = |name: &str| format!("v.example/live/{name}").parse().unwrap();
    node.live = Some([(key("s2"), listed(1_795_000_000_000, true)), (key("s1"), listed(0, false))].into());
}

/// A node `a` of ours with one stream and its publisher.
async fn one() -> Fleet {
    let mut fleet = Fleet::new();
    let (mut stream, mut client) = (stream_record(1), client_record(1));
    (stream.key, client.key) = ("v.example/live/s1".parse().unwrap(), "v.example/live/s1".parse().unwrap());
    stream.via = vec!["proxy-one".to_owned()];
    stream.domain = Some("d".to_owned());
    client.via = Some("proxy-one".to_owned());
    client.session = Some("abc".to_owned());
    let mut ended = stream_record(2);
    ended.publish.active = false;
    let shelf =
        Shelf { streams: vec![stream, ended], clients: vec![client, client_record(2)], ..Shelf::default() };
    fleet.node("a", Arc::new(shelf)).await;
    fleet.say("a", ours);
    fleet
}

#[tokio::test]
async fn the_view_has_the_nodes_their_streams_and_their_sessions() {
    let body = one().await.fetch("/api/v1/cluster").await;
    let data = &body["data"];
    assert_eq!((&body["code"], &data["domain"]), (&json!(0), &json!("memory")));
    let origin = json!({"id": "a", "device_id": "device-a", "ip": "127.0.0.1", "role": "origin", "alive": true,
        "health": "alive", "draining": false,
        "load": {"cpu": 0.123, "streams": 1, "viewers": 2, "recv_kbps": 3, "send_kbps": 4}, "streams": 2, "claims": 2});
    assert_eq!(without_ages(data["origins"].clone()), json!([origin]));
    let stream = json!({"key": "v.example/live/s1", "vhost": "v.example", "app": "live", "stream": "s1", "origin": "a",
        "epoch": 7, "domain": "d", "state": "live",
        "video": {"codec": "H264", "profile": "High", "level": "3.1", "width": 1280, "height": 720},
        "audio": {"codec": "AAC", "sample_rate": 44100, "channel": 2, "profile": "LC"},
        "kbps": {"recv_30s": 7, "send_30s": 8}, "viewers": 1, "via": ["proxy-one"]});
    assert_eq!(without_ages(data["streams"].clone()), json!([stream]));
    let session = |id: &str, stream: &str, via: &str| {
        json!({"id": id, "type": "rtmp-play", "stream": stream, "origin": "a", "via": via, "address": "127.0.0.1",
            "age_ms": 1_500, "bytes": 3})
    };
    let sessions =
        [session("c1", "v.example/live/s1", "proxy-one"), session("c2", "__defaultVhost__/live/s1", "")];
    assert_eq!(data["sessions"], json!(sessions));
    assert!(data["streams"][0]["age_ms"].is_u64() && data["origins"][0]["since_ms"].is_u64());
}

#[tokio::test]
async fn each_part_is_there_alone() {
    let fleet = one().await;
    let whole = fleet.fetch("/api/v1/cluster").await;
    for part in ["origins", "streams", "sessions"] {
        let body = fleet.fetch(&format!("/api/v1/cluster/{part}")).await;
        assert_eq!(without_ages(body["data"][part].clone()), without_ages(whole["data"][part].clone()));
        assert_eq!(body["data"].as_object().unwrap().len(), 2, "{body}");
    }
    let request = Request::get("/api/v1/cluster/others");
    assert_eq!(ask(&fleet.router(), "127.0.0.1", request, "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn streams_of_a_node_that_is_left_are_draining_and_held_ones_are_held() {
    let mut fleet = Fleet::new();
    let mut held = stream_record(1);
    (held.held, held.publish.active, held.clients) = (true, false, 3);
    for id in ["a", "b"] {
        fleet.node(id, Arc::new(Shelf { streams: vec![held.clone()], ..Shelf::default() })).await;
    }
    fleet.balancer.drain(&NodeId::new("b").unwrap(), true).unwrap();
    let body = fleet.fetch("/api/v1/cluster").await;
    assert_eq!(ids(&body["data"]["streams"], "state"), ["held", "draining"]);
    assert_eq!(body["data"]["streams"][0]["viewers"], 3);
    assert_eq!(body["data"]["origins"][1]["draining"], true);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_never_answers_costs_two_seconds_and_is_dead_with_the_streams_of_its_last_beat() {
    let mut fleet = one().await;
    fleet.dead("b").await;
    fleet.say("b", ours);
    for path in ["/api/v1/cluster", "/api/v1/cluster/streams"] {
        let before = Instant::now();
        let data = fleet.fetch(path).await["data"].clone();
        assert!(
            before.elapsed() <= LIMIT_OF_VIEW + Duration::from_millis(5),
            "{path}: {:?}",
            before.elapsed()
        );
        assert_eq!(
            ids(&data["streams"], "key"),
            ["v.example/live/s1", "v.example/live/s1", "v.example/live/s2"]
        );
        let lost = &data["streams"][2];
        assert_eq!(
            (&lost["origin"], &lost["state"], &lost["domain"]),
            (&json!("b"), &json!("held"), &json!("d"))
        );
        assert!(lost["age_ms"].is_u64() && lost["video"].is_null() && data["streams"][1]["age_ms"].is_null());
    }
    let data = fleet.fetch("/api/v1/cluster").await["data"].clone();
    let dead = &data["origins"][1];
    assert_eq!((&dead["alive"], &dead["error"]), (&json!(false), &json!("no answer within 2s")));
    assert_eq!(data["totals"], json!({"origins": 2, "streams": 4, "sessions": 2}));
}

#[tokio::test]
async fn a_node_that_refuses_lives_and_says_why() {
    let mut fleet = Fleet::new();
    fleet.words("a", "403 Forbidden", br#"{"code":403,"error":"10.0.0.5 may not do this: set X"}"#).await;
    let origin = fleet.fetch("/api/v1/cluster").await["data"]["origins"][0].clone();
    assert_eq!(origin["alive"], true);
    assert_eq!(origin["error"], "403 Forbidden: 10.0.0.5 may not do this: set X");
}

#[tokio::test]
async fn plain_srs_is_asked_for_the_names_of_its_vhosts() {
    let mut fleet = Fleet::new();
    let answer = json!({"code": 0, "vhosts": [{"id": "vid-x", "name": "v.example"}],
        "streams": [{"id": "vid-1", "name": "s", "vhost": "vid-x", "app": "live", "live_ms": 1, "clients": 3,
            "publish": {"active": true, "cid": "c"}, "video": null, "kbps": {"recv_30s": 1, "send_30s": 2}}],
        "clients": [
            {"id": "c", "vhost": "vid-x", "url": "v.example/live/s", "type": "fmle-publish", "alive": 2.5, "ip": "1.2.3.4"},
            {"id": "d", "vhost": "vid-x", "url": "/live/s", "type": "rtmp-play", "send_bytes": 7}]});
    fleet.words("a", "200 OK", answer.to_string().as_bytes()).await;
    let data = fleet.fetch("/api/v1/cluster").await["data"].clone();
    let stream = &data["streams"][0];
    assert_eq!((&stream["key"], &stream["viewers"]), (&json!("v.example/live/s"), &json!(2)));
    assert_eq!(
        (&stream["via"], &stream["epoch"], &stream["age_ms"]),
        (&json!([]), &Value::Null, &Value::Null)
    );
    assert_eq!(ids(&data["sessions"], "stream"), ["v.example/live/s", "v.example/live/s"]);
    assert_eq!((&data["sessions"][0]["age_ms"], &data["sessions"][1]["bytes"]), (&json!(2_500), &json!(7)));
    assert_eq!((&data["origins"][0]["load"], &data["sessions"][0]["via"]), (&Value::Null, &json!("")));
}

#[tokio::test]
async fn pages_of_the_view_follow_each_other_without_gap_or_repetition() {
    let mut fleet = Fleet::new();
    for (id, first) in [("a", 0), ("b", 100)] {
        fleet.node(id, Arc::new(Shelf::new(first, 12, 20))).await;
    }
    for (part, field, all) in [("streams", "stream", 24), ("sessions", "id", 40)] {
        let mut found = Vec::new();
        for start in (0..all + 7).step_by(7) {
            let body = fleet.fetch(&format!("/api/v1/cluster/{part}?start={start}&count=7")).await;
            assert_eq!(body["data"]["totals"][part], all);
            found.extend(ids(&body["data"][part], field));
        }
        let whole = fleet.fetch(&format!("/api/v1/cluster/{part}?count=1000")).await;
        assert_eq!(found, ids(&whole["data"][part], field), "{part}");
        assert_eq!(found.len(), all);
        let short = fleet.fetch(&format!("/api/v1/cluster/{part}")).await;
        assert_eq!(short["data"][part].as_array().unwrap().len(), 10, "ten unless asked otherwise");
    }
    let origins = fleet.fetch("/api/v1/cluster/origins?start=1&count=5").await;
    assert_eq!(ids(&origins["data"]["origins"], "id"), ["b"]);
}

#[tokio::test]
async fn a_page_far_behind_has_its_part_of_each_node() {
    let mut fleet = Fleet::new();
    // Says that it has many, and gives the same two whatever part is asked for.
    fleet.words("a", "200 OK", br#"{"total":12000,"clients":[{"id":"x"},{"id":"y"}]}"#).await;
    fleet.node("b", Arc::new(Shelf::new(20_000, 0, 3))).await;
    fleet.words("c", "403 Forbidden", br#"{"error":"no"}"#).await;
    for (query, expected) in [
        ("start=10500&count=2", ["x", "y"].as_slice()),
        ("start=11998&count=4", &["x", "y", "c20000", "c20001"]),
        ("start=12002&count=50", &["c20002"]),
    ] {
        let body = fleet.fetch(&format!("/api/v1/cluster/sessions?{query}")).await;
        assert_eq!(ids(&body["data"]["sessions"], "id"), expected, "{query}");
        assert_eq!(body["data"]["totals"]["sessions"], 12_003);
    }
}

#[tokio::test]
async fn nonsense_of_one_node_takes_nothing_from_the_view() {
    let mut fleet = one().await;
    fleet.words("odd", "200 OK", br#"{"code":0,"streams":[7,{},{"publish":{"active":true}}],"clients":[7,{"alive":-1}],"vhosts":[1]}"#).await;
    fleet.words("text", "200 OK", b"<html>").await;
    let data = fleet.fetch("/api/v1/cluster").await["data"].clone();
    assert_eq!(ids(&data["streams"], "origin"), ["a", "odd"]);
    assert_eq!(ids(&data["sessions"], "origin"), ["a", "a", "odd"]);
    assert_eq!(ids(&data["origins"], "id"), ["a", "odd", "text"]);
}

#[tokio::test]
async fn nodes_of_the_cluster_open_their_lists_to_a_proxy_that_signs() {
    let mut fleet = Fleet::new();
    let signatures = Signatures::new(SECRET, "a", Vec::new());
    // Loopback has to bring something too.
    let access = Access::of_proxy(Some("token".to_owned()), Vec::new()).opening(Some(Arc::new(signatures)));
    fleet.guarded_node("a", Arc::new(Shelf::new(0, 2, 3)), access).await;
    let sessions = async |fleet: &Fleet, secret: &[u8]| {
        let cluster = Cluster::new(Arc::clone(&fleet.balancer), fleet.started);
        let signer = Signer::new(secret, NodeId::new("proxy").unwrap(), "proxy");
        let router = http_api(Arc::new(api(Shows::Cluster(cluster.signing(Some(signer))))));
        let (_, _, body) = ask(&router, "127.0.0.1", Request::get("/api/v1/cluster"), "").await;
        let (_, _, sum) = ask(&router, "127.0.0.1", Request::get("/api/v1/clients"), "").await;
        (body["data"]["sessions"].as_array().unwrap().len(), sum["total"].clone())
    };
    assert_eq!(sessions(&fleet, SECRET).await, (0, json!(0)), "it does not say that it understands it");
    fleet.say("a", |node| node.capabilities = vec!["envelope".to_owned()]);
    assert_eq!(sessions(&fleet, b"another secret").await, (0, json!(0)));
    assert_eq!(sessions(&fleet, SECRET).await, (3, json!(3)));
}

#[tokio::test]
async fn other_machines_see_nothing_of_the_cluster_and_a_node_has_none_to_show() {
    let fleet = one().await;
    for path in
        ["/api/v1/cluster", "/api/v1/cluster/origins", "/api/v1/cluster/streams", "/api/v1/cluster/sessions"]
    {
        let (status, _, body) = ask(&fleet.router(), "203.0.113.9", Request::get(path), "").await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
        assert!(body["error"].as_str().unwrap().contains("PROXY_SYSTEM_API_ALLOW=203.0.113.9/32"), "{body}");
        let own = http_api(Arc::new(api(Shows::Own(Arc::new(Shelf::default())))));
        assert_eq!(ask(&own, "127.0.0.1", Request::get(path), "").await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn an_edge_tells_how_many_streams_it_fetches() {
    let mut fleet = Fleet::new();
    fleet.node("a", Arc::new(Shelf::new(0, 1, 0))).await;
    fleet.node("e", Arc::new(Shelf::fetching(0, 7, 1))).await;
    let edge = |node: &mut srs_balance::Node| node.role = Role::Edge;
    fleet.say("e", edge);
    fleet.register_as("f", None, edge);
    for path in ["/api/v1/cluster", "/api/v1/cluster/origins"] {
        let body = fleet.fetch(path).await;
        let rows = body["data"]["origins"].as_array().unwrap();
        let pulls: Vec<_> = rows.iter().map(|row| (row["id"].as_str().unwrap(), row.get("pulls"))).collect();
        assert_eq!(pulls, [("a", None), ("e", Some(&json!(7))), ("f", None)], "{path}");
    }
}
