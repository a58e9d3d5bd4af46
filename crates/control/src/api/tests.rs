mod fields;
mod pulls;

use super::*;
use crate::testkit::{self, Fleet, Shelf, api, ask};
use http::{HeaderMap, Request};

fn router(crossdomain: bool) -> (Router, Arc<Shelf>) {
    let shelf = Arc::new(Shelf::new(0, 12, 12));
    let inventory = Arc::clone(&shelf) as Arc<dyn Inventory>;
    (http_api(Arc::new(Api { crossdomain, ..api(Shows::Own(inventory)) })), shelf)
}

async fn fetch(path: &str) -> Value {
    testkit::fetch(&router(true).0, path).await
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
        "/api/v1/summaries",
        "/api/v1/rusages",
        "/api/v1/self_proc_stats",
        "/api/v1/system_proc_stats",
        "/api/v1/meminfos",
        "/api/v1/authors",
        "/api/v1/features",
        "/api/v1/requests",
        "/api/v1/tests/requests",
        "/api/v1/tests/errors",
        "/api/v1/raw",
        "/api/v1/raw?rpc=raw",
        "/api/v1/vhosts",
        "/api/v1/vhosts/",
        "/api/v1/vhosts/none",
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
    let tests = fetch("/api/v1/").await["tests"].clone();
    for name in tests.as_object().unwrap().keys() {
        let request = Request::get(format!("/api/v1/tests/{name}"));
        assert_ne!(ask(&router(true).0, "127.0.0.1", request, "").await.0, StatusCode::NOT_FOUND, "{name}");
    }
}

#[tokio::test]
async fn a_node_is_drained_by_post_and_no_more_by_delete() {
    let (router, shelf) = router(true);
    for (method, expected) in
        [("GET", false), ("POST", true), ("POST", true), ("GET", true), ("DELETE", false)]
    {
        let request = Request::builder().method(method).uri("/api/v1/drain");
        let (status, _, body) = ask(&router, "127.0.0.1", request, "").await;
        assert_eq!((status, &body["draining"], &body["code"]), (StatusCode::OK, &json!(expected), &json!(0)));
        assert_eq!(shelf.draining(), expected, "{method}");
    }
    let request = Request::post("/api/v1/drain");
    assert_eq!(ask(&router, "192.0.2.1", request, "").await.0, StatusCode::FORBIDDEN);
    assert!(!shelf.draining());
}

