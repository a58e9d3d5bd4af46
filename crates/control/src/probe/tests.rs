use super::*;
use crate::testkit::{Served, identity};
use crate::{Limits, reply};
use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::StatusCode;
use srs_balance::Node;
use srs_names::NodeId;

const TIMEOUT: Duration = Duration::from_secs(1);

async fn node(answer: impl IntoResponse + Clone + Send + Sync + 'static) -> (Served, Endpoint) {
    let router = Router::new().route(PATH, get(move || std::future::ready(answer.clone())));
    let served = Served::start(router, Limits::default()).await;
    let endpoint = Endpoint { proto: None, host: "127.0.0.1".to_owned(), port: served.address.port() };
    (served, endpoint)
}

#[tokio::test]
async fn our_own_answer_says_who_we_are() {
    let router = Router::new().route(PATH, get(|| async { reply::ok(&identity().versions()) }));
    let served = Served::start(router, Limits::default()).await;
    let endpoint = Endpoint { proto: None, host: "127.0.0.1".to_owned(), port: served.address.port() };
    let answer = probe(&endpoint, TIMEOUT).await.unwrap();
    assert!(answer.is_from(&Node::new(NodeId::new("vid-1234567").unwrap(), "abcdefgh-4242", "127.0.0.1")));
    assert!(!answer.is_from(&Node::new(NodeId::new("vid-other").unwrap(), "abcdefgh-4242", "127.0.0.1")));
    assert!(!answer.is_from(&Node::new(NodeId::new("vid-1234567").unwrap(), "abcdefgh-1", "127.0.0.1")));
}

#[tokio::test]
async fn an_answer_that_names_nobody_is_a_sign_of_life() {
    for status in [StatusCode::OK, StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND] {
        let (_served, endpoint) = node((status, "hello")).await;
        let answer = probe(&endpoint, TIMEOUT).await.unwrap();
        assert_eq!(answer, Answer::default());
        assert!(answer.is_from(&Node::new(NodeId::new("a").unwrap(), "b", "127.0.0.1")));
    }
}

#[tokio::test]
async fn a_server_error_is_no_sign_of_life() {
    let (_served, endpoint) = node(StatusCode::BAD_GATEWAY).await;
    assert!(matches!(probe(&endpoint, TIMEOUT).await, Err(ClientError::Answer { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_accepts_and_says_nothing_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = Endpoint { proto: None, host: "127.0.0.1".to_owned(), port };
    assert!(matches!(probe(&endpoint, TIMEOUT).await, Err(ClientError::Timeout(TIMEOUT))));
}
