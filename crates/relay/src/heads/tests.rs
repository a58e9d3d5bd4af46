use super::*;

fn request(fields: &[(&'static str, &'static str)]) -> Request<()> {
    let mut request = Request::builder().uri("/live/a.flv?token=%20x&b");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

fn head(fields: &[(&'static str, &'static str)]) -> String {
    let bytes = request_head(&request(fields), "[::ffff:10.0.0.1]:5".parse().unwrap());
    String::from_utf8(bytes.head.to_vec()).unwrap()
}

#[test]
fn the_origin_gets_the_clients_own_words() {
    let head =
        head(&[("host", "a.b:8080"), ("user-agent", "vlc"), ("cookie", "c=1"), ("x-a", "1"), ("x-a", "2")]);
    assert!(head.starts_with("GET /live/a.flv?token=%20x&b HTTP/1.1\r\n"));
    assert!(head.ends_with("\r\n\r\n"));
    for line in ["host: a.b:8080", "user-agent: vlc", "cookie: c=1", "x-a: 1", "x-a: 2"] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line} is missing in {head}");
    }
}

#[test]
fn what_belongs_to_one_connection_ends_here() {
    let head = head(&[
        ("host", "a"),
        ("connection", "keep-alive, X-Own, host"),
        ("x-own", "1"),
        ("keep-alive", "5"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
    ]);
    let mut names: Vec<_> =
        head.lines().skip(1).filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["connection", "host", "x-forwarded-for"]);
    assert!(head.contains("\r\nconnection: close\r\n"));
}

#[test]
fn the_clients_address_is_put_behind_those_before_it() {
    assert!(head(&[("host", "a")]).contains("\r\nx-forwarded-for: 10.0.0.1\r\n"));
    let head = head(&[("host", "a"), ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2")]);
    assert!(head.contains("\r\nx-forwarded-for: 1.1.1.1, 2.2.2.2, 10.0.0.1\r\n"), "{head}");
}

#[test]
fn a_request_without_a_host_is_given_one() {
    assert!(head(&[]).contains("\r\nhost: localhost\r\n"));
}

#[test]
fn an_answer_keeps_all_but_the_fields_of_its_connection() {
    let mut fields = HeaderMap::new();
    for (name, value) in [
        ("connection", "close, x-own"),
        ("x-own", "1"),
        ("transfer-encoding", "chunked"),
        ("server", "SRS"),
        ("set-cookie", "a=1"),
    ] {
        fields.append(name, http::HeaderValue::from_static(value));
    }
    let kept = end_to_end(&fields);
    let mut names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["server", "set-cookie"]);
}

#[test]
fn the_same_words_are_said_for_another_target() {
    let said = request_head(&request(&[("host", "a"), ("x-a", "1")]), "10.0.0.1:5".parse().unwrap());
    let (one, other) = (said.head.clone(), said.with_target("/live/b.m3u8?c").head);
    let text = String::from_utf8(one.to_vec()).unwrap().replace("/live/a.flv?token=%20x&b", "/live/b.m3u8?c");
    assert_eq!(String::from_utf8(other.to_vec()).unwrap(), text);
}
