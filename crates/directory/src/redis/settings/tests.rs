//! What the variables may say, and what is said of those that are wrong.

use super::*;

fn url(text: &str) -> Result<Target, Wrong> {
    Settings { url: Some(text.to_owned()), ..Settings::default() }.parse()
}

fn host_of(name: &str, port: u16) -> Host {
    (name.to_owned(), port)
}

#[test]
fn the_default_is_the_one_of_srs() {
    let target = Settings::default().parse().unwrap();
    assert_eq!(target.place, Place::One(host_of("127.0.0.1", 6379)));
    assert_eq!((target.db, target.password, target.prefix.as_str()), (0, None, ""));
}

#[test]
fn a_url_says_it_all() {
    let target = url("redis://me:p%40ss@redis.example:7000/3").unwrap();
    assert_eq!(target.place, Place::One(host_of("redis.example", 7000)));
    assert_eq!((target.user.as_deref(), target.password.as_deref()), (Some("me"), Some("p@ss")));
    assert_eq!((target.db, target.tls), (3, false));
    assert_eq!(url("redis://[::1]").unwrap().place, Place::One(host_of("::1", 6379)));
    assert_eq!(url("redis://:secret@h").unwrap().user, None);
    assert!(url("rediss://h:1").unwrap().tls);
}

#[test]
fn a_url_names_sentinels_and_their_master() {
    let target = url("redis+sentinel://:pw@h1,h2:5/mymaster/2").unwrap();
    let sentinels = vec![host_of("h1", 26379), host_of("h2", 5)];
    assert_eq!(target.place, Place::Sentinel { sentinels, master: "mymaster".to_owned() });
    assert_eq!(target.db, 2);
    assert!(url("rediss+sentinel://h/m").unwrap().tls);
}

#[test]
fn a_url_names_seeds_of_a_cluster() {
    let target = url("redis+cluster://a:1,b").unwrap();
    assert_eq!(target.place, Place::Cluster(vec![host_of("a", 1), host_of("b", 6379)]));
    assert!(url("rediss+cluster://a").unwrap().tls);
}

#[test]
fn a_wrong_url_is_refused_by_its_variable_and_never_shown() {
    for text in [
        "localhost:6379",
        "http://h",
        "redis://",
        "redis://h:0",
        "redis://h:99999",
        "redis://h/x",
        "redis://h/70000",
        "redis://a,b",
        "redis://::1:6379",
        "redis://hunter2@h",
        "redis://u:hunter2@h?x=1",
        "redis://u:hunter2/x@h",
        "redis+sentinel://h:1",
        "redis+sentinel://h:1/",
        "redis+cluster://a,b/3",
        "redis://h h",
    ] {
        let wrong = url(text).unwrap_err();
        assert_eq!(wrong.variable, "PROXY_REDIS_URL", "{text}");
        assert!(!wrong.to_string().contains("hunter2"), "{wrong}");
    }
}

#[test]
fn each_wrong_variable_is_named() {
    let wrong = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.parse().unwrap_err().variable
    };
    assert_eq!(wrong(|settings| settings.host = "a b".to_owned()), "PROXY_REDIS_HOST");
    assert_eq!(wrong(|settings| settings.host.clear()), "PROXY_REDIS_HOST");
    assert_eq!(wrong(|settings| settings.port = "0".to_owned()), "PROXY_REDIS_PORT");
    assert_eq!(wrong(|settings| settings.db = "-1".to_owned()), "PROXY_REDIS_DB");
    assert_eq!(wrong(|settings| settings.key_prefix = "a{b".to_owned()), "PROXY_REDIS_KEY_PREFIX");
    assert_eq!(wrong(|settings| settings.key_prefix = "a b".to_owned()), "PROXY_REDIS_KEY_PREFIX");
}

#[test]
fn secrets_are_never_shown() {
    let settings = Settings {
        url: Some("redis://u:hunter2@h:1/4".to_owned()),
        password: "hunter3".to_owned(),
        ..Settings::default()
    };
    let target = settings.parse().unwrap();
    let shown = format!("{settings:?} {target:?} {target}");
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(shown.contains("h:1"), "{shown}");
}
