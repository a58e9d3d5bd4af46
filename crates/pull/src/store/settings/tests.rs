use super::*;

fn settings(redis: &str) -> Settings {
    Settings { redis: redis.to_owned(), auth: None, origin_host_name: None, compatible: false }
}

fn named(name: &str) -> Settings {
    Settings { origin_host_name: Some(name.to_owned()), ..settings("127.0.0.1") }
}

#[test]
fn the_store_is_named_by_host_and_port_or_by_a_url() {
    for (text, host, tls, db) in [
        ("127.0.0.1:6380", "127.0.0.1:6380", false, 0),
        ("store.example", "store.example:6379", false, 0),
        ("[::1]:6379", "[::1]:6379", false, 0),
        ("redis://store.example/3", "store.example:6379", false, 3),
        ("rediss://[2001:db8::7]:7000/", "[2001:db8::7]:7000", true, 0),
    ] {
        let place = Place::read(&settings(text)).unwrap();
        assert_eq!((place.host.to_string().as_str(), place.tls, place.db), (host, tls, db), "{text}");
        assert_eq!((place.user, place.password), (None, None), "{text}");
    }
}

#[test]
fn the_way_in_stands_in_the_url_or_beside_it() {
    let login = |settings: &Settings| {
        let place = Place::read(settings).unwrap();
        (place.user, place.password)
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(login(&settings("redis://me:p%40ss@h")), (some("me"), some("p@ss")));
    assert_eq!(login(&settings("redis://:p%23@h:1")), (None, some("p#")));
    let beside = Settings { auth: some("!@#ovenmediaengine"), ..settings("h:1") };
    assert_eq!(login(&beside), (None, some("!@#ovenmediaengine")));
}

#[test]
fn what_cannot_be_meant_is_refused_by_name() {
    let flaw = |settings: Settings| settings.check().unwrap_err().to_string();
    for text in [
        "",
        ":6379",
        "h:0",
        "::1:6379",
        "user:pw@h:1",
        "http://h",
        "redis://",
        "redis://h?x=1",
        "redis://h/x",
        "redis://me@h",
        "redis://a:1,b:1",
        "redis+sentinel://h/m",
    ] {
        let said = flaw(settings(text));
        assert!(said.starts_with("redis: "), "{text}: {said}");
        assert!(!said.contains("pw"), "{said}");
    }
    let twice = Settings { auth: Some("x".to_owned()), ..settings("redis://:y@h") };
    assert!(flaw(twice).starts_with("auth: "));
    assert!(flaw(Settings { auth: Some(String::new()), ..settings("h") }).starts_with("auth: "));
    for name in
        ["", "a b", "::1", "[::1", "[a]", "[::1]:1935", "a:1935", "rtmp://a", "0.0.0.0", "[::]", "a/b"]
    {
        let said = flaw(named(name));
        assert!(said.starts_with("origin_host_name: "), "{name}: {said}");
    }
}

#[test]
fn origins_are_named_by_a_name_or_an_address_of_either_kind() {
    for (text, host) in [
        ("o1.example", "o1.example"),
        ("10.0.0.1", "10.0.0.1"),
        ("[2001:DB8::7]", "2001:db8::7"),
        ("o_1", "o_1"),
    ] {
        assert_eq!(named(text).name().unwrap().as_deref(), Some(host), "{text}");
    }
    assert_eq!(settings("h").name(), Ok(None));
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!("{:?}", settings("redis://me:hunter2@h:1"));
    assert!(shown.contains("h:1") && !shown.contains("hunter2"), "{shown}");
    let shown = format!("{:?}", Settings { auth: Some("hunter2".to_owned()), ..settings("h:1") });
    assert!(!shown.contains("hunter2"), "{shown}");
}
