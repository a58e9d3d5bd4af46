//! What goes wrong in a life.

use super::check;
use super::clock::Ms;
use super::hall::{Kind, PATIENCE};
use super::world::{Stage, World};
use std::rc::Rc;

/// After everything works again the life goes on for so long.
const CALM: Ms = 23_000;

/// The course of a life.
pub(super) async fn course(world: Rc<World>) {
    let time = world.time.clone();
    let long = time.chance(3);
    let end = if long { time.between(60_000, 100_000) } else { time.between(6_000, 25_000) };
    // In many lives only the directory fails: then nothing may move.
    let only_directory = time.chance(40);
    world.hall.set_rough(if time.chance(30) { time.roll(20) } else { 0 }, time.chance(30));
    loop {
        time.pass(time.between(200, 3_000)).await;
        if time.now() + 1_000 >= end {
            break;
        }
        let longest = (end - time.now() - 500).min(if time.chance(20) { 60_000 } else { 12_000 });
        let lasts = time.between(200, longest.max(201));
        let what = if only_directory { time.roll(6) } else { time.roll(16) };
        world.spawn(fault(Rc::clone(&world), what, lasts));
    }
    time.until(end).await;
    heal(&world).await;
    time.pass(CALM).await;
    world.stage.set(Stage::Over);
    world.note(|| "everybody leaves".to_owned());
    time.pass(15_000).await;
    for origin in world.origins.borrow_mut().iter_mut() {
        origin.kill();
    }
    time.pass(915_000).await;
    check::nothing_is_left(&world);
}

/// Everything works again.
async fn heal(world: &Rc<World>) {
    world.hall.set_rough(0, false);
    world.cuts.borrow_mut().clear();
    world.deaf.borrow_mut().clear();
    for origin in world.origins.borrow_mut().iter_mut() {
        origin.restart();
        (origin.frozen, origin.draining) = (false, false);
    }
    for proxy in 0..world.proxies() {
        if !world.proxies.borrow()[proxy].up {
            start_proxy(world, proxy);
        }
        world.hall.lighten(proxy);
    }
    if world.hall.kind == Kind::Mesh {
        world.hall.set_sides(None);
    }
    world.stage.set(Stage::Calm);
    world.note(|| "everything works again".to_owned());
    // What was asked before may fail yet, and a line be taken for dead.
    world.time.pass(PATIENCE + 1).await;
    for proxy in 0..world.proxies() {
        world.time.pass(world.time.roll(700)).await;
        world.hall.reconnect(proxy);
    }
    world.healed.set(world.time.now());
    world.note(|| "healed".to_owned());
}

pub(super) fn start_proxy(world: &Rc<World>, proxy: usize) {
    world.restart_proxy(proxy);
    let run = world.proxies.borrow()[proxy].run;
    world.spawn(Rc::clone(world).watch(proxy, run));
    world.spawn(Rc::clone(world).tick(proxy, run));
}

async fn fault(world: Rc<World>, what: u64, lasts: Ms) {
    let shared = world.hall.kind == Kind::Shared;
    match (what, world.hall.kind) {
        (0, Kind::Shared) => darken(&world, (0..world.proxies()).collect(), lasts).await,
        (1 | 2, Kind::Shared) => {
            let proxy = any(&world, world.proxies());
            darken(&world, vec![proxy], lasts).await;
        }
        (3, Kind::Shared) => flush(&world).await,
        (4, Kind::Shared) => roll_back(&world, lasts).await,
        (0..5, Kind::Mesh) => split(&world, lasts).await,
        (5 | 6, _) => proxy_dies(&world, lasts).await,
        (7, _) => cut(&world, lasts, true).await,
        (8 | 9, _) => cut(&world, lasts, false).await,
        (10 | 11, _) => freeze(&world, lasts).await,
        (12, _) => drain(&world, lasts).await,
        (13..16, _) => origin_dies(&world, lasts).await,
        _ => {
            let loss = if shared { world.time.roll(40) } else { 0 };
            world.hall.set_rough(loss, shared && world.time.chance(50));
        }
    }
}

fn any(world: &World, count: usize) -> usize {
    usize::try_from(world.time.roll(count as u64)).unwrap()
}

fn any_origin(world: &World) -> usize {
    any(world, world.origins())
}

