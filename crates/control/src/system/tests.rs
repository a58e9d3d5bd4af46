use super::*;
use crate::testkit::{Served, access, ask, identity};
use crate::{Access, Limits, Signatures, Signer};
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
    let state = System {
        identity: identity(),
        balancer: Arc::clone(&balancer),
        started: Instant::now(),
        access,
        told: None,
    };
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
async fn loopback_registers_without_the_token_and_not_with_a_wrong_one() {
    let (router, balancer) = system(Access::of_proxy(Some("secret".to_owned()), Vec::new()));
    let body = message().to_string();
    let wrong = post_register().header("authorization", "Bearer wrong");
    assert_eq!(ask(&router, "127.0.0.1", wrong, &body).await.0, StatusCode::UNAUTHORIZED);
    let forwarded = post_register().header("x-forwarded-for", "10.0.0.1");
    assert_eq!(ask(&router, "127.0.0.1", forwarded, &body).await.0, StatusCode::UNAUTHORIZED);
    let page = post_register().header("host", "127.0.0.1:12025").header("origin", "http://evil.example");
    assert_eq!(ask(&router, "127.0.0.1", page, &body).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(known(&balancer), 0);
    assert_eq!(ask(&router, "127.0.0.1", post_register(), &body).await.0, StatusCode::OK);
    let list = Request::get("/api/v1/origins");
    assert_eq!(ask(&router, "127.0.0.1", list, "").await.0, StatusCode::UNAUTHORIZED, "lists need it");
}

#[tokio::test]
async fn s01_without_token_or_with_a_wrong_one_there_is_no_entry_and_nothing_to_pick() {
    let (router, balancer) = system(Access::of_proxy(Some("secret".to_owned()), Vec::new()));
    let mut message = message();
    message["ip"] = json!("10.9.8.7");
    for token in [None, Some("Bearer wrong")] {
        let request =
            token.into_iter().fold(post_register(), |request, token| request.header("authorization", token));
        let (status, _, body) = ask(&router, "10.9.8.7", request, &message.to_string()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let text = body["error"].as_str().unwrap();
        assert!(text.contains("heartbeat { auth {") && text.contains("PROXY_HTTP_API_AUTH_TOKEN"), "{text}");
    }
    assert_eq!(known(&balancer), 0);
    let key = "__defaultVhost__/live/a".parse().unwrap();
    for _ in 0..1_000 {
        assert!(balancer.pick_play(&key, &[], Duration::ZERO).await.is_err());
    }
}

/// Asks as another machine, with the token, to register at `place`, and to have its API there.
async fn register_at(router: &Router, place: &str) -> [StatusCode; 2] {
    let mut as_ip = message();
    as_ip["ip"] = json!(place);
    let mut as_endpoint = message();
    as_endpoint["ip"] = json!("10.9.8.7");
    let endpoint = if place.contains(':') { format!("[{place}]:1935") } else { format!("{place}:1935") };
    as_endpoint["api"] = json!([endpoint]);
    let mut statuses = [StatusCode::OK; 2];
    for (status, body) in statuses.iter_mut().zip([as_ip, as_endpoint]) {
        let request = post_register().header("authorization", "Bearer secret");
        *status = ask(router, "10.9.8.7", request, &body.to_string()).await.0;
    }
    statuses
}

#[tokio::test]
async fn s03_another_machine_registers_no_address_that_is_not_a_nodes() {
    let never = [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "::ffff:127.0.0.1",
        "localhost",
        "169.254.169.254",
        "169.254.7.7",
        "fe80::1",
        "::ffff:a9fe:a9fe",
        "224.0.0.1",
        "239.1.1.1",
        "ff02::1",
        "255.255.255.255",
    ];
    let token = || Some("secret".to_owned());
    let (open, balancer) = system(Access::of_proxy(token(), Vec::new()));
    for place in never {
        assert_eq!(register_at(&open, place).await, [StatusCode::BAD_REQUEST; 2], "{place}");
    }
    for every_interface in ["0.0.0.0", "::"] {
        // As an endpoint it is at the node's own address.
        let expected = [StatusCode::BAD_REQUEST, StatusCode::OK];
        assert_eq!(register_at(&open, every_interface).await, expected, "{every_interface}");
    }
    assert_eq!((known(&balancer), balancer.origins(Duration::ZERO)[0].node.host.as_str()), (1, "10.9.8.7"));
    let (listed, balancer) = system(Access::of_proxy(token(), vec!["10.0.0.0/8".parse().unwrap()]));
    for place in ["11.0.0.1", "fd00::1", "8.8.8.8", "::ffff:8.8.8.8"].into_iter().chain(never) {
        assert_eq!(register_at(&listed, place).await, [StatusCode::BAD_REQUEST; 2], "{place}");
    }
    assert_eq!(known(&balancer), 0);
}

#[tokio::test]
async fn an_address_beside_the_allow_list_is_refused_with_the_line_that_would_allow_it() {
    let (router, _) = system(Access::of_proxy(None, vec!["10.0.0.0/8".parse().unwrap()]));
    let mut message = message();
    message["ip"] = json!("11.0.0.1");
    let (_, _, body) = ask(&router, "10.9.8.7", post_register(), &message.to_string()).await;
    let text = body["error"].as_str().unwrap();
    assert!(text.contains("PROXY_SYSTEM_API_ALLOW=10.0.0.0/8,11.0.0.1/32"), "{text}");
    assert_eq!(ask(&router, "127.0.0.1", post_register(), &message.to_string()).await.0, StatusCode::OK);
}

const SECRET: &[u8] = b"the secret of a test";

/// A proxy that lets its cluster's nodes in, at port 12025.
fn of_cluster(token: Option<&str>) -> (Router, Arc<Balancer>) {
    let signatures = Signatures::new(SECRET, "vid-1234567", vec![12_025]);
    let access = Access::of_proxy(token.map(str::to_owned), Vec::new());
    system(access.opening(Some(Arc::new(signatures))))
}

/// A registration of this body, signed by a node with this id.
fn signed_by(id: &str, secret: &[u8], body: &str) -> http::request::Builder {
    let signer = Signer::new(secret, NodeId::new(id).unwrap(), "origin");
    let value = signer.beat("10.0.0.1:12025", body.as_bytes()).unwrap();
    post_register().header("x-srs-node", value)
}

/// What a node at 10.9.8.7 says.
fn far() -> String {
    let mut message = message();
    message["ip"] = json!("10.9.8.7");
    message.to_string()
}

#[tokio::test]
async fn another_machine_registers_by_a_signed_beat() {
    for token in [None, Some("secret")] {
        let (router, balancer) = of_cluster(token);
        let request = signed_by("vid-46p14mm", SECRET, &far());
        let (status, _, body) = ask(&router, "10.9.8.7", request, &far()).await;
        assert_eq!((status, known(&balancer)), (StatusCode::OK, 1), "{body}");
    }
}

#[tokio::test]
async fn s02_a_signed_beat_that_was_captured_is_refused_the_second_time_from_everywhere() {
    for second in ["10.9.8.7", "10.6.6.6", "127.0.0.1"] {
        let (router, balancer) = of_cluster(None);
        let captured = signed_by("vid-46p14mm", SECRET, &far()).body(()).unwrap();
        let again = || post_register().header("x-srs-node", &captured.headers()["x-srs-node"]);
        assert_eq!(ask(&router, "10.9.8.7", again(), &far()).await.0, StatusCode::OK);
        let before = balancer.origins(Duration::ZERO)[0].node.clone();
        let (status, _, body) = ask(&router, second, again(), &far()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
        assert!(Arc::ptr_eq(&before, &balancer.origins(Duration::ZERO)[0].node), "nothing was registered");
    }
}

#[tokio::test]
async fn a_signature_is_good_for_its_own_node_and_body() {
    let (router, balancer) = of_cluster(None);
    let other = far().replace("19351", "6379");
    for (request, body) in [
        (signed_by("vid-other", SECRET, &far()), far()),
        (signed_by("vid-46p14mm", SECRET, &far()), other),
        (signed_by("vid-46p14mm", b"another secret", &far()), far()),
    ] {
        let (status, ..) = ask(&router, "10.9.8.7", request, &body).await;
        assert!(matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN), "{status}");
    }
    assert_eq!(known(&balancer), 0);
}

#[tokio::test]
async fn a_signed_beat_opens_no_list_and_kicks_nobody() {
    let (router, _) = of_cluster(None);
    let value = signed_by("vid-46p14mm", SECRET, "").body(()).unwrap().headers()["x-srs-node"].clone();
    let request = Request::get("/api/v1/origins").header("x-srs-node", value);
    let (status, _, body) = ask(&router, "10.9.8.7", request, "").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body["error"].as_str().unwrap().contains("another request"), "{body}");
}

#[tokio::test]
async fn a_node_of_the_cluster_sees_the_list_of_origins() {
    let (router, _) = of_cluster(Some("secret"));
    let signer = Signer::new(SECRET, NodeId::new("vid-other").unwrap(), "proxy");
    let to = NodeId::new("vid-1234567").unwrap();
    let value = signer.control(&to, &http::Method::GET, "/api/v1/origins").unwrap();
    let request = || Request::get("/api/v1/origins").header("x-srs-node", value.clone());
    assert_eq!(ask(&router, "10.9.8.7", request(), "").await.0, StatusCode::OK);
    assert_eq!(ask(&router, "10.9.8.7", request(), "").await.0, StatusCode::UNAUTHORIZED, "once");
}

#[tokio::test]
async fn a_signature_of_another_cluster_takes_nothing_from_who_may() {
    let (router, balancer) = of_cluster(Some("secret"));
    let body = message().to_string();
    let request = signed_by("vid-46p14mm", b"another secret", &body);
    assert_eq!(ask(&router, "127.0.0.1", request, &body).await.0, StatusCode::OK);
    let request =
        signed_by("vid-46p14mm", b"another secret", &far()).header("authorization", "Bearer secret");
    assert_eq!((ask(&router, "10.9.8.7", request, &far()).await.0, known(&balancer)), (StatusCode::OK, 1));
}

#[tokio::test(start_paused = true)]
async fn s05_of_ten_thousand_guesses_ten_a_minute_are_looked_at() {
    let (router, balancer) = system(Access::of_proxy(Some("secret".to_owned()), Vec::new()));
    let guess = async |token: &str| {
        let request = post_register().header("authorization", format!("Bearer {token}"));
        let (status, headers, _) = ask(&router, "10.9.8.7", request, &far()).await;
        (status, headers.contains_key("retry-after"))
    };
    let (mut wrong, mut locked) = (0, 0);
    for number in 0..10_000 {
        match guess(&number.to_string()).await {
            (StatusCode::UNAUTHORIZED, false) => wrong += 1,
            (StatusCode::TOO_MANY_REQUESTS, true) => locked += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((wrong, locked), (10, 9_990));
    assert_eq!(guess("secret").await.0, StatusCode::TOO_MANY_REQUESTS);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!((guess("secret").await.0, known(&balancer)), (StatusCode::OK, 1));
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
async fn whether_newcomers_may_come_is_open_to_all() {
    let ready = Arc::new(AtomicBool::new(true));
    let (router, _) = system(access());
    let router = router.merge(ready_api(&identity(), Arc::clone(&ready)));
    let asked = async || {
        let (status, _, body) = ask(&router, "203.0.113.1", Request::get("/api/v1/ready"), "").await;
        (status, body)
    };
    assert_eq!(asked().await, (StatusCode::OK, json!({"code": 0, "data": {"ready": true}})));
    ready.store(false, Ordering::SeqCst);
    assert_eq!(
        asked().await,
        (StatusCode::SERVICE_UNAVAILABLE, json!({"code": 503, "data": {"ready": false}}))
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_in_json() {
    let (router, _) = system(access());
    let (status, _, body) = ask(&router, "127.0.0.1", Request::get("/nothing"), "").await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!(404)));
    let (status, _, body) = ask(&router, "127.0.0.1", Request::get("/api/v1/srs/register"), "").await;
    assert_eq!((status, &body["code"]), (StatusCode::METHOD_NOT_ALLOWED, &json!(405)));
}
