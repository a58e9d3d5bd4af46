use srs_names::DEFAULT_VHOST;

use super::*;
use crate::plan::Order;

fn remote(vhost: &str) -> Remote {
    Remote {
        origins: vec![
            Server::parse("a.example", Protocol::Rtmp).unwrap(),
            Server::parse("[::1]:19350", Protocol::Rtmp).unwrap(),
        ],
        vhost: vhost.to_owned(),
        protocol: Protocol::Rtmp,
        token_traverse: false,
        debug: true,
        rules: Rules { order: Order::InTurn, ..Rules::default() },
        live_edge: false,
    }
}

fn key(vhost: &str) -> StreamKey {
    StreamKey::new(vhost, "a/b", "s").unwrap()
}

#[test]
fn every_server_is_asked_for_the_same_stream() {
    let plan = remote("[vhost]").plan(&key("v.example"), "token=1&vhost=x&a=b");
    let urls: Vec<_> = plan.targets.iter().map(ToString::to_string).collect();
    assert_eq!(urls, ["rtmp://a.example:1935/a/b/s?token=1&a=b", "rtmp://[::1]:19350/a/b/s?token=1&a=b"]);
    assert!(plan.targets.iter().all(|target| target.vhost.as_deref() == Some("v.example")));
    assert_eq!(plan.rules.order, Order::InTurn);
}

#[test]
fn the_vhost_upstream_is_made_of_the_one_here() {
    let vhost = |rule: &str, here: &str| remote(rule).plan(&key(here), "").targets.remove(0).vhost;
    assert_eq!(vhost("[vhost]", DEFAULT_VHOST), None);
    assert_eq!(vhost("up.[vhost]", "v.example").as_deref(), Some("up.v.example"));
    assert_eq!(vhost("up.example", "v.example").as_deref(), Some("up.example"));
    assert_eq!(vhost("", "v.example"), None);
}

#[test]
fn flv_is_fetched_by_its_file() {
    let remote = Remote { protocol: Protocol::Flv, ..remote("[vhost]") };
    let plan = remote.plan(&key(DEFAULT_VHOST), "?token=1");
    assert_eq!(plan.targets[1].to_string(), "http://[::1]:19350/a/b/s.flv?token=1");
}

#[test]
fn a_server_may_say_by_what_it_is_asked() {
    for (text, protocol, shown) in [
        ("h", Protocol::Rtmp, "h:1935"),
        ("h", Protocol::Srt, "h:10080"),
        ("srt://h", Protocol::Rtmp, "srt://h:10080"),
        ("SRT://[::1]:9000/", Protocol::Rtmp, "srt://[::1]:9000"),
        ("srt://h:9000?latency=200&passphrase=0123456789", Protocol::Rtmp, "srt://h:9000"),
        ("rtmp://h", Protocol::Srt, "rtmp://h:1935"),
    ] {
        let server = Server::parse(text, protocol).unwrap();
        assert_eq!(server.to_string(), shown, "{text}");
    }
    let server = Server::parse("srt://h?latency=200", Protocol::Rtmp).unwrap();
    assert_eq!(server.srt.latency.map(|latency| latency.as_millis()), Some(200));
}

#[test]
fn what_names_no_server_is_refused_without_showing_it() {
    for (text, error) in [
        ("h", BadServer::Spelling),
        ("gopher://h:1", BadServer::Spelling),
        ("srt://pw@h:1", BadServer::Spelling),
        ("srt://h:0", BadServer::Spelling),
        ("rtmp://h:1/app", BadServer::Spelling),
        ("srt://h:1/app/stream", BadServer::Stream),
        ("srt://h:1?streamid=pw", BadServer::Stream),
        ("srt://h:1?token=pw", BadServer::Stream),
        ("srt://h:1?passphrase=pw", BadServer::Srt(NoSrtCall::Passphrase)),
    ] {
        assert_eq!(Server::parse(text, Protocol::Flv), Err(error), "{text}");
        assert!(!error.to_string().contains("pw"));
    }
}

#[test]
fn by_srt_a_stream_is_asked_for_with_escapes_and_no_vhost_of_the_viewers() {
    let mut remote = Remote { protocol: Protocol::Srt, ..remote("[vhost]") };
    remote.origins.push(Server::parse("rtmp://r", Protocol::Srt).unwrap());
    let key = StreamKey::new(DEFAULT_VHOST, "a", "s b,c").unwrap();
    let plan = remote.plan(&key, "?token=1;vhost=x,domain=x?vhost=x&%76host=x&b=c d");
    let urls: Vec<_> = plan.targets.iter().map(ToString::to_string).collect();
    assert_eq!(urls[0], "srt://a.example:1935/a/s%20b,c?token=1;b=c%20d");
    assert!(urls[2].starts_with("rtmp://r:1935/a/s b,c?token=1"), "{}", urls[2]);
}
