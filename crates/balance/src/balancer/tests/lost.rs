//! What the directory lost, or took back, and what it never heard of.

use super::*;

#[test]
fn a_claim_made_without_the_directory_lies_above_the_one_that_was_met() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    for name in ["a", "b"] {
        balancer.register(ours(name, "1", &[]), seconds(0.0)).unwrap();
    }
    let ahead = foreign("s", "a", 3_600_000);
    ready(directory.claim(&ahead, None, LEASE, seconds(0.0))).unwrap();
    assert_eq!(publish(&balancer, "s", 0.1).claim, Some(ahead.clone()));
    directory.away.store(true, Ordering::Relaxed);
    let next = balancer.pick_publish(&key("s"), &[id("a")], seconds(0.2)).unwrap().claim.unwrap();
    assert!(next.epoch > ahead.epoch, "its proxy's clock is an hour ahead of ours");
}

#[test]
fn a_viewer_is_not_sent_back_to_an_older_owner_when_the_newer_one_dies() {
    let balancer = balancer();
    balancer.register(ours("a", "1", &[("s", 0)]), seconds(0.0)).unwrap();
    balancer.register(ours("b", "1", &[]), seconds(0.0)).unwrap();
    let newer = balancer.pick_publish(&key("s"), &[id("a")], seconds(0.1)).unwrap();
    assert_eq!(holder(&play(&balancer, "s", 0.2)), "b");
    balancer.dial_failed(&newer.node.id, seconds(0.3));
    assert_eq!(play(&balancer, "s", 0.4).reason, Reason::Placed, "it is not live where it is listed");
    assert_eq!(balancer.locate(&key("s"), seconds(0.4)).map(|pick| pick.node.id.clone()), None);
    balancer.register(ours("a", "1", &[("s", 0)]), seconds(31.0)).unwrap();
    assert_eq!(play(&balancer, "s", 31.0).reason, Reason::Live, "nobody came back to the newer one");
}

#[test]
fn a_publish_that_could_not_move_has_its_stream_again() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    let beat = |now: f64| {
        balancer.register(Node { draining: true, ..ours("a", "1", &[("s", 0)]) }, seconds(now)).unwrap();
        balancer.register(ours("b", "1", &[]), seconds(now)).unwrap();
    };
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let stays = publish(&balancer, "s", 0.0).claim.unwrap();
    beat(1.0);
    let fails = publish(&balancer, "s", 1.0).claim.unwrap();
    assert_eq!(fails.holder, id("b"));
    Balancer::publish_ended(&balancer, &fails, Ending::Clean, seconds(1.5));
    for now in [2.0, 3.0] {
        beat(now);
        balancer.tick(seconds(now));
    }
    let stands = directory.stands("s", 3.0).unwrap();
    assert_eq!((&stands.holder, stands.epoch > fails.epoch), (&stays.holder, true));
    assert_eq!(holder(&play(&balancer, "s", 3.0)), "a");
}

/// A publish that runs at `a` under a claim that was made while the directory was away, which holds `newer` then.
fn rivals(newer: &Claim) -> (Arc<Shaky>, AtOnce, Claim) {
    let directory = shaky();
    let balancer = over(&directory, "p");
    ready(directory.claim(newer, None, LEASE, seconds(0.0))).unwrap();
    directory.away.store(true, Ordering::Relaxed);
    for name in ["a", "b"] {
        balancer.register(ours(name, "1", &[]), seconds(0.0)).unwrap();
    }
    let claim = balancer.pick_publish(&key("s"), &[id("b")], seconds(0.0)).unwrap().claim.unwrap();
    directory.away.store(false, Ordering::Relaxed);
    assert!(claim.epoch < newer.epoch);
    (directory, balancer, claim)
}

/// The publish of [`rivals`] is listed, and ticks go on.
fn go_on(balancer: &AtOnce, seconds_on: std::ops::RangeInclusive<u32>) {
    for now in seconds_on.map(f64::from) {
        balancer.register(ours("a", "1", &[("s", 0)]), seconds(now)).unwrap();
        balancer.register(ours("b", "1", &[]), seconds(now)).unwrap();
        balancer.tick(seconds(now));
    }
}

#[test]
fn a_publish_gets_its_stream_back_from_a_newer_claim_of_one_that_never_began() {
    let newer = foreign("s", "b", 60_000);
    let (directory, balancer, claim) = rivals(&newer);
    go_on(&balancer, 1..=8);
    let stands = directory.stands("s", 8.0).unwrap();
    assert_eq!((&stands.holder, stands.epoch > newer.epoch), (&claim.holder, true));
    Balancer::publish_ended(&balancer, &claim, Ending::Clean, seconds(8.1));
    balancer.register(ours("a", "1", &[]), seconds(9.2)).unwrap();
    balancer.tick(seconds(9.2));
    assert_eq!(directory.stands("s", 9.2), None, "it is given up by its first claim");
}

