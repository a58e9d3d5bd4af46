use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use srs_balance::{Listed, Node, Role};
use srs_names::envelope::Purpose;

use super::*;
use crate::rtc::testkit::{Api, ask, created, dead, plain, post, proxy, proxy_with, sdp};
use crate::testkit::{config, key, told};

const WHIP: &str = "/rtc/v1/whip/?app=live&stream=s&token=t";
const WHEP: &str = "/rtc/v1/whep/?app=live&stream=s";

fn location(response: &Response<()>) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_publish_is_told_whole_to_the_origin_that_is_claimed() {
    let api = Api::start(|_| created("/rtc/v1/whip/?session=1", "u")).await;
    let relay = proxy([api.origin("a")]);
    let request = Request::post(WHIP)
        .header("host", "a.example:1985")
        .header("authorization", "Bearer secret")
        .header("content-type", "application/sdp")
        .header("expect", "100-continue")
        .header("x-own", "kept")
        .body("v=0")
        .unwrap();
    let (response, _) = ask(&relay, request).await;
    assert_eq!(response.status(), 201);
    let heard = &api.heard()[0];
    assert_eq!((heard.line().as_str(), heard.body.as_str()), (&*format!("POST {WHIP}"), "v=0"));
    for (name, value) in [
        ("host", "a.example:1985"),
        ("authorization", "Bearer secret"),
        ("content-type", "application/sdp"),
        ("x-own", "kept"),
        ("x-forwarded-for", "198.51.100.7"),
        ("content-length", "3"),
    ] {
        assert_eq!(heard.field(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(heard.field("expect"), None);
    let envelope = told("a", &heard.field("x-srs-node").unwrap());
    assert_eq!(envelope.purpose, Purpose::Relay);
    assert_eq!(envelope.client, Some(([198, 51, 100, 7], 5000).into()));
    assert_eq!(envelope.hold, Some(Duration::from_secs(10)));
    let claim = relay.balancer.find(&StreamKey::new("a.example", "live", "s").unwrap(), relay.now()).await;
    assert_eq!(envelope.term.unwrap().epoch, claim.unwrap().claim.unwrap().epoch.0);
}

#[tokio::test]
async fn the_answer_is_the_origins_but_for_its_addresses() {
    let api = Api::start(|_| created("/rtc/v1/whip/?session=1", "u")).await;
    let relay = proxy([api.origin("a")]);
    let (response, body) = post(&relay, WHIP, "v=0").await;
    let headers = response.headers();
    assert_eq!(
        (&headers["etag"], &headers["link"]),
        (&"\"e1\"".parse().unwrap(), &"<stun:s>; rel=\"ice-server\"".parse().unwrap())
    );
    assert!(headers["access-control-expose-headers"].to_str().unwrap().contains("Location"));
    let candidates: Vec<&str> = body.lines().filter(|line| line.contains("candidate")).collect();
    assert_eq!(candidates.len(), 3, "{body}");
    assert!(
        candidates[0].contains(" udp ") && candidates[0].contains(" 203.0.113.9 18000 typ host"),
        "{body}"
    );
    assert!(candidates[1].contains(" tcp ") && candidates[1].contains("tcptype passive"), "{body}");
    assert_eq!(candidates[2], "a=end-of-candidates");
    let rest: String = body.lines().filter(|line| !line.contains("candidate")).collect();
    assert_eq!(rest, sdp("u").lines().filter(|line| !line.contains("candidate")).collect::<String>());
}

#[tokio::test]
async fn a_session_is_found_by_another_proxy_that_has_the_secret() {
    let api = Api::start(|heard| match heard.line().starts_with("POST") {
        true => created("http://10.0.0.1:1/rtc/v1/whip/?session=1", "u"),
        false => plain("200 OK", ""),
    })
    .await;
    let (first, second) = (proxy([api.origin("a")]), proxy([api.origin("a")]));
    let (response, _) = post(&first, WHIP, "v=0").await;
    let place = location(&response);
    assert!(place.starts_with("/rtc/v1/whip/?app=live&stream=s&session="), "{place}");
    let request = Request::delete(&place).header("if-match", "*").body("").unwrap();
    assert_eq!(ask(&second, request).await.0.status(), 200);
    let heard = &api.heard()[1];
    assert_eq!(heard.line(), "DELETE /rtc/v1/whip/?session=1");
    assert_eq!(heard.field("if-match").as_deref(), Some("*"));
    let stranger = crate::Config { secret: b"another secret".to_vec(), ..config() };
    let request = Request::delete(&place).body("").unwrap();
    assert_eq!(ask(&proxy_with([api.origin("a")], stranger), request).await.0.status(), 404);
    assert_eq!(api.heard().len(), 2);
}

#[tokio::test]
async fn a_fragment_is_passed_on_and_its_answer_has_our_addresses() {
    let api = Api::start(|heard| match heard.line().starts_with("POST") {
        true => created("/s/1", "u"),
        false => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/trickle-ice-sdpfrag\r\netag: \"e2\"";
            let body = "a=ice-ufrag:v\r\na=ice-pwd:0123456789012345678901\r\na=candidate:1 1 udp 1 10.9.8.7 8000 typ host\r\n";
            (head.to_owned(), body.to_owned())
        }
    })
    .await;
    let relay = proxy([api.origin("a")]);
    let place = location(&post(&relay, WHIP, "v=0").await.0);
    let request = Request::patch(&place).header("content-type", "application/trickle-ice-sdpfrag");
    let (response, body) = ask(&relay, request.body("a=ice-ufrag:x\r\n").unwrap()).await;
    assert_eq!((response.status().as_u16(), &response.headers()["etag"]), (200, &"\"e2\"".parse().unwrap()));
    assert!(
        body.contains("a=ice-ufrag:v\r\n") && body.contains("203.0.113.9") && !body.contains("10.9.8.7"),
        "{body}"
    );
    assert_eq!(
        (api.heard()[1].line(), api.heard()[1].body.clone()),
        ("PATCH /s/1".to_owned(), "a=ice-ufrag:x\r\n".to_owned())
    );
}

#[tokio::test]
async fn viewers_go_to_an_edge_and_to_the_origin_where_that_fails() {
    let origin = Api::start(|_| created("/o", "u")).await;
    let edge = Api::start(|_| plain("500 Internal Server Error", "no")).await;
    let relay = proxy([origin.origin("a"), edge.node("e", Role::Edge)]);
    assert_eq!(post(&relay, WHEP, "v=0").await.0.status(), 201);
    assert_eq!((edge.heard().len(), origin.heard().len()), (1, 1));
    assert_eq!(told("e", &edge.heard()[0].field("x-srs-node").unwrap()).term, None);
}

#[tokio::test]
async fn a_wish_for_a_layer_is_told_to_its_session() {
    let api = Api::start(|heard| match heard.line().contains("layer") {
        true => plain("200 OK", ""),
        false => created("/rtc/v1/whip/?session=1", "u"),
    })
    .await;
    let relay = proxy([api.origin("a")]);
    let place = location(&post(&relay, WHIP, "v=0").await.0);
    assert_eq!(post(&relay, &format!("{place}&layer=q"), "").await.0.status(), 200);
    assert_eq!(api.heard()[1].line(), "POST /rtc/v1/whip/?session=1&layer=q");
}

#[tokio::test]
async fn what_a_token_is_asked_by_reaches_the_client() {
    let challenge = "www-authenticate: Bearer realm=\"srs\"";
    let head = format!("HTTP/1.1 401 Unauthorized\r\ncontent-type: text/plain\r\n{challenge}");
    let api = Api::start(move |_| (head.clone(), "no token".to_owned())).await;
    let (response, body) = post(&proxy([api.origin("a")]), WHEP, "v=0").await;
    assert_eq!((response.status().as_u16(), body.as_str()), (401, "no token"));
    assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"srs\"");
    assert!(
        response.headers()["access-control-expose-headers"].to_str().unwrap().contains("WWW-Authenticate")
    );
}

#[tokio::test]
async fn what_a_node_refuses_is_refused_in_its_words() {
    let api = Api::start(|_| plain("404 Not Found", "no such stream")).await;
    let relay = proxy([api.origin("a")]);
    let (response, body) = post(&relay, WHEP, "v=0").await;
    assert_eq!((response.status().as_u16(), body.as_str()), (404, "no such stream"));
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert_eq!(api.heard().len(), 1);
}

#[tokio::test]
async fn a_refused_publish_leaves_no_claim() {
    let api = Api::start(|_| plain("403 Forbidden", "no")).await;
    let relay = proxy([api.origin("a")]);
    assert_eq!(post(&relay, WHIP, "v=0").await.0.status(), 403);
    relay.balancer.tick(relay.now()).await;
    assert!(relay.balancer.find(&key("s"), relay.now()).await.is_none());
}

#[tokio::test]
async fn another_origin_is_asked_where_one_does_not_answer_or_cannot() {
    let full = Api::start(|_| plain("503 Service Unavailable", "full")).await;
    let api = Api::start(|_| created("/s", "u")).await;
    for target in [WHIP, WHEP] {
        let relay = proxy([dead("a").await, full.origin("b"), api.origin("c")]);
        assert_eq!(post(&relay, target, "v=0").await.0.status(), 201, "{target}");
    }
}

#[tokio::test]
async fn where_all_are_full_the_client_is_told_so_in_their_words() {
    let full = Api::start(|_| plain("503 Service Unavailable", "full")).await;
    let (response, body) = post(&proxy([full.origin("b")]), WHIP, "v=0").await;
    assert_eq!((response.status().as_u16(), body.as_str()), (503, "full"));
}

#[tokio::test]
async fn without_an_origin_the_service_is_unavailable() {
    assert_eq!(post(&proxy([]), WHIP, "v=0").await.0.status(), 503);
    assert_eq!(post(&proxy([dead("a").await]), WHEP, "v=0").await.0.status(), 503);
}

#[tokio::test]
async fn a_stream_at_an_origin_without_webrtc_is_not_taken_from_it() {
    let api = Api::start(|_| created("/s", "u")).await;
    let without = crate::testkit::node("b", crate::testkit::nobody().await);
    let live = HashMap::from([(key("s"), Listed::default())]);
    let relay = proxy([api.origin("a"), Node { live: Some(live), ..without }]);
    assert_eq!(post(&relay, WHIP, "v=0").await.0.status(), 409);
    assert_eq!(post(&relay, WHEP, "v=0").await.0.status(), 406);
    assert!(api.heard().is_empty());
}

#[tokio::test]
async fn an_outdated_publish_is_tried_once_more_above_the_owner_that_the_origin_knows() {
    let count = Arc::new(Mutex::new(0));
    let api = Api::start(move |heard| {
        let mut count = count.lock().unwrap();
        *count += 1;
        let epoch = told("a", &heard.field("x-srs-node").unwrap()).term.unwrap().epoch;
        let newer = epoch + (100 << 16);
        match *count {
            1 => (format!("HTTP/1.1 409 Conflict\r\nx-srs-fenced: {newer}"), "old".to_owned()),
            _ => created("/s", "u"),
        }
    })
    .await;
    let relay = proxy([api.origin("a")]);
    assert_eq!(post(&relay, WHIP, "v=0").await.0.status(), 201);
    let epochs: Vec<u64> = api
        .heard()
        .iter()
        .map(|heard| told("a", &heard.field("x-srs-node").unwrap()).term.unwrap().epoch)
        .collect();
    assert!(epochs[1] > epochs[0] + (100 << 16), "{epochs:?}");
}

#[tokio::test]
async fn a_redirect_is_followed_to_a_node_of_ours_and_to_nobody_else() {
    let edge = Api::start(|_| created("/e", "u")).await;
    let there =
        format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{}/rtc/v1/whep/?x=1", edge.address);
    let origin = Api::start(move |_| (there.clone(), String::new())).await;
    // It drains, so that viewers are not sent there at once.
    let draining = Node { draining: true, ..edge.node("e", Role::Edge) };
    let relay = proxy([origin.origin("a"), draining]);
    assert_eq!(post(&relay, WHEP, "v=0").await.0.status(), 201);
    assert_eq!(edge.heard()[0].line(), "POST /rtc/v1/whep/?x=1");
    assert_eq!(post(&proxy([origin.origin("a")]), WHEP, "v=0").await.0.status(), 502);
    assert_eq!(edge.heard().len(), 1);
}

#[tokio::test]
async fn a_browser_may_ask_from_any_page() {
    let relay = proxy([]);
    let (response, _) = ask(&relay, Request::options(WHIP).body("").unwrap()).await;
    let headers = response.headers();
    assert_eq!(
        (response.status().as_u16(), &headers["accept-post"]),
        (204, &"application/sdp".parse().unwrap())
    );
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert!(headers["access-control-allow-headers"].to_str().unwrap().contains("Authorization"));
    let (response, _) = ask(&relay, Request::get(WHEP).body("").unwrap()).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["allow"]),
        (405, &"POST, OPTIONS".parse().unwrap())
    );
    assert_eq!(ask(&relay, Request::get("/rtc/v1/x").body("").unwrap()).await.0.status(), 404);
}

