//! B16: registrations that must not be believed. S02: those that were heard before.

use std::sync::{Arc, Mutex};

use srs_origin::Origin;
use srs_tests::cluster::origin_config;
use srs_tests::{Cluster, http};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A registration with this in place of the fields `ip` and `rtmp`.
fn body(fields: &str) -> String {
    format!(r#"{{"device_id":"d","server":"bad","service":"s","pid":"1",{fields}}}"#)
}

fn bodies() -> Vec<(&'static str, String)> {
    let good = r#""ip":"127.0.0.1","rtmp":["1935"]"#;
    let endpoint = |text: &str| body(&format!(r#""ip":"127.0.0.1","rtmp":["{text}"]"#));
    let ip = |text: &str| body(&format!(r#""ip":"{text}","rtmp":["1935"]"#));
    let deep = format!(r#""device_id":{}{}"#, "[".repeat(100_000), "]".repeat(100_000));
    vec![
        ("port 0", endpoint("0")),
        ("port 99999", endpoint("99999")),
        ("port -1", endpoint("-1")),
        ("no port", endpoint("")),
        ("a port and more", endpoint("1935;rm")),
        ("an address without brackets", endpoint("::1:1935")),
        ("two brackets", endpoint("[[::1]]:1935")),
        ("an address of too many parts", endpoint("[1:2:3:4:5:6:7:8:9]:1935")),
        ("every interface of IPv6 for a host", ip("::")),
        ("a group of IPv6 for a host", ip("ff02::1")),
        ("a zone for a host", ip("fe80::1%lo")),
        ("an open bracket", endpoint("[::1:1935")),
        ("a zone", endpoint("[fe80::1%eth0]:1935")),
        ("a path", endpoint("tcp://127.0.0.1:1935/live")),
        ("user info", endpoint("tcp://a@127.0.0.1:1935")),
        ("a host with blanks", ip("a b")),
        ("a host with a new line", ip("a\\nb")),
        ("a URL for a host", ip("http://127.0.0.1")),
        ("dots for a host", ip("..")),
        ("every interface for a host", ip("0.0.0.0")),
        ("a group for a host", ip("239.1.1.1")),
        ("a number for a host", ip("2130706433")),
        ("a long host", ip(&"a.".repeat(200))),
        ("an empty host", ip("")),
        ("a field twice", body(&format!(r#"{good},"ip":"10.0.0.1""#))),
        ("a text for a list", body(r#""ip":"127.0.0.1","rtmp":"1935""#)),
        ("an empty list", body(r#""ip":"127.0.0.1","rtmp":[]"#)),
        ("a long list", body(&format!(r#""ip":"127.0.0.1","rtmp":[{}"1"]"#, r#""1935","#.repeat(1000)))),
        ("deep nesting", format!(r#"{{{deep},{good}}}"#)),
        ("cut short", body(good).trim_end_matches('}').to_owned()),
        ("no object", "[]".to_owned()),
        ("nothing", String::new()),
        ("10 MiB", body(&format!(r#"{good},"device":"{}""#, "a".repeat(10 << 20)))),
    ]
}

#[tokio::test]
async fn b16_bad_registrations_get_one_answer_and_leave_no_entry() {
    let cluster = Cluster::build().origins(0).start().await;
    let system = cluster.proxy().system_api();
    for (name, body) in bodies() {
        let head = format!(
            "POST /api/v1/srs/register HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let answer = http::exchange(system, &[head.as_bytes(), body.as_bytes()].concat()).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 400"), "{name}: {text:?}");
        assert_eq!(text.matches("HTTP/1.1").count(), 1, "{name}: one answer, not {text:?}");
        assert!(cluster.origins().await.is_empty(), "{name}");
    }
    let good = body(r#""ip":"127.0.0.1","rtmp":["1935"]"#);
    let reply = http::request(system, "POST", "/api/v1/srs/register", &good).await;
    assert_eq!(reply.head.status, 200, "what all of these were made from is a good one");
}

#[tokio::test]
async fn b16_deep_nesting_in_a_field_that_nobody_reads_is_refused() {
    let cluster = Cluster::build().origins(0).start().await;
    let deep =
        format!(r#""ip":"127.0.0.1","rtmp":["1935"],"x":{}{}"#, "[".repeat(100_000), "]".repeat(100_000));
    let reply =
        http::request(cluster.proxy().system_api(), "POST", "/api/v1/srs/register", &body(&deep)).await;
    assert_eq!(reply.head.status, 400);
    assert!(cluster.origins().await.is_empty());
}

#[tokio::test]
async fn s02_a_captured_heartbeat_is_refused_when_it_comes_again() {
    let cluster = Cluster::build().origins(0).start().await;
    let system = cluster.proxy().system_api();
    // Who listens on the way: the same port at another address of this machine.
    let listener = TcpListener::bind(("127.0.0.3", system.port())).await.expect("a port of loopback");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut node, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !is_whole(&request) {
                if node.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            kept.lock().expect("no panic inside").push(request.clone());
            let mut proxy = TcpStream::connect(system).await.expect("a proxy");
            proxy.write_all(&request).await.expect("writing");
            let _ended = tokio::io::copy(&mut proxy, &mut node).await;
        }
    });
    let mut config = origin_config(&cluster.folder().path(""), "captured", Some(system));
    config.heartbeat.urls = vec![format!("http://127.0.0.3:{}/api/v1/srs/register", system.port())];
    let _origin = Origin::bind(config).expect("an origin starts");
    cluster.wait_for_origins(1).await;
    let captured = heard.lock().expect("no panic inside")[0].clone();
    let text = String::from_utf8_lossy(&captured).into_owned();
    assert!(text.contains("x-srs-node: 1;captured;origin;beat;"), "{text}");
    let answer = http::exchange(system, &captured).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("heard already"), "{answer}");
}

/// Whether a request is there with its whole body.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.parse().ok()).is_some_and(|length: usize| body.len() >= length)
}