#[test]
fn a_publish_gets_its_stream_back_from_a_newer_claim_of_a_former_run() {
    let newer = Claim { instance: "0".to_owned(), ..foreign("s", "a", 60_000) };
    let (directory, balancer, _) = rivals(&newer);
    go_on(&balancer, 1..=8);
    assert_eq!(directory.stands("s", 8.0).map(|claim| claim.instance), Some("1".to_owned()));
}

#[test]
fn a_publish_goes_on_under_a_newer_claim_of_its_own_node() {
    let newer = foreign("s", "a", 60_000);
    let (directory, balancer, claim) = rivals(&newer);
    go_on(&balancer, 1..=25);
    go_on(&balancer, 26..=60);
    assert_eq!(directory.stands("s", 60.0), Some(newer), "it is renewed");
    Balancer::publish_ended(&balancer, &claim, Ending::Clean, seconds(60.1));
    balancer.register(ours("a", "1", &[]), seconds(61.0)).unwrap();
    balancer.tick(seconds(61.0));
    assert_eq!(directory.stands("s", 61.0), None);
}

#[test]
fn a_newer_claim_is_let_be_while_its_holder_lists_the_stream() {
    let newer = foreign("s", "b", 60_000);
    let (directory, balancer, _) = rivals(&newer);
    for now in (1..=20).map(f64::from) {
        balancer.register(ours("a", "1", &[("s", 0)]), seconds(now)).unwrap();
        balancer.register(ours("b", "1", &[("s", 60_000)]), seconds(now)).unwrap();
        balancer.tick(seconds(now));
    }
    assert_eq!(directory.stands("s", 20.0), Some(newer));
}

#[test]
fn a_publish_whose_claim_came_to_be_replaced_by_one_that_ended_claims_anew() {
    let newer = foreign("s", "b", 60_000);
    let (directory, balancer, claim) = rivals(&newer);
    ready(directory.release(&newer, seconds(0.5))).unwrap();
    go_on(&balancer, 1..=3);
    let stands = directory.stands("s", 3.0).unwrap();
    assert_eq!((&stands.holder, stands.epoch > newer.epoch), (&claim.holder, true));
    assert_eq!(play(&balancer, "s", 3.0).claim, Some(stands));
}

#[test]
fn a_viewer_waits_for_a_newer_owner_where_no_older_one_is() {
    let balancer = balancer();
    let beat = || {
        for name in ["a", "b", "c"] {
            let live: &[(&str, u64)] = if name == "c" { &[] } else { &[("s", 0)] };
            balancer.register(ours(name, "1", live), seconds(0.0)).unwrap();
        }
    };
    beat();
    let newer = balancer.pick_publish(&key("s"), &[id("a"), id("b")], seconds(0.1)).unwrap();
    assert_eq!(holder(&newer), "c");
    balancer.register(ours("d", "1", &[]), seconds(0.1)).unwrap();
    balancer.dial_failed(&newer.node.id, seconds(0.3));
    assert_eq!(holder(&play(&balancer, "s", 0.4)), "d");
}

#[test]
fn a_directory_that_went_back_to_a_dead_claim_is_not_believed() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    balancer.register(ours("b", "2", &[]), seconds(0.0)).unwrap();
    balancer.register(ours("c", "1", &[]), seconds(0.0)).unwrap();
    balancer.pick_publish(&key("s"), &[id("b"), id("c")], seconds(0.0)).unwrap();
    directory.replaced.store(true, Ordering::Relaxed);
    let older = foreign("s", "b", 0);
    ready(directory.renew(&older, LEASE, seconds(0.5))).unwrap();
    for now in (1..=5).map(f64::from) {
        balancer.register(ours("a", "1", &[]), seconds(now)).unwrap();
        balancer.register(ours("b", "2", &[("s", 0)]), seconds(now)).unwrap();
        balancer.register(ours("c", "1", &[]), seconds(now)).unwrap();
        assert_ne!(holder(&play(&balancer, "s", now)), "b", "an older owner, at {now}");
    }
}

