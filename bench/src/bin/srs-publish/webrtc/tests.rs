use std::path::Path;
use std::pin::pin;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// Answers one request by `reply`, and gives back what was asked.
async fn server(listener: TcpListener, reply: &str) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut asked = String::new();
    while !asked.contains("\r\n\r\nv=0") {
        let mut block = [0; 4096];
        let length = stream.read(&mut block).await.unwrap();
        assert!(length > 0, "{asked}");
        asked.push_str(std::str::from_utf8(&block[..length]).unwrap());
    }
    stream.write_all(reply.as_bytes()).await.unwrap();
    asked
}

async fn listen(kind: &str) -> (TcpListener, Address) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    (listener, format!("http://{at}/rtc/v1/{kind}/?app=live&stream=s&token=x").parse().unwrap())
}

const REFUSED: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\nnot live";

#[tokio::test]
async fn offer_to_play_says_that_nothing_is_sent() {
    let (listener, url) = listen("whep").await;
    let (played, asked) = tokio::join!(watch(&url, Duration::from_secs(1)), server(listener, REFUSED));
    assert!(played.unwrap_err().to_string().contains("404 Not Found: not live"));
    assert!(asked.starts_with("POST /rtc/v1/whep/?app=live&stream=s&token=x HTTP/1.1"), "{asked}");
    assert!(asked.to_lowercase().contains("content-type: application/sdp"), "{asked}");
    assert!(asked.contains("a=recvonly") && !asked.contains("a=sendonly"), "{asked}");
}

#[tokio::test]
async fn refusal_of_a_publisher_is_an_error_in_the_servers_words() {
    let (listener, url) = listen("whip").await;
    let clip =
        crate::clip::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../doc/source.flv"))).unwrap();
    let never = pin!(std::future::pending());
    let publish = crate::publish::run(&clip, &url, Instant::now(), false, never);
    let (published, asked) = tokio::join!(publish, server(listener, REFUSED));
    assert!(published.unwrap_err().to_string().contains("404 Not Found: not live"));
    assert!(asked.contains("a=sendonly") && asked.contains("H264/90000"), "{asked}");
}

#[tokio::test]
async fn answer_that_is_no_sdp_is_an_error() {
    let (listener, url) = listen("whep").await;
    let reply = "HTTP/1.1 201 Created\r\nLocation: /rtc/v1/whep/?a=b\r\nContent-Length: 2\r\n\r\nhm";
    let (played, _) = tokio::join!(watch(&url, Duration::from_secs(1)), server(listener, reply));
    played.unwrap_err();
}

#[test]
fn place_of_a_session_may_be_a_whole_address() {
    assert_eq!(path_of("http://h:1/rtc/v1/whep/?a=b"), "/rtc/v1/whep/?a=b");
    assert_eq!(path_of("/rtc/v1/whep/?a=b://c/d"), "/rtc/v1/whep/?a=b://c/d");
}
