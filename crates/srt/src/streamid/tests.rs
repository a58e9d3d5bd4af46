use super::*;

fn parse(text: &str) -> Result<StreamId, Error> {
    StreamId::parse(text, &Defaults::default())
}

/// Key, mode and query text, or the test fails.
fn read(text: &str) -> (String, Mode, String) {
    let id = parse(text).unwrap();
    let (key, params) = id.key().unwrap();
    (key.as_str().to_owned(), id.mode, params.raw().to_owned())
}

fn is(key: &str, mode: Mode, query: &str) -> (String, Mode, String) {
    (key.to_owned(), mode, query.to_owned())
}

use Mode::{Publish, Request};

#[test]
fn pairs_are_read_in_any_order() {
    let expected = StreamId {
        host: Some("host.example".to_owned()),
        path: "live/livestream".to_owned(),
        mode: Publish,
        user: Some("bob".to_owned()),
        session: Some("1f2e".to_owned()),
        others: vec![("t".to_owned(), "stream".to_owned())],
    };
    for text in [
        "#!::h=host.example,r=live/livestream,m=publish,u=bob,s=1f2e,t=stream",
        "#!::t=stream,s=1f2e,u=bob,m=publish,r=live/livestream,h=host.example",
        " #!::u=bob, s=1f2e,,m=PUBLISH,h=host.example,t=stream,r=live/livestream,\r\n",
    ] {
        assert_eq!(parse(text), Ok(expected.clone()), "{text}");
    }
    let (key, params) = expected.key().unwrap();
    assert_eq!(key.as_str(), "host.example/live/livestream");
    assert_eq!(params.raw(), "u=bob&s=1f2e&t=stream");
}

#[test]
fn a_key_is_found_at_the_beginning_of_its_pair_alone() {
    let expected = is("__defaultVhost__/live/x", Publish, "u=bob,r");
    assert_eq!(read("#!::user=bob,r=live/x,m=publish").0, expected.0);
    assert_eq!(read("#!::bar=r=live/y,xm=request,r=live/x,m=publish"), {
        is("__defaultVhost__/live/x", Publish, "bar=r=live/y&xm=request")
    });
}

#[test]
fn without_a_mode_pairs_mean_a_request() {
    let defaults = Defaults { mode: Publish, ..Defaults::default() };
    assert_eq!(StreamId::parse("#!::r=live/a", &defaults).unwrap().mode, Request);
}

#[test]
fn the_form_of_old_srs_has_the_resource_in_h() {
    for (text, key, mode) in [
        ("#!::h=live/livestream,m=publish", "__defaultVhost__/live/livestream", Publish),
        ("#!::h=live/livestream,m=request", "__defaultVhost__/live/livestream", Request),
        ("#!::h=srs.srt.com.cn/live/livestream,m=publish", "srs.srt.com.cn/live/livestream", Publish),
        ("#!::h=srs.srt.com.cn/a/b/livestream,m=request", "srs.srt.com.cn/a/b/livestream", Request),
        // With an `r` it is a host.
        ("#!::h=srs.srt.com.cn,r=live/livestream", "srs.srt.com.cn/live/livestream", Request),
    ] {
        assert_eq!(read(text), is(key, mode, ""), "{text}");
    }
    assert_eq!(
        read("#!::h=live/livestream?secret=d6d2be37,m=publish"),
        is("__defaultVhost__/live/livestream", Publish, "secret=d6d2be37")
    );
}

#[test]
fn a_host_without_a_dot_or_by_address_is_the_default_vhost() {
    for host in ["localhost", "127.0.0.1", "10.0.0.1:10080", "[::1]:10080", ""] {
        assert_eq!(read(&format!("#!::h={host},r=live/a")).0, "__defaultVhost__/live/a", "{host}");
    }
    assert_eq!(read("#!::h=HOST.example:10080,r=live/a").0, "host.example/live/a");
}

#[test]
fn parameters_behind_the_resource_and_as_pairs_are_one() {
    for text in [
        "#!::r=live/livestream?token=1&x=2,m=publish",
        "#!::r=live/livestream?token=1,x=2,m=publish",
        "#!::r=live/livestream?token=1;x=2,m=publish",
        "#!::r=live/livestream,token=1,x=2,m=publish",
        // SRS takes the mode from there too, and would not agree with us else.
        "#!::r=live/livestream?m=publish&token=1&x=2",
    ] {
        assert_eq!(read(text), is("__defaultVhost__/live/livestream", Publish, "token=1&x=2"), "{text}");
    }
    assert_eq!(read("#!::r=live/a?vhost=v.example").0, "v.example/live/a");
}

#[test]
fn a_short_name_takes_app_and_mode_from_the_defaults() {
    assert_eq!(read("live/livestream"), is("__defaultVhost__/live/livestream", Request, ""));
    assert_eq!(read("livestream"), is("__defaultVhost__/live/livestream", Request, ""));
    assert_eq!(read("/livestream/"), is("__defaultVhost__/live/livestream", Request, ""));
    assert_eq!(read("a/b/c?token=1"), is("__defaultVhost__/a/b/c", Request, "token=1"));
    let defaults = Defaults { app: "studio/one".to_owned(), mode: Publish, ..Defaults::default() };
    let id = StreamId::parse("cam", &defaults).unwrap();
    assert_eq!((id.key().unwrap().0.as_str(), id.mode), ("__defaultVhost__/studio/one/cam", Publish));
    let id = StreamId::parse("#!::r=cam", &defaults).unwrap();
    assert_eq!(id.key().unwrap().0.as_str(), "__defaultVhost__/studio/one/cam");
}

