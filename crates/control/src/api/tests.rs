use super::*;
use crate::testkit::{access, ask, identity};
use http::{HeaderMap, Request};
use srs_names::{AudioRecord, ClientRecord, Kbps, PublishRecord, StreamRecord, VideoRecord};
use std::sync::Mutex;

/// Twelve streams and twelve clients; kicks are written down.
#[derive(Default)]
struct Shelf {
    kicked: Mutex<Vec<String>>,
}

fn stream_record(number: u64) -> StreamRecord {
    StreamRecord {
        id: format!("vid-{number}"),
        key: format!("__defaultVhost__/live/s{number}").parse().unwrap(),
        url: format!("/live/s{number}"),
        tc_url: "rtmp://127.0.0.1/live".to_owned(),
        live_ms: 1_795_000_000_000,
        clients: 2,
        frames: 30,
        audio_frames: 10,
        video_frames: 20,
        send_bytes: 5,
        recv_bytes: 6,
        kbps: Kbps { recv_30s: 7, send_30s: 8 },
        publish: PublishRecord { active: true, cid: "c1".to_owned() },
        video: Some(VideoRecord {
            codec: "H264".to_owned(),
            profile: "High".to_owned(),
            level: "3.1".to_owned(),
            width: 1280,
            height: 720,
        }),
        audio: (number != 3).then(|| AudioRecord {
            codec: "AAC".to_owned(),
            sample_rate: 44_100,
            channel: 2,
            profile: "LC".to_owned(),
        }),
    }
}

fn client_record(number: u64) -> ClientRecord {
    ClientRecord {
        id: format!("c{number}"),
        key: "__defaultVhost__/live/s1".parse().unwrap(),
        stream: "vid-1".to_owned(),
        ip: "127.0.0.1".to_owned(),
        page_url: "http://page".to_owned(),
        swf_url: "http://swf".to_owned(),
        tc_url: "rtmp://127.0.0.1/live".to_owned(),
        url: "/live/s1".to_owned(),
        name: "s1".to_owned(),
        kind: "rtmp-play".to_owned(),
        publish: false,
        alive_ms: 1_500,
        send_bytes: 1,
        recv_bytes: 2,
        kbps: Kbps::default(),
    }
}

impl Inventory for Shelf {
    fn streams(&self) -> Vec<StreamRecord> {
        (0..12).map(stream_record).collect()
    }
    fn clients(&self) -> Vec<ClientRecord> {
        (0..12).map(client_record).collect()
    }
    fn kick(&self, id: &str) -> bool {
        let is_known = id == "c1";
        if is_known {
            self.kicked.lock().unwrap().push(id.to_owned());
        }
        is_known
    }
}

fn router(crossdomain: bool) -> (Router, Arc<Shelf>) {
    let shelf = Arc::new(Shelf::default());
    let inventory = Arc::clone(&shelf) as Arc<dyn Inventory>;
    (http_api(Arc::new(Api { identity: identity(), inventory, access: access(), crossdomain })), shelf)
}

async fn fetch(path: &str) -> Value {
    let (status, _, body) = ask(&router(true).0, "127.0.0.1", Request::get(path), "").await;
    assert_eq!(status, StatusCode::OK, "{path}");
    body
}

