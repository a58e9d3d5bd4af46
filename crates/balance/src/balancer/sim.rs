//! A seeded random life of a cluster, checked after each step against a model that knows the truth.

use super::*;
use crate::testkit::{AtOnce, balancer, id, key, ours, seconds};
use std::collections::BTreeMap;

/// xorshift64*, so that a failing seed can be run again anywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % sides
    }
}

#[derive(Default)]
struct Truth {
    is_up: bool,
    run: u32,
    last_beat: f64,
    refused_since: Option<f64>,
    carries: std::collections::BTreeSet<String>,
}

impl Truth {
    fn may_be_picked(&self, now: f64) -> bool {
        self.run > 0 && now - self.last_beat <= 3.0 && self.refused_since.is_none()
    }
}

struct World {
    balancer: AtOnce,
    nodes: BTreeMap<String, Truth>,
    /// What runs: stream to claim and the time it began.
    publishes: BTreeMap<String, (Claim, f64)>,
    highest: BTreeMap<String, Epoch>,
    now: f64,
}

impl World {
    fn beat(&mut self, name: &str) {
        let (now, truth) = (self.now, self.nodes.get_mut(name).unwrap());
        if !truth.is_up {
            return;
        }
        let live: Vec<(&str, u64)> = truth.carries.iter().map(|stream| (stream.as_str(), 1)).collect();
        self.balancer.register(ours(name, &truth.run.to_string(), &live), seconds(now)).unwrap();
        truth.last_beat = now;
    }

    fn restart(&mut self, name: &str) {
        let truth = self.nodes.get_mut(name).unwrap();
        *truth = Truth { is_up: true, run: truth.run + 1, ..Truth::default() };
        self.beat(name);
    }

    fn publish(&mut self, stream: &str) {
        let now = seconds(self.now);
        let Ok(pick) = self.balancer.pick_publish(&key(stream), &[], now) else {
            assert!(self.nodes.values().all(|truth| !truth.may_be_picked(self.now)), "an origin was alive");
            return;
        };
        self.check_alive(&pick);
        let claim = pick.claim.clone().expect("memory has room");
        assert_eq!(
            claim.instance,
            self.nodes[claim.holder.as_str()].run.to_string(),
            "claims name the present run"
        );
        let highest = self.highest.entry(stream.to_owned()).or_insert(claim.epoch);
        assert!(claim.epoch >= *highest, "epochs never fall");
        *highest = claim.epoch;
        if let Some((running, began)) = self.publishes.get(stream) {
            let holder = &self.nodes[running.holder.as_str()];
            let stands = holder.may_be_picked(self.now)
                && holder.run.to_string() == running.instance
                && (holder.carries.contains(stream) && self.now - began < 10.0);
            assert!(!stands || *running == claim, "a standing claim is kept");
        }
        let viewer = self.balancer.pick_play(&key(stream), &[], now).unwrap();
        assert_eq!(viewer.claim, Some(claim.clone()), "one holder at a time, for publishers and viewers");
        if self.nodes[claim.holder.as_str()].is_up {
            let entry = self.publishes.entry(stream.to_owned()).or_insert((claim.clone(), self.now));
            if entry.0 != claim {
                *entry = (claim.clone(), self.now);
            }
            self.nodes.get_mut(claim.holder.as_str()).unwrap().carries.insert(stream.to_owned());
        } else {
            self.fail(&claim.holder);
        }
    }

    fn fail(&mut self, holder: &NodeId) {
        self.balancer.dial_failed(holder, seconds(self.now));
        self.nodes.get_mut(holder.as_str()).unwrap().refused_since = Some(self.now);
    }

    fn end(&mut self, stream: &str) {
        if let Some((claim, _)) = self.publishes.remove(stream) {
            self.balancer.publish_ended(&claim, seconds(self.now));
            self.nodes.get_mut(claim.holder.as_str()).unwrap().carries.remove(stream);
        }
    }

    fn check_alive(&self, pick: &Pick) {
        let truth = &self.nodes[pick.node.id.as_str()];
        assert!(self.now - truth.last_beat <= 3.0, "{} is dead at {}", pick.node.id, self.now);
        assert!(truth.refused_since.is_none(), "{} refuses at {}", pick.node.id, self.now);
    }

    /// A dead process stays refused; one that is up comes back when its back-off ended, which the view tells.
    /// Claims of a node that was silent, however briefly, need not stand any more.
    fn refresh(&mut self) {
        let (nodes, now) = (&self.nodes, self.now);
        self.publishes.retain(|_, (claim, _)| now - nodes[claim.holder.as_str()].last_beat <= 3.0);
        for view in self.balancer.origins(seconds(self.now)) {
            let truth = self.nodes.get_mut(view.node.id.as_str()).unwrap();
            if let Some(since) = truth.refused_since
                && !matches!(view.health, Health::Refusing { .. })
            {
                assert!(truth.last_beat > since && self.now - since >= 0.9, "back too early");
                truth.refused_since = None;
            }
        }
    }
}

fn live(seed: u64) {
    let mut dice = Dice(seed);
    let names = ["a", "b", "c", "d"];
    let mut world = World {
        balancer: balancer(),
        nodes: names.iter().map(|name| ((*name).to_owned(), Truth::default())).collect(),
        publishes: BTreeMap::new(),
        highest: BTreeMap::new(),
        now: 0.0,
    };
    for _ in 0..3_000 {
        world.now += dice.roll(400) as f64 / 1_000.0;
        let name = names[usize::try_from(dice.roll(4)).unwrap()];
        let stream = format!("s{}", dice.roll(12));
        world.refresh();
        match dice.roll(100) {
            0..2 => world.nodes.get_mut(name).unwrap().is_up = false,
            2..4 => world.restart(name),
            4..50 => names.iter().for_each(|name| world.beat(name)),
            50..75 => world.publish(&stream),
            75..85 => world.end(&stream),
            85..90 => world.balancer.tick(seconds(world.now)),
            _ => {
                if let Ok(pick) = world.balancer.pick_play(&key(&stream), &[], seconds(world.now)) {
                    world.check_alive(&pick);
                }
            }
        }
    }
    assert!(world.highest.len() == 12, "the life was worth living");
}

#[test]
fn no_dead_node_is_picked_and_one_claim_stands_in_forty_random_lives() {
    for seed in 1..=40 {
        live(seed * 0x9e37_79b9);
    }
}

#[test]
fn an_excluded_node_is_not_picked_though_it_holds_the_claim() {
    let balancer = balancer();
    for name in ["a", "b"] {
        balancer.register(ours(name, "1", &[]), seconds(0.0)).unwrap();
    }
    let first = balancer.pick_publish(&key("s"), &[], seconds(0.0)).unwrap();
    let exclude = [first.node.id.clone()];
    assert_ne!(balancer.pick_play(&key("s"), &exclude, seconds(0.0)).unwrap().node.id, exclude[0]);
    assert_ne!(balancer.pick_publish(&key("s"), &exclude, seconds(0.0)).unwrap().node.id, exclude[0]);
    assert!(exclude.contains(&id("a")) || exclude.contains(&id("b")));
}
