use crate::testkit::{AtOnce, balancer, id, key, listed, ours, plain, seconds};
use crate::{Listed, NoOrigin, Node, Pick, Reason, Role, Usage};
use srs_names::{NodeId, StreamKey};
use std::collections::HashMap;

fn edge(name: &str) -> Node {
    Node { role: Role::Edge, load: Some(0.1), ..ours(name, "1", &[]) }
}

/// An edge that feels so busy with so many viewers.
fn busy(name: &str, load: f32, viewers: u64) -> Node {
    Node { load: Some(load), usage: Some(Usage { viewers, ..Usage::default() }), ..edge(name) }
}

/// An origin and these nodes, registered at zero.
fn with(nodes: &[Node]) -> AtOnce {
    let balancer = balancer();
    balancer.register(ours("origin", "1", &[]), seconds(0.0)).unwrap();
    for node in nodes {
        balancer.register(node.clone(), seconds(0.0)).unwrap();
    }
    balancer
}

fn three() -> AtOnce {
    with(&["e1", "e2", "e3"].map(edge))
}

fn view(balancer: &AtOnce, name: &str) -> Pick {
    balancer.pick_view(&key(name), &[], seconds(1.0)).unwrap()
}

fn to(pick: &Pick) -> (&str, Reason) {
    (pick.node.id.as_str(), pick.reason)
}

/// How many of so many viewers of one stream go where.
fn counts(balancer: &AtOnce, viewers: usize) -> HashMap<NodeId, usize> {
    let mut counts = HashMap::new();
    for _ in 0..viewers {
        *counts.entry(view(balancer, "s").node.id.clone()).or_insert(0) += 1;
    }
    counts
}

#[test]
fn a_viewer_goes_to_an_edge_whether_or_not_the_stream_is_live() {
    let balancer = three();
    assert_eq!(view(&balancer, "nowhere").reason, Reason::Edge);
    balancer.pick_publish(&key("s"), &[], seconds(1.0)).unwrap();
    let pick = view(&balancer, "s");
    assert_eq!((pick.reason, pick.claim), (Reason::Edge, None));
}

#[test]
fn a_publisher_and_what_edges_fetch_go_to_an_origin() {
    let balancer = three();
    let publish = balancer.pick_publish(&key("s"), &[], seconds(1.0)).unwrap();
    assert_eq!(to(&publish), ("origin", Reason::Claimed));
    assert_eq!(balancer.pick_play(&key("s"), &[], seconds(1.0)).unwrap().node.id, id("origin"));
}

#[test]
fn without_an_edge_a_viewer_goes_to_the_holder() {
    let balancer = with(&[]);
    assert_eq!(to(&view(&balancer, "s")), ("origin", Reason::Placed));
    balancer.pick_publish(&key("s"), &[], seconds(1.0)).unwrap();
    assert_eq!(to(&view(&balancer, "s")), ("origin", Reason::Claimed));
}

#[test]
fn an_edge_serves_viewers_though_no_origin_has_registered() {
    let balancer = balancer();
    balancer.register(edge("e"), seconds(0.0)).unwrap();
    assert_eq!(to(&view(&balancer, "s")), ("e", Reason::Edge));
    let refused = balancer.pick_view(&key("s"), &[id("e")], seconds(1.0)).unwrap_err();
    assert_eq!(refused, NoOrigin::NoneRegistered(key("s")));
}

#[test]
fn the_viewers_of_a_stream_stay_together_while_its_edge_is_calm() {
    let balancer = three();
    assert_eq!(counts(&balancer, 200).len(), 1);
}

#[test]
fn streams_are_spread_over_the_edges() {
    let balancer = three();
    let mut counts = HashMap::new();
    for number in 0..60 {
        *counts.entry(view(&balancer, &format!("s{number}")).node.id.clone()).or_insert(0) += 1;
    }
    assert!(counts.len() == 3 && counts.values().all(|count| *count >= 8), "{counts:?}");
}

#[test]
fn two_proxies_send_the_viewers_of_a_stream_to_the_same_edge() {
    let (left, right) = (three(), with(&["e3", "e1", "e2"].map(edge)));
    for number in 0..100 {
        let name = format!("s{number}");
        assert_eq!(view(&left, &name).node.id, view(&right, &name).node.id);
    }
}

#[test]
fn a_crowd_between_two_beats_is_shared_before_the_edge_says_how_busy_it_is() {
    let counts = counts(&three(), 1_500);
    assert!(counts.len() == 3 && counts.values().all(|count| *count <= 650), "{counts:?}");
}

#[test]
fn what_was_sent_before_the_last_beat_is_in_its_count() {
    let balancer = three();
    let first = counts(&balancer, 200);
    let (first, _) = first.iter().next().unwrap();
    balancer.register(busy(first.as_str(), 0.1, 200), seconds(1.0)).unwrap();
    assert_eq!(counts(&balancer, 200), HashMap::from([(first.clone(), 200)]));
}

#[test]
fn an_edge_that_is_busy_shares_its_viewers_with_the_next() {
    let first = view(&three(), "s").node.id.clone();
    let others = ["e1", "e2", "e3"].map(|name| match id(name) == first {
        true => busy(name, 0.8, 900),
        false => busy(name, 0.1, 0),
    });
    let next = view(&with(&others), "s");
    assert_eq!(next.reason, Reason::Edge);
    assert_ne!(next.node.id, first);
}

