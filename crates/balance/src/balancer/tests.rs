use super::*;
use crate::directory::{Answer, Error};
use crate::testkit::{AtOnce, balancer, id, key, listed, ours, plain, ready, seconds};
use crate::{Listed, Memory, Role};
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

mod joined;
mod kit;
mod lost;
mod placement;

use kit::{Gone, Shaky, foreign, gone, over, shaky};

fn holder(pick: &Pick) -> &str {
    pick.node.id.as_str()
}

/// Three nodes that list no streams, registered at zero.
fn three() -> AtOnce {
    let balancer = balancer();
    for name in ["a", "b", "c"] {
        balancer.register(plain(name, "1"), seconds(0.0)).unwrap();
    }
    balancer
}

fn publish(balancer: &AtOnce, name: &str, at: f64) -> Pick {
    balancer.pick_publish(&key(name), &[], seconds(at)).unwrap()
}

fn play(balancer: &AtOnce, name: &str, at: f64) -> Pick {
    balancer.pick_play(&key(name), &[], seconds(at)).unwrap()
}

#[test]
fn nobody_registered_is_said_so() {
    let refused = balancer().pick_publish(&key("s"), &[], seconds(0.0)).unwrap_err();
    assert_eq!(refused, NoOrigin::NoneRegistered(key("s")));
    assert_eq!(refused.to_string(), "no origin for __defaultVhost__/live/s: none has registered");
}

#[test]
fn when_all_are_silent_none_is_used() {
    let balancer = three();
    let refused = balancer.pick_play(&key("s"), &[], seconds(40.0)).unwrap_err();
    assert_eq!(refused, NoOrigin::NoneAlive { key: key("s"), known: 3 });
}

#[test]
fn when_all_are_excluded_the_error_says_so() {
    let refused = three().pick_publish(&key("s"), &[id("a"), id("b"), id("c")], seconds(1.0)).unwrap_err();
    assert_eq!(refused, NoOrigin::AllTried { key: key("s"), alive: 3 });
}

#[test]
fn a_permanent_backend_serves_when_all_others_are_silent() {
    let balancer = three();
    balancer.register(Node { permanent: true, ..plain("default", "1") }, seconds(0.0)).unwrap();
    assert_eq!(holder(&publish(&balancer, "s", 1_000.0)), "default");
}

#[test]
fn edges_and_unknown_roles_are_never_picked() {
    let balancer = balancer();
    balancer.register(Node { role: Role::Edge, ..plain("edge", "1") }, seconds(0.0)).unwrap();
    balancer.register(Node { role: Role::named("moon"), ..plain("moon", "1") }, seconds(0.0)).unwrap();
    let refused = balancer.pick_play(&key("s"), &[], seconds(0.0)).unwrap_err();
    assert_eq!(refused, NoOrigin::NoneRegistered(key("s")));
}

#[test]
fn a_viewer_follows_the_claim() {
    let balancer = three();
    for number in 0..20 {
        let name = format!("s{number}");
        let first = publish(&balancer, &name, 1.0);
        let viewer = play(&balancer, &name, 1.0);
        assert_eq!((holder(&viewer), viewer.reason), (holder(&first), Reason::Claimed));
        assert_eq!(viewer.claim, first.claim);
    }
}

#[test]
fn a_viewer_never_claims() {
    let balancer = three();
    assert_eq!(play(&balancer, "s", 1.0).reason, Reason::Placed);
    assert!(balancer.origins(seconds(1.0)).iter().all(|view| view.claims == 0));
}

#[test]
fn a_viewer_who_came_first_can_notice_the_claim() {
    let balancer = three();
    let early = play(&balancer, "s", 1.0);
    assert_eq!(early.reason, Reason::Placed);
    let before = balancer.version();
    let publisher =
        balancer.pick_publish(&key("s"), std::slice::from_ref(&early.node.id), seconds(1.0)).unwrap();
    assert!(balancer.version() > before);
    assert_eq!(holder(&play(&balancer, "s", 1.0)), holder(&publisher));
}

