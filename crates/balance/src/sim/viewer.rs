//! Viewers, who follow their stream from origin to origin, as the relay lets them.

use super::clock::Ms;
use super::origin::Phase;
use super::publisher::index_of;
use super::world::{Life, Stage, World};
use crate::{Epoch, Health, Pick, Reason};
use srs_names::NodeId;
use std::rc::Rc;

const TRIES: usize = 3;
const FAILOVER: Ms = 10_000;
const RETRY: Ms = 200;
const REST: Ms = 300;
/// A publisher whose last frame is older than this sends none.
const FRESH: Ms = 400;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    origin: usize,
    epoch: Option<Epoch>,
}

impl Place {
    fn of(pick: &Pick) -> Place {
        Place { origin: index_of(&pick.node.id), epoch: pick.claim.as_ref().map(|claim| claim.epoch) }
    }

    fn is_better_than(&self, here: &Place) -> bool {
        match (self.epoch, here.epoch) {
            _ if self.origin == here.origin => false,
            (Some(now), Some(then)) => now > then,
            (None, Some(_)) => false,
            _ => true,
        }
    }
}

/// A seat at an origin.
struct Seat {
    world: Rc<World>,
    proxy: usize,
    name: usize,
    run: u32,
    place: Place,
    reason: Reason,
    was_live: bool,
    /// Which owner is there, as the balancer could know.
    told: Option<Epoch>,
    /// There is no other origin to wait at: an older owner has to do.
    alone: bool,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let origin = self.place.origin;
        self.world.end_leg(self.proxy, origin);
        let mut origins = self.world.origins.borrow_mut();
        let origin = &mut origins[origin];
        if origin.run == self.run
            && let Some(stream) = origin.streams.get_mut(&self.name)
        {
            stream.viewers = stream.viewers.saturating_sub(1);
        }
    }
}

enum Event {
    /// The stream is over, as this origin says.
    Over,
    Lost,
    Elsewhere,
    Gone,
}

pub(super) async fn viewer(world: Rc<World>, name: usize) {
    world.time.pass(world.time.roll(5_000)).await;
    while !world.is_over() {
        let proxy = usize::try_from(world.time.roll(world.proxies() as u64)).unwrap();
        let run = world.proxies.borrow()[proxy].run;
        let stay = world.time.between(2_000, 40_000);
        let until = world.time.now() + stay;
        let losses = world.hall.losses();
        let viewer = Viewer {
            world: Rc::clone(&world),
            proxy,
            run,
            name,
            until,
            version: 0,
            place: None,
            losses,
            seen: Epoch(0),
            told: Epoch(0),
        };
        if world.runs(proxy, run) {
            viewer.run().await;
        }
        world.time.pass(world.time.between(100, 2_000)).await;
    }
}

struct Viewer {
    world: Rc<World>,
    proxy: usize,
    run: u32,
    name: usize,
    until: Ms,
    /// The balancer's version when it was looked last.
    version: u64,
    /// What was told of the stream last.
    place: Option<Place>,
    /// How often the directory had forgotten what it gave when that was looked at last.
    losses: u32,
    /// The newest owner that sent something to it. While the directory never failed every proxy can know every owner. One that
    /// forgot may give what is older.
    seen: Epoch,
    /// The newest of those that a pick told and the directory knew.
    told: Epoch,
}

impl Viewer {
    fn is_gone(&self) -> bool {
        let world = &self.world;
        let tired = world.time.now() >= self.until && world.stage.get() == Stage::Chaos;
        tired || world.is_over() || !world.runs(self.proxy, self.run)
    }

    async fn run(mut self) {
        let Some(mut seat) = self.dial().await else { return };
        let mut lost_at: Option<Ms> = None;
        loop {
            let here = seat.place.clone();
            let lost = match self.watch(&mut seat, &mut lost_at).await {
                Event::Gone => return,
                Event::Elsewhere => false,
                Event::Lost => true,
                Event::Over => {
                    let key = self.world.stream(self.name);
                    let (balancer, now) = self.world.balancer(self.proxy);
                    let found = balancer.find(&key, now).await;
                    if !found.is_some_and(|pick| Place::of(&pick).is_better_than(&here)) {
                        return;
                    }
                    false
                }
            };
            let began = *lost_at.get_or_insert(self.world.time.now());
            drop(seat);
            if lost {
                self.world.time.pass(REST).await;
            }
            seat = loop {
                if self.is_gone() {
                    return;
                }
                match self.dial().await {
                    Some(seat) => break seat,
                    None if self.world.time.now() >= began + FAILOVER => return,
                    None => self.world.time.pass(RETRY).await,
                }
            };
        }
    }