#[tokio::test]
async fn a_proxy_is_not_drained_by_the_api_of_nodes() {
    let router = Fleet::new().router();
    let answer = ask(&router, "127.0.0.1", Request::post("/api/v1/drain"), "").await;
    assert_eq!(answer.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_stream_has_the_fields_of_srs_and_behind_them_ours() {
    let expected = json!({"id": "vid-1", "name": "s1", "vhost": records::vhost_id("__defaultVhost__"), "app": "live",
        "tcUrl": "rtmp://127.0.0.1/live", "url": "/live/s1", "live_ms": 1_795_000_000_000_u64, "clients": 2, "frames": 30,
        "audio_frames": 10, "video_frames": 20, "send_bytes": 5, "recv_bytes": 6,
        "kbps": {"recv_30s": 7, "send_30s": 8}, "publish": {"active": true, "cid": "c1"},
        "video": {"codec": "H264", "profile": "High", "level": "3.1", "width": 1280, "height": 720},
        "audio": {"codec": "AAC", "sample_rate": 44100, "channel": 2, "profile": "LC"},
        "held": false, "epoch": 7});
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
    assert_eq!(fetch("/api/v1/vhosts/none").await["code"], 2014);
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
    for path in fields::GUARDED.iter().chain(&["/metrics"]) {
        let (status, _, body) = ask(&router, far, Request::get(*path), "").await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
        assert!(body["error"].as_str().unwrap().contains("PROXY_SYSTEM_API_ALLOW=203.0.113.9/32"), "{body}");
    }
    let (status, ..) = ask(&router, far, Request::delete("/api/v1/clients/c1"), "").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
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

#[tokio::test]
async fn browsers_are_told_not_to_guess_what_a_reply_is() {
    for path in ["/api/v1/versions", "/api/v1/clients", "/metrics", "/nothing"] {
        let (_, headers, _) = ask(&router(false).0, "127.0.0.1", Request::get(path), "").await;
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn a_request_that_only_asks_does_not_kick() {
    let (router, shelf) = router(false);
    for request in [
        Request::get("/api/v1/clients/c1?method=DELETE"),
        Request::post("/api/v1/clients/c1?method=DELETE"),
        Request::get("/api/v1/clients/c1").header("x-http-method-override", "DELETE"),
    ] {
        ask(&router, "127.0.0.1", request, "").await;
    }
    assert!(shelf.kicked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn lists_tell_how_many_entries_there_are() {
    for list in ["streams", "clients"] {
        assert_eq!(fetch(&format!("/api/v1/{list}?count=1")).await["total"], 12);
    }
}

#[tokio::test]
async fn a_vhost_has_the_sums_of_its_streams_and_clients() {
    let id = records::vhost_id("__defaultVhost__");
    let expected = json!({"id": id, "name": "__defaultVhost__", "enabled": true, "clients": 12, "streams": 12,
        "send_bytes": 60, "recv_bytes": 72, "kbps": {"recv_30s": 84, "send_30s": 96},
        "hls": {"enabled": true, "fragment": 2.5}});
    assert_eq!(fetch("/api/v1/vhosts").await["vhosts"][0], expected);
    assert_eq!(fetch(&format!("/api/v1/vhosts/{id}")).await["vhost"], expected);
    let off = fetch("/api/v1/vhosts").await["vhosts"][1].clone();
    assert_eq!(
        (&off["enabled"], &off["clients"], &off["hls"]),
        (&json!(false), &json!(0), &json!({"enabled": false}))
    );
}

#[tokio::test]
async fn the_raw_api_says_that_it_is_off() {
    assert_eq!(fetch("/api/v1/raw?rpc=raw").await["http_api"]["raw_api"]["enabled"], false);
    for query in ["", "?rpc=reload", "?rpc=query&scope=global"] {
        assert_eq!(fetch(&format!("/api/v1/raw{query}")).await["code"], 1061, "{query}");
    }
}

#[tokio::test]
async fn the_tests_of_srs_answer_as_there() {
    assert_eq!(fetch("/api/v1/tests/errors").await["code"], 100);
    let (status, headers, _) =
        ask(&router(false).0, "127.0.0.1", Request::get("/api/v1/tests/redirects"), "").await;
    assert_eq!(
        (status.as_u16(), &headers["location"]),
        (301, &HeaderValue::from_static("/api/v1/tests/errors"))
    );
}

#[tokio::test]
async fn a_request_is_shown_without_its_secrets() {
    let request = Request::get("/api/v1/requests?a=b")
        .header("authorization", "Bearer planted")
        .header("cookie", "planted")
        .header("x-mine", "a\"b");
    let (_, _, body) = ask(&router(false).0, "127.0.0.1", request, "").await;
    let data = &body["data"];
    assert_eq!(
        (&data["uri"], &data["path"], &data["METHOD"]),
        (&json!("/api/v1/requests?a=b"), &json!("/api/v1/requests"), &json!("GET"))
    );
    assert_eq!(data["headers"], json!({"authorization": "***", "cookie": "***", "x-mine": "a\"b"}));
}

#[tokio::test]
async fn what_clients_say_of_themselves_cannot_leave_its_place_in_a_reply() {
    let hostile = "\"},{\"code\":7,</script>\u{0}\n\r\u{2028}\\";
    let mut client = testkit::client_record(1);
    (client.page_url, client.name) = (hostile.to_owned(), hostile.to_owned());
    let shelf = Arc::new(Shelf { clients: vec![client], ..Shelf::default() });
    let mut fleet = Fleet::new();
    fleet.node("a", Arc::clone(&shelf)).await;
    for router in [http_api(Arc::new(api(Shows::Own(shelf)))), fleet.router()] {
        let body = testkit::fetch(&router, "/api/v1/clients").await;
        let clients = body["clients"].as_array().unwrap();
        assert_eq!((&body["code"], clients.len()), (&json!(0), 1));
        assert_eq!((&clients[0]["pageUrl"], &clients[0]["name"]), (&json!(hostile), &json!(hostile)));
    }
}
