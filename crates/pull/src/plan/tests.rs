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
    for text in
        ["", ":1935", "a:", "a:0", "a:65536", "a:b", "a:+80", "a:-1", "[::1]:+80", "::1", "[::1", "[::1]x", "[a]:1", "a b:1", "rtmp://a:1"]
    {
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
        path: "/live/a".to_owned(),
        query: query.to_owned(),
        vhost: None,
    };
    assert_eq!(target("h", "").to_string(), "rtmp://h:1935/live/a");
    assert_eq!(target("::1", "x=1").to_string(), "rtmp://[::1]:1935/live/a?x=1");
}
