use std::net::SocketAddr;
use std::sync::Arc;

use srs_balance::{Node, Role};
use srs_net::http::read_response;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::*;
use crate::testkit::{config, http, listener, node, nodes, relay_with};

const EDGE: ([u8; 4], u16) = ([192, 0, 2, 9], 8080);

/// A relay that sends players away, where it knows an edge.
fn relay(edges: &[(&str, SocketAddr)]) -> Arc<Relay> {
    relay_with(nodes(&[], edges), crate::Config { redirects: true, ..config() })
}

fn one() -> Arc<Relay> {
    relay(&[("edge", EDGE.into())])
}

fn get(host: &str, target: &str) -> Request<()> {
    Request::get(target).header(header::HOST, host).body(()).unwrap()
}

fn place(relay: &Relay, request: &Request<()>) -> Option<String> {
    let answer = relay.redirect(request, true)?;
    assert_eq!(answer.status, StatusCode::FOUND);
    Some(answer.headers[header::LOCATION].to_str().unwrap().to_owned())
}

#[test]
fn a_player_is_sent_to_an_edge_with_the_path_and_all_that_it_said() {
    for target in ["/live/a.flv", "/live/a.m3u8?token=1&x=%20", "/app/inst/a.ts?"] {
        let told = place(&one(), &get("127.0.0.1:8080", target));
        assert_eq!(told, Some(format!("http://192.0.2.9:8080{target}")));
    }
}

#[test]
fn the_host_that_a_player_asked_for_goes_into_the_query() {
    for (host, target, query) in [
        ("a.example", "/live/a.flv", "?vhost=a.example"),
        ("a.example:8080", "/live/a.flv?x=1", "?x=1&vhost=a.example"),
        ("a.example", "/live/a.flv?vhost=b.example", "?vhost=b.example"),
        ("192.0.2.1", "/live/a.flv", ""),
    ] {
        let told = place(&one(), &get(host, target));
        assert_eq!(told, Some(format!("http://192.0.2.9:8080/live/a.flv{query}")), "{host} {target}");
    }
}

#[test]
fn nobody_is_sent_away_without_an_edge_without_the_setting_or_as_a_node() {
    let request = get("127.0.0.1", "/live/a.flv");
    assert_eq!(place(&relay(&[]), &request), None);
    assert_eq!(place(&relay_with(nodes(&[], &[("edge", EDGE.into())]), config()), &request), None);
    let mut as_node = get("127.0.0.1", "/live/a.flv");
    as_node.headers_mut().insert(HTTP_HEADER, HeaderValue::from_static("junk"));
    assert_eq!(place(&one(), &as_node), None);
    let mut post = get("127.0.0.1", "/live/a.flv");
    *post.method_mut() = Method::POST;
    assert_eq!(place(&one(), &post), None);
    let mut other = Node { role: Role::Edge, ..node("edge", EDGE.into()) };
    other.endpoints.remove("http");
    let settings = crate::Config { redirects: true, ..config() };
    assert_eq!(place(&relay_with([other], settings), &request), None);
}

/// The status and the place for this target over a connection.
async fn asked(relay: &Arc<Relay>, target: &str) -> (u16, Option<String>) {
    let mut player = http(relay).await;
    let head = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    player.write_all(head.as_bytes()).await.unwrap();
    let response = read_response(&mut player).await.unwrap();
    let place = response.headers.get(header::LOCATION).map(|place| place.to_str().unwrap().to_owned());
    (response.status.as_u16(), place)
}

#[tokio::test(start_paused = true)]
async fn live_media_and_lists_are_elsewhere_and_what_a_list_of_ours_named_is_here() {
    LocalSet::new()
        .run_until(async {
            let relay = one();
            for name in ["a.flv", "a.ts", "a.aac", "a.mp3", "a.m3u8"] {
                let told = asked(&relay, &format!("/live/{name}?x=1")).await;
                assert_eq!(told, (302, Some(format!("http://192.0.2.9:8080/live/{name}?x=1"))));
            }
            let token = relay.tokens.seal(&crate::testkit::id("gone")).unwrap();
            for name in ["a.m3u8", "a-1.ts"] {
                let told = asked(&relay, &format!("/live/{name}?{}={token}", crate::token::NAME)).await;
                assert!(told.0 != 302 && told.1.is_none(), "{name} {told:?}");
            }
            assert_eq!(asked(&relay, "/live/a.mpd").await.1, None);
        })
        .await;
}

#[tokio::test]
async fn where_the_edge_is_gone_players_are_served_here() {
    LocalSet::new()
        .run_until(async {
            let (origin, address): (TcpListener, _) = listener().await;
            let told = nodes(&[("origin", address)], &[("edge", EDGE.into())]);
            let relay = relay_with(told, crate::Config { redirects: true, ..config() });
            relay.balancer.dial_failed(&crate::testkit::id("edge"), relay.now());
            let mut player = http(&relay).await;
            player.write_all(b"GET /live/a.flv HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.unwrap();
            let _asked = origin.accept().await.unwrap();
        })
        .await;
}