#[test]
fn parameters_of_a_short_name_are_parameters_whatever_they_are_called() {
    assert_eq!(read("live/a?m=publish&u=x"), is("__defaultVhost__/live/a", Request, "%6D=publish&%75=x"));
    let (_, params) = parse("live/a?m=publish&u=x").unwrap().key().unwrap();
    assert_eq!((params.get("m"), params.get("u")), (Some("publish"), Some("x")));
}

#[test]
fn actions_of_media_mtx_are_modes() {
    for (action, mode) in [("publish", Publish), ("read", Request), ("request", Request), ("play", Request)] {
        assert_eq!(read(&format!("{action}:live/a")), is("__defaultVhost__/live/a", mode, ""));
        assert_eq!(read(&format!("{action}:a")), is("__defaultVhost__/live/a", mode, ""));
    }
    // No action, so it is a name.
    assert_eq!(read("cam:1"), is("__defaultVhost__/live/cam:1", Request, ""));
}

#[test]
fn user_and_password_of_media_mtx_are_user_and_session() {
    let id = parse("publish:live/a:bob:se&cr,et%").unwrap();
    assert_eq!((id.user.as_deref(), id.session.as_deref()), (Some("bob"), Some("se&cr,et%")));
    let (_, params) = id.key().unwrap();
    assert_eq!((params.get("u"), params.get("s")), (Some("bob"), Some("se&cr,et%")));
    for text in
        ["publish:live/a:bob:x:k=v&l=w", "publish:live/a:bob:x?k=v&l=w", "publish:live/a:bob:x:k=v?l=w"]
    {
        assert_eq!(read(text), is("__defaultVhost__/live/a", Publish, "u=bob&s=x&k=v&l=w"), "{text}");
    }
    assert_eq!(read("read:live/a:k=v"), is("__defaultVhost__/live/a", Request, "k=v"));
    assert_eq!(parse("publish:a:b:c:d:e"), Err(Error::Colons));
}

#[test]
fn the_escaped_form_of_vlc_is_decoded_once() {
    for text in ["%23!::r=live/livestream,m=publish", "%23!%3A%3Ar%3Dlive%2Flivestream%2Cm%3Dpublish"] {
        assert_eq!(read(text), is("__defaultVhost__/live/livestream", Publish, ""), "{text}");
    }
    assert_eq!(parse("%23!::r=live/%2541").unwrap().path, "live/%41");
    assert_eq!(parse("%23!::r=live/%FF"), Err(Error::Escapes));
}

#[test]
fn no_stream_id_means_the_default_one() {
    assert_eq!(read(""), is("__defaultVhost__/live/livestream", Request, ""));
    assert_eq!(read(" \r\n"), read(""));
    let defaults = Defaults { stream_id: "publish:studio/cam".to_owned(), ..Defaults::default() };
    let id = StreamId::parse("", &defaults).unwrap();
    assert_eq!((id.path.as_str(), id.mode), ("studio/cam", Publish));
    let none = Defaults { stream_id: String::new(), ..Defaults::default() };
    assert_eq!(StreamId::parse("", &none), Err(Error::NoResource));
}

#[test]
fn an_unknown_mode_is_refused() {
    for mode in ["bidirectional", "pull", ""] {
        assert_eq!(parse(&format!("#!::r=live/a,m={mode}")), Err(Error::Mode(mode.to_owned())));
    }
}

#[test]
fn the_nested_form_is_refused_by_name() {
    assert_eq!(parse("#!:{r=live/a,m=publish}"), Err(Error::Nested));
    assert!(Error::Nested.to_string().contains("\"#!:{\""));
    assert_eq!(parse("#!r=live/a"), Err(Error::Form));
}

#[test]
fn a_stream_id_that_names_no_stream_is_refused() {
    for text in
        ["#!::", "#!::m=publish", "#!::h=host.example,m=publish", "#!::r=,m=publish", "publish:", "/", "?a=b"]
    {
        assert_eq!(parse(text), Err(Error::NoResource), "{text}");
    }
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    assert_eq!(parse("#!::r=live/a,r=live/b"), Err(Error::Twice("r")));
    assert_eq!(parse("#!::r=live/a?m=publish,m=request"), Err(Error::Twice("m")));
    assert_eq!(read("#!::r=live/a,x=1,x=2").2, "x=1&x=2");
}

#[test]
fn a_stream_id_longer_than_512_bytes_is_refused() {
    assert_eq!(parse(&"x".repeat(513)), Err(Error::Long { length: 513, most: 512 }));
    assert!(parse(&"x".repeat(512)).is_ok());
}

#[test]
fn what_no_name_may_hold_is_refused_by_the_key() {
    for text in ["#!::r=live/a%2fb", "#!::r=live/..", "live/a\\b", "#!::h=a.example/b,r=live/c"] {
        assert!(parse(text).unwrap().key().is_err(), "{text}");
    }
}

#[test]
fn every_form_is_the_same_in_the_form_of_pairs() {
    for (text, pairs) in [
        ("livestream", "#!::r=live/livestream,m=request"),
        ("publish:live/a,b:bob:p,w", "#!::r=live/a%2Cb,m=publish,u=bob,s=p%2Cw"),
        ("#!::h=h.example/live/a,x=1", "#!::h=h.example,r=live/a,m=request,x=1"),
        ("live/a?x=1&m=2", "#!::r=live/a,m=request,x=1,%6D=2"),
    ] {
        let id = parse(text).unwrap();
        assert_eq!(id.to_string(), pairs);
        let again = parse(pairs).unwrap();
        assert_eq!((again.key(), again.mode), (id.key(), id.mode));
    }
}
