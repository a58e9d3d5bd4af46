use super::*;
use proptest::prelude::*;

fn rtmp(tc_url: &str, app: &str, stream: &str) -> String {
    StreamKey::from_rtmp(tc_url, app, stream).unwrap().0.to_string()
}

fn http(host: Option<&str>, path: &str, query: Option<&str>) -> (String, String) {
    let (key, extension, _) = StreamKey::from_http(host, path, query).unwrap();
    (key.to_string(), extension.as_str().to_owned())
}

fn flaw(result: Result<(StreamKey, Params), NameError>) -> (Part, Flaw) {
    let error = result.unwrap_err();
    (error.part, error.flaw)
}

#[test]
fn last_path_part_is_the_stream_and_the_rest_the_app() {
    assert_eq!(rtmp("rtmp://a.example/live", "live", "s"), "a.example/live/s");
    assert_eq!(rtmp("rtmp://a.example/a/b", "a/b", "s"), "a.example/a/b/s");
    assert_eq!(rtmp("rtmp://a.example/a/b", "a/b", "c/s"), "a.example/a/b/c/s");
    assert_eq!(rtmp("rtmp://a.example", "", "s"), "a.example/__defaultApp__/s");
}

#[test]
fn accessors_split_the_key() {
    let key: StreamKey = "a.example/a/b/s".parse().unwrap();
    assert_eq!((key.vhost(), key.app(), key.stream()), ("a.example", "a/b", "s"));
    assert_eq!((key.path(), key.as_str()), ("/a/b/s", "a.example/a/b/s"));
}

#[test]
fn app_speaks_where_tc_url_has_no_path() {
    assert_eq!(rtmp("", "live", "s"), "__defaultVhost__/live/s");
    assert_eq!(rtmp("rtmp://a.example:1935/", "live?vhost=b.example", "s"), "b.example/live/s");
}

#[test]
fn addresses_and_names_without_a_dot_are_the_default_vhost() {
    let hosts = [
        "127.0.0.1",
        "127.0.0.1:1935",
        "localhost",
        "LOCALHOST:1935",
        "[::1]",
        "[::1]:1935",
        "[::ffff:1.2.3.4]:1",
    ];
    for host in hosts {
        assert_eq!(rtmp(&format!("rtmp://{host}/live"), "live", "s"), "__defaultVhost__/live/s", "{host}");
        assert_eq!(http(Some(host), "/live/s.flv", None).0, "__defaultVhost__/live/s", "{host}");
    }
    assert_eq!(http(None, "/live/s.flv", None).0, "__defaultVhost__/live/s");
}

#[test]
fn host_loses_case_port_and_closing_dot() {
    for host in ["A.Example", "a.example:1935", "a.example.", "user:pass@a.example:80"] {
        assert_eq!(rtmp(&format!("rtmp://{host}/live"), "live", "s"), "a.example/live/s", "{host}");
        assert_eq!(http(Some(host), "/live/s.flv", None).0, "a.example/live/s", "{host}");
    }
}

#[test]
fn vhost_parameter_is_found_wherever_it_was_said() {
    for (tc_url, app, stream) in [
        ("rtmp://h.example/live?vhost=v.example", "live", "s"),
        ("rtmp://h.example/live", "live?vhost=v.example", "s"),
        ("rtmp://h.example/live", "live", "s?vhost=v.example"),
        ("rtmp://h.example/live", "live", "s?token=1&&vhost=v.example"),
        ("rtmp://h.example/live", "live", "s?token=1;vhost=v.example"),
        ("rtmp://h.example/live", "live", "s?token=1,domain=v.example"),
        ("rtmp://h.example/live...vhost...v.example", "live...vhost...v.example", "s"),
        ("rtmp://h.example/live", "live", "s...vhost...v.example"),
        ("rtmp://h.example/live?vhost=v.example/s", "live?vhost=v.example", ""),
        ("rtmp://h.example/live#vhost=v.example", "live", "s"),
        ("rtmp://1.2.3.4/live?vhost=V.Example:1935", "live", "s"),
    ] {
        assert_eq!(rtmp(tc_url, app, stream), "v.example/live/s", "{tc_url} {app} {stream}");
    }
    assert_eq!(http(Some("h.example"), "/live/s.flv", Some("vhost=v.example")).0, "v.example/live/s");
}

#[test]
fn default_vhost_as_a_parameter_says_nothing() {
    assert_eq!(rtmp("rtmp://h.example/live?vhost=__defaultVhost__", "live", "s"), "h.example/live/s");
    assert_eq!(rtmp("rtmp://h.example/live?vhost=", "live", "s"), "h.example/live/s");
}

