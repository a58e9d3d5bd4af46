//! Encoders, and the legs by which a proxy brings them to origins, as the relay does.

use super::check::check_place;
use super::clock::Ms;
use super::origin::Refused;
use super::world::{Life, Stage, World};
use crate::{Claim, Ending, NoOrigin, Pick};
use srs_names::NodeId;
use std::rc::Rc;
use std::time::Duration;

/// Origins tried for one session.
const TRIES: usize = 3;
/// So long a session goes on without an origin.
const FAILOVER: Ms = 10_000;
const RETRY: Ms = 200;
/// A connection must be there after this time.
const DIAL: Ms = 2_000;
/// An origin must answer after this time.
const ANSWER: Ms = 5_000;
const STAY: Ms = 1_000;
const HOLD: Duration = Duration::from_millis(super::origin::HOLD);

pub(super) fn index_of(id: &NodeId) -> usize {
    id.as_str()[1..].parse().unwrap()
}

/// A session's end, as its encoder sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// By its own will, with a word or without.
    Left { clean: bool },
    /// The proxy is gone.
    Reset,
    /// The origin or the proxy ended it.
    Refused,
}

enum Unserved {
    Refused,
    /// By an origin that knows a newer owner.
    Fenced,
    Failed,
    /// The encoder left, or the proxy died.
    Ended(Ended),
}

/// A publish at an origin under a claim. Dropping it closes the connection without a word and gives up the claim.
struct Leg {
    world: Rc<World>,
    proxy: usize,
    run: u32,
    name: usize,
    claim: Claim,
    ending: Ending,
    /// Where it is published, once it is.
    at: Option<At>,
}

#[derive(Clone, Copy)]
struct At {
    origin: usize,
    run: u32,
    generation: u64,
    clean: bool,
}

impl Drop for Leg {
    fn drop(&mut self) {
        let world = Rc::clone(&self.world);
        if let Some(at) = self.at {
            let (proxy, name) = (self.proxy, self.name);
            world.end_leg(proxy, at.origin);
            world.spawn(finish(Rc::clone(&world), proxy, name, at));
        }
        if world.runs(self.proxy, self.run) {
            let (balancer, now) = world.balancer(self.proxy);
            world.note(|| format!("p{} ends {} {:?}", self.proxy, shown(&self.claim), self.ending));
            balancer.publish_ended(&self.claim, self.ending, now);
        }
    }
}

/// The origin learns that the connection is closed, when it can.
async fn finish(world: Rc<World>, proxy: usize, name: usize, at: At) {
    world.time.pass(world.time.roll(5)).await;
    loop {
        {
            let mut origins = world.origins.borrow_mut();
            let origin = &mut origins[at.origin];
            if !origin.up || origin.run != at.run {
                return;
            }
            if !origin.frozen {
                // What is closed beyond a cut is found out by silence.
                if !world.is_cut(proxy, at.origin) {
                    origin.finish(name, at.generation, at.clean, world.time.now());
                }
                return;
            }
        }
        world.time.pass(50).await;
    }
}

pub(super) fn shown(claim: &Claim) -> String {
    format!("{}@{}/{} {}", claim.key.stream(), claim.holder, claim.instance, claim.epoch)
}

pub(super) async fn encoder(world: Rc<World>, name: usize) {
    world.time.pass(world.time.roll(3_000)).await;
    while !world.is_over() {
        let proxy = usize::try_from(world.time.roll(world.proxies() as u64)).unwrap();
        let (up, run) = {
            let proxies = world.proxies.borrow();
            (proxies[proxy].up, proxies[proxy].run)
        };
        if !up {
            world.time.pass(200).await;
            continue;
        }
        let stay = if world.time.chance(50) { world.time.between(500, 6_000) } else { 100_000 };
        let encoder = Encoder { world: Rc::clone(&world), proxy, run, name, leaves: world.time.now() + stay };
        let ended = encoder.run().await;
        world.note(|| format!("encoder of s{name} at p{proxy}: {ended:?}"));
        let pause = match ended {
            Ended::Left { clean: true } => world.time.roll(6_000),
            Ended::Left { clean: false } => world.time.between(50, 12_000),
            Ended::Reset => world.time.between(50, 1_500),
            Ended::Refused => 1_000,
        };
        let pause = if world.stage.get() == Stage::Chaos { pause } else { pause.min(1_000) };
        world.time.pass(pause).await;
    }
}

struct Encoder {
    world: Rc<World>,
    proxy: usize,
    run: u32,
    name: usize,
    leaves: Ms,
}

