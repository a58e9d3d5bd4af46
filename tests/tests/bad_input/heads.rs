//! B13: request heads that are too large, too many or too slow, and RTMP clients that take their time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use srs_tests::{Raw, http, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{Beside, logged};

/// All listeners of HTTP.
fn doors(beside: &Beside) -> Vec<(&'static str, SocketAddr)> {
    let [proxy, origin] = beside.http();
    vec![
        ("proxy media", proxy),
        ("origin media", origin),
        ("proxy http api", beside.cluster.proxy().http_api()),
        ("system api", beside.cluster.proxy().system_api()),
        ("origin http api", beside.cluster.origin(0).api()[0]),
    ]
}

fn status(answer: &[u8]) -> u16 {
    http::Head::parse(answer).map_or(0, |(head, _)| head.status)
}

#[tokio::test]
async fn b13_large_heads_are_refused() {
    let beside = Beside::start().await;
    let long_line = format!("GET /live/{}.flv HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1 << 20));
    let long_field = format!("GET /live/a.flv HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n", "a".repeat(1 << 20));
    let fields: String = (0..10_000).map(|number| format!("X-{number}: a\r\n")).collect();
    let many = format!("GET /live/a.flv HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let few_too_many: String = (0..120).map(|number| format!("X-{number}: a\r\n")).collect();
    let some = format!("GET /live/a.flv HTTP/1.1\r\nHost: x\r\n{few_too_many}\r\n");
    for (name, head) in [("line", long_line), ("field", long_field), ("fields", many), ("120 fields", some)] {
        for (door, address) in doors(&beside) {
            let answer = http::exchange(address, head.as_bytes()).await;
            let status = status(&answer);
            assert!(matches!(status, 400 | 414 | 431), "{name} at the {door}: {status}");
        }
    }
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b13_a_head_of_one_byte_a_second_is_ended_in_five_seconds() {
    let beside = Beside::start().await;
    let dripping: Vec<_> =
        doors(&beside).into_iter().map(|(door, address)| tokio::spawn(drip(door, address))).collect();
    for drip in dripping {
        drip.await.expect("ended in time");
    }
    beside.noticed_nothing().await;
}

async fn drip(door: &'static str, address: SocketAddr) {
    let stream = TcpStream::connect(address).await.expect("the server accepts");
    let (mut read, mut write) = stream.into_split();
    let started = Instant::now();
    let dripping = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        for byte in b"GET /live/slow.flv HTTP/1.1\r\n" {
            ticks.tick().await;
            if write.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    });
    let mut answer = Vec::new();
    let _reset = within("the end of a slow head", read.read_to_end(&mut answer)).await;
    let took = started.elapsed();
    dripping.abort();
    assert!(took < Duration::from_millis(7500), "the {door} took {took:?}");
    assert!(took > Duration::from_secs(3), "the {door} gave it {took:?} only");
    let text = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || status(&answer) == 408, "the {door} said {text:?}");
}

#[tokio::test]
async fn b13_an_rtmp_client_that_does_not_shake_hands_is_ended_in_five_seconds() {
    let beside = Beside::start().await;
    let started = Instant::now();
    let [mut one, mut two] = [Raw::connect(beside.rtmp()[0]).await, Raw::connect(beside.rtmp()[1]).await];
    one.send(&[3, 0, 0]).await;
    two.send(&[3, 0, 0]).await;
    one.closed().await;
    two.closed().await;
    let took = started.elapsed();
    assert!(took < Duration::from_millis(7500), "{took:?}");
    logged(&one, &["in time"]).await;
    logged(&two, &["in time"]).await;
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b13_an_rtmp_client_that_asks_for_nothing_is_ended_in_ten_seconds() {
    let beside = Beside::start().await;
    let started = Instant::now();
    let [mut one, mut two] = [Raw::open(beside.rtmp()[0]).await, Raw::open(beside.rtmp()[1]).await];
    one.say_connect().await;
    two.say_connect().await;
    one.closed().await;
    two.closed().await;
    let took = started.elapsed();
    assert!(took < Duration::from_millis(12_500), "{took:?}");
    logged(&one, &["no publish or play in time"]).await;
    logged(&two, &["no publish or play in time"]).await;
    beside.noticed_nothing().await;
}