#[test]
fn a_second_publisher_meets_the_first_under_the_same_claim() {
    let balancer = three();
    let first = publish(&balancer, "s", 1.0);
    assert_eq!(publish(&balancer, "s", 2.0).claim, first.claim);
}

#[test]
fn the_claim_lives_until_the_last_of_its_publishers_ended() {
    let balancer = three();
    let claim = publish(&balancer, "s", 1.0).claim.unwrap();
    publish(&balancer, "s", 1.0);
    balancer.publish_ended(&claim, seconds(2.0));
    assert_eq!(play(&balancer, "s", 2.0).reason, Reason::Claimed);
    let before = balancer.version();
    balancer.publish_ended(&claim, seconds(3.0));
    assert_eq!(play(&balancer, "s", 3.0).reason, Reason::Placed);
    assert!(balancer.version() > before);
}

#[test]
fn a_late_end_of_a_replaced_publish_does_not_end_its_successor() {
    let balancer = three();
    let first = publish(&balancer, "s", 1.0).claim.unwrap();
    balancer.dial_failed(&first.holder, seconds(1.0));
    let second = publish(&balancer, "s", 1.0).claim.unwrap();
    assert_ne!(first.holder, second.holder);
    assert!(second.epoch > first.epoch);
    balancer.publish_ended(&first, seconds(2.0));
    assert_eq!(play(&balancer, "s", 2.0).claim, Some(second));
}

#[test]
fn a_running_publish_keeps_its_claim_beyond_the_lease() {
    let balancer = three();
    let claim = publish(&balancer, "s", 0.0).claim;
    for second in 1..200 {
        let now = f64::from(second);
        for name in ["a", "b", "c"] {
            balancer.register(plain(name, "1"), seconds(now)).unwrap();
        }
        balancer.tick(seconds(now));
        assert_eq!(play(&balancer, "s", now).claim, claim);
    }
}

#[test]
fn a_publish_that_runs_here_is_found_here_though_its_lease_ran_out() {
    let balancer = three();
    let claim = publish(&balancer, "s", 0.0).claim;
    let late = LEASE.as_secs_f64();
    for name in ["a", "b", "c"] {
        balancer.register(plain(name, "1"), seconds(late)).unwrap();
    }
    assert_eq!(play(&balancer, "s", late).claim, claim);
}

#[test]
fn a_claim_waits_for_a_publisher_whose_connection_broke() {
    let balancer = three();
    let claim = publish(&balancer, "s", 0.0).claim.unwrap();
    Balancer::publish_ended(&balancer, &claim, Ending::Dropped(seconds(10.0)), seconds(1.0));
    balancer.tick(seconds(10.9));
    assert_eq!(publish(&balancer, "s", 10.9).claim, Some(claim.clone()), "it came back in time");
    Balancer::publish_ended(&balancer, &claim, Ending::Dropped(seconds(10.0)), seconds(11.0));
    balancer.tick(seconds(21.0));
    assert_eq!(play(&balancer, "s", 21.0).reason, Reason::Placed);
}

#[test]
fn a_claim_that_waits_ends_when_its_holder_waits_no_longer() {
    let balancer = balancer();
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let claim = publish(&balancer, "s", 0.0).claim.unwrap();
    balancer.register(ours("a", "1", &[("s", 0)]), seconds(1.0)).unwrap();
    Balancer::publish_ended(&balancer, &claim, Ending::Dropped(seconds(10.0)), seconds(1.5));
    balancer.tick(seconds(1.6));
    assert_eq!(play(&balancer, "s", 1.6).reason, Reason::Claimed);
    balancer.register(ours("a", "1", &[]), seconds(2.0)).unwrap();
    balancer.tick(seconds(2.1));
    assert_eq!(play(&balancer, "s", 2.1).reason, Reason::Placed);
}