impl Encoder {
    /// Its will to leave, by which it stays while all is calm.
    fn will(&self) -> Option<Ended> {
        let world = &self.world;
        if !world.runs(self.proxy, self.run) {
            return Some(Ended::Reset);
        }
        let leaves = match world.stage.get() {
            Stage::Chaos => world.time.now() >= self.leaves,
            Stage::Calm => false,
            Stage::Over => true,
        };
        leaves.then(|| Ended::Left { clean: world.time.chance(50) })
    }

    async fn run(&self) -> Ended {
        let mut leg = match self.dial(&[]).await {
            Ok(leg) => leg,
            Err(Unserved::Ended(ended)) => return ended,
            Err(_) => return Ended::Refused,
        };
        let mut patience = 0;
        loop {
            let Err(why) = self.stay(&mut leg, patience).await else { continue };
            let leaves = match why {
                Why::Ended(ended) => {
                    self.say(&mut leg, ended);
                    return ended;
                }
                Why::Lost => false,
                Why::Drains => true,
            };
            let lost = leg.at.map_or(0, |at| at.origin);
            self.world.note(|| format!("s{} at p{} leaves o{lost}: {why:?}", self.name, self.proxy));
            match self.redial(lost, leaves, &leg).await {
                Ok(other) => leg = other,
                Err(Unserved::Ended(ended)) => return ended,
                Err(_) if leaves => {
                    patience = STAY;
                    continue;
                }
                Err(_) => return Ended::Refused,
            }
            patience = 0;
        }
    }

    fn say(&self, leg: &mut Leg, ended: Ended) {
        match ended {
            Ended::Left { clean: true } => {
                if let Some(at) = &mut leg.at {
                    at.clean = true;
                }
            }
            Ended::Left { clean: false } => leg.ending = Ending::Dropped(HOLD),
            Ended::Reset | Ended::Refused => {}
        }
    }

    /// Publishes while it can.
    async fn stay(&self, leg: &mut Leg, patience: Ms) -> Result<(), Why> {
        let patient = self.world.time.now() + patience;
        loop {
            self.world.time.pass(self.world.time.between(100, 220)).await;
            if let Some(ended) = self.will() {
                return Err(Why::Ended(ended));
            }
            self.flow(leg)?;
            let Some(at) = leg.at else { return Err(Why::Lost) };
            match self.world.life(self.proxy, at.origin) {
                Life::Silent => return Err(Why::Lost),
                Life::Draining if self.world.time.now() >= patient => return Err(Why::Drains),
                _ => {}
            }
        }
    }

    fn flow(&self, leg: &Leg) -> Result<(), Why> {
        let Some(at) = leg.at else { return Err(Why::Lost) };
        if self.world.is_cut(self.proxy, at.origin) {
            return Ok(());
        }
        let mut origins = self.world.origins.borrow_mut();
        let origin = &mut origins[at.origin];
        if !origin.up || origin.run != at.run {
            return Err(Why::Lost);
        }
        if origin.frozen {
            return Ok(());
        }
        if !origin.is_live(self.name, at.generation) {
            return Err(Why::Ended(Ended::Refused));
        }
        origin.feed(self.name, self.world.time.now());
        Ok(())
    }

    /// Meanwhile the old leg stays open, and is fed while it is not lost.
    async fn redial(&self, lost: usize, leaves: bool, old: &Leg) -> Result<Leg, Unserved> {
        let until = self.world.time.now() + FAILOVER;
        let lost = self.world.origins.borrow()[lost].id.clone();
        let mut not = vec![lost];
        loop {
            if leaves {
                let _ = self.flow(old);
            }
            match self.dial(&not).await {
                Err(Unserved::Failed) if leaves || self.world.time.now() >= until => {
                    return Err(Unserved::Failed);
                }
                Err(Unserved::Failed) => not.clear(),
                done => return done,
            }
            self.world.time.pass(RETRY).await;
        }
    }

    async fn dial(&self, not: &[NodeId]) -> Result<Leg, Unserved> {
        let mut excluded = not.to_vec();
        let mut fenced = false;
        for _ in 0..TRIES {
            let pick = match self.pick(&excluded).await? {
                Ok(pick) => pick,
                Err(_) => return Err(Unserved::Failed),
            };
            let claim = pick.claim.clone().unwrap();
            let mut leg = Leg {
                world: Rc::clone(&self.world),
                proxy: self.proxy,
                run: self.run,
                name: self.name,
                claim,
                ending: Ending::Unbegun,
                at: None,
            };
            match self.open(&mut leg, &pick).await {
                Ok(true) => return Ok(leg),
                Ok(false) => excluded.push(pick.node.id.clone()),
                // Once more, above the epoch that was told.
                Err(Unserved::Fenced) if !std::mem::replace(&mut fenced, true) => {}
                Err(Unserved::Fenced) => return Err(Unserved::Refused),
                Err(why) => return Err(why),
            }
        }
        Err(Unserved::Failed)
    }

