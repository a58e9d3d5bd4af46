use std::sync::Arc;
use std::time::Duration;

use srs_amf::Value;
use srs_names::envelope::Seal;
use srs_net::http::read_request;
use srs_net::rtmp::accept;
use srs_rtmp::{client, server};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
use crate::testkit::{
    cluster, config, from_edge, http, id, listener, nodes, relay_with, rtmp_as, sealed, told,
};

const TARGET: &str = "/live/a.flv?token=1";

async fn local(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

/// What an RTMP session is that comes to a node.
async fn session(listener: &TcpListener) -> Arc<Connect> {
    let (stream, _) = timeout(Duration::from_secs(5), listener.accept()).await.expect("nobody came").unwrap();
    match accept(stream, server::Config::default()).await.unwrap().1 {
        srs_net::rtmp::Request::Play(request) => request.connect,
        srs_net::rtmp::Request::Publish(request) => request.connect,
    }
}

fn property(connect: &Connect) -> Option<&str> {
    connect.object.get(RTMP_PROPERTY).and_then(Value::as_str)
}

fn to_play(tc_url: &str) -> String {
    bound::of_rtmp("play", "live", tc_url, "a")
}

/// Plays with these words, which are made with the address of the application.
fn play(relay: &Arc<Relay>, says: impl FnOnce(&str) -> String + 'static) {
    let relay = Arc::clone(relay);
    tokio::task::spawn_local(async move {
        let _never_answered = rtmp_as(&relay, "a", client::Role::Play, |url| Some(says(url))).await;
    });
}

/// What the node is asked for over HTTP by a request with these fields.
async fn request(relay: &Arc<Relay>, fields: &str, node: &TcpListener) -> Request<()> {
    let mut player = http(relay).await;
    let head = format!("GET {TARGET} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n");
    player.write_all(head.as_bytes()).await.unwrap();
    let (mut stream, _) = timeout(Duration::from_secs(5), node.accept()).await.expect("nobody came").unwrap();
    read_request(&mut stream).await.unwrap().request.unwrap()
}

#[tokio::test]
async fn a_fetch_of_an_edge_goes_to_an_origin_which_hears_of_the_first_client_and_all_hops() {
    local(async {
        let ((origin, address), (_edge, at)) = (listener().await, listener().await);
        let relay = cluster(&[("origin", address)], &[("edge", at)]);
        play(&relay, |url| sealed(&from_edge(Purpose::Pull, to_play(url))));
        let connect = session(&origin).await;
        let heard = told("origin", property(&connect).unwrap());
        assert_eq!((heard.from, heard.role.as_str(), heard.purpose), (id("proxy"), "proxy", Purpose::Pull));
        assert_eq!(heard.client, Some("203.0.113.7:5000".parse().unwrap()));
        assert_eq!(heard.hops, [id("edge-a"), id("edge-b")]);
    })
    .await;
}

#[tokio::test]
async fn a_fetch_over_http_goes_to_an_origin_which_hears_of_the_first_client_and_all_hops() {
    local(async {
        let ((origin, address), (_edge, at)) = (listener().await, listener().await);
        let relay = cluster(&[("origin", address)], &[("edge", at)]);
        let text = sealed(&from_edge(Purpose::Pull, bound::of_http("GET", TARGET)));
        let request = request(&relay, &format!("{HTTP_HEADER}: {text}\r\n"), &origin).await;
        let heard = told("origin", request.headers()[HTTP_HEADER].to_str().unwrap());
        assert_eq!((heard.purpose, heard.hops), (Purpose::Pull, vec![id("edge-a"), id("edge-b")]));
        assert_eq!(heard.client, Some("203.0.113.7:5000".parse().unwrap()));
        assert_eq!(heard.bound, bound::of_http("GET", TARGET));
        assert_eq!(request.headers()["x-forwarded-for"], "203.0.113.7");
    })
    .await;
}

#[tokio::test]
async fn a_publish_that_an_edge_passes_on_is_claimed_for_the_client_who_began_it() {
    local(async {
        let ((origin, address), (_edge, at)) = (listener().await, listener().await);
        let relay = cluster(&[("origin", address)], &[("edge", at)]);
        let _never_answered = push(&relay);
        let heard = told("origin", property(&session(&origin).await.clone()).unwrap());
        assert_eq!((heard.purpose, heard.term.is_some()), (Purpose::Relay, true));
        assert_eq!(heard.client, Some("203.0.113.7:5000".parse().unwrap()));
    })
    .await;
}

/// Publishes `a` as an edge that passes it on.
fn push(relay: &Arc<Relay>) -> tokio::task::JoinHandle<Result<(), srs_net::rtmp::Error>> {
    let relay = Arc::clone(relay);
    tokio::task::spawn_local(async move {
        let says = |url: &str| {
            let bound = bound::of_rtmp("publish", "live", url, "a");
            Some(sealed(&from_edge(Purpose::Push, bound)))
        };
        let role = client::Role::Publish { kind: "live".to_owned() };
        rtmp_as(&relay, "a", role, says).await.map(drop)
    })
}

#[tokio::test]
async fn a_publish_that_an_edge_passes_on_is_said_to_have_passed_it_and_this_proxy() {
    local(async {
        let (origin, address) = listener().await;
        let relay = cluster(&[("origin", address)], &[]);
        let _never_answered = push(&relay);
        let heard = told("origin", property(&session(&origin).await.clone()).unwrap());
        assert_eq!(
            (heard.purpose, heard.hops),
            (Purpose::Relay, ["edge-a", "edge-b", "proxy"].map(id).to_vec())
        );
    })
    .await;
}

#[tokio::test]
async fn a_publish_does_not_go_back_to_a_node_that_passed_it_on() {
    local(async {
        let ((passed, one), (origin, other)) = (listener().await, listener().await);
        let relay = cluster(&[("edge-a", one), ("origin", other)], &[]);
        // Claimed there before, whichever the rules would choose.
        relay.balancer.pick_publish(&crate::testkit::key("a"), &[id("origin")], relay.now()).await.unwrap();
        let _never_answered = push(&relay);
        tokio::select! {
            _ = session(&origin) => {}
            _ = session(&passed) => panic!("it went back"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_publish_that_could_only_go_back_is_refused_and_the_loop_is_named() {
    local(async {
        let (passed, at) = listener().await;
        let relay = cluster(&[("edge-a", at)], &[]);
        let refused = tokio::select! {
            refused = push(&relay) => refused.unwrap(),
            _ = session(&passed) => panic!("it went back"),
        };
        let Err(srs_net::rtmp::Error::Refused { description, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(description, "loop: edge-a > edge-b > proxy > edge-a");
    })
    .await;
}

#[tokio::test]
async fn what_an_edge_passes_on_goes_to_an_origin_that_drains_where_there_is_no_other() {
    local(async {
        let (origin, address) = listener().await;
        let relay = cluster(&[("origin", address)], &[("edge-b", address)]);
        relay.balancer.drain(&id("origin"), true).unwrap();
        let _never_answered = push(&relay);
        session(&origin).await;
    })
    .await;
}

#[tokio::test]
async fn an_envelope_is_for_this_proxy_by_its_id_and_by_the_ports_it_is_dialled_at() {
    let relay = relay_with([], crate::Config { ports: vec![1935, 8080], ..config() });
    let peer = ([10, 0, 0, 1], 1).into();
    let mut request = Request::get(TARGET).body(()).unwrap();
    for (to, good) in [("proxy", true), ("a.example:8080", true), ("a.example:80", false), ("other", false)] {
        let envelope =
            Envelope { to: to.to_owned(), ..from_edge(Purpose::Pull, bound::of_http("GET", TARGET)) };
        request.headers_mut().insert(HTTP_HEADER, sealed(&envelope).parse().unwrap());
        let (client, errand) = relay.caller_of_request(&request, peer);
        assert_eq!(errand, if good { Errand::Pull(envelope.hops) } else { Errand::Stranger }, "{to}");
        assert_eq!(client == peer, !good, "{to}");
    }
}

#[tokio::test]
async fn what_passes_for_a_node_without_being_one_is_left_out_and_never_sent_to_an_edge() {
    local(async {
        let foreign =
            |url: &str| Seal::new(b"another secret").sign(&from_edge(Purpose::Pull, to_play(url)), 0, 1);
        let other = |url: &str| sealed(&from_edge(Purpose::Pull, bound::of_rtmp("play", "live", url, "b")));
        let purpose = |url: &str| sealed(&from_edge(Purpose::Push, to_play(url)));
        let junk = |_: &str| "junk".to_owned();
        for says in [foreign as fn(&str) -> String, other, purpose, junk] {
            let ((origin, address), (_edge, at)) = (listener().await, listener().await);
            // It understands no envelopes, so that none is put in the place of theirs.
            let plain = nodes(&[("origin", address)], &[("edge", at)])
                .into_iter()
                .map(|node| srs_balance::Node { capabilities: Vec::new(), ..node });
            let relay = relay_with(plain, config());
            play(&relay, says);
            assert_eq!(property(&session(&origin).await.clone()), None);
        }
    })
    .await;
}

#[tokio::test]
async fn a_header_that_passes_for_a_nodes_is_left_out_and_its_request_never_sent_to_an_edge() {
    local(async {
        let ((origin, address), (_edge, at)) = (listener().await, listener().await);
        let plain = nodes(&[("origin", address)], &[("edge", at)])
            .into_iter()
            .map(|node| srs_balance::Node { capabilities: Vec::new(), ..node });
        let relay = relay_with(plain, config());
        let request = request(&relay, &format!("{HTTP_HEADER}: junk\r\n"), &origin).await;
        assert!(!request.headers().contains_key(HTTP_HEADER));
    })
    .await;
}

#[tokio::test]
async fn an_edge_hears_of_a_viewer_whom_the_proxy_stands_for() {
    local(async {
        let ((_origin, address), (edge, at)) = (listener().await, listener().await);
        let relay = cluster(&[("origin", address)], &[("edge", at)]);
        let request = request(&relay, "", &edge).await;
        let heard = told("edge", request.headers()[HTTP_HEADER].to_str().unwrap());
        assert_eq!((heard.purpose, heard.hops.len()), (Purpose::Relay, 0));
        assert_eq!(heard.client.unwrap().ip().to_string(), "127.0.0.1");
    })
    .await;
}