#[test]
fn a_publish_that_never_began_changes_nothing_for_how_long_a_claim_waits() {
    let balancer = three();
    let claim = publish(&balancer, "s", 0.0).claim.unwrap();
    Balancer::publish_ended(&balancer, &claim, Ending::Dropped(seconds(10.0)), seconds(1.0));
    assert_eq!(publish(&balancer, "s", 2.0).claim.as_ref(), Some(&claim));
    Balancer::publish_ended(&balancer, &claim, Ending::Unbegun, seconds(2.1));
    balancer.tick(seconds(10.9));
    assert_eq!(play(&balancer, "s", 10.9).claim.as_ref(), Some(&claim), "it is waited for");
    balancer.tick(seconds(11.1));
    assert_eq!(play(&balancer, "s", 11.1).reason, Reason::Placed, "and not any longer");
    let alone = publish(&balancer, "s", 12.0).claim.unwrap();
    Balancer::publish_ended(&balancer, &alone, Ending::Unbegun, seconds(12.1));
    balancer.tick(seconds(12.2));
    assert_eq!(play(&balancer, "s", 12.2).reason, Reason::Placed, "there was no other");
}

#[test]
fn a_claim_that_its_node_refuses_without_an_epoch_is_replaced_by_one_above_what_can_be_known() {
    let balancer = balancer();
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let first = publish(&balancer, "s", 0.0).claim.unwrap();
    ready(balancer.publish_outdated(&first, seconds(0.1)));
    let second = publish(&balancer, "s", 0.1).claim.unwrap();
    assert!(second.epoch > listed(1_100).epoch, "clocks differ");
    balancer.register(ours("a", "1", &[("s", 9_000)]), seconds(0.2)).unwrap();
    ready(balancer.publish_outdated(&second, seconds(0.3)));
    let third = publish(&balancer, "s", 0.3).claim.unwrap();
    assert!((listed(9_000).epoch..listed(9_500).epoch).contains(&third.epoch), "above what is listed");
}

#[test]
fn a_claim_that_its_node_refuses_without_an_epoch_is_not_put_above_a_newer_one_of_the_directory() {
    let directory = shaky();
    let (left, right) = (over(&directory, "left"), over(&directory, "right"));
    for name in ["a", "b"] {
        left.register(ours(name, "1", &[]), seconds(0.0)).unwrap();
        right.register(ours(name, "1", &[]), seconds(0.0)).unwrap();
    }
    let old = publish(&left, "s", 0.0).claim.unwrap();
    let newer = right.pick_publish(&key("s"), std::slice::from_ref(&old.holder), seconds(1.0)).unwrap().claim;
    ready(left.publish_outdated(&old, seconds(1.1)));
    assert_eq!(publish(&left, "s", 1.1).claim, newer);
}

#[test]
fn a_node_that_drains_keeps_its_viewers_and_takes_no_publisher() {
    let balancer = balancer();
    let beat = |name: &str, draining: bool, now: f64| {
        balancer.register(Node { draining, ..ours(name, "1", &[]) }, seconds(now)).unwrap();
    };
    beat("a", false, 0.0);
    beat("b", false, 0.0);
    let first = publish(&balancer, "s", 0.0).claim.unwrap();
    beat(first.holder.as_str(), true, 0.5);
    assert_eq!(play(&balancer, "s", 0.6).claim.as_ref(), Some(&first));
    let second = publish(&balancer, "s", 0.7).claim.unwrap();
    assert_ne!(second.holder, first.holder);
    assert!(second.epoch > first.epoch);
    assert_eq!(play(&balancer, "s", 0.8).claim, Some(second));
}

#[test]
fn an_older_owner_that_still_lists_the_stream_is_told_to_end_it() {
    let balancer = balancer();
    balancer.register(ours("a", "1", &[("s", 5)]), seconds(0.0)).unwrap();
    balancer.register(ours("b", "1", &[("s", 9)]), seconds(0.0)).unwrap();
    let fence = Fence { key: key("s"), domain: "memory".to_owned(), epoch: listed(9).epoch };
    assert_eq!(balancer.fenced(&id("a")), [fence]);
    assert_eq!(balancer.fenced(&id("b")), []);
    balancer.register(ours("b", "1", &[]), seconds(1.0)).unwrap();
    balancer.tick(seconds(1.0));
    assert_eq!(balancer.fenced(&id("a")), [], "the newer owner has ended");
}

