use crate::testkit::{AtOnce, balancer, id, ours, plain, seconds};
use crate::{Node, Pick, Reason, UNLISTED};
use srs_names::{DEFAULT_VHOST, StreamKey};
use std::collections::BTreeSet;

fn with(nodes: &[(&str, Option<&[&str]>)]) -> AtOnce {
    let balancer = balancer();
    for (name, vhosts) in nodes {
        let vhosts = vhosts.map(|list| list.iter().map(|vhost| (*vhost).to_owned()).collect());
        balancer.register(Node { vhosts, ..plain(name, "1") }, seconds(0.0)).unwrap();
    }
    balancer
}

/// The stream as its publisher and its viewers name it.
fn asked() -> StreamKey {
    StreamKey::new("a.example", "live", "s").unwrap()
}

fn home(balancer: &AtOnce) -> String {
    balancer.home(asked()).vhost().to_owned()
}

/// One of ours with these vhosts, which lists these streams of its default vhost.
fn with_vhosts(vhosts: &[&str], live: &[(&str, u64)]) -> Node {
    let vhosts: BTreeSet<String> = vhosts.iter().map(|vhost| (*vhost).to_owned()).collect();
    Node { vhosts: Some(vhosts), ..ours("ours", "1", live) }
}

/// One of ours beats, beside a backend that never says what it has.
fn beat(balancer: &AtOnce, node: Node, at: f64) {
    balancer.register(Node { permanent: true, ..plain("backend", "1") }, seconds(at)).unwrap();
    balancer.register(node, seconds(at)).unwrap();
    balancer.tick(seconds(at));
}

fn publish_at_ours(balancer: &AtOnce) -> Pick {
    let key = balancer.home(asked());
    assert_eq!(key, asked(), "the backend may have the host");
    balancer.pick_publish(&key, &[id("backend")], seconds(0.0)).unwrap()
}

fn play(balancer: &AtOnce, at: f64) -> Pick {
    balancer.pick_play(&balancer.home(asked()), &[], seconds(at)).unwrap()
}

#[test]
fn a_host_that_no_origin_has_is_the_default_vhost() {
    assert_eq!(home(&with(&[("a", Some(&[DEFAULT_VHOST])), ("b", Some(&["b.example"]))])), DEFAULT_VHOST);
}

#[test]
fn a_host_that_one_origin_has_stays() {
    assert_eq!(home(&with(&[("a", Some(&[DEFAULT_VHOST])), ("b", Some(&["a.example"]))])), "a.example");
}

#[test]
fn beside_an_origin_that_does_not_say_every_host_stays() {
    assert_eq!(home(&with(&[("a", Some(&[DEFAULT_VHOST])), ("b", None)])), "a.example");
}

#[test]
fn without_origins_every_host_stays() {
    assert_eq!(home(&with(&[])), "a.example");
}

#[test]
fn a_claim_under_a_domain_name_stands_while_its_holder_lists_the_stream_in_its_default_vhost() {
    let balancer = balancer();
    beat(&balancer, with_vhosts(&[DEFAULT_VHOST], &[]), 0.0);
    let claim = publish_at_ours(&balancer).claim;
    for second in 1..=100 {
        let now = f64::from(second);
        beat(&balancer, with_vhosts(&[DEFAULT_VHOST], &[("s", 0)]), now);
        assert_eq!(play(&balancer, now).claim, claim, "at {now}");
    }
}

#[test]
fn a_claim_under_a_domain_name_ends_when_its_holder_lists_the_stream_no_more() {
    let balancer = balancer();
    beat(&balancer, with_vhosts(&[DEFAULT_VHOST], &[]), 0.0);
    let claim = publish_at_ours(&balancer).claim;
    for second in 1..=20 {
        beat(&balancer, with_vhosts(&[DEFAULT_VHOST], &[("s", 0)]), f64::from(second));
    }
    assert_eq!(play(&balancer, 20.0).claim, claim);
    let last = 20.0 + UNLISTED.as_secs_f64();
    for second in 21..=30 {
        beat(&balancer, with_vhosts(&[DEFAULT_VHOST], &[]), f64::from(second));
    }
    assert_eq!(play(&balancer, last).claim, claim);
    beat(&balancer, with_vhosts(&[DEFAULT_VHOST], &[]), last + 1.0);
    assert_eq!(play(&balancer, last + 1.0).claim, None);
}

#[test]
fn a_stream_in_the_default_vhost_of_one_origin_is_found_by_domain_name() {
    let balancer = balancer();
    beat(&balancer, with_vhosts(&[DEFAULT_VHOST], &[("s", 5)]), 1.0);
    let pick = play(&balancer, 1.0);
    assert_eq!((pick.node.id.as_str(), pick.reason), ("ours", Reason::Live));
}

#[test]
fn an_origin_that_has_the_host_does_not_have_its_stream_in_the_default_vhost() {
    let balancer = balancer();
    beat(&balancer, with_vhosts(&[DEFAULT_VHOST, "a.example"], &[("s", 5)]), 1.0);
    assert_eq!(play(&balancer, 1.0).reason, Reason::Placed);
}

#[test]
fn an_origin_that_does_not_say_which_hosts_it_has_is_taken_by_its_word() {
    let balancer = balancer();
    beat(&balancer, ours("ours", "1", &[("s", 5)]), 1.0);
    assert_eq!(play(&balancer, 1.0).reason, Reason::Placed);
}
