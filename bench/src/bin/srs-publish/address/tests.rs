use super::Address;

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

#[test]
fn default_ports_are_those_of_the_scheme() {
    assert_eq!(address("rtmp://h/live/s").target(), "h:1935");
    assert_eq!(address("http://h/live/s.flv").target(), "h:80");
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
fn query_is_not_shown() {
    assert_eq!(address("rtmp://h/live/s?secret=1").to_string(), "rtmp://h/live/s");
}

#[test]
fn unusable_addresses_are_refused() {
    for text in [
        "",
        "h/live/s",
        "srt://h/live/s",
        "rtmp://h/s",
        "rtmp:///live/s",
        "rtmp://h/live/",
        "http://h/live/s.ts",
    ] {
        assert!(text.parse::<Address>().is_err(), "{text}");
    }
}
