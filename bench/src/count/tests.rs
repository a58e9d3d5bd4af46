use super::*;

#[test]
fn requests_are_told_one_by_one_and_passed_on_unchanged() {
    let asked = b"GET /a.ts HTTP/1.1\r\nHost: h\r\n\r\nGET /b.m3u8?x=1 HTTP/1.1\r\nHost: h\r\n\r\nGET /cut";
    let (mut passed, mut told) = (Vec::new(), Vec::new());
    pass(asked.as_slice(), &mut passed, &mut |request| told.push(request.to_owned())).unwrap();
    assert_eq!(passed, asked);
    assert_eq!(told, ["GET /a.ts HTTP/1.1", "GET /b.m3u8?x=1 HTTP/1.1"]);
}

#[test]
fn the_segment_that_was_fetched_most_often_counts() {
    let mut line = Map::new();
    let requests =
        "GET /s-1.ts HTTP/1.1\nGET /s.m3u8 HTTP/1.1\nGET /s-2.ts?hls_ctx=a HTTP/1.1\nGET /s-2.ts HTTP/1.1\n";
    report(requests, &mut line);
    let number = |name: &str| line[name].as_u64();
    assert_eq!((number("origin_lists"), number("origin_segments")), (Some(1), Some(2)));
    assert_eq!((number("origin_fetches"), number("fetches_per_segment")), (Some(3), Some(2)));
}