    async fn dial(&self) -> Option<Seat> {
        let world = &self.world;
        let key = world.stream(self.name);
        let mut excluded: Vec<NodeId> = Vec::new();
        for _ in 0..TRIES {
            let (balancer, now) = world.balancer(self.proxy);
            let pick = balancer.pick_play(&key, &excluded, now).await.ok()?;
            world.time.pass(world.time.between(1, 15)).await;
            let place = Place::of(&pick);
            let cut = world.is_cut(self.proxy, place.origin);
            let (up, frozen, run) = {
                let origins = world.origins.borrow();
                let origin = &origins[place.origin];
                (origin.up, origin.frozen, origin.run)
            };
            if self.is_gone() {
                return None;
            }
            if up && !cut && !frozen {
                balancer.dial_ok(&pick.node.id);
                world.judge.borrow_mut().dial_ok(self.proxy, place.origin);
                world.note(|| {
                    format!(
                        "viewer of s{} at p{} sits at {place:?}, {:?}",
                        self.name, self.proxy, pick.reason
                    )
                });
                world.add_leg(self.proxy, place.origin);
                if let Some(stream) = world.origins.borrow_mut()[place.origin].streams.get_mut(&self.name) {
                    stream.viewers += 1;
                }
                let (world, proxy, name) = (Rc::clone(world), self.proxy, self.name);
                let views = balancer.origins(now);
                let alive = views.iter().filter(|view| view.health == Health::Alive);
                let is_only = alive.filter(|view| !excluded.contains(&view.node.id)).count() < 2;
                let listed =
                    pick.node.live.as_ref().and_then(|live| live.get(&key)).map(|listed| listed.epoch);
                let alone = is_only && pick.reason == Reason::Placed;
                let told = place.epoch.or(listed).filter(|_| !alone);
                return Some(Seat {
                    world,
                    proxy,
                    name,
                    run,
                    place,
                    reason: pick.reason,
                    was_live: false,
                    told,
                    alone,
                });
            }
            let down = !up || cut;
            if !up {
                balancer.dial_failed(&pick.node.id, now);
            } else {
                world.time.pass(2_000).await;
                let now = world.balancer(self.proxy).1;
                if down {
                    balancer.dial_failed(&pick.node.id, now);
                } else {
                    balancer.dial_slow(&pick.node.id, now);
                }
            }
            let now = world.time.now();
            world.judge.borrow_mut().dial_failed(self.proxy, place.origin, down, now);
            excluded.push(pick.node.id.clone());
        }
        None
    }

    async fn watch(&mut self, seat: &mut Seat, lost_at: &mut Option<Ms>) -> Event {
        loop {
            self.world.time.pass(self.world.time.between(100, 220)).await;
            if self.is_gone() {
                return Event::Gone;
            }
            match self.look(seat) {
                Ok(true) => *lost_at = None,
                Ok(false) if lost_at.is_some_and(|at| self.world.time.now() >= at + FAILOVER) => {
                    return Event::Gone;
                }
                Ok(false) => {}
                Err(event) => return event,
            }
            let restless = lost_at.is_some() || (seat.reason == Reason::Placed && !seat.was_live);
            self.follow(restless).await;
            if self.place.as_ref().is_some_and(|place| place.is_better_than(&seat.place)) {
                return Event::Elsewhere;
            }
            if self.world.life(self.proxy, seat.place.origin) == Life::Silent {
                return Event::Lost;
            }
        }
    }

    /// Whether something is sent.
    fn look(&mut self, seat: &mut Seat) -> Result<bool, Event> {
        let world = &self.world;
        if world.is_cut(self.proxy, seat.place.origin) {
            return Ok(false);
        }
        let mut origins = world.origins.borrow_mut();
        let origin = &mut origins[seat.place.origin];
        if !origin.up || origin.run != seat.run {
            return Err(Event::Lost);
        }
        if origin.frozen {
            return Ok(false);
        }
        let Some(stream) = origin.streams.get_mut(&self.name) else {
            return if seat.was_live { Err(Event::Over) } else { Ok(false) };
        };
        match stream.phase {
            Phase::Live if world.time.now() <= stream.fed + FRESH => {
                stream.viewers = stream.viewers.max(1);
                let epoch = stream.epoch;
                drop(origins);
                if std::mem::replace(&mut self.losses, world.hall.losses()) != self.losses {
                    (self.seen, self.told) = (Epoch(0), Epoch(0));
                }
                seat.was_live = true;
                let is_given = world.judge.borrow().is_given(self.name, epoch);
                if is_given && seat.place.epoch == Some(epoch) {
                    self.told = self.told.max(epoch);
                }
                let is_known = seat.told.is_some_and(|told| told < self.told) && epoch < self.told;
                let is_older = world.hall.is_blameless() && epoch < self.seen && !seat.alone;
                if is_known || is_older {
                    let (origin, proxy, name) = (seat.place.origin, self.proxy, self.name);
                    let newest = self.told.max(self.seen);
                    world.fail(format!(
                        "a viewer of s{name} at p{proxy} saw {newest} and is sent {epoch} from o{origin}"
                    ));
                }
                self.seen = self.seen.max(epoch);
                Ok(true)
            }
            Phase::Ended if seat.was_live => Err(Event::Over),
            _ => Ok(false),
        }
    }

    async fn follow(&mut self, restless: bool) {
        let key = self.world.stream(self.name);
        let (balancer, now) = self.world.balancer(self.proxy);
        let version = balancer.version();
        if std::mem::replace(&mut self.version, version) != version {
            self.place = balancer.locate(&key, now).as_ref().map(Place::of);
        }
        if restless {
            self.place = balancer.find(&key, now).await.as_ref().map(Place::of);
        }
    }
}
