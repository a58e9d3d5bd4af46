use super::*;
use crate::directory::{Answer, Error};
use crate::testkit::{AtOnce, balancer, id, key, listed, ours, plain, ready, seconds};
use crate::{Listed, Memory, Role};
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

mod placement;

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

/// A directory that never answers.
struct Gone;

fn gone<'a, T: Send + 'a>() -> Answer<'a, T> {
    Box::pin(std::future::ready(Err(Error::Unavailable("test".to_owned()))))
}

impl Directory for Gone {
    fn domain(&self) -> &str {
        "gone"
    }
    fn claim<'a>(&'a self, _: &'a Claim, _: Option<Epoch>, _: Duration, _: Duration) -> Answer<'a, ()> {
        gone()
    }
    fn renew<'a>(&'a self, _: &'a Claim, _: Duration, _: Duration) -> Answer<'a, ()> {
        gone()
    }
    fn release<'a>(&'a self, _: &'a Claim, _: Duration) -> Answer<'a, ()> {
        gone()
    }
    fn lookup<'a>(&'a self, _: &'a StreamKey, _: Duration) -> Answer<'a, Option<Claim>> {
        gone()
    }
}

/// A directory that can be switched off, and be replaced by one that has never been told what it was.
struct Shaky {
    tables: [Memory; 2],
    replaced: AtomicBool,
    away: AtomicBool,
}

impl Shaky {
    fn table(&self) -> &Memory {
        &self.tables[usize::from(self.replaced.load(Ordering::Relaxed))]
    }

    fn unless_away<'a, T: Send + 'a>(&'a self, answer: Answer<'a, T>) -> Answer<'a, T> {
        if self.away.load(Ordering::Relaxed) { gone() } else { answer }
    }

    fn stands(&self, name: &str, at: f64) -> Option<Claim> {
        ready(self.table().lookup(&key(name), seconds(at))).unwrap()
    }
}

impl Directory for Shaky {
    fn domain(&self) -> &str {
        self.table().domain()
    }
    fn claim<'a>(
        &'a self,
        ask: &'a Claim,
        over: Option<Epoch>,
        lease: Duration,
        now: Duration,
    ) -> Answer<'a, ()> {
        self.unless_away(self.table().claim(ask, over, lease, now))
    }
    fn renew<'a>(&'a self, claim: &'a Claim, lease: Duration, now: Duration) -> Answer<'a, ()> {
        self.unless_away(self.table().renew(claim, lease, now))
    }
    fn release<'a>(&'a self, claim: &'a Claim, now: Duration) -> Answer<'a, ()> {
        self.unless_away(self.table().release(claim, now))
    }
    fn lookup<'a>(&'a self, key: &'a StreamKey, now: Duration) -> Answer<'a, Option<Claim>> {
        self.unless_away(self.table().lookup(key, now))
    }
}

/// A proxy of this name over this directory.
fn over(directory: &Arc<impl Directory + 'static>, name: &str) -> AtOnce {
    let config = Config { started_unix_ms: crate::testkit::START_MS, me: id(name), ttl: seconds(300.0) };
    AtOnce::over(config, Arc::clone(directory) as Arc<dyn Directory>)
}

fn shaky() -> Arc<Shaky> {
    let tables = [Memory::new("memory"), Memory::new("memory")];
    Arc::new(Shaky { tables, replaced: false.into(), away: false.into() })
}

/// A claim in the directory that this balancer did not make.
fn foreign(name: &str, holder: &str, ms: u64) -> Claim {
    let epoch = listed(ms).epoch;
    Claim { key: key(name), holder: id(holder), instance: "1".to_owned(), epoch }
}

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
fn a_claim_that_was_joined_outlives_the_proxy_that_made_it() {
    let directory = shaky();
    let (left, right) = (over(&directory, "left"), over(&directory, "right"));
    let beat = |now: f64, live: &[(&str, u64)]| {
        left.register(ours("a", "1", live), seconds(now)).unwrap();
        right.register(ours("a", "1", live), seconds(now)).unwrap();
    };
    beat(0.0, &[]);
    let claim = publish(&left, "s", 0.0).claim.unwrap();
    beat(1.0, &[("s", 0)]);
    Balancer::publish_ended(&left, &claim, Ending::Dropped(seconds(10.0)), seconds(1.1));
    beat(2.0, &[("s", 0)]);
    assert_eq!(publish(&right, "s", 2.5).claim.as_ref(), Some(&claim), "the publisher came back elsewhere");
    for now in (3..=100).map(f64::from) {
        beat(now, &[("s", 0)]);
        left.tick(seconds(now));
        right.tick(seconds(now));
        assert_eq!(directory.stands("s", now).as_ref(), Some(&claim), "at {now}");
    }
    Balancer::publish_ended(&right, &claim, Ending::Clean, seconds(100.1));
    beat(101.0, &[]);
    right.tick(seconds(101.0));
    assert_eq!(directory.stands("s", 101.0), None);
}