#[test]
fn vhost_parameter_may_have_no_dot() {
    assert_eq!(rtmp("rtmp://h.example/live?vhost=players", "live", "s"), "players/live/s");
    assert_eq!(rtmp("rtmp://h.example/live?vhost=10.0.0.1", "live", "s"), "__defaultVhost__/live/s");
}

#[test]
fn default_instance_is_removed() {
    assert_eq!(rtmp("rtmp://h.example/live/_definst_", "live/_definst_", "s"), "h.example/live/s");
    assert_eq!(rtmp("rtmp://h.example/live?vhost=v.example/_definst_", "live", "s"), "v.example/live/s");
    assert_eq!(http(Some("h.example"), "/live/_definst_/s.flv", None).0, "h.example/live/s");
}

#[test]
fn slash_in_a_token_does_not_move_the_stream() {
    let (key, params) = StreamKey::from_rtmp("rtmp://h.example/live", "live", "s?token=a/b==").unwrap();
    assert_eq!((key.as_str(), params.get("token")), ("h.example/live/s", Some("a/b==")));
}

#[test]
fn parameters_of_all_three_are_merged_without_doubles() {
    let (_, params) =
        StreamKey::from_rtmp("rtmp://h.example/live?a=1&b=2", "live?a=1&b=2", "s?token=x%2By&a=9").unwrap();
    assert_eq!(params.raw(), "token=x%2By&a=9&a=1&b=2");
    assert_eq!((params.get("token"), params.get("a"), params.get("b")), (Some("x+y"), Some("9"), Some("2")));
}

#[test]
fn missing_stream_is_the_last_level_of_the_app() {
    assert_eq!(rtmp("rtmp://h.example/live/s", "live/s", ""), "h.example/live/s");
    assert_eq!(flaw(StreamKey::from_rtmp("rtmp://h.example/live", "live", "")), (Part::Stream, Flaw::Empty));
    assert_eq!(flaw(StreamKey::from_rtmp("", "", "")), (Part::Stream, Flaw::Empty));
}

#[test]
fn blanks_around_a_pasted_key_are_dropped() {
    assert_eq!(rtmp("rtmp://h.example/live", "live", " s\r\n"), "h.example/live/s");
    assert_eq!(rtmp("rtmp://h.example/live", "live", "s?token=1\r\n"), "h.example/live/s");
}

#[test]
fn extension_is_taken_off_in_http_alone() {
    assert_eq!(http(Some("h.example"), "/live/s.flv", None), ("h.example/live/s".into(), "flv".into()));
    assert_eq!(
        http(Some("h.example"), "/live/s.v1.M3U8", None),
        ("h.example/live/s.v1".into(), "m3u8".into())
    );
    assert_eq!(http(Some("h.example"), "/live/s", None), ("h.example/live/s".into(), String::new()));
    assert_eq!(rtmp("rtmp://h.example/live", "live", "s.flv"), "h.example/live/s.flv");
}

#[test]
fn web_rtc_endpoints_name_the_stream_by_parameter() {
    let query = Some("app=live&stream=s&vhost=v.example");
    assert_eq!(http(Some("h.example"), "/rtc/v1/whip/", query).0, "v.example/live/s");
    assert_eq!(
        http(Some("h.example:443"), "/rtc/v1/whep/", Some("app=a%2Fb&stream=s.1")).0,
        "h.example/a/b/s.1"
    );
    assert_eq!(http(Some("h.example"), "/rtc/v1/whip/", None).0, "h.example/live/livestream");
    assert!(StreamKey::from_http(None, "/rtc/v1/whip/", Some("app=live&stream=")).is_err());
    // Elsewhere the path is the name, whatever a query says.
    assert_eq!(http(Some("h.example"), "/live/s.flv", Some("app=x&stream=y")).0, "h.example/live/s");
}

#[test]
fn url_and_srt_path_give_the_same_key() {
    let url = StreamKey::from_url("webrtc://h.example:1985/live/s?token=1").unwrap();
    let srt = StreamKey::from_path(Some("H.example"), "live/s", Some("token=1")).unwrap();
    assert_eq!(url, srt);
    assert_eq!(url.0.as_str(), "h.example/live/s");
}