#[tokio::test]
async fn srs_json_is_told_whole_and_has_our_addresses_in_its_sdp() {
    let api = Api::start(|_| {
        let answer = serde_json::json!({ "code": 0, "server": "x", "sdp": sdp("u"), "sessionid": "u:v" });
        ("HTTP/1.1 200 OK\r\ncontent-type: application/json".to_owned(), answer.to_string())
    })
    .await;
    let relay = proxy([api.origin("a")]);
    let asked = r#"{"streamurl":"webrtc://h/live/s?token=1","sdp":"v=0","more":[1]}"#;
    let (response, body) = post(&relay, "/rtc/v1/publish/", asked).await;
    assert_eq!(response.status(), 200);
    assert_eq!(api.heard()[0].body, asked);
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((told["code"].as_i64(), told["sessionid"].as_str()), (Some(0), Some("u:v")));
    let sdp = told["sdp"].as_str().unwrap();
    assert!(sdp.contains("203.0.113.9 18000") && !sdp.contains("10.9.8.7"), "{sdp}");
    assert_eq!(relay.rtc_publishes(), 1);
    assert_eq!(
        post(&relay, "/rtc/v1/publish/", "{}").await.1,
        r#"{"code":400,"msg":"the body is no JSON object with a streamurl"}"#
    );
}

