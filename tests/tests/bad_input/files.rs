//! B14, S06, S19 and S26: other versions of HTTP, ways out of a folder, names with markup, and very many names.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;

use srs_tests::{Cluster, OriginProcess, http};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::Beside;

/// What nobody may read.
const SECRET: &str = "nobody may read this";

/// Ways that were found in servers of this kind.
const WAYS: &[&str] = &[
    "/../secret.txt",
    "/live/../../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/.%2e/secret.txt",
    "/%252e%252e/secret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "//secret.txt",
    "/../html_twin/secret.txt",
    "/..;/secret.txt",
    "/link/secret.txt",
    "/link.txt",
    "/secret.txt%00.html",
    "/live/..%2f..%2fsecret.m3u8",
    "/live/../../secret.ts",
    "/players/../../secret.txt",
    "/players/..%2f..%2fsecret.txt",
];

fn plant(folder: &Path) {
    let html = folder.join("html");
    std::fs::create_dir_all(&html).unwrap();
    std::fs::create_dir_all(folder.join("html_twin")).unwrap();
    for name in ["secret.txt", "secret.m3u8", "secret.ts", "html_twin/secret.txt"] {
        std::fs::write(folder.join(name), SECRET).unwrap();
    }
    std::fs::write(html.join("open.txt"), "everybody may read this").unwrap();
    symlink(folder, html.join("link")).unwrap();
    symlink(folder.join("secret.txt"), html.join("link.txt")).unwrap();
}

#[tokio::test]
async fn s06_no_way_leads_out_of_the_folder() {
    let cluster = Cluster::build().origins(1).vhost(|vhost| vhost.hls.enabled = true).start().await;
    plant(&cluster.folder().path("origin-1"));
    let origin = cluster.origin(0).http()[0];
    let open = http::get(origin, "/open.txt").await;
    assert_eq!((open.head.status, open.body.as_slice()), (200, &b"everybody may read this"[..]));
    let absolute = format!("{}/secret.txt", cluster.folder().path("origin-1").display());
    for door in [origin, cluster.http()] {
        for way in WAYS.iter().copied().chain([absolute.as_str()]) {
            let answer = http::exchange(
                door,
                format!("GET {way} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes(),
            )
            .await;
            let text = String::from_utf8_lossy(&answer);
            assert!(!text.contains(SECRET), "{door} {way}: {text}");
            assert!(text.starts_with("HTTP/1.1 4"), "{door} {way}: {text}");
        }
    }
}

#[tokio::test]
async fn b14_http_2_is_not_spoken_and_said_so_at_once() {
    let beside = Beside::start().await;
    for door in beside.http() {
        let answer = http::exchange(door, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        let upgrade = b"GET /players/ HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n\
            HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
        let answer = http::exchange(door, upgrade).await;
        assert!(!answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    }
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn s19_markup_in_names_is_refused_and_comes_back_nowhere() {
    let beside = Beside::start().await;
    for door in beside.http() {
        for target in [
            "/live/%3Cscript%3Ealert(1)%3C%2Fscript%3E.flv",
            "/live/%3Cimg%20src=x%3E.m3u8",
            "/live/a%22%3E%3Cscript%3E.ts",
            "/%3Cscript%3E/a.flv?callback=%3Cscript%3E",
        ] {
            let reply = http::get(door, target).await;
            assert!((400..500).contains(&reply.head.status), "{target}: {}", reply.head.status);
            let text = String::from_utf8_lossy(&reply.body);
            assert!(!text.contains("<script") && !text.contains("<img"), "{target}: {text}");
            assert_ne!(reply.head.field("content-type"), Some("text/html"), "{target}");
        }
    }
    beside.noticed_nothing().await;
}

async fn ask_and_leave(door: SocketAddr, target: &str) {
    let mut stream = TcpStream::connect(door).await.expect("the server accepts");
    let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("the server reads");
}

#[tokio::test]
async fn s26_twenty_thousand_names_that_nobody_publishes_cost_nothing() {
    let origin = OriginProcess::start(env!("CARGO_BIN_EXE_origin-alone"), "names", None).await;
    let round = async |from: u32| {
        for number in from..from + 10_000 {
            ask_and_leave(origin.http, &format!("/live/name-{number}.flv")).await;
        }
    };
    round(0).await;
    let before = origin.memory();
    round(10_000).await;
    let grown = origin.memory().saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes for ten thousand names");
    origin.kill().await;
}
