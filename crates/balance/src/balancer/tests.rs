use super::*;
use crate::testkit::{balancer, id, key, ours, plain, seconds};
use crate::{Epoch, Memory, Role};

mod placement;

fn holder(pick: &Pick) -> &str {
    pick.node.id.as_str()
}

/// Three nodes that list no streams, registered at zero.
fn three() -> Balancer {
    let balancer = balancer();
    for name in ["a", "b", "c"] {
        balancer.register(plain(name, "1"), seconds(0.0)).unwrap();
    }
    balancer
}

fn publish(balancer: &Balancer, name: &str, at: f64) -> Pick {
    balancer.pick_publish(&key(name), &[], seconds(at)).unwrap()
}

fn play(balancer: &Balancer, name: &str, at: f64) -> Pick {
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
fn without_ticks_a_claim_runs_out_with_its_lease() {
    let balancer = three();
    publish(&balancer, "s", 0.0);
    let late = LEASE.as_secs_f64();
    for name in ["a", "b", "c"] {
        balancer.register(plain(name, "1"), seconds(late)).unwrap();
    }
    assert_eq!(play(&balancer, "s", late).reason, Reason::Placed);
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
    node.live = Some(HashMap::from([(key("s"), Epoch(u64::MAX))]));
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
fn a_listed_claim_outlives_the_proxy_that_made_it() {
    let directory = Arc::new(Memory::new());
    let make = || {
        let config = Config { started_unix_ms: 1_795_000_000_000, me: id("p"), ttl: seconds(300.0) };
        Balancer::new(config, Arc::clone(&directory) as Arc<dyn Directory>)
    };
    let first = make();
    first.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let claim = publish(&first, "s", 0.0).claim;
    drop(first);
    let second = make();
    for second_now in 0..100 {
        let now = f64::from(second_now);
        second.register(ours("a", "1", &[("s", 0)]), seconds(now)).unwrap();
        second.tick(seconds(now));
        assert_eq!(play(&second, "s", now).claim, claim);
    }
}

/// A directory that never answers.
struct Gone;

impl Directory for Gone {
    fn claim(&self, _: &Claim, _: Option<Epoch>, _: Duration, _: Duration) -> Result<(), Error> {
        Err(Error::Unavailable("test".to_owned()))
    }
    fn renew(&self, _: &StreamKey, _: Epoch, _: Duration, _: Duration) -> Result<(), Error> {
        Err(Error::Unavailable("test".to_owned()))
    }
    fn release(&self, _: &StreamKey, _: Epoch, _: Duration) -> Result<(), Error> {
        Err(Error::Unavailable("test".to_owned()))
    }
    fn lookup(&self, _: &StreamKey, _: Duration) -> Result<Option<Claim>, Error> {
        Err(Error::Unavailable("test".to_owned()))
    }
    fn held_by(&self, _: &NodeId, _: Duration) -> Result<usize, Error> {
        Err(Error::Unavailable("test".to_owned()))
    }
}

#[test]
fn without_the_directory_publishes_and_plays_meet_by_plain_order() {
    let config = Config { started_unix_ms: 0, me: id("p"), ttl: seconds(300.0) };
    let balancer = Balancer::new(config, Arc::new(Gone));
    for name in ["a", "b", "c"] {
        balancer.register(plain(name, "1"), seconds(0.0)).unwrap();
    }
    for number in 0..50 {
        let name = format!("s{number}");
        let pick = publish(&balancer, &name, 1.0);
        assert_eq!(pick.claim, None);
        assert_eq!(holder(&pick), holder(&play(&balancer, &name, 1.0)));
    }
}

#[test]
fn the_plan_is_what_the_pick_claims() {
    let balancer = three();
    for number in 0..30 {
        let name = format!("s{number}");
        let plan = balancer.plan_publish(&key(&name), &[], seconds(1.0)).unwrap();
        assert_eq!(holder(&plan), holder(&publish(&balancer, &name, 1.0)));
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
