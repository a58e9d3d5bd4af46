//! B12: requests whose end two servers could see in two places.

use std::net::SocketAddr;

use srs_tests::{Cluster, fake, http};

use crate::Beside;

/// What would be smuggled: a second request inside, or behind, the body of the first.
const SECOND: &str = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

/// Heads whose fields, versions or lines are not as they must be. `%` is the request line's method and target.
fn matrix() -> Vec<(&'static str, String)> {
    let head = |version: &str, fields: &str| format!("% HTTP/{version}\r\nHost: x\r\n{fields}\r\n");
    vec![
        (
            "length and coding",
            head("1.1", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
        ),
        (
            "coding and length",
            head("1.1", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "0\r\n\r\n",
        ),
        ("an unknown coding", head("1.1", "Transfer-Encoding: xchunked\r\n")),
        ("chunked, then identity", head("1.1", "Transfer-Encoding: chunked, identity\r\n") + "0\r\n\r\n"),
        (
            "two codings",
            head("1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n") + "0\r\n\r\n",
        ),
        ("a coding behind a tab", head("1.1", "Transfer-Encoding: \x0bchunked\r\n") + "0\r\n\r\n"),
        ("two lengths", head("1.1", "Content-Length: 0\r\nContent-Length: 37\r\n")),
        ("a length with a sign", head("1.1", "Content-Length: +37\r\n")),
        ("a length with a comma", head("1.1", "Content-Length: 37, 37\r\n")),
        ("an empty length", head("1.1", "Content-Length:\r\n")),
        ("a length in hexadecimal", head("1.1", "Content-Length: 0x25\r\n")),
        ("a length of 2^64", head("1.1", "Content-Length: 18446744073709551616\r\n")),
        ("a folded field", head("1.1", "X-A: b\r\n c\r\nContent-Length: 0\r\n")),
        ("a space before the colon", head("1.1", "Content-Length : 37\r\n")),
        ("an empty name", head("1.1", ": a\r\n")),
        ("a field without a colon", head("1.1", "Content-Length\r\n")),
        (
            "a chunk size that overflows",
            head("1.1", "Transfer-Encoding: chunked\r\n") + "10000000000000005\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "a chunk size with a sign",
            head("1.1", "Transfer-Encoding: chunked\r\n") + "+5\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "a chunk that ends elsewhere",
            head("1.1", "Transfer-Encoding: chunked\r\n") + "5\r\nhelloXX0\r\n\r\n",
        ),
        ("a coding in HTTP/1.0", head("1.0", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n"),
        ("a bare CR in a field", head("1.1", "X-A: b\rContent-Length: 37\r\n")),
        ("a NUL in a field", head("1.1", "X-A: b\0c\r\n")),
        ("bare line feeds", "% HTTP/1.1\nHost: x\nContent-Length: 0\n\n".to_owned()),
        ("HTTP/2.0", head("2.0", "")),
        ("two blanks", "%  HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
    ]
}

fn answers(answer: &[u8]) -> usize {
    answer.windows(7).filter(|window| window == b"HTTP/1.").count()
}

/// Each case at one door that passes nothing on: 400, or one answer; in any case the end of the connection, so that
/// nobody can see a second request in it.
async fn each_is_refused(address: SocketAddr, door: &str, line: &str) {
    let mut wrong = Vec::new();
    for (name, request) in matrix() {
        let request = request.replace('%', line) + SECOND;
        let answer = http::exchange(address, request.as_bytes()).await;
        let text = String::from_utf8_lossy(&answer);
        if answers(&answer) != 1 {
            wrong.push(format!("{name}: {:?}", text));
        }
    }
    assert!(wrong.is_empty(), "at the {door}: {wrong:#?}");
}

#[tokio::test]
async fn b12_the_system_api_refuses_every_unclear_request() {
    let cluster = Cluster::build().origins(0).start().await;
    let system = cluster.proxy().system_api();
    each_is_refused(system, "system api", "POST /api/v1/srs/register").await;
    for (name, request) in matrix() {
        let request = request.replace('%', "POST /api/v1/srs/register") + SECOND;
        let answer = http::exchange(system, request.as_bytes()).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 400"), "{name}: {text:?}");
    }
}

#[tokio::test]
async fn b12_the_http_apis_refuse_every_unclear_request() {
    let cluster = Cluster::build().origins(1).start().await;
    each_is_refused(cluster.proxy().http_api(), "proxy", "GET /api/v1/versions").await;
    each_is_refused(cluster.origin(0).api()[0], "origin", "GET /api/v1/versions").await;
}

#[tokio::test]
async fn b12_the_media_doors_refuse_every_unclear_request() {
    let beside = Beside::start().await;
    let [proxy, origin] = beside.http();
    each_is_refused(proxy, "proxy", "GET /live/nobody.flv").await;
    each_is_refused(origin, "origin", "GET /live/nobody.flv").await;
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b12_no_second_request_is_smuggled_to_the_origin() {
    let mut origin = fake::Http::start("HTTP/1.1 204 No Content\r\n\r\n").await;
    let cluster = Cluster::build().origins(0).backend(origin.address, Some(origin.address)).start().await;
    let mut cases: Vec<String> = matrix().into_iter().map(|(_, request)| request).collect();
    cases.push("% HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n".to_owned());
    cases.push("% HTTP/1.1\r\nHost: x\r\nContent-Length: 37\r\n\r\n".to_owned());
    cases.push("% HTTP/1.1\r\nHost: x\r\n\r\n".to_owned());
    for request in &cases {
        let request = request.replace('%', "GET /live/x.flv") + SECOND;
        http::exchange(cluster.http(), request.as_bytes()).await;
    }
    // A last, honest one, behind which nothing can be on its way.
    http::exchange(cluster.http(), b"GET /live/last.flv HTTP/1.1\r\nHost: x\r\n\r\n").await;
    loop {
        let seen = origin.request().await;
        assert!(!seen.contains("smuggled"), "{seen:?}");
        let lower = seen.to_ascii_lowercase();
        assert!(!lower.contains("transfer-encoding"), "{seen:?}");
        assert!(!lower.contains("upgrade"), "{seen:?}");
        assert!(!lower.contains("content-length: 37"), "{seen:?}");
        if seen.contains("/live/last.flv") {
            return;
        }
    }
}