/// One spelling of the name in RTMP and in HTTP, and what must come of both.
const SPELLINGS: &[(&str, Option<&str>)] = &[
    ("s", Some("live/s")),
    ("a%20b", Some("live/a b")),
    ("%e7%9b%b4%e6%92%ad", Some("live/直播")),
    ("直播", Some("live/直播")),
    ("a;b", Some("live/a;b")),
    ("a,b=c&d", Some("live/a,b=c&d")),
    ("/s", Some("live/s")),
    ("//x///s", Some("live/x/s")),
    ("a..b", Some("live/a..b")),
    (".", None),
    ("..", None),
    ("a%2fb/s", None),
    ("%2e%2e", None),
    ("../s", None),
    ("%2E./s", None),
    ("./s", None),
    ("a%2fb", None),
    ("a%5cb", None),
    ("a\\b", None),
    ("a%00b", None),
    ("a\0b", None),
    ("a%0ab", None),
    ("a\nb", None),
    ("a\r\nX-Header: 1", None),
    ("a%252e", None),
    ("100%", None),
    ("a%3fb", None),
    ("a%ff", None),
    ("a\u{202e}b", None),
    ("a\u{200b}b", None),
    ("a\u{2215}b", None),
    ("a\u{ff0f}b", None),
    ("\u{ff41}", None),
    ("<script>", None),
    ("a\"b", None),
];

#[test]
fn every_protocol_agrees_on_every_spelling() {
    for &(stream, expected) in SPELLINGS {
        let keys = [
            StreamKey::from_rtmp("rtmp://h.example:1935/live", "live", stream).ok().map(|(key, _)| key),
            StreamKey::from_http(Some("h.example"), &format!("/live/{stream}.flv"), None)
                .ok()
                .map(|(key, ..)| key),
            StreamKey::from_http(Some("h.example:80"), &format!("/live/{stream}.m3u8"), None)
                .ok()
                .map(|(key, ..)| key),
            StreamKey::from_path(Some("h.example"), &format!("live/{stream}"), None).ok().map(|(key, _)| key),
        ];
        for key in keys {
            let path = key.as_ref().map(|key| &key.path()[1..]);
            assert_eq!(path, expected, "{stream:?}");
        }
    }
}

#[test]
fn long_parts_are_refused_and_the_limit_is_not() {
    let name = |length| "x".repeat(length);
    assert!(StreamKey::from_rtmp("rtmp://h.example/live", "", &name(256)).is_ok());
    let error = flaw(StreamKey::from_rtmp("rtmp://h.example/live", "", &name(257)));
    assert_eq!(error, (Part::Stream, Flaw::TooLong(256)));
    let error = flaw(StreamKey::from_rtmp(&format!("rtmp://h.example/{}", name(257)), "", "s"));
    assert_eq!(error, (Part::App, Flaw::TooLong(256)));
    let error = flaw(StreamKey::from_rtmp(&format!("rtmp://{}.example/live", name(257)), "", "s"));
    assert_eq!(error, (Part::Vhost, Flaw::TooLong(256)));
    let error = flaw(StreamKey::from_rtmp(&format!("rtmp://h.example/{}", name(256)), "", &name(256)));
    assert_eq!(error, (Part::Whole, Flaw::TooLong(512)));
    let error = flaw(StreamKey::from_rtmp("rtmp://h.example/live", "", &name(100_000)));
    assert!(matches!(error, (Part::Whole, Flaw::TooLong(_))));
}

#[test]
fn hosts_that_could_forge_a_key_are_refused() {
    for host in ["a.example%2flive", "a.example\r\nx", "a.ex ample<", "..", "a.b\\c", "%61.example"] {
        assert!(StreamKey::from_http(Some(host), "/live/s.flv", None).is_err(), "{host}");
    }
    assert!(StreamKey::from_rtmp("rtmp://h.example/live?vhost=a/b", "live", "s").is_err());
}

#[test]
fn key_survives_serde() {
    let key: StreamKey = "a.example/a/b/s".parse().unwrap();
    let json = serde_json::to_string(&key).unwrap();
    assert_eq!(json, "\"a.example/a/b/s\"");
    assert_eq!(serde_json::from_str::<StreamKey>(&json).unwrap(), key);
    assert!(serde_json::from_str::<StreamKey>("\"a.example/../s\"").is_err());
}

proptest! {
    #[test]
    fn any_text_is_refused_or_makes_a_key_that_reads_back(tc_url in ".{0,60}", app in ".{0,20}", stream in ".{0,40}") {
        if let Ok((key, _)) = StreamKey::from_rtmp(&tc_url, &app, &stream) {
            prop_assert_eq!(key.as_str().parse::<StreamKey>().unwrap(), key.clone());
            prop_assert!(!key.as_str().chars().any(char::is_control));
        }
    }

    #[test]
    fn plain_names_agree_between_rtmp_and_http(app in "[a-z]{1,8}(/[a-z0-9]{1,8}){0,2}", stream in "[a-zA-Z0-9._-]{1,20}") {
        let rtmp = StreamKey::from_rtmp(&format!("rtmp://h.example:1935/{app}"), &app, &stream).map(|(key, _)| key);
        let http = StreamKey::from_http(Some("h.example"), &format!("/{app}/{stream}.flv"), None).map(|(key, ..)| key);
        prop_assert_eq!(rtmp, http);
    }
}
