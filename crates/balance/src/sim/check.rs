//! What must hold in every life.

use super::clock::Ms;
use super::hall::Grant;
use super::heard::{Beat, Heard, Lately};
use super::origin::{Origin, Phase};
use super::publisher::{index_of, shown};
use super::world::{Stage, World};
use super::{name_of, stream_key};
use crate::{Claim, Epoch};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A node is silent after 3 s, and judged so within half a second.
const DEAD: Ms = 3_500;
/// One that was heard of so lately may be picked.
const FRESH: Ms = 2_500;
/// The longest back-off of a node that refused.
const BACK_OFF: Ms = 61_000;
/// A claim that nobody keeps is over so soon.
const LEASED: Ms = 30_000;
/// Two owners are ended so soon after everything works.
const TWO_OWNERS: Ms = 3_000;
/// So soon is every stream found.
const FOUND: Ms = 10_000;
/// A claim that is given up while another proxy joins it is put back so soon.
const GIVEN_UP: Ms = 1_000;
/// So soon does every encoder publish that wants to: a hold of a ghost (5 and 10 s), a claim and a second attempt.
const SERVED: Ms = 20_000;
/// A publish that runs for so long is listed at every proxy that hears its origin.
const LISTED: Ms = 3_000;

/// What a proxy knew of the origins when it was asked.
pub(super) struct Asked {
    proxy: usize,
    at: Ms,
    heard: Vec<Heard>,
}

pub(super) struct Judge {
    heard: Vec<Vec<Heard>>,
    /// What each proxy knew of each origin a short time ago.
    known: Vec<Vec<Lately>>,
    /// The newest claim that each table gave of each stream, as far as the directory may remember it.
    given: BTreeMap<(usize, usize), Claim>,
    /// All that the directory ever had.
    granted: BTreeSet<(usize, Epoch)>,
    /// When each claim was given, or picked without that.
    claims_since: BTreeMap<(usize, Epoch), Ms>,
    /// Since when two origins are live for a stream.
    two: BTreeMap<usize, Ms>,
    pub(super) failure: Option<String>,
    pub(super) picks: usize,
    pub(super) claims: usize,
    pub(super) moves: usize,
}

impl Judge {
    pub(super) fn new(proxies: usize, origins: usize) -> Judge {
        Judge {
            heard: vec![vec![Heard::default(); origins]; proxies],
            known: vec![vec![Lately::default(); origins]; proxies],
            given: BTreeMap::new(),
            granted: BTreeSet::new(),
            claims_since: BTreeMap::new(),
            two: BTreeMap::new(),
            failure: None,
            picks: 0,
            claims: 0,
            moves: 0,
        }
    }

    pub(super) fn forget_proxy(&mut self, proxy: usize) {
        self.heard[proxy].fill(Heard::default());
        self.known[proxy].fill(Lately::default());
    }

    /// A beat came, or an answer to a probe.
    pub(super) fn heard(&mut self, proxy: usize, origin: usize, beat: Option<Beat>, now: Ms) {
        let heard = &mut self.heard[proxy][origin];
        heard.at = Some(now);
        if let Some(beat) = &beat {
            heard.draining = beat.draining.then(|| heard.draining.unwrap_or(now));
            heard.list = beat.made;
        }
        self.known[proxy][origin].heard(beat, now);
    }

    pub(super) fn dial_failed(&mut self, proxy: usize, origin: usize, refused: bool, now: Ms) {
        self.heard[proxy][origin].dial_failed(refused, now);
    }

    pub(super) fn dial_ok(&mut self, proxy: usize, origin: usize) {
        self.heard[proxy][origin].dial_ok();
    }

    pub(super) fn is_given(&self, name: usize, epoch: Epoch) -> bool {
        self.granted.contains(&(name, epoch))
    }

    pub(super) fn asked(&self, proxy: usize, now: Ms) -> Asked {
        Asked { proxy, at: now, heard: self.heard[proxy].clone() }
    }

    /// The directory may have forgotten what it gave.
    pub(super) fn forget_claims(&mut self) {
        self.given.clear();
    }

