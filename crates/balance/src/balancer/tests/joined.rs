//! Claims under which somebody publishes through another proxy, and those that have to be made anew.

use super::*;
use std::sync::atomic::AtomicUsize;

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

/// A directory whose answers to so many renewals come late.
struct Late(Shaky, AtomicUsize);

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
        let waits =
            self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
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
    let directory = Arc::new(Late(shaky, 0.into()));
    let balancer = over(&directory, "p");
    for name in ["a", "b"] {
        balancer.register(ours(name, "1", &[("s", 0)]), seconds(0.0)).unwrap();
    }
    let first = balancer.pick_publish(&key("s"), &[id("b")], seconds(0.0)).unwrap().claim.unwrap();
    directory.1.store(1, Ordering::Relaxed);
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
fn renewals_wait_for_the_directory_side_by_side() {
    let tables = [Memory::new("memory"), Memory::new("memory")];
    let shaky = Shaky { tables, replaced: false.into(), away: false.into() };
    let directory = Arc::new(Late(shaky, 0.into()));
    let balancer = over(&directory, "p");
    let names: Vec<String> = (0..20).map(|index| format!("s{index}")).collect();
    balancer.register(plain("a", "1"), seconds(0.0)).unwrap();
    names.iter().for_each(|name| drop(publish(&balancer, name, 0.0)));
    balancer.register(plain("a", "1"), seconds(10.0)).unwrap();
    directory.1.store(20, Ordering::Relaxed);
    let mut tick = std::pin::pin!(Balancer::tick(&balancer, seconds(11.0)));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(tick.as_mut().poll(&mut cx).is_pending());
    assert_eq!(directory.1.load(Ordering::Relaxed), 0, "all were asked");
    assert!(tick.as_mut().poll(&mut cx).is_ready());
    assert!(names.iter().all(|name| directory.0.stands(name, 40.9).is_some()));
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
fn a_claim_that_was_about_to_be_given_up_stands_for_the_publish_that_joins_it() {
    let directory = shaky();
    let balancer = over(&directory, "p");
    balancer.register(ours("a", "1", &[]), seconds(0.0)).unwrap();
    let claim = foreign("s", "a", 0);
    ready(directory.claim(&claim, None, LEASE, seconds(0.0))).unwrap();
    play(&balancer, "s", 0.0);
    for now in (1..=9).map(f64::from) {
        balancer.register(ours("a", "1", &[]), seconds(now)).unwrap();
    }
    assert_eq!(publish(&balancer, "s", 9.9).claim.as_ref(), Some(&claim));
    balancer.register(ours("a", "1", &[]), seconds(10.1)).unwrap();
    balancer.tick(seconds(10.2));
    assert_eq!(directory.stands("s", 10.2), Some(claim));
}
