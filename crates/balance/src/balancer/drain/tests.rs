use crate::Node;
use crate::testkit::{AtOnce, balancer, id, key, plain, seconds};

/// Two nodes, of which `a` is drained.
fn drained() -> AtOnce {
    let balancer = balancer();
    for name in ["a", "b"] {
        balancer.register(plain(name, "1"), seconds(0.0)).unwrap();
    }
    assert!(!balancer.drain(&id("a"), true).unwrap().draining);
    balancer
}

/// Whether every one of twenty new streams goes to `b`.
fn is_left(balancer: &AtOnce, round: &str) -> bool {
    (0..20).all(|number| {
        let key = key(&format!("{round}-{number}"));
        balancer.pick_publish(&key, &[], seconds(1.0)).unwrap().node.id == id("b")
    })
}

#[test]
fn a_drained_node_gets_no_new_publish_at_once_and_whatever_it_says() {
    let balancer = drained();
    assert!(is_left(&balancer, "at-once"));
    balancer.register(plain("a", "1"), seconds(1.0)).unwrap();
    assert!(is_left(&balancer, "after-a-beat"));
    assert!(balancer.node(&id("a")).unwrap().draining);
}

#[test]
fn a_new_run_of_a_drained_node_is_not_left() {
    let balancer = drained();
    balancer.register(plain("a", "2"), seconds(1.0)).unwrap();
    assert!(!is_left(&balancer, "restarted"));
}

#[test]
fn an_undone_drain_leaves_the_decision_to_the_node() {
    let balancer = drained();
    assert!(balancer.drain(&id("a"), false).unwrap().draining);
    assert!(!is_left(&balancer, "undone"));
    balancer.register(Node { draining: true, ..plain("a", "1") }, seconds(1.0)).unwrap();
    assert!(is_left(&balancer, "by-itself"));
}

#[test]
fn a_drain_is_news_and_one_of_an_unknown_node_is_none() {
    let balancer = drained();
    let before = balancer.version();
    assert!(balancer.drain(&id("a"), true).is_some() && balancer.drain(&id("x"), true).is_none());
    assert_eq!(balancer.version(), before);
    balancer.drain(&id("a"), false);
    assert!(balancer.version() > before);
}

#[test]
fn a_node_is_known_since_its_run_registered_first() {
    let balancer = balancer();
    for (instance, at, since) in [("1", 1.0, 1.0), ("1", 2.0, 1.0), ("2", 3.0, 3.0), ("2", 9.0, 3.0)] {
        balancer.register(plain("a", instance), seconds(at)).unwrap();
        assert_eq!(balancer.node(&id("a")).unwrap().since, seconds(since));
    }
}