#[test]
fn a_claim_that_its_node_refuses_as_outdated_is_replaced_by_one_above() {
    let balancer = balancer();
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let first = publish(&balancer, "s", 0.0).claim.unwrap();
    let current = listed(500).epoch;
    balancer.publish_fenced(&first, current, seconds(0.1));
    let second = publish(&balancer, "s", 0.1).claim.unwrap();
    assert!(second.epoch > current, "above what the node told");
    assert_eq!(second.holder, first.holder);
    assert_eq!(publish(&balancer, "s", 0.2).claim, Some(second), "and that one stands");
}

#[test]
fn a_claim_that_its_node_refuses_is_replaced_by_one_at_that_node_however_full_it_is() {
    let balancer = three();
    let first = publish(&balancer, "s", 0.0).claim.unwrap();
    let streams: Vec<_> = (0..50).map(|index| format!("other{index}")).collect();
    let others: Vec<_> = streams.iter().map(|name| (name.as_str(), 1)).collect();
    balancer.register(ours(first.holder.as_str(), "1", &others), seconds(0.1)).unwrap();
    balancer.publish_fenced(&first, listed(500).epoch, seconds(0.2));
    balancer.publish_ended(&first, seconds(0.2));
    assert_eq!(publish(&balancer, "s", 0.2).claim.map(|claim| claim.holder), Some(first.holder));
}

#[test]
fn a_stream_that_is_listed_elsewhere_is_not_published_where_an_old_claim_of_it_was_refused() {
    let balancer = balancer();
    for name in ["a", "b"] {
        balancer.register(ours(name, "1", &[]), seconds(5.0)).unwrap();
    }
    let first = publish(&balancer, "s", 5.0).claim.unwrap();
    let other = if first.holder.as_str() == "a" { "b" } else { "a" };
    balancer.publish_fenced(&first, listed(5_500).epoch, seconds(5.2));
    Balancer::publish_ended(&balancer, &first, Ending::Clean, seconds(5.2));
    balancer.register(ours(other, "1", &[("s", 1)]), seconds(5.3)).unwrap();
    assert_eq!(holder(&publish(&balancer, "s", 5.4)), other);
}

#[test]
fn owners_of_other_claim_domains_are_let_be() {
    let balancer = balancer();
    let mut node = ours("a", "1", &[("s", 5)]);
    for listed in node.live.iter_mut().flat_map(|live| live.values_mut()) {
        listed.domain = None;
    }
    balancer.register(node, seconds(0.0)).unwrap();
    balancer.register(ours("b", "1", &[("s", 9)]), seconds(0.0)).unwrap();
    assert_eq!(balancer.fenced(&id("a")), []);
}

#[test]
fn slow_nodes_are_passed_over_while_at_least_half_are_quick() {
    let balancer = three();
    let node = |at| holder(&publish(&balancer, "s", at)).to_owned();
    let first = node(0.0);
    balancer.dial_slow(&id(&first), seconds(0.1));
    let elsewhere = |name: &str| {
        (0..40).all(|number| holder(&publish(&balancer, &format!("{name}{number}"), 0.2)) != first)
    };
    assert!(elsewhere("one"));
    for name in ["a", "b", "c"] {
        balancer.dial_slow(&id(name), seconds(0.3));
    }
    assert!(!elsewhere("two"), "all are slow, so none is left out");
}