    /// Asks the balancer; the encoder may leave meanwhile, and then nobody waits for the answer.
    async fn pick(&self, excluded: &[NodeId]) -> Result<Result<Pick, NoOrigin>, Unserved> {
        let world = &self.world;
        let (balancer, now) = world.balancer(self.proxy);
        let began = world.time.now();
        let asked = world.judge.borrow().asked(self.proxy, began);
        let key = world.stream(self.name);
        let leaves = if world.stage.get() == Stage::Chaos { self.leaves } else { Ms::MAX };
        let picked = world.time.before(leaves, balancer.pick_publish(&key, excluded, now)).await;
        if !world.runs(self.proxy, self.run) {
            return Err(Unserved::Ended(Ended::Reset));
        }
        let Some(picked) = picked else { return Err(Unserved::Ended(Ended::Left { clean: false })) };
        world.note(|| match &picked {
            Ok(pick) => {
                let claim = pick.claim.as_ref().map(shown);
                format!(
                    "p{} picks {:?} for s{} {:?}, not {excluded:?}",
                    self.proxy, claim, self.name, pick.reason
                )
            }
            Err(error) => format!("p{}: {error}", self.proxy),
        });
        let node = picked.as_ref().ok().map(|pick| index_of(&pick.node.id));
        let not: Vec<usize> = excluded.iter().map(index_of).collect();
        let verdict = world.judge.borrow_mut().picked(&asked, node, &not);
        if let Err(why) = verdict {
            world.fail(why);
        }
        if let Some(claim) = picked.as_ref().ok().and_then(|pick| pick.claim.as_ref()) {
            check_place(world, &asked, claim, &not);
        }
        Ok(picked)
    }

    /// Opens a leg; false when the next origin is to be tried.
    async fn open(&self, leg: &mut Leg, pick: &Pick) -> Result<bool, Unserved> {
        let world = &self.world;
        let (proxy, origin) = (self.proxy, index_of(&pick.node.id));
        let (balancer, _) = world.balancer(proxy);
        let late = world.time.now() + ANSWER;
        world.time.pass(world.time.between(1, 15)).await;
        loop {
            if let Some(ended) = self.will() {
                return Err(Unserved::Ended(ended));
            }
            let now = world.balancer(proxy).1;
            if world.is_cut(proxy, origin) {
                if world.time.now() + ANSWER >= late + DIAL {
                    self.failed(origin, true);
                    balancer.dial_failed(&pick.node.id, now);
                    return Ok(false);
                }
            } else if !world.origins.borrow()[origin].up {
                self.failed(origin, true);
                balancer.dial_failed(&pick.node.id, now);
                return Ok(false);
            } else if !world.origins.borrow()[origin].frozen {
                break;
            }
            if world.time.now() >= late || world.life(proxy, origin) == Life::Silent {
                self.failed(origin, false);
                balancer.dial_slow(&pick.node.id, now);
                return Ok(false);
            }
            world.time.pass(50).await;
        }
        let mut origins = world.origins.borrow_mut();
        let at = &mut origins[origin];
        match at.publish(self.name, leg.claim.epoch, world.time.now()) {
            Ok(generation) => {
                leg.at = Some(At { origin, run: at.run, generation, clean: false });
                leg.ending = Ending::Clean;
                drop(origins);
                world.add_leg(proxy, origin);
                balancer.dial_ok(&pick.node.id);
                world.judge.borrow_mut().dial_ok(proxy, origin);
                world.note(|| format!("s{} runs at o{origin} by {}", self.name, leg.claim.epoch));
                Ok(true)
            }
            Err(Refused::Fenced(current)) => {
                world.note(|| format!("o{origin} refuses {}, for there was {current}", shown(&leg.claim)));
                let now = world.balancer(proxy).1;
                balancer.publish_fenced(&leg.claim, current, now);
                Err(Unserved::Fenced)
            }
            Err(Refused::Busy) => {
                world.note(|| format!("o{origin} refuses {}, it is busy", shown(&leg.claim)));
                Err(Unserved::Refused)
            }
        }
    }

    fn failed(&self, origin: usize, refused: bool) {
        self.world.note(|| format!("p{} cannot dial o{origin}, refused {refused}", self.proxy));
        self.world.judge.borrow_mut().dial_failed(self.proxy, origin, refused, self.world.time.now());
    }
}

/// Why a publish does not stay where it is.
#[derive(Clone, Copy, Debug)]
enum Why {
    Ended(Ended),
    Lost,
    Drains,
}