async fn ids(path: &str, list: &str) -> Vec<String> {
    let body = fetch(path).await;
    body[list].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_reply_says_who_answers() {
    for path in [
        "/",
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/versions",
        "/api/v1/streams",
        "/api/v1/streams/",
        "/api/v1/clients/",
        "/api/v1/streams/vid-1",
        "/api/v1/streams/none",
        "/api/v1/clients/c1",
        "/api/v1/clients/none",
    ] {
        let body = fetch(path).await;
        assert_eq!(
            (&body["server"], &body["service"], &body["pid"]),
            (&json!("vid-1234567"), &json!("abcdefgh"), &json!("4242")),
            "{path}"
        );
        assert!(body["code"].is_u64(), "{path}");
    }
}

#[tokio::test]
async fn navigation_names_only_what_is_there() {
    assert_eq!(fetch("/").await["urls"], json!({"api": "the api root"}));
    assert_eq!(fetch("/api/").await["urls"], json!({"v1": "the api version 1.0"}));
    let urls = fetch("/api/v1/").await["urls"].clone();
    for name in urls.as_object().unwrap().keys() {
        fetch(&format!("/api/v1/{name}")).await;
    }
}

#[tokio::test]
async fn a_stream_has_the_fields_of_srs() {
    let expected = json!({"id": "vid-1", "name": "s1", "vhost": records::vhost_id("__defaultVhost__"), "app": "live",
        "tcUrl": "rtmp://127.0.0.1/live", "url": "/live/s1", "live_ms": 1_795_000_000_000_u64, "clients": 2, "frames": 30,
        "audio_frames": 10, "video_frames": 20, "send_bytes": 5, "recv_bytes": 6,
        "kbps": {"recv_30s": 7, "send_30s": 8}, "publish": {"active": true, "cid": "c1"},
        "video": {"codec": "H264", "profile": "High", "level": "3.1", "width": 1280, "height": 720},
        "audio": {"codec": "AAC", "sample_rate": 44100, "channel": 2, "profile": "LC"}});
    assert_eq!(fetch("/api/v1/streams/vid-1").await["stream"], expected);
    assert_eq!(fetch("/api/v1/streams").await["streams"][1], expected);
    assert_eq!(fetch("/api/v1/streams/vid-3").await["stream"]["audio"], Value::Null);
}

#[tokio::test]
async fn a_client_has_the_fields_of_srs() {
    let expected = json!({"id": "c1", "vhost": records::vhost_id("__defaultVhost__"), "stream": "vid-1", "ip": "127.0.0.1",
        "pageUrl": "http://page", "swfUrl": "http://swf", "tcUrl": "rtmp://127.0.0.1/live", "url": "/live/s1", "name": "s1",
        "type": "rtmp-play", "publish": false, "alive": 1.5, "send_bytes": 1, "recv_bytes": 2,
        "kbps": {"recv_30s": 0, "send_30s": 0}});
    assert_eq!(fetch("/api/v1/clients/c1").await["client"], expected);
}

#[tokio::test]
async fn a_vhost_has_an_id_as_srs_makes_them() {
    let id = records::vhost_id("__defaultVhost__");
    assert!(id.len() == 11 && id.starts_with("vid-"), "{id}");
    assert_ne!(id, records::vhost_id("other.example"));
}

#[tokio::test]
async fn lists_come_ten_at_a_time_unless_asked_otherwise() {
    for (query, expected) in [
        ("", 0..10),
        ("?start=8", 8..12),
        ("?count=1", 0..1),
        ("?start=2&count=3", 2..5),
        ("?count=100", 0..12),
        ("?count=0", 0..1),
        ("?count=-5", 0..1),
        ("?start=abc&count=2", 0..2),
        ("?start=99999999999999999999", 0..10),
        ("?start=12", 0..0),
    ] {
        let wanted: Vec<String> = expected.map(|number| format!("c{number}")).collect();
        assert_eq!(ids(&format!("/api/v1/clients{query}"), "clients").await, wanted, "{query}");
    }
    assert_eq!(ids("/api/v1/streams?start=1&count=2", "streams").await, ["vid-1", "vid-2"]);
}

#[tokio::test]
async fn what_is_not_there_has_the_code_of_srs() {
    assert_eq!(fetch("/api/v1/streams/none").await["code"], 2048);
    assert_eq!(fetch("/api/v1/clients/none").await["code"], 2049);
}

#[tokio::test]
async fn a_client_is_kicked_by_delete() {
    let (router, shelf) = router(true);
    let (status, _, body) = ask(&router, "127.0.0.1", Request::delete("/api/v1/clients/c1"), "").await;
    assert_eq!((status, &body["code"]), (StatusCode::OK, &json!(0)));
    assert_eq!(*shelf.kicked.lock().unwrap(), ["c1"]);
    let (_, _, body) = ask(&router, "127.0.0.1", Request::delete("/api/v1/clients/none"), "").await;
    assert_eq!(body["code"], 2049);
}

#[tokio::test]
async fn other_machines_see_versions_but_no_lists_and_do_not_kick() {
    let (router, shelf) = router(true);
    let far = "203.0.113.9";
    for request in [
        Request::get("/api/v1/streams"),
        Request::get("/api/v1/streams/vid-1"),
        Request::get("/api/v1/clients"),
        Request::delete("/api/v1/clients/c1"),
    ] {
        let (status, _, body) = ask(&router, far, request, "").await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(body["error"].as_str().unwrap().contains("PROXY_SYSTEM_API_ALLOW=203.0.113.9/32"), "{body}");
    }
    assert!(shelf.kicked.lock().unwrap().is_empty());
    for path in ["/api/v1/versions", "/api/v1/", "/"] {
        assert_eq!(ask(&router, far, Request::get(path), "").await.0, StatusCode::OK);
    }
}

async fn headers_of(crossdomain: bool, request: http::request::Builder) -> (StatusCode, HeaderMap) {
    let (status, headers, _) = ask(&router(crossdomain).0, "203.0.113.9", request, "").await;
    (status, headers)
}

#[tokio::test]
async fn crossdomain_adds_the_headers_of_srs_and_answers_options() {
    for path in ["/api/v1/versions", "/api/v1/clients", "/nothing"] {
        let (_, headers) = headers_of(true, Request::get(path)).await;
        assert_eq!(headers["access-control-allow-origin"], "*", "{path}");
    }
    let (status, headers) = headers_of(true, Request::options("/api/v1/clients/c1")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(headers["access-control-allow-headers"].to_str().unwrap().contains("Authorization"));
}

#[tokio::test]
async fn without_crossdomain_there_are_no_such_headers() {
    let (status, headers) = headers_of(false, Request::options("/api/v1/versions")).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(!headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn no_script_is_made_of_a_reply() {
    let (router, _) = router(true);
    let request = Request::get("/api/v1/versions?callback=evil");
    let (_, headers, body) = ask(&router, "127.0.0.1", request, "").await;
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(body["code"], 0);
}
