//! The cluster as its proxies show it, and leaving one of its origins.

use std::net::SocketAddr;

use serde_json::{Value, json};
use srs_origin::Origin;
use srs_proxy::Proxy;
use srs_proxy::config::Config as ProxyConfig;
use srs_tests::cluster::{Folder, SECRET, any_port, origin_config};
use srs_tests::{FlvPlayer, Player, Publisher, Source, Target, http, logs, until};

/// Two proxies, each with a directory of its own, and an origin that tells both of itself.
struct Pair {
    proxies: [Proxy; 2],
    origin: Origin,
    _folder: Folder,
}

fn proxy() -> Proxy {
    let config = ProxyConfig {
        rtmp: any_port(),
        http_server: any_port(),
        http_api: any_port(),
        srt: any_port(),
        webrtc: any_port(),
        system_api: any_port(),
        cluster_secret: Some(srs_boot::Secret::new(SECRET)),
        ..ProxyConfig::default()
    };
    Proxy::bind(config).expect("a proxy starts")
}

impl Pair {
    async fn start() -> Pair {
        logs::keep();
        let folder = Folder::new();
        let proxies = [proxy(), proxy()];
        let mut config = origin_config(&folder.path(""), "origin-1", Some(proxies[0].system_api()));
        let url = |proxy: &Proxy| format!("http://{}/api/v1/srs/register", proxy.system_api());
        config.heartbeat.urls = proxies.iter().map(url).collect();
        let origin = Origin::bind(config).expect("an origin starts");
        let pair = Pair { proxies, origin, _folder: folder };
        for proxy in &pair.proxies {
            until("an origin", async || {
                (view(proxy.http_api()).await["origins"][0]["alive"] == true).then_some(())
            })
            .await;
        }
        pair
    }

    /// What both proxies show when they show the same, but for ages, on either of their APIs.
    async fn common(&self) -> Value {
        let doors = self.proxies.iter().flat_map(|proxy| [proxy.http_api(), proxy.system_api()]);
        let doors: Vec<SocketAddr> = doors.collect();
        until("the same view everywhere", async || {
            let mut views = Vec::new();
            for door in &doors {
                views.push(without_ages(view(*door).await));
            }
            // As texts: the order is to be the same too.
            let texts: Vec<String> = views.iter().map(Value::to_string).collect();
            texts.iter().all(|text| *text == texts[0]).then(|| views.remove(0))
        })
        .await
    }
}

async fn view(door: SocketAddr) -> Value {
    let reply = http::get(door, "/api/v1/cluster").await;
    assert_eq!(reply.head.status, 200, "{:?}", String::from_utf8_lossy(&reply.body));
    reply.json()["data"].clone()
}

fn without_ages(mut data: Value) -> Value {
    for list in ["origins", "streams", "sessions"] {
        for row in data[list].as_array_mut().expect("a list") {
            for age in ["age_ms", "since_ms", "last_seen_ms"] {
                row.as_object_mut().expect("a row").remove(age);
            }
        }
    }
    data
}

async fn id_of(proxy: &Proxy) -> String {
    let reply = http::get(proxy.http_api(), "/api/v1/versions").await.json();
    reply["server"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn two_proxies_show_the_same_cluster() {
    let pair = Pair::start().await;
    let [one, two] = &pair.proxies;
    let target = Target::live("shown");
    let mut publisher = Publisher::connect(one.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(17).clip(12)).await;
    let last = *publisher.sent.last().expect("frames");
    let mut player = until("playing", async || Player::connect(two.rtmp(), &target).await.ok()).await;
    player.reach(last).await;
    let mut flv = FlvPlayer::connect(pair.origin.http()[0], &Target::flv("shown")).await;
    flv.reach(last).await;

    until("beats with the stream and its viewers", async || {
        let load = pair.common().await["origins"][0]["load"].clone();
        (load["streams"] == 1 && load["viewers"] == 2).then_some(())
    })
    .await;
    let shown = pair.common().await;
    assert_eq!(shown["domain"], "memory", "{shown}");
    let [origin] = shown["origins"].as_array().expect("origins").as_slice() else { panic!("{shown}") };
    assert_eq!(
        (&origin["id"], &origin["streams"], &origin["claims"]),
        (&json!("origin-1"), &json!(1), &json!(1))
    );
    let [stream] = shown["streams"].as_array().expect("streams").as_slice() else { panic!("{shown}") };
    assert_eq!(
        (&stream["key"], &stream["origin"], &stream["state"]),
        (&json!("__defaultVhost__/live/shown"), &json!("origin-1"), &json!("live"))
    );
    assert_eq!((&stream["viewers"], &stream["video"]["codec"]), (&json!(2), &json!("H264")));
    let ids = [id_of(one).await, id_of(two).await];
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(stream["via"], json!(sorted));
    let sessions = shown["sessions"].as_array().expect("sessions");
    let of = |kind: &str| sessions.iter().find(|row| row["type"] == kind).expect("a session");
    for (kind, via) in [("fmle-publish", ids[0].as_str()), ("rtmp-play", &ids[1]), ("flv-play", "")] {
        assert_eq!((&of(kind)["via"], &of(kind)["stream"]), (&json!(via), &stream["key"]), "{kind}");
    }
}

#[tokio::test]
async fn a_drain_at_one_proxy_is_known_to_all_until_it_is_undone() {
    let pair = Pair::start().await;
    let [one, two] = &pair.proxies;
    for (method, draining) in [("POST", true), ("DELETE", false)] {
        let reply = http::request(one.system_api(), method, "/api/v1/origins/origin-1/drain", "").await;
        assert_eq!(reply.head.status, 200, "{method}");
        let reply = reply.json();
        assert_eq!((&reply["draining"], &reply["told"]), (&json!(draining), &json!(true)), "{reply}");
        assert_eq!(view(one.http_api()).await["origins"][0]["draining"], draining, "at once");
        until("the origin's own word at the other proxy", async || {
            (view(two.http_api()).await["origins"][0]["draining"] == draining).then_some(())
        })
        .await;
    }
    let unknown = http::request(one.system_api(), "POST", "/api/v1/origins/nobody/drain", "").await;
    assert_eq!(unknown.head.status, 404);
}

#[tokio::test]
async fn readiness_is_told_at_every_http_door_of_a_proxy() {
    let proxy = proxy();
    for door in [proxy.http(), proxy.http_api(), proxy.system_api()] {
        let reply = http::get(door, "/api/v1/ready").await;
        assert_eq!((reply.head.status, reply.json()), (200, json!({"code": 0, "data": {"ready": true}})));
    }
}
