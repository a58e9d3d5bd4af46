use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const LIMIT: Duration = Duration::from_secs(2);

/// Answers one connection with these bytes after its request has come, and keeps it open.
async fn answer_once(answer: Vec<u8>) -> (Target, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 65_536];
        let read = stream.read(&mut request).await.unwrap();
        request.truncate(read);
        // The asker hangs up when it has seen enough.
        let _ = stream.write_all(&answer).await;
        let _ = stream.read(&mut [0; 1]).await;
        String::from_utf8(request).unwrap()
    });
    (Target::new("127.0.0.1", port, "/api/v1/versions"), task)
}

#[test]
fn urls_are_read() {
    for (url, host, port, path) in [
        ("http://127.0.0.1:12025/api/v1/srs/register", "127.0.0.1", 12025, "/api/v1/srs/register"),
        ("http://proxy.example", "proxy.example", 80, "/"),
        ("http://[::1]:12025/a?b=c", "::1", 12025, "/a?b=c"),
    ] {
        assert_eq!(Target::parse(url).unwrap(), Target::new(host, port, path));
    }
    assert_eq!(Target::new("::1", 1, "/").authority(), "[::1]:1");
}

#[test]
fn urls_that_cannot_be_asked_are_refused() {
    for url in [
        "",
        "127.0.0.1:12025",
        "https://a/b",
        "http://",
        "http:///x",
        "http://user@a/",
        "ftp://a",
        "/x",
        "http://a b/",
    ] {
        assert!(matches!(Target::parse(url), Err(ClientError::Url(_))), "{url:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_says_where() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = ask(&Target::new("127.0.0.1", port, "/"), None, None, None, LIMIT).await.unwrap_err();
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    assert!(matches!(error, ClientError::Connect { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up() {
    let (target, _task) = answer_once(Vec::new()).await;
    assert!(matches!(ask(&target, None, None, None, LIMIT).await, Err(ClientError::Timeout(LIMIT))));
}

#[tokio::test]
async fn an_answer_too_large_is_given_up() {
    let body = vec![b'x'; 1 << 20];
    let answer =
        [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes(), body].concat();
    let (target, _task) = answer_once(answer).await;
    assert!(matches!(ask(&target, None, None, None, LIMIT).await, Err(ClientError::Answer { .. })));
}

#[tokio::test]
async fn what_is_no_http_is_an_error() {
    let (target, _task) = answer_once(b"\x03\x00\x00\x00nonsense\r\n\r\n".to_vec()).await;
    assert!(matches!(ask(&target, None, None, None, LIMIT).await, Err(ClientError::Answer { .. })));
}

#[tokio::test]
async fn a_body_is_posted_with_its_token() {
    let (target, task) = answer_once(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec()).await;
    let token = HeaderValue::from_static("Bearer secret");
    let (status, body) =
        ask(&target, Some(&token), None, Some(Bytes::from_static(b"{}")), LIMIT).await.unwrap();
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"ok"[..]));
    let request = task.await.unwrap();
    assert!(request.starts_with("POST /api/v1/versions HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: Bearer secret\r\n"), "{request}");
    assert!(request.contains("content-length: 2\r\n"), "{request}");
}

#[tokio::test]
async fn an_answer_for_which_there_is_no_room_is_given_up() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour".to_vec();
    let (target, _task) = answer_once(answer.clone()).await;
    let room = Arc::new(Semaphore::new(4));
    let question = || Question { room: Arc::clone(&room), ..Question::new(Method::GET, 1_000) };
    let held = exchange(&target, question()).await.unwrap();
    assert_eq!((&held.body[..], room.available_permits()), (&b"four"[..], 0));
    let (target, _task) = answer_once(answer).await;
    let error = exchange(&target, question()).await.err().unwrap();
    assert!(error.to_string().contains("no room"), "{error}");
    drop(held);
    assert_eq!(room.available_permits(), 4);
}