/// The directory is gone for these.
async fn darken(world: &Rc<World>, proxies: Vec<usize>, lasts: Ms) {
    world.note(|| format!("{proxies:?} have no directory for {lasts}"));
    proxies.iter().for_each(|proxy| world.hall.darken(*proxy));
    world.time.pass(lasts).await;
    proxies.iter().for_each(|proxy| world.hall.lighten(*proxy));
    world.note(|| format!("{proxies:?} could have the directory again"));
    for proxy in proxies {
        world.time.pass(world.time.roll(700)).await;
        world.hall.reconnect(proxy);
    }
}

async fn flush(world: &Rc<World>) {
    world.note(|| "the directory is emptied".to_owned());
    world.hall.flush();
    world.drop_board();
    world.judge.borrow_mut().forget_claims();
    for proxy in 0..world.proxies() {
        world.time.pass(world.time.roll(330)).await;
        world.hall.notice_loss(proxy);
    }
}

async fn roll_back(world: &Rc<World>, lasts: Ms) {
    world.note(|| "the replica of the directory stands still".to_owned());
    let copy = world.hall.copy();
    world.time.pass(lasts).await;
    world.note(|| "the replica takes over".to_owned());
    world.hall.roll_back(copy);
    world.judge.borrow_mut().forget_claims();
    for proxy in 0..world.proxies() {
        world.time.pass(world.time.roll(700)).await;
        world.hall.reconnect(proxy);
    }
}

async fn split(world: &Rc<World>, lasts: Ms) {
    let sides: Vec<usize> = (0..world.proxies()).map(|proxy| proxy % 2).collect();
    world.note(|| format!("the mesh is split: {sides:?}"));
    world.hall.set_sides(Some(sides));
    world.judge.borrow_mut().forget_claims();
    world.time.pass(lasts).await;
    world.note(|| "the mesh is whole".to_owned());
    if world.stage.get() == Stage::Chaos {
        world.hall.set_sides(None);
        world.judge.borrow_mut().forget_claims();
    }
}

async fn proxy_dies(world: &Rc<World>, lasts: Ms) {
    let proxy = any(world, world.proxies());
    if !world.proxies.borrow()[proxy].up {
        return;
    }
    world.note(|| format!("p{proxy} dies"));
    world.proxies.borrow_mut()[proxy].up = false;
    world.hall.hang_up(proxy);
    if world.hall.kind == Kind::Memory {
        world.judge.borrow_mut().forget_claims();
    }
    world.time.pass(lasts.min(4_000)).await;
    if world.stage.get() == Stage::Chaos {
        start_proxy(world, proxy);
    }
}

async fn cut(world: &Rc<World>, lasts: Ms, beats_only: bool) {
    let pair = (any(world, world.proxies()), any_origin(world));
    world.note(|| format!("p{} and o{} are cut off, beats only {beats_only}", pair.0, pair.1));
    world.origins.borrow_mut()[pair.1].blameless = false;
    let set = if beats_only { &world.deaf } else { &world.cuts };
    set.borrow_mut().insert(pair);
    world.time.pass(lasts).await;
    set.borrow_mut().remove(&pair);
    world.note(|| format!("p{} and o{} meet again", pair.0, pair.1));
}

async fn freeze(world: &Rc<World>, lasts: Ms) {
    let origin = any_origin(world);
    let run = {
        let mut origins = world.origins.borrow_mut();
        (origins[origin].frozen, origins[origin].blameless) = (true, false);
        origins[origin].run
    };
    world.note(|| format!("o{origin} is frozen for {lasts}"));
    world.time.pass(lasts).await;
    let mut origins = world.origins.borrow_mut();
    if origins[origin].run == run {
        origins[origin].frozen = false;
        world.note(|| format!("o{origin} goes on"));
    }
}

async fn drain(world: &Rc<World>, lasts: Ms) {
    let origin = any_origin(world);
    {
        let mut origins = world.origins.borrow_mut();
        (origins[origin].draining, origins[origin].blameless) = (true, false);
    }
    world.note(|| format!("o{origin} drains"));
    world.time.pass(lasts).await;
    world.origins.borrow_mut()[origin].draining = false;
    world.note(|| format!("o{origin} drains no more"));
}

async fn origin_dies(world: &Rc<World>, lasts: Ms) {
    let origin = any_origin(world);
    world.note(|| format!("o{origin} dies"));
    world.origins.borrow_mut()[origin].kill();
    world.time.pass(lasts).await;
    if world.stage.get() == Stage::Chaos {
        world.origins.borrow_mut()[origin].restart();
        world.note(|| format!("o{origin} runs again"));
    }
}