#[test]
fn a_claim_that_was_joined_at_a_node_that_lists_nothing_outlives_the_proxy_that_made_it() {
    let directory = shaky();
    let (left, right) = (over(&directory, "left"), over(&directory, "right"));
    let beat = |now: f64| {
        left.register(plain("a", "1"), seconds(now)).unwrap();
        right.register(plain("a", "1"), seconds(now)).unwrap();
    };
    beat(0.0);
    let first = publish(&left, "s", 0.0).claim.unwrap();
    let second = publish(&right, "s", 1.0).claim.unwrap();
    assert_eq!(second.holder, first.holder);
    for now in (1..=5).map(|step| f64::from(step) * 8.0) {
        beat(now);
        left.tick(seconds(now));
        right.tick(seconds(now));
    }
    left.publish_ended(&first, seconds(41.0));
    assert_eq!(directory.stands("s", 41.0).map(|claim| claim.holder), Some(id("a")));
    right.publish_ended(&second, seconds(42.0));
    assert_eq!(directory.stands("s", 42.0), None);
}

#[test]
fn a_publish_at_a_node_that_lists_nothing_claims_anew_when_one_that_joined_it_ends() {
    let directory = shaky();
    let (left, right) = (over(&directory, "left"), over(&directory, "right"));
    left.register(plain("a", "1"), seconds(0.0)).unwrap();
    right.register(plain("a", "1"), seconds(0.0)).unwrap();
    publish(&left, "s", 0.0);
    let second = publish(&right, "s", 1.0).claim.unwrap();
    left.tick(seconds(11.0));
    right.publish_ended(&second, seconds(12.0));
    left.tick(seconds(14.0));
    let stands = directory.stands("s", 14.0).unwrap();
    assert!(stands.epoch > second.epoch);
    assert_eq!(play(&left, "s", 14.0).claim, Some(stands));
}

#[test]
fn a_node_that_drains_takes_publishers_while_it_is_the_only_one() {
    let balancer = balancer();
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let first = publish(&balancer, "s", 0.0).claim;
    balancer.register(Node { draining: true, ..ours("a", "1", &[]) }, seconds(0.5)).unwrap();
    assert_eq!(holder(&publish(&balancer, "other", 0.6)), "a");
    assert_eq!(publish(&balancer, "s", 0.6).claim, first, "what stands there goes on");
    balancer.register(ours("b", "1", &[]), seconds(1.0)).unwrap();
    assert_eq!(holder(&publish(&balancer, "third", 1.1)), "b");
    let elsewhere = balancer.pick_publish(&key("s"), &[id("b")], seconds(1.2));
    assert!(elsewhere.is_err(), "what leaves an origin that drains does not go to the next one that does");
}

#[test]
fn a_publish_has_its_stream_again_when_a_newer_owner_ended_by_itself() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let claim = publish(&balancer, "s", 0.0).claim.unwrap();
    for now in (1..=12).map(f64::from) {
        let newer: &[(&str, u64)] = if now < 4.0 { &[("s", 60_000)] } else { &[] };
        balancer.register(ours("a", "1", &[("s", 0)]), seconds(now)).unwrap();
        balancer.register(ours("b", "1", newer), seconds(now)).unwrap();
        balancer.tick(seconds(now));
    }
    assert_eq!(directory.stands("s", 35.0), Some(claim), "it was renewed");
}

/// A directory whose answer to one renewal comes late.
struct Late(Shaky, AtomicBool);

impl Directory for Late {
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
        self.0.claim(ask, over, lease, now)
    }
    fn renew<'a>(&'a self, claim: &'a Claim, lease: Duration, now: Duration) -> Answer<'a, ()> {
        let waits = self.1.swap(false, Ordering::Relaxed);
        Box::pin(async move {
            let mut first = waits;
            std::future::poll_fn(|_| match std::mem::take(&mut first) {
                true => std::task::Poll::Pending,
                false => std::task::Poll::Ready(()),
            })
            .await;
            self.0.renew(claim, lease, now).await
        })
    }
    fn release<'a>(&'a self, claim: &'a Claim, now: Duration) -> Answer<'a, ()> {
        self.0.release(claim, now)
    }
    fn lookup<'a>(&'a self, key: &'a StreamKey, now: Duration) -> Answer<'a, Option<Claim>> {
        self.0.lookup(key, now)
    }
}

