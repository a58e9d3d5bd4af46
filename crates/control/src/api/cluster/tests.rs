use super::*;
use crate::Access;
use crate::api::http_api;
use crate::testkit::{Fleet, Shelf, api, ask, client_record};
use http::Request;
use tokio::task::JoinSet;
use tokio::time::Instant as Clock;

/// Three nodes with 12, 0 and 5 streams, and 20, 3 and 7 clients.
async fn three() -> (Fleet, [Arc<Shelf>; 3]) {
    let mut fleet = Fleet::new();
    let shelves = [Shelf::new(0, 12, 20), Shelf::new(100, 0, 3), Shelf::new(200, 5, 7)].map(Arc::new);
    for (id, shelf) in ["a", "b", "c"].into_iter().zip(&shelves) {
        fleet.node(id, Arc::clone(shelf)).await;
    }
    (fleet, shelves)
}

/// The error that a reply tells of a node.
fn error_of(body: &Value, id: &str) -> String {
    let node = body["nodes"].as_array().unwrap().iter().find(|node| node["id"] == id).unwrap();
    assert_eq!(node["answered"], false, "{body}");
    node["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn sums_are_those_of_all_nodes() {
    let (fleet, _) = three().await;
    assert_eq!(fleet.fetch("/api/v1/streams").await["total"], 17);
    assert_eq!(fleet.fetch("/api/v1/clients").await["total"], 30);
    let vhosts = fleet.fetch("/api/v1/vhosts").await;
    let vhost = &vhosts["vhosts"][0];
    assert_eq!((&vhost["streams"], &vhost["clients"]), (&json!(17), &json!(30)));
    assert_eq!((&vhost["send_bytes"], &vhost["recv_bytes"]), (&json!(17 * 5), &json!(17 * 6)));
    assert_eq!(vhost["kbps"], json!({"recv_30s": 17 * 7, "send_30s": 17 * 8}));
    assert_eq!(vhost["servers"], json!(["a", "b", "c"]));
    assert_eq!(vhosts["vhosts"].as_array().unwrap().len(), 2, "one of each name");
    let summaries = fleet.fetch("/api/v1/summaries").await;
    let cluster = &summaries["data"]["cluster"];
    for (name, value) in [
        ("nodes", 3),
        ("alive", 3),
        ("answered", 3),
        ("streams", 17),
        ("clients", 30),
        ("srs_recv_bytes", 18_000),
        ("srs_send_bytes", 15_000),
        ("conn_srs", 51),
    ] {
        assert_eq!(cluster[name], value, "{name}");
    }
    assert_eq!(summaries["data"]["self"]["pid"], std::process::id(), "self is the proxy");
}

#[tokio::test]
async fn pages_of_the_sum_follow_each_other_without_gap_or_repetition() {
    let (fleet, shelves) = three().await;
    let mut ids = Vec::new();
    for start in (0..40).step_by(7) {
        let page = fleet.fetch(&format!("/api/v1/clients?start={start}&count=7")).await;
        let page = page["clients"].as_array().unwrap().clone();
        ids.extend(page.iter().map(|client| client["id"].as_str().unwrap().to_owned()));
    }
    let expected = shelves.iter().flat_map(|shelf| &shelf.clients).map(|client| client.id.clone());
    assert_eq!(ids, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_far_behind_has_its_part_of_each_node() {
    let mut fleet = Fleet::new();
    // Says that it has many, and gives the same two whatever part is asked for.
    fleet.words("a", "200 OK", br#"{"total":12000,"clients":[{"id":"x"},{"id":"y"}]}"#).await;
    fleet.node("b", Arc::new(Shelf::new(20_000, 0, 3))).await;
    fleet.node("c", Arc::new(Shelf::new(30_000, 0, 9))).await;
    fleet.words("d", "403 Forbidden", br#"{"error":"no"}"#).await;
    let ids = async |query: &str| -> Vec<String> {
        let body = fleet.fetch(&format!("/api/v1/clients?{query}")).await;
        assert_eq!(body["total"], 12_012);
        assert_eq!(error_of(&body, "d"), "403 Forbidden: no");
        assert_eq!(body["nodes"].as_array().unwrap().len(), 4);
        let page = body["clients"].as_array().unwrap().clone();
        page.iter().map(|client| client["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("start=10500&count=2").await, ["x", "y"]);
    assert_eq!(
        ids("start=11998&count=7").await,
        ["x", "y", "c20000", "c20001", "c20002", "c30000", "c30001"]
    );
    assert_eq!(ids("start=12010&count=50").await, ["c30007", "c30008"]);
    assert_eq!(ids("start=18446744073709551615&count=50").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_vhost_is_found_by_its_id() {
    let (fleet, _) = three().await;
    let id = crate::api::records::vhost_id("__defaultVhost__");
    let body = fleet.fetch(&format!("/api/v1/vhosts/{id}")).await;
    assert_eq!((&body["code"], &body["vhost"]["clients"]), (&json!(0), &json!(30)));
    assert_eq!(fleet.fetch("/api/v1/vhosts/vid-none").await["code"], 2014);
}

#[tokio::test]
async fn one_record_is_found_wherever_it_is() {
    let (fleet, _) = three().await;
    let body = fleet.fetch("/api/v1/streams/vid-203").await;
    assert_eq!((&body["stream"]["name"], &body["stream"]["server"]), (&json!("s203"), &json!("c")));
    let body = fleet.fetch("/api/v1/clients/c101").await;
    assert_eq!((&body["client"]["id"], &body["client"]["server"]), (&json!("c101"), &json!("b")));
    assert_eq!(fleet.fetch("/api/v1/streams/vid-999").await["code"], 2048);
    assert_eq!(fleet.fetch("/api/v1/clients/c999").await["code"], 2049);
}

#[tokio::test]
async fn a_kick_goes_to_the_node_that_has_the_client_and_answers_as_that_does() {
    let (fleet, shelves) = three().await;
    let kick = async |id: &str| {
        let request = Request::delete(format!("/api/v1/clients/{id}"));
        ask(&fleet.router(), "127.0.0.1", request, "").await
    };
    let (status, _, body) = kick("c101").await;
    assert_eq!((status.as_u16(), &body["code"], &body["server"]), (200, &json!(0), &json!("b")));
    let kicked = shelves.each_ref().map(|shelf| shelf.kicked.lock().unwrap().clone());
    assert_eq!(kicked, [vec![], vec!["c101".to_owned()], vec![]]);
    let (status, _, body) = kick("c999").await;
    assert_eq!((status.as_u16(), &body["code"]), (200, &json!(2049)));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_never_answers_costs_half_a_second_and_no_more() {
    let mut fleet = Fleet::new();
    fleet.dead("a").await;
    fleet.dead("b").await;
    for path in
        ["/api/v1/streams", "/api/v1/clients/c1", "/api/v1/vhosts", "/api/v1/vhosts/x", "/api/v1/summaries"]
    {
        let before = Clock::now();
        let body = fleet.fetch(path).await;
        // The timer rounds up to the next millisecond.
        assert!(before.elapsed() <= LIMIT + Duration::from_millis(2), "{path}: {:?}", before.elapsed());
        assert_eq!(error_of(&body, "a"), "no answer within 500ms", "{path}");
        assert_eq!(error_of(&body, "b"), "no answer within 500ms", "{path}");
    }
}

#[tokio::test]
async fn a_dead_node_takes_nothing_from_the_others() {
    let (mut fleet, shelves) = three().await;
    fleet.dead("bad").await;
    let body = fleet.fetch("/api/v1/streams?count=100").await;
    assert_eq!((&body["code"], &body["total"]), (&json!(0), &json!(17)));
    assert_eq!(body["streams"].as_array().unwrap().len(), 17);
    assert_eq!(error_of(&body, "bad"), "no answer within 500ms");
    let (status, ..) = ask(&fleet.router(), "127.0.0.1", Request::delete("/api/v1/clients/c200"), "").await;
    assert_eq!(status.as_u16(), 200, "and a kick does not wait for it");
    assert_eq!(*shelves[2].kicked.lock().unwrap(), ["c200"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_node_and_one_without_an_api_are_not_asked() {
    let mut fleet = Fleet::new();
    fleet.dead("silent").await;
    // The node's one heartbeat was a minute ago.
    fleet.started -= Duration::from_secs(60);
    fleet.register("mute", None);
    let before = Clock::now();
    let body = fleet.fetch("/api/v1/clients").await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(error_of(&body, "silent"), "silent: not asked");
    assert_eq!(error_of(&body, "mute"), "it registered no api endpoint");
    let alive: Vec<_> = body["nodes"].as_array().unwrap().iter().map(|node| node["alive"].clone()).collect();
    assert_eq!(alive, [json!(true), json!(false)]);
}

#[tokio::test]
async fn a_refusal_is_passed_on_with_the_setting_that_would_allow_it() {
    let mut fleet = Fleet::new();
    let access = Access::of_proxy(Some("secret".to_owned()), Vec::new());
    fleet.guarded_node("a", Arc::new(Shelf::new(0, 1, 1)), access).await;
    fleet.words("b", "403 Forbidden", br#"{"code":403,"error":"10.0.0.5 may not do this: set X"}"#).await;
    let body = fleet.fetch("/api/v1/clients").await;
    assert!(error_of(&body, "a").contains("PROXY_HTTP_API_AUTH_TOKEN"), "{body}");
    assert_eq!(error_of(&body, "b"), "403 Forbidden: 10.0.0.5 may not do this: set X");
    assert_eq!(body["total"], 0);
}

#[tokio::test]
async fn nonsense_of_one_node_counts_as_nothing() {
    let mut fleet = Fleet::new();
    fleet.node("good", Arc::new(Shelf::new(0, 2, 2))).await;
    fleet.words("list", "200 OK", br#"{"code":0,"clients":7,"vhosts":[7,{"name":7}],"total":-3}"#).await;
    fleet.words("odd", "200 OK", br#"{"code":0,"clients":[7,"x",null],"total":"y"}"#).await;
    fleet.words("text", "200 OK", b"<html>").await;
    fleet.words("deep", "200 OK", "[".repeat(100_000).as_bytes()).await;
    let huge = [b"{\"clients\":[".as_slice(), " ".repeat(MAX_ANSWER).as_bytes(), b"]}"].concat();
    fleet.words("huge", "200 OK", &huge).await;
    let body = fleet.fetch("/api/v1/clients").await;
    let ids: Vec<_> = body["clients"].as_array().unwrap().iter().map(|client| client["id"].clone()).collect();
    assert_eq!(ids, [json!("c0"), json!("c1")]);
    for id in ["text", "deep"] {
        assert_eq!(error_of(&body, id), "status 200 OK, and no JSON object");
    }
    assert!(error_of(&body, "huge").starts_with("bad answer from 127.0.0.1:"), "{body}");
    assert_eq!(fleet.fetch("/api/v1/vhosts").await["vhosts"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_node_that_sends_more_than_was_asked_is_cut() {
    let mut fleet = Fleet::new();
    let many: Vec<Value> = (0..50).map(|number| json!({"id": number.to_string()})).collect();
    let body = json!({"code": 0, "total": 20_000, "clients": many}).to_string();
    fleet.words("a", "200 OK", body.as_bytes()).await;
    fleet.node("b", Arc::new(Shelf::new(0, 0, 2))).await;
    for (query, expected) in
        [("start=0&count=2", ["0", "1"].as_slice()), ("start=19998&count=4", &["0", "1", "c0", "c1"])]
    {
        let body = fleet.fetch(&format!("/api/v1/clients?{query}")).await;
        let ids = body["clients"].as_array().unwrap().iter().map(|client| client["id"].as_str().unwrap());
        assert_eq!(ids.collect::<Vec<_>>(), expected, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_id_is_asked_of_nobody() {
    let mut fleet = Fleet::new();
    fleet.dead("a").await;
    let before = Clock::now();
    for id in ["..%2Fraw%3Frpc=reload", "a%20b", "%0d%0aX:%20y", &"x".repeat(65), "a%3Fb", "..", "%C3%A4"] {
        let path = format!("/api/v1/clients/{id}");
        for request in [Request::get(&path), Request::delete(&path)] {
            let (_, _, body) = ask(&fleet.router(), "127.0.0.1", request, "").await;
            assert_eq!(body["code"], 2049, "{id}");
        }
        assert_eq!(fleet.fetch(&format!("/api/v1/streams/{id}")).await["code"], 2048, "{id}");
    }
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn more_callers_than_there_are_turns_are_told_so() {
    let mut fleet = Fleet::new();
    fleet.dead("a").await;
    let router = fleet.router();
    let mut callers = JoinSet::new();
    for _ in 0..=MAX_TURNS {
        let router = router.clone();
        callers.spawn(async move { ask(&router, "127.0.0.1", Request::get("/api/v1/clients"), "").await.0 });
    }
    let mut statuses = callers.join_all().await;
    statuses.sort();
    assert_eq!(statuses.pop(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert!(statuses.iter().all(|status| *status == StatusCode::OK));
}

#[tokio::test]
async fn the_proxys_token_opens_its_lists_and_is_not_passed_on() {
    let mut fleet = Fleet::new();
    let record = client_record(1);
    let node = Shelf { clients: vec![record], ..Shelf::default() };
    // A node that would let in whoever brings the proxy's token, and must not see it.
    let access = Access::of_proxy(Some("secret".to_owned()), Vec::new());
    fleet.guarded_node("a", Arc::new(node), access.clone()).await;
    let router = http_api(Arc::new(Api { access, ..api(fleet.shows()) }));
    for path in ["/api/v1/clients", "/api/v1/clients/c1", "/api/v1/vhosts", "/api/v1/summaries", "/metrics"] {
        let (status, ..) = ask(&router, "203.0.113.9", Request::get(path), "").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let request = Request::get("/api/v1/clients").header("authorization", "Bearer secret");
    let (status, _, body) = ask(&router, "203.0.113.9", request, "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(error_of(&body, "a").starts_with("401 Unauthorized: "), "{body}");
}

#[tokio::test]
async fn a_proxy_that_has_itself_for_a_node_does_not_ask_in_circles() {
    let (fleet, _) = three().await;
    let proxy = crate::testkit::Served::start(fleet.router(), crate::Limits::default()).await;
    fleet.register("self", Some(proxy.address.port()));
    let body = fleet.fetch("/api/v1/clients").await;
    assert_eq!(error_of(&body, "self"), "508 Loop Detected: this is a proxy, and not one of its nodes");
    assert_eq!(body["total"], 30);
    fleet.fetch("/api/v1/summaries").await;
}
