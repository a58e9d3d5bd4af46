use srs_names::DEFAULT_VHOST;

use super::*;
use crate::plan::Order;

fn remote(vhost: &str) -> Remote {
    Remote {
        origins: vec![
            HostPort::parse("a.example", Some(1935)).unwrap(),
            HostPort::parse("[::1]:19350", None).unwrap(),
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