#[test]
fn an_older_owner_is_none_when_the_claim_of_the_newer_one_was_given_up() {
    let balancer = balancer();
    balancer.register(ours("a", "1", &[("s", 0)]), seconds(0.0)).unwrap();
    for name in ["b", "c"] {
        balancer.register(ours(name, "1", &[]), seconds(0.0)).unwrap();
    }
    let newer = balancer.pick_publish(&key("s"), &[id("a"), id("c")], seconds(0.1)).unwrap().claim.unwrap();
    balancer.register(ours("b", "2", &[]), seconds(1.0)).unwrap();
    balancer.publish_ended(&newer, seconds(1.1));
    balancer.tick(seconds(1.6));
    assert_eq!(play(&balancer, "s", 1.7).reason, Reason::Placed);
}

#[test]
fn what_a_new_run_lists_does_not_keep_the_claim_of_the_old_one() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    balancer.register(ours("a", "0", &[]), seconds(0.0)).unwrap();
    publish(&balancer, "s", 0.0);
    balancer.register(ours("a", "1", &[]), seconds(0.5)).unwrap();
    directory.replaced.store(true, Ordering::Relaxed);
    let older = Claim { epoch: Epoch(1), ..foreign("s", "a", 0) };
    ready(directory.renew(&older, LEASE, seconds(0.5))).unwrap();
    for now in (1..=12).map(f64::from) {
        balancer.register(ours("a", "1", &[("s", 0)]), seconds(now)).unwrap();
        play(&balancer, "s", now);
    }
    assert_eq!(play(&balancer, "s", 12.0).claim, Some(older));
}

#[test]
fn a_directory_that_went_back_is_believed_when_what_was_known_is_over() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    let beat = |now: f64| {
        balancer.register(ours("a", "1", &[]), seconds(now)).unwrap();
        balancer.register(ours("b", "1", &[("s", 0)]), seconds(now)).unwrap();
    };
    beat(0.0);
    balancer.pick_publish(&key("s"), &[id("b")], seconds(0.0)).unwrap();
    directory.replaced.store(true, Ordering::Relaxed);
    let older = foreign("s", "b", 0);
    ready(directory.renew(&older, LEASE, seconds(1.5))).unwrap();
    (1..=4).for_each(|second| beat(f64::from(second)));
    assert_eq!(play(&balancer, "s", 4.0).claim, Some(older));
}

#[test]
fn a_claim_is_not_given_up_for_its_holder_is_not_heard() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let claim = publish(&balancer, "s", 0.0).claim.unwrap();
    balancer.tick(seconds(4.0));
    assert!(balancer.origins(seconds(4.0))[0].silent);
    assert_eq!(
        directory.stands("s", 4.0),
        Some(claim.clone()),
        "another proxy may hear it, and publish there"
    );
    balancer.register(ours("a", "1", &[("s", 0)]), seconds(10.0)).unwrap();
    balancer.tick(seconds(10.2));
    assert_eq!(directory.stands("s", 35.0), Some(claim), "it is renewed");
}

#[test]
fn a_directory_whose_epochs_are_years_ahead_gives_its_keys_all_the_same() {
    let directory = shaky();
    let mad = foreign("s", "a", 365 * 86_400_000);
    ready(directory.claim(&mad, None, LEASE, seconds(0.0))).unwrap();
    ready(directory.release(&mad, seconds(0.0))).unwrap();
    let balancer = over(&directory, "p");
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let claim = publish(&balancer, "s", 0.1).claim;
    assert_eq!(claim, directory.stands("s", 0.1));
    let other = publish(&balancer, "other", 0.2).claim.unwrap();
    assert!(other.epoch < mad.epoch, "its other keys stay at home");
}

#[test]
fn a_publish_that_met_a_new_run_gets_its_stream_back_from_a_claim_of_an_old_one() {
    let newer = Claim { instance: "0".to_owned(), ..foreign("s", "a", 60_000) };
    let (directory, balancer, claim) = rivals(&newer);
    for now in (1..=8).map(f64::from) {
        let own = Listed { epoch: claim.epoch, ..listed(0) };
        let live = Some(HashMap::from([(key("s"), own)]));
        balancer.register(Node { live, ..ours("a", "2", &[]) }, seconds(now)).unwrap();
        balancer.tick(seconds(now));
    }
    assert_eq!(directory.stands("s", 8.0).map(|claim| claim.instance), Some("2".to_owned()));
}

#[test]
fn a_publish_is_not_bound_to_a_claim_that_came_back_under_the_one_it_has_by_now() {
    let newer = foreign("s", "b", 60_000);
    let (directory, balancer, _) = rivals(&newer);
    // Ours, though the answer was lost: it is seen by a viewer.
    let own = foreign("s", "a", 120_000);
    ready(directory.claim(&own, Some(newer.epoch), LEASE, seconds(0.2))).unwrap();
    assert_eq!(play(&balancer, "s", 0.3).claim, Some(own.clone()));
    directory.replaced.store(true, Ordering::Relaxed);
    ready(directory.renew(&newer, LEASE, seconds(0.5))).unwrap();
    go_on(&balancer, 1..=3);
    assert_eq!(directory.stands("s", 3.0), Some(own));
}

