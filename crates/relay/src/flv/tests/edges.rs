//! Viewers at edges.

use std::net::SocketAddr;

use super::*;
use crate::testkit::cluster;

const FLV: &str = "HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A relay that knows these two edges and an origin; the edge that viewers of `a` go to first, and the other.
async fn two_edges(origin: SocketAddr) -> (Arc<Relay>, (&'static str, TcpListener), TcpListener) {
    let ((one, first), (two, second)) = (listener().await, listener().await);
    let relay = cluster(&[("origin", origin)], &[("one", first), ("two", second)]);
    let edge = relay.balancer.edge(&key("a"), &[], relay.now()).unwrap();
    if edge.id == id("one") { (relay, ("one", one), two) } else { (relay, ("two", two), one) }
}

async fn chunk(origin: &mut TcpStream, bytes: &[u8]) {
    let framed = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    origin.write_all(&framed).await.unwrap();
}

/// Tags with these times: the first is a key frame.
fn gop(times: &[u32]) -> Bytes {
    let mut out = BytesMut::new();
    for (at, time) in times.iter().enumerate() {
        tag::write(9, *time, &[if at == 0 { 0x17 } else { 0x27 }, 1, 0, 0, 0, 9], &mut out);
    }
    out.freeze()
}

fn file(times: &[u32]) -> Bytes {
    [&tag::FILE_HEADER[..], &gop(times)].concat().into()
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(5), what).await.expect("nobody came")
}

async fn is_left_alone(listener: &TcpListener) -> bool {
    timeout(Duration::from_secs(5), listener.accept()).await.is_err()
}

async fn local(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_at_an_edge_stays_there_though_the_stream_is_claimed_at_an_origin() {
    local(async {
        let (origin, address) = listener().await;
        let (relay, (_, first), _second) = two_edges(address).await;
        let mut player = ask(&relay).await;
        let (mut up, _) = in_time(asked(&first)).await;
        up.write_all(FLV.as_bytes()).await.unwrap();
        relay.balancer.pick_publish(&key("a"), &[], relay.now()).await.unwrap();
        assert!(is_left_alone(&origin).await);
        chunk(&mut up, &file(&[7])).await;
        up.write_all(b"0\r\n\r\n").await.unwrap();
        let (_, got, whole) = body(&mut player).await;
        assert!(whole);
        assert_eq!(got, file(&[7]));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn when_an_edge_dies_its_viewer_goes_on_at_another_inside_the_gop() {
    local(async {
        let (_origin, address) = listener().await;
        let (relay, (_, first), second) = two_edges(address).await;
        let mut player = ask(&relay).await;
        let (mut up, _) = in_time(asked(&first)).await;
        up.write_all(FLV.as_bytes()).await.unwrap();
        chunk(&mut up, &file(&[1_000, 1_040])).await;
        drop((first, up));
        let (mut up, _) = in_time(asked(&second)).await;
        up.write_all(FLV.as_bytes()).await.unwrap();
        chunk(&mut up, &file(&[0, 40, 80])).await;
        up.write_all(b"0\r\n\r\n").await.unwrap();
        let (_, got, whole) = body(&mut player).await;
        assert!(whole);
        assert_eq!(got, file(&[1_000, 1_040, 1_080]));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_leaves_an_edge_that_drains_for_another() {
    local(async {
        let (_origin, address) = listener().await;
        let (relay, (name, first), second) = two_edges(address).await;
        let mut player = ask(&relay).await;
        let (mut up, _) = in_time(asked(&first)).await;
        up.write_all(FLV.as_bytes()).await.unwrap();
        chunk(&mut up, &file(&[1_000])).await;
        read_response(&mut player).await.unwrap();
        relay.balancer.drain(&id(name), true).unwrap();
        relay.judge(relay.now());
        in_time(asked(&second)).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_stays_at_an_edge_that_drains_where_nobody_else_has_the_stream() {
    local(async {
        let (edge, address) = listener().await;
        let relay = cluster(&[], &[("edge", address)]);
        let mut player = ask(&relay).await;
        let (mut up, _) = in_time(asked(&edge)).await;
        up.write_all(FLV.as_bytes()).await.unwrap();
        chunk(&mut up, &file(&[7])).await;
        relay.balancer.drain(&id("edge"), true).unwrap();
        relay.judge(relay.now());
        assert!(is_left_alone(&edge).await);
        chunk(&mut up, &gop(&[47])).await;
        up.write_all(b"0\r\n\r\n").await.unwrap();
        assert_eq!(body(&mut player).await.1, [file(&[7]), gop(&[47])].concat());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_edge_that_cannot_serve_is_passed_over_and_its_not_found_is_not() {
    local(async {
        for (answer, passed_over) in [
            (Some("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"), true),
            (Some("HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n"), true),
            (None, true),
            (Some("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), false),
        ] {
            let (origin, address) = listener().await;
            let (edge, at) = listener().await;
            let relay = cluster(&[("origin", address)], &[("edge", at)]);
            let mut player = ask(&relay).await;
            let (mut up, _) = in_time(asked(&edge)).await;
            if let Some(answer) = answer {
                up.write_all(answer.as_bytes()).await.unwrap();
            }
            drop(up);
            if passed_over {
                in_time(asked(&origin)).await;
            } else {
                assert_eq!(read_response(&mut player).await.unwrap().status, StatusCode::NOT_FOUND);
                assert!(is_left_alone(&origin).await);
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn edges_that_hang_are_passed_over_for_an_origin() {
    local(async {
        let (origin, address) = listener().await;
        let ends = [listener().await, listener().await, listener().await];
        let told = [("e1", ends[0].1), ("e2", ends[1].1), ("e3", ends[2].1)];
        let relay = cluster(&[("origin", address)], &told);
        let _player = ask(&relay).await;
        timeout(Duration::from_secs(15), asked(&origin)).await.expect("the edges are waited for");
    })
    .await;
}
