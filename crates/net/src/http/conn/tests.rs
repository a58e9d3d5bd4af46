use std::io::Write as _;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

async fn pair() -> (TcpStream, Conn) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    (client, Conn::new(stream, peer))
}

async fn request(conn: &mut Conn) -> Box<Request<()>> {
    match conn.next().await {
        Next::Request(request) => request,
        other => panic!("{other:?}"),
    }
}

/// Serves one request with this content; the answer is what the client reads until the end.
async fn exchange(head: &str, content: Content) -> (Sent, Vec<u8>) {
    let (mut client, mut conn) = pair().await;
    client.write_all(head.as_bytes()).await.unwrap();
    let got = tokio::task::LocalSet::new();
    let reader = async move {
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        got
    };
    let server = async move {
        let request = request(&mut conn).await;
        conn.answer(&request, Answer::new(StatusCode::OK, "text/plain", content)).await.unwrap()
    };
    got.run_until(async { tokio::join!(server, reader) }).await
}

fn file_of(bytes: &[u8]) -> Arc<File> {
    let path = std::env::temp_dir().join(format!("srs-net-conn-{}-{}", std::process::id(), bytes.len()));
    let mut file = File::create_new(&path).unwrap();
    file.write_all(bytes).unwrap();
    let reopened = File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    Arc::new(reopened)
}

fn body(answer: &[u8]) -> &[u8] {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    &answer[end + 4..]
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_in_turn() {
    let (mut client, mut conn) = pair().await;
    client.write_all(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    for path in ["/a", "/b"] {
        let request = request(&mut conn).await;
        assert_eq!(request.uri().path(), path);
        let sent = conn.answer(&request, Answer::text(StatusCode::OK, path)).await.unwrap();
        assert_eq!(sent, Sent { bytes: 3, goes_on: true });
    }
    drop(client);
    assert!(matches!(conn.next().await, Next::Over));
}

#[tokio::test]
async fn large_bodies_arrive_whole_from_memory_and_from_files() {
    let bytes = pattern(5_000_000);
    for content in
        [Content::Bytes(bytes.clone().into()), Content::File(file_of(&bytes), 0..bytes.len() as u64)]
    {
        let (sent, got) = exchange("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", content).await;
        assert_eq!(sent, Sent { bytes: 5_000_000, goes_on: false });
        assert!(body(&got) == bytes, "the body differs");
    }
}

#[tokio::test]
async fn a_part_is_a_part_of_a_part() {
    let bytes = pattern(1000);
    let stored = Content::stored(pattern(100_000).into()).part(0..1000);
    for content in [Content::Bytes(bytes.clone().into()), Content::File(file_of(&bytes), 0..1000), stored] {
        let part = content.part(100..900).part(50..5000);
        assert_eq!(part.len(), 750);
        let (_, got) = exchange("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", part).await;
        assert_eq!(body(&got), &bytes[150..900]);
    }
}

#[tokio::test]
async fn a_head_request_is_told_the_length_and_gets_no_body() {
    let content = Content::Bytes(Bytes::from_static(b"0123456789"));
    let (sent, got) = exchange("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", content).await;
    assert_eq!(sent.bytes, 0);
    assert!(String::from_utf8_lossy(&got).contains("content-length: 10\r\n"));
    assert!(body(&got).is_empty());
}

#[tokio::test]
async fn http_1_0_closes_unless_asked_not_to() {
    for (field, expected) in [("", false), ("Connection: Keep-Alive\r\n", true)] {
        let (mut client, mut conn) = pair().await;
        client.write_all(format!("GET / HTTP/1.0\r\n{field}\r\n").as_bytes()).await.unwrap();
        let request = request(&mut conn).await;
        let sent = conn.answer(&request, Answer::text(StatusCode::OK, "x")).await.unwrap();
        assert_eq!(sent.goes_on, expected, "{field:?}");
    }
}

#[tokio::test]
async fn a_file_that_became_shorter_is_no_whole_answer() {
    let (mut client, mut conn) = pair().await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let request = request(&mut conn).await;
    let content = Content::File(file_of(b"short"), 0..100);
    let answered = conn.answer(&request, Answer::new(StatusCode::OK, "text/plain", content)).await;
    assert_eq!(answered.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_given_up() {
    let (mut client, mut conn) = pair().await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let request = request(&mut conn).await;
    let content = Content::Bytes(pattern(64 << 20).into());
    let answered = conn.answer(&request, Answer::new(StatusCode::OK, "text/plain", content)).await;
    assert_eq!(answered.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_is_answered_with_408() {
    let (mut client, mut conn) = pair().await;
    client.write_all(b"GET / HT").await.unwrap();
    assert!(matches!(conn.next().await, Next::Over));
    drop(conn);
    let mut got = String::new();
    client.read_to_string(&mut got).await.unwrap();
    assert!(got.starts_with("HTTP/1.1 408 "), "{got}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_come_back_is_let_go_without_a_word() {
    let (mut client, mut conn) = pair().await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let request = request(&mut conn).await;
    conn.answer(&request, Answer::text(StatusCode::OK, "x")).await.unwrap();
    assert!(matches!(conn.next().await, Next::Over));
    drop(conn);
    let mut got = String::new();
    client.read_to_string(&mut got).await.unwrap();
    assert!(!got.contains("408"), "{got}");
}

#[tokio::test]
async fn what_is_no_plain_request_is_handed_on_with_all_its_bytes() {
    let (mut client, mut conn) = pair().await;
    let bytes = b"GET / HTTP/1.1\nHost: h\n\n";
    client.write_all(bytes).await.unwrap();
    assert!(matches!(conn.next().await, Next::Strange));
    assert_eq!(conn.into_parts().1, &bytes[..]);
}

#[test]
fn requests_with_bodies_or_upgrades_are_not_plain() {
    let with = |method: Method, field: &'static str, value: &'static str| {
        Request::builder().method(method).header(field, value).body(()).unwrap()
    };
    assert!(is_plain(&with(Method::GET, "content-length", "0")));
    assert!(is_plain(&with(Method::OPTIONS, "accept", "*/*")));
    assert!(!is_plain(&with(Method::POST, "accept", "*/*")));
    assert!(!is_plain(&with(Method::GET, "content-length", "1")));
    assert!(!is_plain(&with(Method::GET, "transfer-encoding", "chunked")));
    assert!(!is_plain(&with(Method::GET, "upgrade", "h2c")));
}