#[test]
fn a_silent_holder_loses_its_claims_within_four_seconds() {
    let balancer = balancer();
    let beat = |names: &[&str], now: f64| {
        for name in names {
            balancer.register(ours(name, "1", &[]), seconds(now)).unwrap();
        }
        balancer.tick(seconds(now));
    };
    beat(&["a", "b", "c"], 0.0);
    let first = publish(&balancer, "s", 0.0).claim.unwrap();
    let others: Vec<&str> =
        ["a", "b", "c"].into_iter().filter(|name| *name != first.holder.as_str()).collect();
    for now in [1.0, 2.0, 3.0] {
        beat(&others, now);
        assert_eq!(play(&balancer, "s", now).claim.as_ref(), Some(&first));
    }
    let before = balancer.version();
    beat(&others, 4.0);
    assert!(balancer.version() > before);
    assert_ne!(play(&balancer, "s", 4.0).node.id, first.holder);
    assert!(publish(&balancer, "s", 4.0).claim.unwrap().epoch > first.epoch);
}

#[test]
fn a_restarted_holder_has_no_claims() {
    let balancer = balancer();
    balancer.register(plain("a", "1"), seconds(0.0)).unwrap();
    let first = publish(&balancer, "s", 0.0).claim.unwrap();
    assert_eq!(balancer.register(plain("a", "2"), seconds(1.0)), Ok(Registered::Restarted));
    assert_eq!(play(&balancer, "s", 1.0).reason, Reason::Placed);
    let second = publish(&balancer, "s", 1.0).claim.unwrap();
    assert_eq!(second.instance, "2");
    assert!(second.epoch > first.epoch);
}

#[test]
fn a_lingering_old_run_does_not_take_the_id_back() {
    let balancer = balancer();
    balancer.register(plain("a", "1"), seconds(0.0)).unwrap();
    balancer.register(plain("a", "2"), seconds(1.0)).unwrap();
    assert_eq!(balancer.register(plain("a", "1"), seconds(2.0)), Ok(Registered::Former));
    assert_eq!(balancer.node(&id("a")).unwrap().instance, "2");
    assert_eq!(
        balancer.register(plain("a", "1"), seconds(60.0)),
        Ok(Registered::Restarted),
        "the other is silent"
    );
}

#[test]
fn a_node_whose_media_port_refuses_is_passed_over_though_it_beats() {
    let balancer = three();
    let first = publish(&balancer, "s", 0.0);
    balancer.dial_failed(&first.node.id, seconds(0.1));
    let second = publish(&balancer, "s", 0.2);
    assert_ne!(holder(&first), holder(&second));
    balancer.register(plain(holder(&first), "1"), seconds(0.5)).unwrap();
    assert_eq!(holder(&play(&balancer, "s", 0.6)), holder(&second));
}

#[test]
fn a_holder_that_comes_back_within_its_back_off_still_owns_what_nobody_took() {
    let balancer = three();
    let claim = publish(&balancer, "s", 0.0).claim.unwrap();
    balancer.dial_failed(&claim.holder, seconds(0.1));
    assert_ne!(play(&balancer, "s", 0.2).node.id, claim.holder);
    balancer.dial_ok(&claim.holder);
    assert_eq!(play(&balancer, "s", 0.3).claim, Some(claim));
}

#[test]
fn a_viewer_finds_a_stream_that_a_node_lists() {
    let balancer = three();
    for name in ["x", "y"] {
        balancer.register(ours(name, "1", &[("s", if name == "x" { 5 } else { 9 })]), seconds(1.0)).unwrap();
    }
    let pick = play(&balancer, "s", 1.0);
    assert_eq!((holder(&pick), pick.reason), ("y", Reason::Live), "the higher epoch");
}

#[test]
fn a_publish_without_a_claim_goes_where_the_stream_is_live() {
    let balancer = three();
    balancer.register(ours("x", "1", &[("s", 500)]), seconds(0.0)).unwrap();
    let claim = publish(&balancer, "s", 0.1).claim.unwrap();
    assert_eq!(claim.holder, id("x"));
    assert!(claim.epoch > Epoch::from_unix_ms(crate::testkit::START_MS + 500));
}

