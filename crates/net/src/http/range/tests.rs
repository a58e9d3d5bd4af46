use bytes::Bytes;

use super::*;

fn asked(field: &str) -> Answer {
    let request = Request::builder().header("range", field).body(()).unwrap();
    with_range(
        &request,
        Answer::new(StatusCode::OK, "video/MP2T", Content::Bytes(Bytes::from_static(b"0123456789"))),
    )
}

fn body(answer: &Answer) -> &[u8] {
    match &answer.body {
        Content::Bytes(bytes) => bytes,
        _ => panic!("no bytes of ours"),
    }
}

#[test]
fn a_part_of_the_body_is_sent_as_a_part() {
    for (field, part, said) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=4-", "456789", "bytes 4-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=8-100", "89", "bytes 8-9/10"),
        ("bytes=-100", "0123456789", "bytes 0-9/10"),
        ("bytes=9-99999999999999999999999", "9", "bytes 9-9/10"),
    ] {
        let answer = asked(field);
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{field}");
        assert_eq!(body(&answer), part.as_bytes(), "{field}");
        assert_eq!(answer.headers[header::CONTENT_RANGE], said, "{field}");
    }
}

#[test]
fn a_range_beyond_the_end_is_refused_with_the_length() {
    for field in ["bytes=10-", "bytes=99-100", "bytes=-0"] {
        let answer = asked(field);
        assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE, "{field}");
        assert_eq!(answer.headers[header::CONTENT_RANGE], "bytes */10", "{field}");
        assert!(body(&answer).is_empty());
    }
}

#[test]
fn what_is_no_single_range_of_bytes_gets_the_whole_body() {
    for field in ["bytes=0-1,3-4", "lines=0-1", "bytes=5-2", "bytes=+1-2", "bytes=a-", "bytes=-", ""] {
        let answer = asked(field);
        assert_eq!((answer.status, body(&answer).len()), (StatusCode::OK, 10), "{field}");
    }
}

#[test]
fn refusals_are_not_cut() {
    let request = Request::builder().header("range", "bytes=0-1").body(()).unwrap();
    let answer = with_range(&request, Answer::text(StatusCode::NOT_FOUND, "nothing here"));
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NOT_FOUND, 13));
}
