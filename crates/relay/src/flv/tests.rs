use std::time::Duration;

use bytes::{Bytes, BytesMut};
use srs_net::http::{read_request, read_response};
use srs_net::limits;
use srs_rtmp::tag;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::*;
use crate::testkit::{http, id, key, listener, nobody, relay};

mod edges;

const ASK: &str = "GET /live/a.flv?token=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-Mine: 7\r\n\r\n";

fn flv(times: std::ops::Range<u32>) -> Bytes {
    let mut out = BytesMut::from(&tag::FILE_HEADER[..]);
    times.for_each(|time| tag::write(9, time, &[0x27, 1, 0, 0, 0, 9], &mut out));
    out.freeze()
}

/// Takes one request and gives its head.
async fn asked(listener: &TcpListener) -> (TcpStream, Request<()>) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let request = read_request(&mut stream).await.unwrap().request.unwrap();
    (stream, request)
}

async fn ask(relay: &Arc<Relay>) -> TcpStream {
    let mut player = http(relay).await;
    player.write_all(ASK.as_bytes()).await.unwrap();
    player
}

async fn text(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The body that comes behind a head, out of its framing, and whether it is whole.
async fn body(stream: &mut TcpStream) -> (Response, Vec<u8>, bool) {
    let response = read_response(stream).await.unwrap();
    let mut body = Body::of_response(&response.headers).unwrap();
    let mut out = Vec::new();
    let mut input = response.rest.clone();
    loop {
        while let Some(piece) = body.read(&mut input).unwrap() {
            out.extend_from_slice(&piece);
        }
        let mut more = BytesMut::new();
        if body.is_over() || stream.read_buf(&mut more).await.unwrap() == 0 {
            return (response, out, body.is_over());
        }
        input = more.freeze();
    }
}

#[tokio::test]
async fn the_request_reaches_the_origin_and_its_flv_the_player() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let mut player = ask(&relay).await;
            let (mut origin, request) = asked(&listener).await;
            assert_eq!(request.uri(), "/live/a.flv?token=1");
            assert_eq!(request.headers()["host"], "127.0.0.1:8080");
            assert_eq!(request.headers()["x-mine"], "7");
            let head = "HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nServer: theirs\r\nX-Their: 8\r\n\r\n";
            origin.write_all(head.as_bytes()).await.unwrap();
            for part in flv(0..100).chunks(333) {
                origin.write_all(part).await.unwrap();
            }
            drop(origin);
            let (response, got, whole) = body(&mut player).await;
            assert_eq!(response.headers["server"], "theirs");
            assert_eq!(response.headers["x-their"], "8");
            assert!(whole);
            assert_eq!(got, flv(0..100));
        })
        .await;
}

#[tokio::test]
async fn a_chunked_body_that_breaks_off_is_left_open_for_the_player_to_see() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let mut player = ask(&relay).await;
            let (mut origin, _) = asked(&listener).await;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nTransfer-Encoding: chunked\r\n\r\n";
            let file = flv(0..3);
            origin.write_all(format!("{head}{:x}\r\n", file.len()).as_bytes()).await.unwrap();
            origin.write_all(&file).await.unwrap();
            drop(origin);
            let (_, got, whole) = body(&mut player).await;
            assert_eq!(got, file);
            assert!(!whole);
        })
        .await;
}

#[tokio::test]
async fn the_origins_refusal_reaches_the_player_as_it_is() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let mut player = ask(&relay).await;
            let (mut origin, _) = asked(&listener).await;
            let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\nX-Their: 8\r\n\r\nwords";
            origin.write_all(answer.as_bytes()).await.unwrap();
            let (response, got, whole) = body(&mut player).await;
            assert_eq!(
                (response.status, got.as_slice(), whole),
                (StatusCode::FORBIDDEN, &b"words"[..], true)
            );
            assert_eq!(response.headers["x-their"], "8");
        })
        .await;
}

#[tokio::test]
async fn an_origin_that_says_nothing_is_told_as_502() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let player = ask(&relay).await;
            drop(asked(&listener).await);
            let answer = text(player).await;
            assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        })
        .await;
}

#[tokio::test]
async fn without_an_origin_the_answer_is_503() {
    LocalSet::new()
        .run_until(async {
            for origins in [vec![], vec![("gone", nobody().await)]] {
                let answer = text(ask(&relay(&origins)).await).await;
                assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
            }
        })
        .await;
}

