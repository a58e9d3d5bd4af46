use super::*;

fn read(text: &str, default: Option<u16>) -> Option<(String, u16)> {
    HostPort::parse(text, default).ok().map(|read| (read.host, read.port))
}

#[test]
fn servers_are_named_by_host_and_port() {
    for (text, default, host, port) in [
        ("origin.example:1936", None, "origin.example", 1936),
        ("origin.example", Some(1935), "origin.example", 1935),
        ("10.0.0.1:80", Some(1935), "10.0.0.1", 80),
        ("[2001:db8::7]:1935", None, "2001:db8::7", 1935),
        ("[::1]", Some(1), "::1", 1),
    ] {
        let named = HostPort::parse(text, default).unwrap();
        assert_eq!((named.host.as_str(), named.port), (host, port), "{text}");
        assert_eq!(HostPort::parse(&named.to_string(), None), Ok(named), "{text}");
    }
}

#[test]
fn what_names_no_server_is_refused() {
    for text in [
        "",
        ":1935",
        "a:",
        "a:0",
        "a:65536",
        "a:b",
        "a:+80",
        "a:-1",
        "[::1]:+80",
        "::1",
        "[::1",
        "[::1]x",
        "[a]:1",
        "a b:1",
        "rtmp://a:1",
    ] {
        assert_eq!(read(text, Some(1935)), None, "{text}");
    }
    assert_eq!(read("a", None), None, "no port is said and none is usual");
}

#[test]
fn a_target_is_shown_as_a_url() {
    let target = |host: &str, query: &str| Target {
        scheme: Scheme::Rtmp,
        host: host.to_owned(),
        port: 1935,
        login: None,
        path: "/live/a".to_owned(),
        query: query.to_owned(),
        vhost: None,
        srt: SrtCall::default(),
    };
    assert_eq!(target("h", "").to_string(), "rtmp://h:1935/live/a");
    assert_eq!(target("::1", "x=1").to_string(), "rtmp://[::1]:1935/live/a?x=1");
}

#[test]
fn a_login_is_taken_off_and_its_escapes_are_decoded() {
    for (text, user, password, server) in [
        ("me:pw@h:554", "me", "pw", "h:554"),
        ("me%40home:p%40ss%3Aword%2F@[::1]:1", "me@home", "p@ss:word/", "[::1]:1"),
        ("me@h", "me", "", "h"),
        ("me:a@b@h", "me", "a@b", "h"),
        ("me:100%@h", "me", "100%", "h"),
        ("m%C3%A9:@h", "m\u{e9}", "", "h"),
    ] {
        let login = Login { user: user.to_owned(), password: password.to_owned() };
        assert_eq!(without_login(text, Scheme::Rtsp), Ok((Some(login), server)), "{text}");
    }
    assert_eq!(without_login("h:554", Scheme::Rtsp), Ok((None, "h:554")));
}

#[test]
fn a_login_that_no_server_would_understand_is_refused() {
    for text in ["a%3Ab:pw@h", "me:p%0D%0Aw@h", "m%00:pw@h", "me:%FF@h"] {
        assert_eq!(without_login(text, Scheme::Rtsp), Err(NoLogin::Spelling), "{text}");
    }
    assert_eq!(without_login("me:pw@h", Scheme::Rtmp), Err(NoLogin::Rtmp));
    assert_eq!(without_login("me:pw@h", Scheme::Srt), Err(NoLogin::Srt));
}

#[test]
fn no_text_of_a_target_shows_its_login() {
    let target = Target {
        scheme: Scheme::Rtsp,
        host: "cam".to_owned(),
        port: 554,
        login: Some(Login { user: "admin".to_owned(), password: "s3cret".to_owned() }),
        path: "/a".to_owned(),
        query: "k=v".to_owned(),
        vhost: None,
        srt: SrtCall::default(),
    };
    for (text, expected) in [
        (target.to_string(), "rtsp://cam:554/a?k=v"),
        (target.public(), "rtsp://cam:554/a"),
        (target.authority(), "cam:554"),
        (target.shown_host(), "cam:554"),
    ] {
        assert_eq!(text, expected);
    }
    let debug = format!("{target:?} {:#?}", target);
    assert!(debug.contains("cam") && !debug.contains("admin") && !debug.contains("s3cret"), "{debug}");
}

#[test]
fn a_text_about_a_url_shows_neither_login_nor_passphrase() {
    for (url, expected) in [
        ("srt://h:0/a?k=v", "srt://h:0/a?k=v"),
        ("srt://me:pw@h:0/a", "***@h:0/a"),
        ("h:0?passphrase=s3c@ret&latency=1", "h:0?passphrase=***&latency=1"),
        ("h:0?PassPhrase=s3cret", "h:0?PassPhrase=***"),
        (
            "h:0?streamid=s3cret&passphrase=s3cret&passphrase=s3cret",
            "h:0?streamid=***&passphrase=***&passphrase=***",
        ),
        ("me:pw@h:0?passphrase=", "***@h:0?passphrase=***"),
    ] {
        assert_eq!(masked(url), expected, "{url}");
    }
}