#[test]
fn a_mad_epoch_in_a_heartbeat_does_not_use_up_the_numbers() {
    let balancer = balancer();
    let mut node = ours("a", "1", &[]);
    node.live = Some(HashMap::from([(key("s"), Listed { epoch: Epoch(u64::MAX), ..Listed::default() })]));
    balancer.register(node, seconds(0.0)).unwrap();
    assert!(publish(&balancer, "s", 0.0).claim.unwrap().epoch.unix_ms() <= crate::testkit::START_MS + 1);
}

#[test]
fn a_claim_ends_when_its_holder_does_not_list_the_stream() {
    let balancer = balancer();
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    publish(&balancer, "s", 0.0);
    for second in 1..=12 {
        let now = f64::from(second);
        balancer.register(ours("a", "1", &[]), seconds(now)).unwrap();
        balancer.tick(seconds(now));
        let expected = if second <= 10 { Reason::Claimed } else { Reason::Placed };
        assert_eq!(play(&balancer, "s", now).reason, expected, "at {now}");
    }
}

#[test]
fn a_time_without_beats_is_no_sign_that_a_stream_was_not_listed() {
    let balancer = balancer();
    for name in ["a", "b"] {
        balancer.register(ours(name, "1", &[]), seconds(0.0)).unwrap();
    }
    let claim = publish(&balancer, "s", 0.0).claim.unwrap();
    let holder = claim.holder.as_str();
    balancer.register(ours(holder, "1", &[("s", 0)]), seconds(1.0)).unwrap();
    for second in 1..=14 {
        balancer.probe_answered(&claim.holder, seconds(f64::from(second)));
    }
    // Shown by another proxy, and made before the publish began.
    balancer.register(ours(holder, "1", &[]), seconds(14.0)).unwrap();
    assert_eq!(publish(&balancer, "s", 14.1).claim, Some(claim));
}

#[test]
fn a_stream_stays_where_it_is_beyond_the_life_of_the_proxy_that_claimed_it() {
    let directory = Arc::new(Memory::new("memory"));
    let make = || {
        let config = Config { started_unix_ms: 1_795_000_000_000, me: id("p"), ttl: seconds(300.0) };
        AtOnce::over(config, Arc::clone(&directory) as Arc<dyn Directory>)
    };
    let first = make();
    first.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    first.register(ours("b", "1", &[]), seconds(0.0)).unwrap();
    let claim = publish(&first, "s", 0.0).claim.unwrap();
    drop(first);
    let second = make();
    for second_now in 0..100 {
        let now = f64::from(second_now);
        for name in ["a", "b"] {
            let live: &[(&str, u64)] = if id(name) == claim.holder { &[("s", 0)] } else { &[] };
            second.register(ours(name, "1", live), seconds(now)).unwrap();
        }
        second.tick(seconds(now));
        let pick = play(&second, "s", now);
        assert_eq!(pick.node.id, claim.holder);
        assert_ne!(pick.reason, Reason::Placed);
    }
}

#[test]
fn two_runs_of_a_proxy_do_not_give_the_same_epoch() {
    let run = |started_unix_ms: u64| {
        let directory = shaky();
        directory.away.store(true, Ordering::Relaxed);
        let config = Config { started_unix_ms, me: id("p"), ttl: seconds(300.0) };
        let balancer = AtOnce::over(config, directory as Arc<dyn Directory>);
        // Both step over the epoch of another proxy, whose clock is ahead.
        balancer.register(ours("a", "1", &[("s", 3_600_000)]), seconds(0.0)).unwrap();
        publish(&balancer, "s", 0.1).claim.unwrap().epoch
    };
    assert_ne!(run(crate::testkit::START_MS), run(crate::testkit::START_MS + 20_000));
}

/// A directory that does what it is asked, and whose answers to claims are lost.
struct Mute(Memory);

