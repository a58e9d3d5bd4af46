use super::*;
use crate::store::Found;

fn key(text: &str) -> StreamKey {
    text.parse().unwrap()
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let node = NodeId::new("origin one").unwrap();
    let text = record(&who("5f", &node), 7, "rtmp://h:1935/live/a");
    let (owner, url) = read_record(text.as_bytes()).unwrap();
    assert_eq!(owner, Owner { node, instance: "5f".to_owned(), epoch: 7 });
    assert_eq!(url, "rtmp://h:1935/live/a");
    for bad in
        ["", "2 00000000000000000007 a b\nu", "1 7 a b\nu", "1 00000000000000000007 a\nu", "rtmp://h/a/b"]
    {
        assert_eq!(read_record(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn the_keys_of_a_stream_name_its_vhost_and_have_one_hash_tag() {
    let names = Names::new(&key("v.example/live/a"));
    assert_eq!(names.value, "srs:map:{v.example/live/a}");
    assert_eq!(names.record, "srs:map:{v.example/live/a}:owner");
    assert_eq!(names.plain, "live/a");
    assert_eq!(Names::new(&key("v/live/a{b}")).value, "srs:map:{v/live/a%7Bb%7D}");
}

#[test]
fn an_origin_with_an_ipv6_address_stands_in_brackets() {
    let origin = HostPort { host: "2001:db8::7".to_owned(), port: 1936 };
    let url = url(&origin, &key("v.example/live/a b"));
    assert_eq!(url, "rtmp://[2001:db8::7]:1936/live/a%20b");
    let target = own_target(&url, &key("v.example/live/a b")).unwrap();
    assert_eq!((target.host.as_str(), target.port), ("2001:db8::7", 1936));
    assert_eq!((target.path.as_str(), target.vhost.as_deref()), ("/live/a b", Some("v.example")));
}

#[test]
fn urls_of_other_programs_are_understood() {
    for (url, scheme, host, port, path, query) in [
        ("rtmp://h/app/s", Scheme::Rtmp, "h", 1935, "/app/s", ""),
        ("RTMP://h:19350/a/b/s?k=v", Scheme::Rtmp, "h", 19350, "/a/b/s", "k=v"),
        ("rtsp://10.0.0.2/cam?ch=1", Scheme::Rtsp, "10.0.0.2", 554, "/cam", "ch=1"),
        ("http://[::1]:8080/live/s.flv", Scheme::Http, "::1", 8080, "/live/s.flv", ""),
        ("srt://h/live/s?token=1", Scheme::Srt, "h", 10080, "/live/s", "token=1"),
        ("srt://h:9000", Scheme::Srt, "h", 9000, "/", ""),
        ("https://h/live/s.flv?a", Scheme::Https, "h", 443, "/live/s.flv", "a"),
    ] {
        let expected = Target {
            scheme,
            host: host.to_owned(),
            port,
            login: None,
            path: path.to_owned(),
            query: query.to_owned(),
            vhost: None,
            srt: SrtCall::default(),
        };
        assert_eq!(target(url), Ok(expected), "{url}");
    }
}

#[test]
fn what_cannot_be_fetched_says_why() {
    for (url, why) in [
        ("", "no URL"),
        ("ovt://h:9000/app/s", "ovt"),
        ("gopher://h:1/x", "scheme"),
        ("srt://me:pw@h:1/a/b", "no login in SRT URLs"),
        ("srt://h:1/a/b?passphrase=pw", "bad passphrase"),
        ("srt://h:1?latency=x&passphrase=pwpwpwpwpw", "bad latency"),
        ("rtmp://h", "path"),
        ("rtmp://h/app", "app and a stream"),
        ("rtmp:///app/s", "host"),
        ("rtmp://h:0/app/s", "host"),
        ("http://h/app/s.m3u8", ".flv"),
        ("rtmp://me:pw@h/app/s", "no login in RTMP URLs"),
        ("rtsp://me:p%00pw@h/cam", "bad login"),
        ("rtsp://me:pw@h:0/cam", "host"),
        ("rtsp://me:pw/@h/cam", "host"),
        ("rtmp://h/app/a b", "blanks"),
        ("rtmp://h/app/a\r\n", "blanks"),
    ] {
        let said = target(url).unwrap_err();
        assert!(said.contains(why) && !said.contains("pw"), "{url}: {said}");
    }
    assert!(target(&format!("rtmp://h/app/{}", "x".repeat(3000))).is_err());
}

#[test]
fn a_login_in_a_url_goes_to_the_server_and_is_not_shown() {
    for url in ["rtsp://admin:p%40w@h:1/cam", "http://admin:p%40w@h:1/s.flv", "https://admin:p%40w@h:1/s.flv"]
    {
        let target = target(url).unwrap();
        let login = target.login.clone().unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("admin", "p@w"), "{url}");
        assert_eq!(target.authority(), "h:1");
        let found = Found { url: url.to_owned(), target: target.clone(), owner: None, cached: false };
        let shown = format!("{target} {target:?} {found:?}");
        assert!(!shown.contains("admin") && !shown.contains("@w") && !shown.contains("%40w"), "{shown}");
    }
}

#[test]
fn what_a_url_of_srt_says_to_the_caller_is_not_shown() {
    let url = "srt://h?streamid=%23!::r=a,s=s3cret&passphrase=s3cretive.words&latency=80&k=v";
    let target = target(url).unwrap();
    assert_eq!(target.srt.stream_id.as_deref(), Some("#!::r=a,s=s3cret"));
    assert_eq!((target.query.as_str(), target.srt.latency.unwrap().as_millis()), ("k=v", 80));
    let found = Found { url: url.to_owned(), target: target.clone(), owner: None, cached: false };
    let shown = format!("{target} {target:?} {found:?} {}", target.public());
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn a_key_without_a_vhost_has_it_in_the_url_unless_it_is_the_default_one() {
    assert_eq!(vhost_of_plain(&key("__defaultVhost__/live/a")), "");
    assert_eq!(vhost_of_plain(&key("v.example/live/a")), "?vhost=v.example");
}