#[test]
fn a_renewal_whose_answer_comes_late_leaves_the_newer_claim_alone() {
    let tables = [Memory::new("memory"), Memory::new("memory")];
    let shaky = Shaky { tables, replaced: false.into(), away: false.into() };
    let directory = Arc::new(Late(shaky, false.into()));
    let balancer = over(&directory, "p");
    for name in ["a", "b"] {
        balancer.register(ours(name, "1", &[("s", 0)]), seconds(0.0)).unwrap();
    }
    let first = balancer.pick_publish(&key("s"), &[id("b")], seconds(0.0)).unwrap().claim.unwrap();
    directory.1.store(true, Ordering::Relaxed);
    for name in ["a", "b"] {
        balancer.register(ours(name, "1", &[("s", 0)]), seconds(11.0)).unwrap();
    }
    let mut tick = std::pin::pin!(Balancer::tick(&balancer, seconds(11.0)));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(tick.as_mut().poll(&mut cx).is_pending());
    let second = balancer.pick_publish(&key("s"), &[id("a")], seconds(11.0)).unwrap().claim.unwrap();
    ready(directory.release(&second, seconds(11.0))).unwrap();
    Balancer::publish_ended(&balancer, &first, Ending::Clean, seconds(11.0));
    assert!(tick.as_mut().poll(&mut cx).is_ready());
    balancer.register(ours("b", "1", &[("s", 0)]), seconds(21.4)).unwrap();
    balancer.tick(seconds(21.5));
    assert_eq!(directory.0.stands("s", 21.6), Some(second), "it runs, and is renewed");
}

#[test]
fn a_claim_that_was_joined_and_left_is_not_given_up_before_its_holder_has_spoken() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let claim = foreign("s", "a", 0);
    ready(directory.claim(&claim, None, LEASE, seconds(0.0))).unwrap();
    assert_eq!(publish(&balancer, "s", 0.5).claim.as_ref(), Some(&claim));
    // Another one publishes there.
    Balancer::publish_ended(&balancer, &claim, Ending::Clean, seconds(0.6));
    balancer.tick(seconds(0.7));
    assert_eq!(directory.stands("s", 0.7).as_ref(), Some(&claim));
    for now in [1.0, 2.0] {
        balancer.register(ours("a", "1", &[("s", 0)]), seconds(now)).unwrap();
        balancer.tick(seconds(now));
    }
    assert_eq!(directory.stands("s", 2.0), Some(claim));
}

#[test]
fn a_publish_that_met_a_new_run_before_its_first_beat_has_its_stream() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let claim = publish(&balancer, "s", 0.5).claim.unwrap();
    let mut live = ours("a", "2", &[]);
    balancer.register(live.clone(), seconds(1.0)).unwrap();
    balancer.tick(seconds(1.1));
    let own = Listed { epoch: claim.epoch, ..listed(0) };
    live.live = Some(HashMap::from([(key("s"), own)]));
    balancer.register(live, seconds(2.0)).unwrap();
    balancer.tick(seconds(2.1));
    let stands = directory.stands("s", 2.1).unwrap();
    assert_eq!((stands.holder.as_str(), stands.instance.as_str()), ("a", "2"));
    assert!(stands.epoch > claim.epoch);
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
fn a_publish_that_died_with_a_run_has_no_claim_in_the_next_one() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let claim = publish(&balancer, "s", 0.5).claim.unwrap();
    balancer.register(ours("a", "2", &[]), seconds(1.0)).unwrap();
    balancer.tick(seconds(1.1));
    assert_eq!(play(&balancer, "s", 1.2).reason, Reason::Placed);
    Balancer::publish_ended(&balancer, &claim, Ending::Clean, seconds(1.3));
    balancer.tick(seconds(1.5));
    assert_eq!(directory.stands("s", 1.5), None);
}

#[test]
fn a_joined_claim_that_is_given_up_at_that_moment_is_put_back_at_once() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let claim = foreign("s", "a", 0);
    ready(directory.claim(&claim, None, LEASE, seconds(0.0))).unwrap();
    assert_eq!(publish(&balancer, "s", 0.1).claim.as_ref(), Some(&claim));
    balancer.tick(seconds(0.5));
    ready(directory.release(&claim, seconds(0.9))).unwrap();
    balancer.tick(seconds(1.0));
    assert_eq!(directory.stands("s", 1.0), Some(claim));
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
