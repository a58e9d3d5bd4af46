use super::*;
use proptest::prelude::*;

fn rule(location: &str, scheme: &str, url: &str) -> Rule {
    Rule::new(location, scheme, &[url]).unwrap()
}

fn by_string(location: &str, scheme: &str, url: &str) -> Rule {
    Rule { matching: Matching::String, ..rule(location, scheme, url) }
}

fn urls(rule: &Rule, app: &str, stream: &str, query: &str) -> Option<Vec<String>> {
    let targets = rule.targets(app, stream, query)?;
    Some(targets.iter().map(ToString::to_string).collect())
}

/// The one URL of a rule.
fn url(rule: &Rule, app: &str, stream: &str, query: &str) -> Option<String> {
    urls(rule, app, stream, query).and_then(|urls| urls.into_iter().next())
}

fn map(rules: Vec<Rule>) -> OriginMap {
    OriginMap { rules, ..OriginMap::default() }
}

fn planned(map: &OriginMap, app: &str, stream: &str, query: &str) -> Vec<String> {
    match map.plan(app, stream, query) {
        Some(Mapped::Plan(plan)) => plan.targets.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// Location, scheme, URL, app, stream, query; then what is pulled by string and by segment.
type Row =
    (&'static str, &'static str, &'static str, [&'static str; 3], Option<&'static str>, Option<&'static str>);

/// The table of OvenMediaEngine's documentation and source.
const TABLE: [Row; 6] = [
    (
        "/edge_app/",
        "ovt",
        "origin.com:9000/origin_app/",
        ["edge_app", "stream", ""],
        Some("ovt://origin.com:9000/origin_app/stream"),
        Some("ovt://origin.com:9000/origin_app/stream"),
    ),
    (
        "/app/stream",
        "ovt",
        "origin.com:9000/app/stream_720p",
        ["app", "stream", ""],
        Some("ovt://origin.com:9000/app/stream_720p"),
        Some("ovt://origin.com:9000/app/stream_720p"),
    ),
    (
        "/app/stream",
        "ovt",
        "origin.com:9000/another/and_stream",
        ["app", "stream_o", ""],
        Some("ovt://origin.com:9000/another/and_stream_o"),
        None,
    ),
    (
        "/",
        "rtsp",
        "origin2.com:9000/",
        ["cam", "a", "x=1"],
        Some("rtsp://origin2.com:9000/cam/a?x=1"),
        Some("rtsp://origin2.com:9000/cam/a?x=1"),
    ),
    (
        "/cam/a",
        "rtsp",
        "10.0.0.2:554/live?ch=1",
        ["cam", "a", "transport=tcp"],
        Some("rtsp://10.0.0.2:554/live?ch=1&transport=tcp"),
        Some("rtsp://10.0.0.2:554/live?ch=1&transport=tcp"),
    ),
    (
        "/edge_app/stream",
        "ovt",
        "origin.com:9000/app/stream/edge_video_only",
        ["edge_app", "stream", ""],
        Some("ovt://origin.com:9000/app/stream/edge_video_only"),
        Some("ovt://origin.com:9000/app/stream/edge_video_only"),
    ),
];

#[test]
fn every_row_of_ovenmediaengines_table_is_pulled_from_the_same_url() {
    for (location, scheme, configured, [app, stream, query], as_string, as_segment) in TABLE {
        let string = url(&by_string(location, scheme, configured), app, stream, query);
        assert_eq!(string.as_deref(), as_string, "{location} by string");
        let segment = url(&rule(location, scheme, configured), app, stream, query);
        assert_eq!(segment.as_deref(), as_segment, "{location} by segment");
    }
}

#[test]
fn every_row_of_the_table_works_over_rtmp_as_well() {
    for (location, _, configured, [app, stream, query], as_string, _) in TABLE {
        let map = map(vec![by_string(location, "RTMP", configured)]);
        let (_, expected) = as_string.unwrap().split_once("://").unwrap();
        assert_eq!(planned(&map, app, stream, query), [format!("rtmp://{expected}")], "{location}");
    }
}

#[test]
fn a_segment_is_matched_whole() {
    let rule = rule("/app/stream", "rtmp", "o/x/y");
    assert_eq!(url(&rule, "app", "stream", "").unwrap(), "rtmp://o:1935/x/y");
    assert_eq!(url(&rule, "app/stream", "a", "").unwrap(), "rtmp://o:1935/x/y/a");
    for (app, stream) in [("app", "stream_o"), ("app", "strea"), ("xapp", "stream"), ("a/app", "stream")] {
        assert_eq!(url(&rule, app, stream, ""), None, "{app}/{stream}");
    }
}

#[test]
fn a_location_that_ends_in_a_slash_matches_what_is_below_it() {
    let below = rule("/app/", "rtmp", "o/x/");
    assert_eq!(url(&below, "app", "s", "").unwrap(), "rtmp://o:1935/x/s");
    assert_eq!(url(&below, "app/deep/er", "s", "").unwrap(), "rtmp://o:1935/x/deep/er/s");
    assert_eq!(url(&below, "apps", "s", ""), None);
    let stream = rule("/app/s/", "rtmp", "o/x/");
    assert_eq!(url(&stream, "app", "s", ""), None, "the stream is not below itself");
}

#[test]
fn the_root_matches_all() {
    for rule in [rule("/", "rtmp", "o"), by_string("/", "rtmp", "o/"), rule("/", "rtmp", "rtmp://o:1935")] {
        assert_eq!(url(&rule, "a/b", "c", "").unwrap(), "rtmp://o:1935/a/b/c");
    }
}

#[test]
fn a_slash_is_neither_doubled_nor_lost_where_a_location_and_a_url_end_differently() {
    for location in ["/edge", "/edge/"] {
        for configured in ["o/origin", "o/origin/"] {
            for rule in [rule(location, "rtmp", configured), by_string(location, "rtmp", configured)] {
                let pulled = url(&rule, "edge", "s", "").unwrap();
                assert_eq!(pulled, "rtmp://o:1935/origin/s", "{location} {configured}");
            }
        }
    }
}

#[test]
fn a_location_may_end_in_a_file() {
    let rule = rule("/app/s.m3u8", "rtmp", "o/x/y");
    assert_eq!(url(&rule, "app", "s", "").unwrap(), "rtmp://o:1935/x/y");
    assert_eq!(
        url(&rule, "app", "s.m3u8", "").unwrap(),
        "rtmp://o:1935/x/y",
        "a name with a dot, as RTMP has it"
    );
    assert_eq!(url(&rule, "app", "other", ""), None);
    assert_eq!(url(&rule, "app/s", "a", ""), None, "nothing is below a file");
    let strict = Rule { strict: true, ..rule };
    assert_eq!(url(&strict, "app", "s", "").unwrap(), "rtmp://o:1935/x/y");
    let string = by_string("/app/s.FLV", "rtmp", "o/x/y");
    assert_eq!(url(&string, "app", "s", "").unwrap(), "rtmp://o:1935/x/y");
    assert_eq!(url(&string, "app", "s_o", ""), None);
}

#[test]
fn a_name_with_a_dot_is_no_file() {
    let rule = rule("/app/cam.front", "rtmp", "o/x");
    assert_eq!(url(&rule, "app", "cam.front", "").unwrap(), "rtmp://o:1935/x");
    assert_eq!(url(&rule, "app", "cam", ""), None);
}

#[test]
fn a_strict_location_is_the_whole_request() {
    for rule in [rule("/app/s", "rtmp", "o/x"), by_string("/app/s", "rtmp", "o/x")] {
        let strict = Rule { strict: true, ..rule };
        assert_eq!(url(&strict, "app", "s", "").unwrap(), "rtmp://o:1935/x");
        assert_eq!(url(&strict, "app", "s_o", ""), None);
        assert_eq!(url(&strict, "app/s", "a", ""), None);
    }
}

#[test]
fn the_first_rule_that_matches_wins() {
    let map = map(vec![
        rule("/app/s", "rtmp", "first/a"),
        rule("/app/", "rtmp", "second/b"),
        rule("/", "rtmp", "third"),
    ]);
    assert_eq!(planned(&map, "app", "s", ""), ["rtmp://first:1935/a"]);
    assert_eq!(planned(&map, "app", "t", ""), ["rtmp://second:1935/b/t"]);
    assert_eq!(planned(&map, "other", "t", ""), ["rtmp://third:1935/other/t"]);
    assert_eq!(OriginMap::default().plan("app", "s", ""), None);
}

#[test]
fn several_urls_are_an_ordered_list() {
    let rule = Rule::new("/edge_app/", "rtmp", &["a:1935/origin_app/", "b/origin_app/"]).unwrap();
    let expected = ["rtmp://a:1935/origin_app/s?k=v", "rtmp://b:1935/origin_app/s?k=v"];
    assert_eq!(urls(&rule, "edge_app", "s", "k=v").unwrap(), expected);
    let Some(Mapped::Plan(plan)) = map(vec![rule]).plan("edge_app", "s", "") else { panic!("no plan") };
    assert_eq!(plan.rules.order, Order::Listed);
}

#[test]
fn a_query_is_forwarded_unless_that_is_off() {
    let with = |configured, query: &str| {
        let on = rule("/cam/a", "rtsp", configured);
        let off = Rule { forward_query: false, ..on.clone() };
        (url(&on, "cam", "a", query).unwrap(), url(&off, "cam", "a", query).unwrap())
    };
    let (on, off) = with("h/live?ch=1", "transport=tcp");
    assert_eq!(
        (on.as_str(), off.as_str()),
        ("rtsp://h:554/live?ch=1&transport=tcp", "rtsp://h:554/live?ch=1")
    );
    let (on, off) = with("h/live", "transport=tcp");
    assert_eq!((on.as_str(), off.as_str()), ("rtsp://h:554/live?transport=tcp", "rtsp://h:554/live"));
    assert_eq!(with("h/live?", "?a=1").0, "rtsp://h:554/live?a=1");
    assert_eq!(with("h/live?b=1&", "a=1").0, "rtsp://h:554/live?b=1&a=1");
    assert_eq!(with("h/live", "").0, "rtsp://h:554/live");
}

#[test]
fn the_vhost_that_a_viewer_names_is_named_here_and_not_upstream() {
    let query = "vhost=edge.example&token=t&domain=edge.example";
    let pulled = |scheme, configured| url(&rule("/a/b", scheme, configured), "a", "b", query).unwrap();
    assert_eq!(pulled("rtmp", "o/x"), "rtmp://o:1935/x?token=t");
    assert_eq!(pulled("http", "o/x"), "http://o:80/x?token=t");
    assert_eq!(pulled("rtmp", "o/x?vhost=other.example"), "rtmp://o:1935/x?vhost=other.example&token=t");
    assert_eq!(pulled("rtsp", "o/x"), format!("rtsp://o:554/x?{query}"), "cameras know no vhosts");
}

#[test]
fn the_rest_of_the_path_goes_before_the_urls_query() {
    let rule = rule("/cam/", "rtsp", "h:8554/live/?ch=1");
    assert_eq!(url(&rule, "cam", "a", "x=2").unwrap(), "rtsp://h:8554/live/a?ch=1&x=2");
}

#[test]
fn times_and_switches_of_the_map_are_in_the_plan() {
    let seconds = Duration::from_secs;
    let plain = rule("/", "rtmp", "o");
    let rule = Rule { persistent: true, failback: true, ..plain.clone() };
    let map = OriginMap {
        rules: vec![rule],
        no_input: seconds(5),
        unused: seconds(7),
        failback_interval: seconds(9),
    };
    let Some(Mapped::Plan(plan)) = map.plan("a", "s", "") else { panic!("no plan") };
    assert_eq!(
        plan.rules,
        Rules {
            order: Order::Listed,
            no_input: seconds(5),
            unused: seconds(7),
            persistent: true,
            failback: Some(seconds(9)),
        }
    );
    let usual = OriginMap { rules: vec![plain], ..OriginMap::default() };
    let Some(Mapped::Plan(plan)) = usual.plan("a", "s", "") else { panic!("no plan") };
    assert_eq!(plan.rules, Rules::default());
}

#[test]
fn a_rule_for_ovt_matches_and_says_that_it_is_not_built_without_an_address() {
    let map = map(vec![rule("/app/", "OVT", "origin.example:9000/app/"), rule("/", "rtmp", "o")]);
    let Some(Mapped::NotBuilt(reason)) = map.plan("app", "s", "") else { panic!("{map:?}") };
    assert_eq!(reason, "origin_map /app/: ovt is not built yet");
    assert!(matches!(map.plan("other", "s", ""), Some(Mapped::Plan(_))));
    assert_eq!(map.rules.iter().map(Rule::is_built).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn schemes_are_read_in_any_case_and_bring_their_ports() {
    for (said, expected) in [
        ("RTMP", "rtmp://o:1935/a/s"),
        ("Http", "http://o:80/a/s.flv"),
        ("HTTPS", "https://o:443/a/s.flv"),
        ("rtsp", "rtsp://o:554/a/s"),
        ("RtspC", "rtsp://o:554/a/s"),
        ("Ovt", "ovt://o:9000/a/s"),
    ] {
        assert_eq!(url(&rule("/", said, "o"), "a", "s", "").unwrap(), expected);
    }
}

#[test]
fn a_url_may_have_the_scheme_of_its_rule() {
    let pulled = |scheme, configured| url(&rule("/", scheme, configured), "a", "s", "").unwrap();
    assert_eq!(pulled("rtmp", "RTMP://o/x/"), "rtmp://o:1935/x/a/s");
    assert_eq!(pulled("rtsp", "rtspc://o/x/"), "rtsp://o:554/x/a/s");
    assert_eq!(pulled("rtmp", "o/x?to=rtmp://other/y"), "rtmp://o:1935/x/a/s?to=rtmp://other/y");
}

#[test]
fn over_http_a_stream_is_the_flv_file_of_that_name() {
    let pulled = |rule: &Rule| url(rule, "app", "s", "k=v").unwrap();
    assert_eq!(pulled(&rule("/app/", "http", "o:8080/live/")), "http://o:8080/live/s.flv?k=v");
    assert_eq!(pulled(&rule("/app/s", "http", "o:8080/live/main.flv")), "http://o:8080/live/main.flv?k=v");
    assert_eq!(pulled(&rule("/app/s", "http", "o:8080/live/any")), "http://o:8080/live/any?k=v");
    let dotted = url(&rule("/app/", "http", "o/"), "app", "s.flv", "");
    assert_eq!(dotted.as_deref(), Some("http://o:80/s.flv"));
}

#[test]
fn ipv6_stands_in_brackets_in_the_url_and_without_in_the_target() {
    let targets = rule("/", "rtmp", "[2001:db8::7]:1936/x/").targets("a", "s", "").unwrap();
    assert_eq!((targets[0].host.as_str(), targets[0].port), ("2001:db8::7", 1936));
    assert_eq!(targets[0].to_string(), "rtmp://[2001:db8::7]:1936/x/a/s");
    assert_eq!(url(&rule("/", "rtmp", "[::1]"), "a", "s", "").unwrap(), "rtmp://[::1]:1935/a/s");
}

#[test]
fn what_a_viewer_says_cannot_end_a_line_of_a_request_upstream() {
    let written = rule("/a/b", "rtsp", "o/caf\u{e9}%20x?n=\u{e9}%20");
    let rule = rule("/", "http", "o");
    let pulled = url(&rule, "app", "a b\u{e9}%41?", "x=1\r\nHost: evil&y=%20 \u{e9}").unwrap();
    assert_eq!(pulled, "http://o:80/app/a%20b%C3%A9%2541%3F.flv?x=1%0D%0AHost:%20evil&y=%20%20%C3%A9");
    assert_eq!(url(&written, "a", "b", "").unwrap(), "rtsp://o:554/caf%C3%A9%20x?n=%C3%A9%20");
}

#[test]
fn rtmp_has_no_escapes() {
    let rule = rule("/", "rtmp", "o");
    assert_eq!(url(&rule, "app", "a b\u{e9}", "k=\u{e9}").unwrap(), "rtmp://o:1935/app/a b\u{e9}?k=\u{e9}");
}

#[test]
fn what_is_wrong_with_a_rule_is_named() {
    let many = vec!["o"; MOST_URLS + 1];
    let text = |text: &str| text.to_owned();
    for (made, error) in [
        (Rule::new("app/", "rtmp", &["o"]), MapError::Location(text("app/"))),
        (Rule::new("", "rtmp", &["o"]), MapError::Location(text(""))),
        (Rule::new("/a//b", "rtmp", &["o"]), MapError::Location(text("/a//b"))),
        (Rule::new("/a?b", "rtmp", &["o"]), MapError::Location(text("/a?b"))),
        (Rule::new("/", "hls", &["o"]), MapError::Scheme(text("hls"))),
        (Rule::new("/", "", &["o"]), MapError::Scheme(text(""))),
        (Rule::new::<&str>("/a/", "rtmp", &[]), MapError::NoUrls(text("/a/"))),
        (Rule::new("/", "rtmp", &many), MapError::ManyUrls(text("/"), MOST_URLS)),
        (
            Rule::new("/", "rtmp", &["rtsp://o/x"]),
            MapError::OtherScheme { url: text("rtsp://o/x"), scheme: "rtmp" },
        ),
        (
            Rule::new("/", "http", &["https://o"]),
            MapError::OtherScheme { url: text("https://o"), scheme: "http" },
        ),
    ] {
        assert_eq!(made.unwrap_err(), error);
    }
}

#[test]
fn what_is_wrong_with_a_url_is_named() {
    type Wrong = fn(String) -> MapError;
    for (configured, error) in [
        ("", MapError::NoHost as Wrong),
        ("/x", MapError::NoHost),
        (":1935/x", MapError::NoHost),
        ("rtmp://", MapError::NoHost),
        ("rtmp:///x", MapError::NoHost),
        ("o:0/x", MapError::Port),
        ("o:65536", MapError::Port),
        ("o:+80", MapError::Port),
        ("o:/x", MapError::Port),
        ("o:rtmp/x", MapError::Port),
        ("[::1]:x", MapError::Port),
        ("2001:db8::7", MapError::Host),
        ("[2001:db8::7", MapError::Host),
        ("[o]:1935", MapError::Host),
        ("[::1]1935", MapError::Host),
        ("caf\u{e9}.example", MapError::Host),
        ("o*/x", MapError::Host),
        ("o/a b", MapError::Spelling),
        ("o/x#y", MapError::Spelling),
    ] {
        let made = Rule::new("/", "rtmp", &["good.example", configured]).unwrap_err();
        assert_eq!(made, error(configured.to_owned()), "{configured}");
        assert!(made.to_string().contains(&format!("{configured:?}")), "{made}");
    }
}

#[test]
fn a_login_in_a_url_goes_to_the_server_and_is_not_shown() {
    for (scheme, url) in [
        ("rtsp", "admin:s3%40cret@cam:554/live"),
        ("rtsp", "rtsp://admin:s3%40cret@cam/live"),
        ("http", "admin:s3%40cret@cam:554/live"),
        ("https", "https://admin:s3%40cret@cam:554/live"),
    ] {
        let rule = Rule::new("/app/", scheme, &[url]).unwrap();
        let target = rule.targets("app", "s", "k=v").unwrap().remove(0);
        let login = target.login.clone().unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("admin", "s3@cret"), "{url}");
        assert_eq!((target.host.as_str(), target.port), ("cam", 554), "{url}");
        let shown = format!("{target} {target:?} {rule:?}");
        assert!(!shown.contains("admin") && !shown.contains("cret"), "{shown}");
    }
}

#[test]
fn what_a_url_of_srt_says_to_the_caller_goes_neither_upstream_nor_into_texts() {
    let url = "srt://o/up/?k=v&latency=80&passphrase=s3cret.s3cret&streamid=s3cret";
    let rule = Rule::new("/app/", "SRT", &[url]).unwrap();
    let target = rule.targets("app", "s", "latency=1&token=1&vhost=x").unwrap().remove(0);
    assert_eq!(target.to_string(), "srt://o:10080/up/s?k=v&latency=1&token=1");
    assert_eq!(target.srt.latency, Some(Duration::from_millis(80)));
    assert!(!format!("{target} {target:?} {rule:?}").contains("s3cret"));
    for (url, words) in [
        ("me:s3cret@o/up/", "no login in SRT URLs"),
        ("o:0?passphrase=s3cret.s3cret", "bad port"),
        ("o?passphrase=s3cret", "bad passphrase"),
        ("o?latency=x&passphrase=s3cret@s3cret", "bad latency"),
        ("o?streamid=s3cret%FF", "bad streamid"),
        ("o/a b?passphrase=s3cret.s3cret", "bad url"),
    ] {
        let error = Rule::new("/", "srt", &[url]).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains("s3cret"), "{url}: {error}");
    }
}

#[test]
fn there_is_no_login_in_rtmp() {
    for url in ["admin:s3cret@cam:554/live", "rtmp://admin:s3cret@cam:554/live"] {
        let error = Rule::new("/", "rtmp", &[url]).unwrap_err().to_string();
        assert!(error.contains("no login in RTMP URLs") && error.contains("cam:554/live"), "{error}");
        assert!(!error.contains("admin") && !error.contains("s3cret"), "{error}");
    }
}

#[test]
fn no_error_shows_a_password() {
    for url in [
        "srt://admin:s3cret@cam:554/live",
        "rtsp://admin:s3cret@:554/live",
        "rtsp://admin:s3cret@cam:0/live",
        "rtsp://admin:s3cret@2001:db8::7/live",
        "rtsp://admin:s3cret@cam/li ve",
        "rtsp://admin:s3cret@cam/live#x",
        "rtsp://admin:s3cret%00@cam/live",
        "rtsp://ad%3Amin:s3cret@cam/live",
        "rtsp://admin:s3cret/is@cam/live",
        "rtsp://admin:s3cret?is@cam/live",
    ] {
        let error = Rule::new("/", "rtsp", &[url]).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("min") && !shown.contains("s3cret"), "{shown}");
    }
}

