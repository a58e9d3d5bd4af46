use super::*;
use crate::Cluster;
use crate::testkit::{Fleet, Shelf, api, ask};
use crate::{Access, Signatures, Signer};
use http::Request;
use serde_json::{Value, json};
use srs_names::{Inventory as _, NodeId};

const SECRET: &[u8] = b"the secret of a test";

/// The system API's part of a proxy that signs.
fn router(fleet: &Fleet) -> Router {
    let signer = Signer::new(SECRET, NodeId::new("proxy").unwrap(), "proxy");
    let cluster = Cluster::new(Arc::clone(&fleet.balancer), fleet.started).signing(Some(signer));
    cluster_api(Arc::new(api(Shows::Cluster(cluster))))
}

async fn drain(fleet: &Fleet, method: &str, id: &str) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(format!("/api/v1/origins/{id}/drain"));
    let (status, _, body) = ask(&router(fleet), "127.0.0.1", request, "").await;
    (status, body)
}

fn is_draining(fleet: &Fleet, id: &str) -> bool {
    fleet.balancer.node(&NodeId::new(id).unwrap()).unwrap().draining
}

/// A node of ours that opens to the signature alone.
async fn guarded(fleet: &mut Fleet, id: &str) -> Arc<Shelf> {
    let shelf = Arc::new(Shelf::default());
    let signatures = Signatures::new(SECRET, id, Vec::new());
    let access = Access::of_proxy(Some("token".to_owned()), Vec::new()).opening(Some(Arc::new(signatures)));
    fleet.guarded_node(id, Arc::clone(&shelf), access).await;
    fleet.say(id, |node| {
        node.capabilities = vec!["envelope".to_owned()];
        node.live = Some(Default::default());
    });
    shelf
}

#[tokio::test]
async fn an_origin_is_left_at_once_and_told_so_until_that_is_undone() {
    let mut fleet = Fleet::new();
    let shelf = guarded(&mut fleet, "a").await;
    for (method, on) in [("POST", true), ("POST", true), ("DELETE", false)] {
        let (status, body) = drain(&fleet, method, "a").await;
        assert_eq!((status, &body["code"], &body["id"]), (StatusCode::OK, &json!(0), &json!("a")));
        assert_eq!(
            (&body["draining"], &body["told"], body.get("why")),
            (&json!(on), &json!(true), None),
            "{body}"
        );
        assert_eq!((is_draining(&fleet, "a"), shelf.draining()), (on, on), "{method}");
    }
}

#[tokio::test]
async fn a_plain_srs_is_left_by_this_proxy_alone_and_the_answer_says_so() {
    let mut fleet = Fleet::new();
    fleet.words("a", "200 OK", br#"{"code":0}"#).await;
    let (status, body) = drain(&fleet, "POST", "a").await;
    assert_eq!((status, &body["draining"], &body["told"]), (StatusCode::OK, &json!(true), &json!(false)));
    assert!(body["why"].as_str().unwrap().contains("plain SRS"), "{body}");
    assert!(is_draining(&fleet, "a"));
    // A heartbeat that says nothing of it changes nothing.
    fleet.register("a", fleet.port_of("a"));
    assert!(is_draining(&fleet, "a"));
    fleet.say("a", |node| node.instance = "another run".to_owned());
    assert!(!is_draining(&fleet, "a"));
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_cannot_be_told_is_left_all_the_same_and_the_answer_says_why() {
    let mut fleet = Fleet::new();
    fleet.dead("mute").await;
    fleet.words("odd", "200 OK", br#"{"code":0,"draining":false}"#).await;
    fleet.words("no", "403 Forbidden", br#"{"error":"not you"}"#).await;
    fleet.register("none", None);
    for (id, why) in [
        ("mute", "no answer within 2s"),
        ("odd", "it answered something else"),
        ("no", "403 Forbidden: not you"),
        ("none", "it registered no api endpoint: this proxy alone leaves it"),
    ] {
        fleet.say(id, |node| node.live = Some(Default::default()));
        let (status, body) = drain(&fleet, "POST", id).await;
        assert_eq!((status, &body["told"], &body["why"]), (StatusCode::OK, &json!(false), &json!(why)));
        assert!(is_draining(&fleet, id));
    }
}

#[tokio::test]
async fn an_origin_that_nobody_knows_is_404() {
    let fleet = Fleet::new();
    let long = "x".repeat(300);
    for id in ["unknown", "a%2Fb", "%00", &long] {
        for method in ["POST", "DELETE"] {
            let (status, body) = drain(&fleet, method, id).await;
            assert_eq!(
                (status, &body["code"]),
                (StatusCode::NOT_FOUND, &json!(404)),
                "{method} {id}: {body}"
            );
        }
    }
    assert_eq!(drain(&fleet, "GET", "unknown").await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn other_machines_drain_nothing() {
    let mut fleet = Fleet::new();
    let shelf = guarded(&mut fleet, "a").await;
    let request = Request::post("/api/v1/origins/a/drain");
    let (status, _, body) = ask(&router(&fleet), "203.0.113.9", request, "").await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert!(!is_draining(&fleet, "a") && !shelf.draining());
}

#[tokio::test]
async fn the_view_stands_on_the_system_api_too() {
    let mut fleet = Fleet::new();
    fleet.node("a", Arc::new(Shelf::new(0, 1, 1))).await;
    let (status, _, body) = ask(&router(&fleet), "127.0.0.1", Request::get("/api/v1/cluster"), "").await;
    assert_eq!((status, &body["data"]["streams"][0]["origin"]), (StatusCode::OK, &json!("a")));
}
