//! What is fetched, at a node and at a proxy.

use super::*;

fn names(body: &Value, list: &str, field: &str) -> Vec<String> {
    let list = body[list].as_array().unwrap().iter();
    list.map(|record| record[field].as_str().unwrap().to_owned()).collect()
}

fn numbered(prefix: &str, numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("{prefix}{number}")).collect()
}

fn of(shelf: Shelf) -> Router {
    http_api(Arc::new(api(Shows::Own(Arc::new(shelf)))))
}

#[tokio::test]
async fn what_is_fetched_and_the_applications_have_all_their_fields() {
    let body = testkit::fetch(&of(Shelf::fetching(0, 2, 2)), "/api/v1/pulls").await;
    assert_eq!((&body["code"], &body["server"]), (&json!(0), &json!("vid-1234567")));
    assert_eq!(body["totals"], json!({"pulls": 2, "applications": 2}));
    let pull = |name: &str, state: &str, error: &str| {
        json!({"key": format!("__defaultVhost__/live/{name}"), "vhost": "__defaultVhost__", "app": "live", "stream": name,
            "url": format!("rtmp://upstream:1935/live/{name}"), "since_ms": 1_795_000_000_000_u64, "state": state,
            "viewers": 2, "error": error})
    };
    let pulls = [pull("s0", "running", ""), pull("s1", "lost", "rtmp://upstream:1935: closed")];
    assert_eq!(body["pulls"], json!(pulls));
    let application = |name: &str, configured: bool, made_ms: Option<u64>| {
        json!({"vhost": "__defaultVhost__", "name": name, "providers": ["rtmp", "rtsp"], "configured": configured,
            "made_ms": made_ms, "streams": 1})
    };
    let applications = [application("app0", true, None), application("app1", false, Some(1_795_000_000_000))];
    assert_eq!(body["applications"], json!(applications));
}

#[tokio::test]
async fn a_node_that_fetches_nothing_says_so() {
    let body = testkit::fetch(&router(false).0, "/api/v1/pulls").await;
    assert_eq!((&body["code"], &body["pulls"], &body["applications"]), (&json!(0), &json!([]), &json!([])));
}

#[tokio::test]
async fn what_is_fetched_comes_in_pages() {
    let node = of(Shelf::fetching(0, 12, 3));
    for (query, pulls, applications) in
        [("", 0..10, 0..3), ("?start=8", 8..12, 0..0), ("?start=1&count=1", 1..2, 1..2)]
    {
        let body = testkit::fetch(&node, &format!("/api/v1/pulls/{query}")).await;
        assert_eq!(body["totals"], json!({"pulls": 12, "applications": 3}));
        assert_eq!(names(&body, "pulls", "stream"), numbered("s", pulls), "{query}");
        assert_eq!(names(&body, "applications", "name"), numbered("app", applications), "{query}");
    }
}

/// Edges with 7 and 5 fetched streams, and 1 and 2 applications, and an origin that has never heard of any.
async fn fleet() -> Fleet {
    let mut fleet = Fleet::new();
    fleet.node("a", Arc::new(Shelf::fetching(0, 7, 1))).await;
    fleet.node("b", Arc::new(Shelf::fetching(20, 5, 2))).await;
    fleet.words("c", "404 Not Found", br#"{"error":"no such thing"}"#).await;
    fleet
}

#[tokio::test]
async fn a_proxy_shows_what_all_nodes_fetch() {
    let fleet = fleet().await;
    let body = fleet.fetch("/api/v1/pulls?start=5&count=4").await;
    assert_eq!(body["totals"], json!({"pulls": 12, "applications": 3}));
    assert_eq!(names(&body, "pulls", "stream"), numbered("s", [5, 6, 20, 21]));
    assert_eq!(names(&body, "pulls", "server"), ["a", "a", "b", "b"]);
    assert_eq!(names(&body, "applications", "name"), Vec::<String>::new());
    let first = fleet.fetch("/api/v1/pulls").await;
    assert_eq!(names(&first, "pulls", "stream"), numbered("s", (0..7).chain(20..23)));
    assert_eq!(names(&first, "applications", "name"), numbered("app", [0, 20, 21]));
    assert_eq!(names(&first, "applications", "server"), ["a", "b", "b"]);
    let answered: Vec<_> = first["nodes"].as_array().unwrap().iter().map(|node| &node["answered"]).collect();
    assert_eq!(answered, [true, true, false]);
}

#[tokio::test]
async fn a_page_far_behind_has_its_part_of_both_lists() {
    let mut fleet = Fleet::new();
    // Says that it has many, and gives the same two whatever part is asked for.
    let many = br#"{"totals":{"pulls":12000,"applications":0},"pulls":[{"stream":"x"},{"stream":"y"}],"applications":[]}"#;
    fleet.words("a", "200 OK", many).await;
    fleet.node("b", Arc::new(Shelf::fetching(0, 3, 1))).await;
    let body = fleet.fetch("/api/v1/pulls?start=11999&count=3").await;
    assert_eq!(body["totals"], json!({"pulls": 12_003, "applications": 1}));
    assert_eq!(names(&body, "pulls", "stream"), ["x", "s0", "s1"]);
    assert_eq!(body["applications"], json!([]));
}