/// One part of a path, as names have them.
fn part() -> impl Strategy<Value = String> {
    "[a-z0-9_]{1,4}"
}

fn parts(least: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(part(), least..4)
}

fn path(parts: &[String], has_slash: bool) -> String {
    let mut path: String = parts.iter().map(|part| format!("/{part}")).collect();
    if has_slash || path.is_empty() {
        path.push('/');
    }
    path
}

proptest! {
    #[test]
    fn whole_parts_are_appended_with_one_slash_between(
        location in parts(0), below in parts(1), configured in parts(0), name in part(),
        slash_in_location: bool, slash_in_url: bool, is_bare: bool, by_string: bool,
    ) {
        let mut app = [&location[..], &below[..]].concat();
        let stream = if app.len() > 1 { app.pop().unwrap() } else { name };
        let rest = [&app[location.len().min(app.len())..], std::slice::from_ref(&stream)].concat();
        let shown = path(&configured, slash_in_url);
        let url_text = if configured.is_empty() && is_bare { "o".to_owned() } else { format!("o{shown}") };
        let mut rule = Rule::new(&path(&location, slash_in_location), "rtmp", &[url_text]).unwrap();
        rule.matching = if by_string { Matching::String } else { Matching::Segment };
        let pulled = rule.targets(&app.join("/"), &stream, "").unwrap().remove(0);
        prop_assert_eq!(pulled.path, path(&[&configured[..], &rest[..]].concat(), false));
    }

    #[test]
    fn text_in_the_middle_of_a_part_is_appended_as_it_is(
        configured in parts(1), app in part(), begin in part(), end in part(),
    ) {
        let location = format!("/{app}/{begin}");
        let rule = by_string(&location, "rtmp", &format!("o{}", path(&configured, false)));
        let pulled = rule.targets(&app, &format!("{begin}{end}"), "").unwrap().remove(0);
        prop_assert_eq!(pulled.path, format!("{}{end}", path(&configured, false)));
        let rule = Rule { matching: Matching::Segment, ..rule };
        let mapped = rule.targets(&app, &format!("{begin}{end}"), "");
        prop_assert!(mapped.is_none());
    }

    #[test]
    fn a_match_by_segment_is_a_match_by_string_with_the_same_urls(
        location in "(/[a-b]{0,2}){1,3}", configured in "(/[a-b]{0,2}){0,3}", app in "[a-b]{1,2}(/[a-b]{1,2})?", stream in "[a-b]{1,2}",
    ) {
        let Ok(segment) = Rule::new(&location, "rtmp", &[format!("o{configured}")]) else { return Ok(()) };
        let string = Rule { matching: Matching::String, ..segment.clone() };
        if let Some(pulled) = segment.targets(&app, &stream, "") {
            prop_assert_eq!(string.targets(&app, &stream, ""), Some(pulled));
        }
    }

    #[test]
    fn no_text_is_too_much(
        location in ".*", scheme in "rtmp|http|rtsp|srt|ovt|.*", configured in ".*", app in ".*", stream in ".*", query in ".*",
        strict: bool, is_string: bool,
    ) {
        for location in [location.clone(), format!("/{location}"), format!("/{app}/")] {
            for configured in [configured.clone(), format!("o:1{configured}"), format!("[::1]/{configured}")] {
                if let Ok(mut rule) = Rule::new(&location, &scheme, &[configured]) {
                    rule.strict = strict;
                    rule.matching = if is_string { Matching::String } else { Matching::Segment };
                    let map = map(vec![rule]);
                    if let Some(Mapped::Plan(plan)) = map.plan(&app, &stream, &query) {
                        prop_assert!(plan.targets.iter().all(|target| target.path.starts_with('/')));
                    }
                }
            }
        }
    }

    #[test]
    fn targets_of_http_and_rtsp_are_plain_text_in_one_line(app in ".*", stream in ".*", query in ".*") {
        for scheme in ["http", "rtsp"] {
            for target in rule("/", scheme, "o").targets(&app, &stream, &query).unwrap() {
                prop_assert!(target.to_string().bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
