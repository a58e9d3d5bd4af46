use super::*;
use crate::testkit::{Served, access, ask, identity};
use crate::{Access, Limits};
use http::Request;
use srs_balance::{Config, Memory};
use srs_names::NodeId;

fn system(access: Access) -> (Router, Arc<Balancer>) {
    let config = Config {
        started_unix_ms: 1_795_000_000_000,
        me: NodeId::new("proxy").unwrap(),
        ttl: Duration::from_secs(300),
    };
    let balancer = Arc::new(Balancer::new(config, Arc::new(Memory::new("memory"))));
    let state =
        System { identity: identity(), balancer: Arc::clone(&balancer), started: Instant::now(), access };
    (system_api(Arc::new(state)), balancer)
}

fn message() -> Value {
    json!({"device_id":"origin1","ip":"127.0.0.1","server":"vid-46p14mm","service":"z2s3w865","pid":"42583",
        "rtmp":["19351"],"http":["8081"],"api":["19851"],"srt":["udp://0.0.0.0:10081"],"rtc":["udp://0.0.0.0:8001"]})
}

fn post_register() -> http::request::Builder {
    Request::post("/api/v1/srs/register").header("content-type", "application/json")
}

fn known(balancer: &Balancer) -> usize {
    balancer.origins(Duration::ZERO).len()
}

#[tokio::test]
async fn a_registration_is_answered_as_srs_does() {
    let (router, balancer) = system(access());
    let (status, headers, body) = ask(&router, "127.0.0.1", post_register(), &message().to_string()).await;
    assert_eq!((status, body), (StatusCode::OK, json!({"code": 0, "pid": "4242"})));
    assert_eq!(headers["server"], "SRSProxy/1.5.2");
    assert_eq!(known(&balancer), 1);
}

#[tokio::test]
async fn a_bad_registration_is_400_with_one_json_body() {
    let (router, balancer) = system(access());
    let mut empty_ip = message();
    empty_ip["ip"] = json!("");
    let mut bad_port = message();
    bad_port["rtmp"] = json!(["99999"]);
    for (body, text) in [
        (empty_ip.to_string(), "empty ip"),
        (bad_port.to_string(), "99999"),
        ("{".to_owned(), "bad json"),
        (String::new(), "bad json"),
    ] {
        let (status, _, answer) = ask(&router, "127.0.0.1", post_register(), &body).await;
        assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!(400)));
        assert!(answer["error"].as_str().unwrap().contains(text), "{answer}");
    }
    assert_eq!(known(&balancer), 0);
}

#[tokio::test]
async fn a_body_of_ten_mebibytes_is_400_with_one_answer_and_no_entry() {
    let (router, balancer) = system(access());
    let served = Served::start(router, Limits::default()).await;
    let mut big = message();
    big["device_id"] = json!("x".repeat(10 << 20));
    let body = big.to_string();
    let head =
        format!("POST /api/v1/srs/register HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    let answer = served.say(format!("{head}{body}").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1);
    assert_eq!(known(&balancer), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_408() {
    let (router, balancer) = system(access());
    let served = Served::start(router, Limits::default()).await;
    let head = "POST /api/v1/srs/register HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{";
    assert!(served.say(head.as_bytes()).await.starts_with("HTTP/1.1 408 "));
    assert_eq!(known(&balancer), 0);
}

#[tokio::test]
async fn another_machine_is_refused_with_the_line_that_would_allow_it() {
    let (router, balancer) = system(access());
    for request in [post_register(), Request::get("/api/v1/origins")] {
        let (status, _, body) = ask(&router, "10.9.8.7", request, &message().to_string()).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(body["error"].as_str().unwrap().contains("PROXY_SYSTEM_API_ALLOW=10.9.8.7/32"), "{body}");
    }
    assert_eq!(known(&balancer), 0);
}

#[tokio::test]
async fn another_machine_registers_with_the_token() {
    let (router, balancer) = system(Access::of_proxy(Some("secret".to_owned()), Vec::new()));
    let mut message = message();
    message["ip"] = json!("10.9.8.7");
    let (status, headers, _) = ask(&router, "10.9.8.7", post_register(), &message.to_string()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(headers["www-authenticate"], "Bearer");
    let with_token = post_register().header("authorization", "Bearer secret");
    let (status, ..) = ask(&router, "10.9.8.7", with_token, &message.to_string()).await;
    assert_eq!((status, known(&balancer)), (StatusCode::OK, 1));
}

#[tokio::test]
async fn another_machine_may_not_register_our_loopback() {
    let (router, balancer) = system(Access::of_proxy(None, vec!["10.0.0.0/8".parse().unwrap()]));
    let (status, _, body) = ask(&router, "10.9.8.7", post_register(), &message().to_string()).await;
    assert_eq!((status, known(&balancer)), (StatusCode::BAD_REQUEST, 0));
    assert!(body["error"].as_str().unwrap().contains("loopback"), "{body}");
}

#[tokio::test]
async fn a_request_of_unknown_origin_is_refused() {
    use hyper::service::Service as _;
    let (router, _) = system(access());
    let request = Request::get("/api/v1/origins").body(Body::empty()).unwrap();
    let response = hyper_util::service::TowerToHyperService::new(router).call(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_list_of_origins_has_the_agreed_shape() {
    let (router, _) = system(access());
    let mut full = message();
    full["streams"] = json!([{"key": "__defaultVhost__/live/a", "epoch": 1}]);
    full["load"] = json!(0.5);
    ask(&router, "127.0.0.1", post_register(), &full.to_string()).await;
    let (status, _, body) = ask(&router, "127.0.0.1", Request::get("/api/v1/origins"), "").await;
    assert_eq!((status, &body["code"]), (StatusCode::OK, &json!(0)));
    let mut origin = body["origins"][0].clone();
    assert!(origin["last_seen_ms"].as_u64().unwrap() < 60_000);
    origin["last_seen_ms"] = json!(0);
    let expected = json!({"id": "vid-46p14mm", "device_id": "origin1", "ip": "127.0.0.1", "role": "origin", "alive": true,
        "rtmp": ["127.0.0.1:19351"], "http": ["127.0.0.1:8081"], "api": ["127.0.0.1:19851"],
        "srt": ["udp://127.0.0.1:10081"], "rtc": ["udp://127.0.0.1:8001"], "last_seen_ms": 0, "streams": 1, "load": 0.5,
        "health": "alive", "instance": "z2s3w865-42583", "claims": 0, "capacity": null, "capabilities": []});
    assert_eq!(origin, expected);
}

#[tokio::test]
async fn versions_are_open_to_all_and_read_by_clients_of_either_shape() {
    let (router, _) = system(access());
    let (status, _, body) = ask(&router, "203.0.113.1", Request::get("/api/v1/versions"), "").await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!({"code": 0, "server": "vid-1234567", "service": "abcdefgh", "pid": "4242",
        "data": {"major": 1, "minor": 5, "revision": 2, "version": "1.5.2"}, "signature": "SRSProxy", "version": "1.5.2"});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_in_json() {
    let (router, _) = system(access());
    let (status, _, body) = ask(&router, "127.0.0.1", Request::get("/nothing"), "").await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!(404)));
    let (status, _, body) = ask(&router, "127.0.0.1", Request::get("/api/v1/srs/register"), "").await;
    assert_eq!((status, &body["code"]), (StatusCode::METHOD_NOT_ALLOWED, &json!(405)));
}
