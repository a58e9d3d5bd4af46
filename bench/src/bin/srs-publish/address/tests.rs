use super::{Address, Scheme};

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
        "http://h/rtc/v1/whep/",
        "http://h/rtc/v1/whep/?app=live&stream=",
        "http:///rtc/v1/whep/?app=live&stream=s",
        "http://h/rtc/v1/play/?app=live&stream=s",
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

#[test]
fn webrtc_is_told_by_its_path() {
    let play = address("http://h:8080/rtc/v1/whep/?app=live&stream=s&token=x");
    assert_eq!((play.scheme, play.target().as_str()), (Scheme::Whep, "h:8080"));
    assert_eq!((play.app.as_str(), play.stream.as_str()), ("rtc/v1/whep", "?app=live&stream=s&token=x"));
    assert_eq!(address("http://h/rtc/v1/whip?stream=s").scheme, Scheme::Whip);
    // Over any other protocol it is an app like others.
    assert_eq!(address("rtmp://h/rtc/v1/whip").scheme, Scheme::Rtmp);
}

#[test]
fn of_a_query_only_the_streams_name_is_shown() {
    let address = address("http://h/rtc/v1/whip?token=x&stream=s&app=live");
    assert_eq!(address.to_string(), "http://h/rtc/v1/whip/?app=live&stream=s");
}

#[test]
fn session_is_where_the_answer_says() {
    let session = address("http://h/rtc/v1/whip/?stream=s").beside("/rtc/v1/whip/?action=delete&token=x");
    assert_eq!((session.app.as_str(), session.stream.as_str()), ("rtc/v1/whip", "?action=delete&token=x"));
}
