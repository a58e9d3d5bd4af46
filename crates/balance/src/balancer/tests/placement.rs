//! Where streams without a claim go.

use super::*;

#[test]
fn sixty_streams_over_three_origins_leave_none_above_45_percent() {
    for round in 0..20 {
        let balancer = three();
        let mut counts = HashMap::new();
        for number in 0..60 {
            let pick = publish(&balancer, &format!("r{round}-{number}"), 1.0);
            *counts.entry(pick.node.id.clone()).or_insert(0) += 1;
        }
        assert!(counts.values().all(|count| *count <= 27), "{counts:?}");
    }
}

#[test]
fn the_fair_share_follows_the_capacity() {
    let balancer = balancer();
    balancer.register(Node { capacity: Some(300), ..plain("big", "1") }, seconds(0.0)).unwrap();
    balancer.register(Node { capacity: Some(100), ..plain("small", "1") }, seconds(0.0)).unwrap();
    let picks = (0..100).map(|number| publish(&balancer, &format!("s{number}"), 1.0));
    let of_small = picks.filter(|pick| holder(pick) == "small").count();
    assert!((5..=32).contains(&of_small), "{of_small}");
}

#[test]
fn losing_one_origin_moves_only_its_streams() {
    let balancer = three();
    let place = |balancer: &AtOnce| -> Vec<NodeId> {
        (0..60).map(|number| publish(balancer, &format!("s{number}"), 1.0).node.id.clone()).collect()
    };
    let before = place(&balancer);
    balancer.dial_failed(&id("b"), seconds(1.0));
    let after = place(&balancer);
    for (old, new) in before.iter().zip(&after) {
        if *old == id("b") {
            assert_ne!(*new, id("b"));
        } else {
            assert_eq!(old, new);
        }
    }
}

#[test]
fn two_balancers_place_alike_without_talking() {
    let (left, right) = (three(), balancer());
    for name in ["c", "a", "b"] {
        right.register(plain(name, "other run"), seconds(0.5)).unwrap();
    }
    for number in 0..200 {
        let name = format!("s{number}");
        assert_eq!(holder(&play(&left, &name, 1.0)), holder(&play(&right, &name, 1.0)));
    }
}
