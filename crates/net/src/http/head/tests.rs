use super::*;

#[tokio::test]
async fn a_request_is_read_with_what_follows_it() {
    let mut input: &[u8] = b"GET /live/s.flv?a=b HTTP/1.1\r\nHost: x:8080\r\n\r\nrest";
    let received = read_request(&mut input).await.unwrap();
    let request = received.request.unwrap();
    assert_eq!(request.uri().path(), "/live/s.flv");
    assert_eq!(request.uri().query(), Some("a=b"));
    assert_eq!(&received.bytes[received.head_len..], b"rest");
}

#[tokio::test]
async fn a_head_with_a_bare_line_feed_is_left_to_hyper() {
    let mut input: &[u8] = b"GET /live/s.flv HTTP/1.1\nHost: x\r\n\r\n";
    assert!(read_request(&mut input).await.unwrap().request.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_is_given_up_after_five_seconds() {
    let (mut ours, _theirs) = tokio::io::duplex(64);
    assert!(matches!(read_request(&mut ours).await, Err(HeadError::Slow)));
}

#[tokio::test]
async fn interim_answers_are_skipped() {
    let mut input: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nX-A: 1\r\n\r\nno";
    let response = read_response(&mut input).await.unwrap();
    assert_eq!(response.status, StatusCode::NOT_FOUND);
    assert_eq!(response.headers["x-a"], "1");
    assert_eq!(response.rest, "no");
}

#[tokio::test]
async fn a_response_head_beyond_the_limit_is_refused() {
    let mut text = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
    text.resize(20_000, b'a');
    assert!(matches!(read_response(&mut text.as_slice()).await, Err(HeadError::Large)));
}

#[test]
fn a_written_head_can_be_parsed() {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("video/x-flv"));
    let head = write_head(Version::HTTP_11, StatusCode::OK, &headers);
    assert_eq!(head, "HTTP/1.1 200 OK\r\ncontent-type: video/x-flv\r\n\r\n");
}
