use super::Address;

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

#[test]
fn default_ports_are_those_of_the_scheme() {
    assert_eq!(address("rtmp://h/live/s").target(), "h:1935");
    assert_eq!(address("http://h/live/s.flv").target(), "h:80");
    assert_eq!(address("srt://h/live/s").target(), "h:10080");
    assert_eq!(address("rtmp://[::1]/live/s").target(), "[::1]:1935");
    assert_eq!(address("rtmp://[::1]:5/live/s").target(), "[::1]:5");
}

#[test]
fn last_part_is_the_stream_with_its_query() {
    let address = address("rtmp://h:19/a/b/s?key=x/y");
    assert_eq!((address.app.as_str(), address.stream.as_str()), ("a/b", "s?key=x/y"));
    assert_eq!(address.tc_url(), "rtmp://h:19/a/b");
}

#[test]
fn srt_asks_for_it_by_a_stream_id() {
    assert_eq!(address("srt://h:5/a/b/s?key=x").stream_id(), "#!::r=a/b/s?key=x,m=request");
}

#[test]
fn query_is_not_shown() {
    assert_eq!(address("rtmp://h/live/s?secret=1").to_string(), "rtmp://h/live/s");
}

#[test]
fn unusable_addresses_are_refused() {
    for text in [
        "",
        "h/live/s",
        "hls://h/live/s",
        "rtmp://h/s",
        "rtmp:///live/s",
        "rtmp://h/live/",
        "http://h/live/s.mp4",
    ] {
        assert!(text.parse::<Address>().is_err(), "{text}");
    }
}

#[test]
fn what_a_list_names_is_beside_it_or_at_the_root() {
    let list: Address = "http://h:80/live/s.m3u8?a=b".parse().unwrap();
    let at = |uri: &str| {
        let found = list.beside(uri);
        (found.app, found.stream)
    };
    assert_eq!(at("s-1.ts?c=d"), ("live".to_owned(), "s-1.ts?c=d".to_owned()));
    assert_eq!(at("/other/s.m3u8?hls_ctx=x"), ("other".to_owned(), "s.m3u8?hls_ctx=x".to_owned()));
    assert!(list.is(".m3u8") && !list.is(".ts"));
}
