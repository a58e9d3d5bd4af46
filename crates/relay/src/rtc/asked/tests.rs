use http::Request;

use super::*;

fn parts(target: &str) -> Parts {
    let request = Request::builder().uri(target).header("host", "a.example:18080").body(()).unwrap();
    request.into_parts().0
}

fn named(target: &str, body: &str) -> String {
    let parts = parts(target);
    let endpoint = Endpoint::at(parts.uri.path()).unwrap();
    stream(endpoint, &parts, body.as_bytes()).unwrap().to_string()
}

#[test]
fn endpoints_are_known_with_and_without_the_last_slash() {
    for path in ["/rtc/v1/whip/", "/rtc/v1/whip", "/rtc/v1/publish/"] {
        assert!(Endpoint::at(path).unwrap().is_publish, "{path}");
    }
    for path in ["/rtc/v1/whep/", "/rtc/v1/whip-play/", "/rtc/v1/whip-play", "/rtc/v1/play/"] {
        assert!(!Endpoint::at(path).unwrap().is_publish, "{path}");
    }
    for path in ["/rtc/v1/", "/rtc/v1/whip//", "/rtc/v1/nack/", "/rtc/v2/whip/"] {
        assert_eq!(Endpoint::at(path), None, "{path}");
    }
}

#[test]
fn the_stream_is_named_by_the_query_with_the_defaults_of_srs() {
    assert_eq!(named("/rtc/v1/whip/?app=a&stream=b", ""), "a.example/a/b");
    assert_eq!(named("/rtc/v1/whip/", ""), "a.example/live/livestream");
    assert_eq!(named("/rtc/v1/whep/?stream=&app=&x=1", ""), "a.example/live/livestream");
    assert_eq!(named("/rtc/v1/whep/?stream=s&vhost=b.example", ""), "b.example/live/s");
}

#[test]
fn the_stream_is_named_by_the_url_in_srs_json() {
    let body = r#"{"streamurl":"webrtc://c.example/live/s?token=1","sdp":"v=0"}"#;
    assert_eq!(named("/rtc/v1/play/", body), "c.example/live/s");
}

#[test]
fn a_body_without_a_stream_names_none() {
    for body in ["", "{}", "[]", r#"{"streamurl":1}"#] {
        let parts = parts("/rtc/v1/play/");
        let endpoint = Endpoint::at("/rtc/v1/play/").unwrap();
        assert!(stream(endpoint, &parts, body.as_bytes()).is_err(), "{body}");
    }
}