#[tokio::test]
async fn the_next_origin_is_asked_when_one_does_not_listen() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            // Whichever is first in line, one of these two streams begins at the dead one.
            let relay = relay(&[("here", address), ("gone", nobody().await)]);
            let _player = ask(&relay).await;
            let _asked = asked(&listener).await;
            assert!(
                relay
                    .balancer
                    .pick_play(&key("a"), &[], relay.now())
                    .await
                    .is_ok_and(|pick| pick.node.id == id("here"))
            );
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_waiting_request_follows_the_stream_to_another_origin() {
    LocalSet::new()
        .run_until(async {
            let ((one, first), (two, second)) = (listener().await, listener().await);
            let relay = relay(&[("one", first), ("two", second)]);
            let mut player = ask(&relay).await;
            let placed = relay.balancer.pick_play(&key("a"), &[], relay.now()).await.unwrap().node.id.clone();
            let (here, there) = if placed == id("one") { (one, two) } else { (two, one) };
            let waiting = asked(&here).await;
            let claim = relay.balancer.pick_publish(&key("a"), &[placed], relay.now()).await.unwrap();
            assert!(claim.claim.is_some());
            let (mut origin, _) = timeout(Duration::from_secs(1), asked(&there)).await.unwrap();
            drop(waiting);
            origin.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\n\r\n").await.unwrap();
            origin.write_all(&flv(0..2)).await.unwrap();
            drop(origin);
            assert_eq!(body(&mut player).await.1, flv(0..2));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_player_that_leaves_while_it_waits_frees_the_origin() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let player = ask(&relay).await;
            let (mut origin, _) = asked(&listener).await;
            drop(player);
            assert_eq!(origin.read(&mut [0]).await.unwrap_or(0), 0);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_does_not_end_does_not_outlive_its_player() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let mut player = ask(&relay).await;
            let (mut origin, _) = asked(&listener).await;
            origin.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nbegins").await.unwrap();
            assert_eq!(read_response(&mut player).await.unwrap().status, StatusCode::NOT_FOUND);
            drop(player);
            assert_eq!(origin.read(&mut [0]).await.unwrap_or(0), 0);
        })
        .await;
}

#[tokio::test]
async fn the_request_is_let_go_of_once_it_was_answered() {
    LocalSet::new()
        .run_until(async {
            let (origins, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let (door, at) = listener().await;
            let (player, ours) = tokio::join!(TcpStream::connect(at), door.accept());
            let (mut player, (ours, peer)) = (player.unwrap(), ours.unwrap());
            let kept = Arc::new(());
            let mut request = Request::get("/live/a.flv").body(()).unwrap();
            request.extensions_mut().insert(Arc::clone(&kept));
            tokio::task::spawn_local(relay.play_live(ours, Box::new(request), "flv", peer));
            let (mut origin, _) = asked(&origins).await;
            origin.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\n\r\n").await.unwrap();
            origin.write_all(&flv(0..1)).await.unwrap();
            read_response(&mut player).await.unwrap();
            assert_eq!(Arc::strong_count(&kept), 1);
        })
        .await;
}

#[tokio::test]
async fn a_refusal_in_chunks_that_breaks_off_is_no_whole_answer() {
    LocalSet::new()
        .run_until(async {
            for (rest, ends) in [("", false), ("0\r\n\r\n", true)] {
                let (listener, address) = listener().await;
                let relay = relay(&[("o", address)]);
                let mut player = ask(&relay).await;
                let (mut origin, _) = asked(&listener).await;
                let answer = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwords\r\n";
                origin.write_all(format!("{answer}{rest}").as_bytes()).await.unwrap();
                drop(origin);
                let (response, got, whole) = body(&mut player).await;
                assert_eq!((response.status, got.as_slice()), (StatusCode::NOT_FOUND, &b"words"[..]));
                assert!(response.headers.contains_key("transfer-encoding"));
                assert_eq!(whole, ends);
            }
        })
        .await;
}

#[tokio::test]
async fn an_answer_without_a_body_does_not_wait_for_one() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let player = ask(&relay).await;
            let (mut origin, _) = asked(&listener).await;
            origin.write_all(b"HTTP/1.1 304 Not Modified\r\nEtag: x\r\n\r\n").await.unwrap();
            let answer = timeout(Duration::from_secs(5), text(player)).await.expect("it waits");
            assert!(answer.starts_with("HTTP/1.1 304 ") && answer.ends_with("\r\n\r\n"), "{answer}");
            drop(origin);
        })
        .await;
}

#[tokio::test]
async fn a_player_that_leaves_while_its_origin_is_dialled_ends_the_session() {
    LocalSet::new()
        .run_until(async {
            // A full listener: it neither takes a further connection nor refuses it.
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let full = socket.listen(1).unwrap();
            let address = full.local_addr().unwrap();
            let dialled: Vec<_> =
                (0..8).map(|_| tokio::task::spawn_local(TcpStream::connect(address))).collect();
            while dialled.iter().filter(|dialled| dialled.is_finished()).count() < 2 {
                tokio::task::yield_now().await;
            }
            let relay = relay(&[("o", address)]);
            let (door, at) = listener().await;
            let (player, ours) = tokio::join!(TcpStream::connect(at), door.accept());
            let (mut player, (ours, peer)) = (player.unwrap(), ours.unwrap());
            player.write_all(ASK.as_bytes()).await.unwrap();
            let mut session = std::pin::pin!(relay.serve_http(ours, peer, axum::Router::new));
            timeout(limits::DIAL / 4, session.as_mut()).await.expect_err("the dial fails at once");
            drop(player);
            timeout(limits::DIAL / 4, session).await.expect("it goes on for nobody");
        })
        .await;
}
