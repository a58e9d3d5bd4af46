use std::time::Duration;

use srs_net::http::read_request;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::*;
use crate::testkit::{key, listener, relay};

fn ask() -> Said {
    let head = Bytes::from_static(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n");
    Said { head, client: "127.0.0.1:9".parse().unwrap() }
}

/// Asks once more; the answer is these bytes. Gives the body.
async fn exchange(relay: &Arc<Relay>, origin: &mut TcpStream, answer: &[u8]) -> Result<Bytes, Unanswered> {
    let (whom, said) = (Whom::Stream(key("s")), ask());
    let asked = relay.ask(&said, &whom);
    let answered = async {
        read_request(origin).await.unwrap();
        origin.write_all(answer).await.unwrap();
    };
    let ((leg, response), ()) = tokio::join!(async { asked.await.unwrap() }, answered);
    read_whole(leg, response, 1000, |_| true).await
}

async fn first(
    relay: &Arc<Relay>,
    listener: &TcpListener,
    answer: &[u8],
) -> (TcpStream, Result<Bytes, Unanswered>) {
    let (whom, said) = (Whom::Stream(key("s")), ask());
    let answered = async {
        let (mut origin, _) = listener.accept().await.unwrap();
        read_request(&mut origin).await.unwrap();
        origin.write_all(answer).await.unwrap();
        origin
    };
    let (asked, origin) = tokio::join!(relay.ask(&said, &whom), answered);
    let (leg, response) = asked.unwrap();
    (origin, read_whole(leg, response, 1000, |_| true).await)
}

async fn local<T>(test: impl Future<Output = T>) -> T {
    LocalSet::new().run_until(test).await
}

#[tokio::test]
async fn a_connection_is_used_again_behind_a_whole_answer() {
    local(async {
        for answer in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody"[..],
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        ] {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let (mut origin, body) = first(&relay, &listener, answer).await;
            assert_eq!(body.unwrap(), "body");
            assert_eq!(exchange(&relay, &mut origin, answer).await.unwrap(), "body");
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_whose_answer_may_not_be_over_is_not_used_again() {
    local(async {
        for answer in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbodyHTTP/1.1 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbody",
            b"HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nbody",
        ] {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            assert_eq!(first(&relay, &listener, answer).await.1.unwrap(), "body");
            assert!(pooled(address).is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_on_which_something_came_unasked_is_not_used_again() {
    local(async {
        let (listener, address) = listener().await;
        let relay = relay(&[("o", address)]);
        let (mut origin, _) = first(&relay, &listener, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        origin.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison").await.unwrap();
        let stream = pooled(address).unwrap();
        stream.readable().await.unwrap();
        POOL.with_borrow_mut(|pool| pool.insert(address, vec![Idle { stream, since: Instant::now() }]));
        assert!(pooled(address).is_none());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_does_not_wait_for_ever() {
    local(async {
        let (listener, address) = listener().await;
        let relay = relay(&[("o", address)]);
        let _origin = first(&relay, &listener, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        tokio::time::advance(IDLE + Duration::from_secs(1)).await;
        assert!(pooled(address).is_none());
    })
    .await;
}

#[tokio::test]
async fn an_answer_with_two_lengths_is_none() {
    local(async {
        let (listener, address) = listener().await;
        let relay = relay(&[("o", address)]);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
        let got = first(&relay, &listener, answer).await.1;
        assert!(matches!(got, Err(Unanswered::Origin(Broken::Body(_)))));
        assert!(pooled(address).is_none());
    })
    .await;
}