impl Directory for Mute {
    fn domain(&self) -> &str {
        self.0.domain()
    }
    fn claim<'a>(
        &'a self,
        ask: &'a Claim,
        over: Option<Epoch>,
        lease: Duration,
        now: Duration,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            self.0.claim(ask, over, lease, now).await.unwrap();
            gone().await
        })
    }
    fn renew<'a>(&'a self, claim: &'a Claim, lease: Duration, now: Duration) -> Answer<'a, ()> {
        self.0.renew(claim, lease, now)
    }
    fn release<'a>(&'a self, claim: &'a Claim, now: Duration) -> Answer<'a, ()> {
        self.0.release(claim, now)
    }
    fn lookup<'a>(&'a self, key: &'a StreamKey, now: Duration) -> Answer<'a, Option<Claim>> {
        self.0.lookup(key, now)
    }
}

#[test]
fn a_claim_whose_answer_was_lost_is_the_one_that_is_used() {
    let config = Config { started_unix_ms: 0, me: id("p"), ttl: seconds(300.0) };
    let directory = Arc::new(Mute(Memory::new("memory")));
    let balancer = AtOnce::over(config, Arc::clone(&directory) as Arc<dyn Directory>);
    balancer.register(plain("a", "1"), seconds(0.0)).unwrap();
    let pick = publish(&balancer, "s", 1.0);
    let taken = ready(directory.lookup(&key("s"), seconds(1.0))).unwrap();
    assert_eq!(pick.claim, taken, "it may have been taken, and was");
}

#[test]
fn without_the_directory_publishes_and_plays_meet_by_plain_order() {
    let config = Config { started_unix_ms: 0, me: id("p"), ttl: seconds(300.0) };
    let balancer = AtOnce::over(config, Arc::new(Gone));
    for name in ["a", "b", "c"] {
        balancer.register(plain(name, "1"), seconds(0.0)).unwrap();
    }
    for number in 0..50 {
        let name = format!("s{number}");
        let pick = publish(&balancer, &name, 1.0);
        assert_ne!(pick.reason, Reason::Claimed, "nobody has agreed");
        assert_eq!(holder(&pick), holder(&play(&balancer, &name, 1.0)));
    }
}

#[test]
fn more_nodes_than_the_limit_are_refused_until_one_is_silent() {
    let balancer = balancer();
    for number in 0..MAX_NODES {
        balancer.register(plain(&format!("n{number}"), "1"), seconds(0.0)).unwrap();
    }
    assert_eq!(balancer.register(plain("late", "1"), seconds(1.0)), Err(Full));
    assert_eq!(balancer.register(plain("n5", "1"), seconds(1.0)), Ok(Registered::Beat));
    assert_eq!(balancer.register(plain("late", "1"), seconds(40.0)), Ok(Registered::New));
}

#[test]
fn a_node_unheard_for_the_time_to_live_is_forgotten() {
    let balancer = three();
    balancer.tick(seconds(300.0));
    assert_eq!(balancer.origins(seconds(300.0)).len(), 3);
    balancer.tick(seconds(300.5));
    assert!(balancer.origins(seconds(300.5)).is_empty());
}

#[test]
fn the_view_shows_health_claims_and_age() {
    let balancer = balancer();
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    balancer.register(ours("b", "1", &[]), seconds(1.5)).unwrap();
    balancer.dial_failed(&id("b"), seconds(2.0));
    publish(&balancer, "s", 2.0);
    let views = balancer.origins(seconds(2.0));
    let shown: Vec<_> =
        views.iter().map(|view| (view.node.id.as_str(), view.health, view.last_seen, view.claims)).collect();
    let refusing = Health::Refusing { retry_in: seconds(1.0) };
    assert_eq!(shown, [("a", Health::Alive, seconds(2.0), 1), ("b", refusing, seconds(0.5), 0)]);
    assert_eq!(balancer.origins(seconds(9.0))[0].health, Health::Silent);
}

#[test]
fn a_failed_dial_does_not_hide_that_a_node_is_silent() {
    let balancer = balancer();
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    balancer.dial_failed(&id("a"), seconds(2.0));
    assert!(!balancer.origins(seconds(2.0))[0].silent);
    assert!(balancer.origins(seconds(4.0))[0].silent);
}