    /// No dead or draining origin is picked for a publish while another is alive.
    pub(super) fn picked(&mut self, asked: &Asked, node: Option<usize>, not: &[usize]) -> Result<(), String> {
        self.picks += 1;
        let now = asked.at;
        let is_good = |(index, heard): (usize, &Heard)| {
            let lately = &self.heard[asked.proxy][index];
            heard.at.is_some_and(|at| now <= at + FRESH)
                && heard.draining.or(lately.draining).is_none()
                && !not.contains(&index)
                && lately.failed.is_none_or(|at| now > at + BACK_OFF)
        };
        let good = asked.heard.iter().enumerate().position(is_good);
        let (Some(node), Some(good)) = (node, good) else {
            return match good {
                Some(good) => Err(format!("no origin is found though o{good} is alive")),
                None => Ok(()),
            };
        };
        // It may have been heard of while the directory was asked.
        let Heard { at, draining, .. } = self.heard[asked.proxy][node];
        let draining = draining.and(asked.heard[node].draining);
        if at.is_none_or(|at| now >= at + DEAD) {
            return Err(format!("o{node} is picked, which is silent, though o{good} is alive"));
        }
        if draining.is_some() {
            return Err(format!("o{node} is picked, which drains, though o{good} is alive"));
        }
        Ok(())
    }

    /// Epochs rise, and nothing moves without a cause.
    fn given(&mut self, grant: &Grant, origins: &[Origin], now: Ms) -> Result<(), String> {
        let Grant { proxy, claim, table, asked, sent } = grant;
        let name = name_of(&claim.key);
        self.claims += usize::from(*asked);
        self.granted.insert((name, claim.epoch));
        self.claims_since.entry((name, claim.epoch)).or_insert(now);
        let Some(before) = self.given.insert((*table, name), claim.clone()) else { return Ok(()) };
        if claim.epoch < before.epoch {
            return Err(format!("p{proxy} was given {} after {}", shown(claim), shown(&before)));
        }
        if claim.holder == before.holder {
            return Ok(());
        }
        self.moves += 1;
        let holder = &origins[index_of(&before.holder)];
        let live = holder
            .streams
            .get(&name)
            .filter(|stream| stream.phase == Phase::Live && stream.epoch == before.epoch);
        let knows = self.known[*proxy][index_of(&before.holder)].before(*sent).is_some_and(|known| {
            *sent <= known.at + FRESH && live.is_some_and(|live| known.made > live.began + LISTED)
        });
        let is_newer = |(of, epoch): &(usize, Epoch)| *of == name && *epoch > before.epoch;
        // Also where the newer owner is gone, as long as the proxy may take it for alive.
        let is_outranked = self.known[*proxy]
            .iter()
            .filter_map(|lately| lately.before(*sent))
            .any(|known| *sent <= known.at + DEAD && known.lists.iter().any(is_newer));
        let of_name = origins.iter().filter_map(|origin| origin.streams.get(&name));
        let is_newest = of_name.map(|stream| stream.epoch).max() == Some(before.epoch) && !is_outranked;
        // What is put back was picked earlier, and judged then.
        if holder.blameless && knows && is_newest && *asked {
            return Err(format!(
                "{} was moved by p{proxy} to {} without cause",
                shown(&before),
                shown(claim)
            ));
        }
        Ok(())
    }
}

/// A publish of a stream that is live at an origin without blame goes there, if the proxy was told.
pub(super) fn check_place(world: &World, asked: &Asked, claim: &Claim, not: &[usize]) {
    let (name, node) = (name_of(&claim.key), index_of(&claim.holder));
    let now = world.time.now();
    let since = *world.judge.borrow_mut().claims_since.entry((name, claim.epoch)).or_insert(now);
    let [(owner, epoch)] = live_at(world, name)[..] else { return };
    // A directory that went back may bring up a claim that was newer than the one that was made after it forgot that. And
    // somebody may have claimed the stream who did not hear its owner, and not have come to publish it: a newcomer cannot
    // know that, but nobody keeps such a claim.
    let may_stand = world.hall.losses() > 0 || asked.at < since + LEASED;
    if since < asked.at && claim.epoch > epoch && may_stand {
        return;
    }
    let origins = world.origins.borrow();
    let began = origins[owner].streams[&name].began;
    let is_elsewhere =
        |(index, origin): (usize, &Origin)| index != owner && origin.streams.contains_key(&name);
    let Heard { at, list, .. } = asked.heard[owner];
    let knows = list > began + LISTED && at.is_some_and(|at| now <= at + FRESH);
    let is_known = knows && origins[owner].blameless && !not.contains(&owner);
    if is_known && owner != node && !origins.iter().enumerate().any(is_elsewhere) {
        drop(origins);
        world.fail(format!(
            "p{} picks o{node} for s{name}, which is live at o{owner} by {epoch}",
            asked.proxy
        ));
    }
}

