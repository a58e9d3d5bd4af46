use crate::testkit::{balancer, plain, seconds};
use crate::{Balancer, Node};
use srs_names::{DEFAULT_VHOST, StreamKey};

fn with(nodes: &[(&str, Option<&[&str]>)]) -> Balancer {
    let balancer = balancer();
    for (name, vhosts) in nodes {
        let vhosts = vhosts.map(|list| list.iter().map(|vhost| (*vhost).to_owned()).collect());
        balancer.register(Node { vhosts, ..plain(name, "1") }, seconds(0.0)).unwrap();
    }
    balancer
}

fn home(balancer: &Balancer) -> String {
    balancer.home(StreamKey::new("a.example", "live", "s").unwrap()).vhost().to_owned()
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