#[test]
fn edges_that_are_all_busy_take_their_fair_share() {
    let balancer = with(&["e1", "e2", "e3"].map(|name| busy(name, 0.8, 1_000)));
    let counts = counts(&balancer, 3_000);
    assert!(counts.values().all(|count| *count <= 1_500), "{counts:?}");
}

#[test]
fn a_large_edge_takes_more() {
    let sized = |name, capacity| Node { capacity: Some(capacity), ..busy(name, 0.8, 0) };
    let counts = counts(&with(&[sized("big", 300), sized("small", 100)]), 1_000);
    let of_big = counts[&id("big")];
    assert!((600..=950).contains(&of_big), "{counts:?}");
}

#[test]
fn an_edge_that_feels_full_gets_a_viewer_only_when_all_do() {
    let balancer = with(&[busy("full", 0.99, 0), busy("e", 0.9, 5_000)]);
    for number in 0..20 {
        assert_eq!(view(&balancer, &format!("s{number}")).node.id, id("e"));
    }
    assert_eq!(to(&view(&with(&[busy("full", 0.99, 0)]), "s")), ("full", Reason::Edge));
}

#[test]
fn an_edge_that_refuses_is_silent_drains_or_was_tried_is_passed_over() {
    let balancer = three();
    let first = view(&balancer, "s").node.id.clone();
    let tried = balancer.pick_view(&key("s"), std::slice::from_ref(&first), seconds(1.0)).unwrap();
    assert!(tried.reason == Reason::Edge && tried.node.id != first);
    balancer.dial_failed(&first, seconds(1.0));
    let second = view(&balancer, "s").node.id.clone();
    assert_eq!(second, tried.node.id);
    balancer.drain(&second, true).unwrap();
    let third = view(&balancer, "s").node.id.clone();
    assert!(third != first && third != second);
    // The origin alone still beats.
    balancer.register(ours("origin", "1", &[]), seconds(4.0)).unwrap();
    let last = balancer.pick_view(&key("s"), &[], seconds(4.0)).unwrap();
    assert_eq!(to(&last), ("origin", Reason::Placed));
}

#[test]
fn an_edge_that_is_slow_is_passed_over() {
    let balancer = three();
    let first = view(&balancer, "s").node.id.clone();
    balancer.dial_slow(&first, seconds(1.0));
    assert_ne!(view(&balancer, "s").node.id, first);
}

#[test]
fn an_edge_gets_viewers_of_the_hosts_that_it_takes() {
    let of = |name: &str, vhosts: &[&str]| {
        let vhosts = vhosts.iter().map(|vhost| (*vhost).to_owned()).collect();
        Node { vhosts: Some(vhosts), ..edge(name) }
    };
    let asked = StreamKey::new("a.example", "live", "s").unwrap();
    for (vhosts, takes) in [(&["a.example"], true), (&["__defaultVhost__"], true), (&["b.example"], false)] {
        let balancer = with(&[of("e", vhosts)]);
        let pick = balancer.pick_view(&asked, &[], seconds(1.0)).unwrap();
        assert_eq!(pick.node.id, id(if takes { "e" } else { "origin" }), "{vhosts:?}");
    }
}

#[test]
fn a_players_questions_are_not_taken_for_viewers() {
    let balancer = three();
    let first = balancer.edge(&key("s"), &[], seconds(1.0)).unwrap();
    for _ in 0..2_000 {
        assert_eq!(balancer.edge(&key("s"), &[], seconds(1.0)).unwrap().id, first.id);
    }
    assert_eq!(view(&balancer, "s").node.id, first.id);
}

#[test]
fn what_an_edge_lists_fences_nobody_and_ends_no_claim() {
    let balancer = with(&[]);
    let claim = balancer.pick_publish(&key("s"), &[], seconds(0.0)).unwrap().claim.unwrap();
    let newer = HashMap::from([(key("s"), listed(9_000))]);
    balancer.register(Node { live: Some(newer), ..edge("e") }, seconds(1.0)).unwrap();
    let own = Listed { epoch: claim.epoch, ..listed(0) };
    let live = Some(HashMap::from([(key("s"), own)]));
    balancer.register(Node { live, ..ours("origin", "1", &[]) }, seconds(1.0)).unwrap();
    assert_eq!(balancer.fenced(&id("origin")), []);
    assert_eq!(balancer.pick_play(&key("s"), &[], seconds(1.0)).unwrap().claim, Some(claim));
}

#[test]
fn an_edges_hosts_do_not_decide_where_a_stream_is_claimed() {
    let hosts = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let balancer = balancer();
    let origin = Node { vhosts: hosts(&["__defaultVhost__"]), ..plain("origin", "1") };
    balancer.register(origin, seconds(0.0)).unwrap();
    balancer.register(Node { vhosts: hosts(&["a.example"]), ..edge("e") }, seconds(0.0)).unwrap();
    let asked = StreamKey::new("a.example", "live", "s").unwrap();
    assert_eq!(balancer.home(asked), key("s"));
}