#[tokio::test]
async fn a_node_that_refuses_in_json_takes_no_publish() {
    let api = Api::start(|_| plain("200 OK", r#"{"code":400}"#)).await;
    let relay = proxy([api.origin("a")]);
    let (_, body) = post(&relay, "/rtc/v1/publish/", r#"{"streamurl":"webrtc://h/live/s"}"#).await;
    assert_eq!((body.as_str(), relay.rtc_publishes()), (r#"{"code":400}"#, 0));
}

/// Whether the stream is claimed after the balancer's next look.
async fn is_claimed(relay: &Arc<Relay>) -> bool {
    relay.judge_rtc();
    relay.balancer.tick(relay.now()).await;
    relay.balancer.find(&key("s"), relay.now()).await.is_some_and(|pick| pick.claim.is_some())
}

#[tokio::test]
async fn a_claim_stands_until_the_client_ends_the_session() {
    let api = Api::start(|heard| match heard.line().starts_with("POST") {
        true => created("/s/1", "u"),
        false => plain("200 OK", ""),
    })
    .await;
    let relay = proxy([api.origin("a")]);
    let place = location(&post(&relay, WHIP, "v=0").await.0);
    assert!(is_claimed(&relay).await);
    assert_eq!(ask(&relay, Request::delete(&place).body("").unwrap()).await.0.status(), 200);
    assert!(!is_claimed(&relay).await);
}

#[tokio::test]
async fn a_claim_stands_as_long_as_the_origin_lists_the_stream() {
    let api = Api::start(|_| created("/s/1", "u")).await;
    let listing = |streams: &[&str]| Node {
        live: Some(streams.iter().map(|name| (key(name), Listed::default())).collect()),
        ..api.origin("a")
    };
    let relay = proxy([listing(&[])]);
    post(&relay, WHIP, "v=0").await;
    assert!(is_claimed(&relay).await, "it is about to begin");
    relay.balancer.register(listing(&["s"]), relay.now()).unwrap();
    assert!(is_claimed(&relay).await);
    relay.balancer.register(listing(&[]), relay.now()).unwrap();
    relay.judge_rtc();
    assert_eq!(relay.rtc_publishes(), 0);
}

#[tokio::test]
async fn a_claim_is_given_up_when_its_origin_has_been_silent_for_long() {
    let api = Api::start(|_| created("/s/1", "u")).await;
    let live = HashMap::from([(key("s"), Listed::default())]);
    let beats = Some(Duration::from_secs(1));
    let relay = proxy([Node { live: Some(live), interval: beats, permanent: false, ..api.origin("a") }]);
    assert_eq!(post(&relay, WHIP, "v=0").await.0.status(), 201);
    relay.judge_rtc();
    for (later, count) in [(20, 1), (60, 0)] {
        let now = relay.now() + Duration::from_secs(later);
        relay.rtc.published.judge(&relay.balancer, now);
        assert_eq!(relay.rtc_publishes(), count, "after {later} s");
    }
}