#[test]
fn a_publish_gets_its_stream_back_at_once_from_a_newer_claim_of_a_run_that_was_seen_to_end() {
    let newer = foreign("s", "b", 60_000);
    let (directory, balancer, claim) = rivals(&newer);
    balancer.register(ours("a", "1", &[("s", 0)]), seconds(0.5)).unwrap();
    balancer.register(ours("b", "2", &[]), seconds(0.5)).unwrap();
    balancer.tick(seconds(0.6));
    assert_eq!(directory.stands("s", 0.6).map(|claim| claim.holder), Some(claim.holder));
}

#[test]
fn a_claim_under_which_nobody_publishes_any_more_is_not_put_back() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    directory.away.store(true, Ordering::Relaxed);
    let claim = publish(&balancer, "s", 0.1).claim.unwrap();
    Balancer::publish_ended(&balancer, &claim, Ending::Clean, seconds(0.2));
    directory.away.store(false, Ordering::Relaxed);
    balancer.tick(seconds(0.5));
    assert_eq!(directory.stands("s", 0.5), None, "its holder has not spoken yet");
}

#[test]
fn a_viewer_of_an_owner_that_answered_probes_alone_is_not_sent_back_to_an_older_one() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let newer = foreign("s", "a", 60_000);
    ready(directory.claim(&newer, None, LEASE, seconds(0.1))).unwrap();
    for now in (1..=20).map(f64::from) {
        balancer.probe_answered(&id("a"), seconds(now));
        balancer.register(ours("b", "1", &[]), seconds(now)).unwrap();
        assert_eq!(holder(&play(&balancer, "s", now)), "a");
    }
    ready(directory.release(&newer, seconds(21.0))).unwrap();
    balancer.register(ours("a", "2", &[]), seconds(21.0)).unwrap();
    balancer.register(ours("b", "1", &[("s", 0)]), seconds(21.0)).unwrap();
    assert_eq!(play(&balancer, "s", 21.1).reason, Reason::Placed);
    balancer.register(ours("b", "1", &[("s", 0)]), seconds(34.5)).unwrap();
    assert_eq!(play(&balancer, "s", 34.5).reason, Reason::Live, "whoever was there is gone");
}

#[test]
fn a_claim_that_the_directory_lost_is_put_back_before_it_is_given_up_so_that_epochs_rise() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let ahead = foreign("s", "a", 3_600_000);
    ready(directory.claim(&ahead, None, LEASE, seconds(0.0))).unwrap();
    play(&balancer, "s", 0.1);
    directory.away.store(true, Ordering::Relaxed);
    assert_eq!(publish(&balancer, "s", 0.2).claim.as_ref(), Some(&ahead));
    Balancer::publish_ended(&balancer, &ahead, Ending::Clean, seconds(0.3));
    directory.replaced.store(true, Ordering::Relaxed);
    directory.away.store(false, Ordering::Relaxed);
    balancer.tick(seconds(0.5));
    balancer.register(ours("a", "1", &[]), seconds(1.0)).unwrap();
    balancer.tick(seconds(1.1));
    assert_eq!(directory.stands("s", 1.1), None);
    let other = over(&directory, "q");
    other.register(ours("a", "1", &[]), seconds(2.0)).unwrap();
    assert!(publish(&other, "s", 2.0).claim.is_some_and(|claim| claim.epoch > ahead.epoch));
}

#[test]
fn a_publish_that_met_a_new_run_gets_its_stream_back_from_an_older_claim_of_the_former_one() {
    let older = foreign("s", "a", 0);
    let directory = shaky();
    let balancer = over(&directory, "p");
    ready(directory.claim(&older, None, LEASE, seconds(0.0))).unwrap();
    directory.away.store(true, Ordering::Relaxed);
    balancer.register(ours("a", "1", &[]), seconds(0.5)).unwrap();
    let claim = publish(&balancer, "s", 0.5).claim.unwrap();
    assert!(claim.epoch > older.epoch);
    directory.away.store(false, Ordering::Relaxed);
    for now in [1.0, 2.0, 3.0] {
        let own = Listed { epoch: claim.epoch, ..listed(0) };
        let live = Some(HashMap::from([(key("s"), own)]));
        balancer.register(Node { live, ..ours("a", "2", &[]) }, seconds(now)).unwrap();
        balancer.tick(seconds(now));
    }
    assert_eq!(directory.stands("s", 3.0).map(|claim| claim.instance), Some("2".to_owned()));
}