pub(super) fn check_grants(world: &World) {
    for grant in world.hall.take_grants() {
        world.note(|| {
            let how = if grant.asked { "is given" } else { "keeps" };
            format!("p{} {how} {}", grant.proxy, shown(&grant.claim))
        });
        let verdict = world.judge.borrow_mut().given(&grant, &world.origins.borrow(), world.time.now());
        if let Err(why) = verdict {
            world.fail(why);
        }
    }
}

/// The origins where a stream has a publisher, with their epochs.
fn live_at(world: &World, name: usize) -> Vec<(usize, Epoch)> {
    let origins = world.origins.borrow();
    let streams =
        origins.iter().enumerate().filter_map(|(index, origin)| Some((index, origin.streams.get(&name)?)));
    streams
        .filter(|(_, stream)| stream.phase == Phase::Live)
        .map(|(index, stream)| (index, stream.epoch))
        .collect()
}

/// Looks at the owners of all streams, again and again.
pub(super) async fn owners(world: Rc<World>) {
    while !world.is_over() {
        for name in 0..world.names {
            let live = live_at(&world, name);
            let highest = live.iter().map(|(_, epoch)| *epoch).max();
            let owners = live.iter().filter(|(_, epoch)| Some(*epoch) == highest).count();
            if owners > 1 {
                world.fail(format!("s{name} has two owners of one epoch: {live:?}"));
            }
            let now = world.time.now();
            let since = if live.len() < 2 {
                world.judge.borrow_mut().two.remove(&name);
                continue;
            } else {
                *world.judge.borrow_mut().two.entry(name).or_insert(now)
            };
            if now > since.max(world.healed.get()).saturating_add(TWO_OWNERS) {
                world.fail(format!("s{name} is live at two origins since {since}: {live:?}"));
            }
        }
        world.time.pass(250).await;
    }
}

/// Looks whether every proxy finds every stream that is live, and everybody publishes who wants to.
pub(super) async fn found(world: Rc<World>) {
    while world.healed.get() == Ms::MAX {
        world.time.pass(250).await;
    }
    world.time.until(world.healed.get() + FOUND).await;
    let mut lost: BTreeMap<(usize, usize), (usize, Ms)> = BTreeMap::new();
    while world.stage.get() == Stage::Calm {
        for name in 0..world.names {
            for proxy in 0..world.proxies() {
                let Some(origin) = misses(&world, proxy, name).await else {
                    lost.remove(&(name, proxy));
                    continue;
                };
                let now = world.time.now();
                let since = lost.entry((name, proxy)).or_insert((origin, now));
                if since.0 != origin {
                    *since = (origin, now);
                } else if now > since.1 + GIVEN_UP {
                    let directory = world.hall.describe();
                    world.fail(format!("p{proxy} does not find s{name} at o{origin}; stands: {directory}"));
                }
            }
            let is_late = world.time.now() >= world.healed.get() + SERVED && world.stage.get() == Stage::Calm;
            if is_late && live_at(&world, name).is_empty() {
                world.fail(format!("s{name} is nowhere though somebody wants to publish it"));
            }
        }
        world.time.pass(400).await;
    }
}

/// Where the stream is live, when the proxy does not send viewers there.
async fn misses(world: &World, proxy: usize, name: usize) -> Option<usize> {
    let before = live_at(world, name);
    let (balancer, now) = world.balancer(proxy);
    let pick = balancer.pick_play(&stream_key(name), &[], now).await;
    let [(origin, _)] = before[..] else { return None };
    let is_found = pick.as_ref().is_ok_and(|pick| index_of(&pick.node.id) == origin);
    let is_same = world.stage.get() == Stage::Calm && live_at(world, name) == before;
    // The proxy knows no better than that it cannot be reached.
    let is_out = world.judge.borrow().heard[proxy][origin].is_out(world.time.now());
    (!is_found && is_same && !is_out).then_some(origin)
}

/// Nothing is left when all have been gone for a quarter of an hour.
pub(super) fn nothing_is_left(world: &World) {
    let proxies = world.proxies.borrow();
    for (index, proxy) in proxies.iter().enumerate() {
        let now = world.balancer(index).1;
        let counts = proxy.balancer.counts();
        let inside = proxy.line.remembered(now);
        if counts != [0; 6] || inside != 0 {
            world.fail(format!("p{index} still has {counts:?}, and its own directory {inside}"));
        }
    }
    if world.hall.remembered() != 0 {
        world.fail("the directory still remembers keys".to_owned());
    }
}
