//! The directory that the proxies of a life share: tables with leases, and the lines that lead to them.

use super::clock::{Ms, Time};
use super::publisher::shown;
use super::table::{Op, Reply, Table};
use crate::Epoch;
use crate::directory::{Answer, Claim, Directory, Error, Memory};
use crate::testkit::ready;
use srs_names::StreamKey;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// Whoever asks waits no longer.
pub(super) const PATIENCE: Ms = 50;
/// Answers that fail to come before a line is known to be dead.
const MISSES: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One table behind a network.
    Shared,
    /// A table in each of two homes; each key has one of them, while they see each other.
    Mesh,
    /// Inside of the only proxy.
    Memory,
}

/// One proxy's line.
#[derive(Clone, Debug, Default)]
struct Wire {
    /// Nothing comes through.
    dark: bool,
    /// Known to be dead: whoever asks is told so at once.
    down: bool,
    misses: u32,
    generation: u64,
    /// What is sent later arrives later.
    arrival: Ms,
    /// A proxy that is gone asks no more.
    run: u32,
}

/// Somebody was given a key, or gave one back what it had.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) proxy: usize,
    pub(super) claim: Claim,
    pub(super) table: usize,
    /// By asking for it; otherwise what was lost was put back.
    pub(super) asked: bool,
    /// When the proxy sent its question: what it heard later it did not know.
    pub(super) sent: Ms,
}

struct State {
    tables: [Table; 2],
    wires: Vec<Wire>,
    /// Which side of a split mesh each proxy is on.
    sides: Option<Vec<usize>>,
    /// Until then a mesh that changed gives no key that it does not know.
    shy: Ms,
    /// Of a hundred operations, so many are lost.
    loss: u64,
    slow: bool,
    /// It answered every question so far, and forgot nothing.
    blameless: bool,
    /// How often it forgot what it had given.
    losses: u32,
    grants: Vec<Grant>,
}

pub(super) struct Hall {
    pub(super) kind: Kind,
    time: Time,
    state: Mutex<State>,
}

impl Hall {
    pub(super) fn new(kind: Kind, time: Time, proxies: usize) -> Arc<Hall> {
        let state = State {
            tables: Default::default(),
            wires: vec![Wire::default(); proxies],
            sides: None,
            shy: 0,
            loss: 0,
            slow: false,
            blameless: true,
            losses: 0,
            grants: Vec::new(),
        };
        Arc::new(Hall { kind, time, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn take_grants(&self) -> Vec<Grant> {
        std::mem::take(&mut self.state().grants)
    }

    pub(super) fn set_rough(&self, loss: u64, slow: bool) {
        let mut state = self.state();
        (state.loss, state.slow) = (loss, slow);
    }

    pub(super) fn darken(&self, proxy: usize) {
        let mut state = self.state();
        state.wires[proxy].dark = true;
        state.blameless = false;
    }

    pub(super) fn lighten(&self, proxy: usize) {
        self.state().wires[proxy].dark = false;
    }

    /// Opens a new line, where the old one is known to be dead.
    pub(super) fn reconnect(&self, proxy: usize) {
        let mut state = self.state();
        let wire = &mut state.wires[proxy];
        if wire.down && !wire.dark {
            wire.down = false;
            wire.misses = 0;
            wire.generation += 1;
        }
    }

    /// The proxy is gone and asks no more.
    pub(super) fn hang_up(&self, proxy: usize) {
        let mut state = self.state();
        state.wires[proxy].run = 0;
        state.losses += u32::from(self.kind == Kind::Memory);
    }

    pub(super) fn losses(&self) -> u32 {
        self.state().losses
    }

    pub(super) fn is_blameless(&self) -> bool {
        self.state().blameless
    }

    pub(super) fn is_down(&self, proxy: usize) -> bool {
        self.state().wires[proxy].down
    }

    /// Whether beats come through.
    pub(super) fn is_open(&self, proxy: usize) -> bool {
        let wire = &self.state().wires[proxy];
        !wire.down && !wire.dark
    }

    pub(super) fn sees(&self, one: usize, other: usize) -> bool {
        self.state().sides.as_ref().is_none_or(|sides| sides[one] == sides[other])
    }

    pub(super) fn flush(&self) {
        let mut state = self.state();
        state.tables = Default::default();
        state.losses += 1;
        state.blameless = false;
    }

    /// What was written is found lost, if by a look at it.
    pub(super) fn notice_loss(&self, proxy: usize) {
        let mut state = self.state();
        let wire = &mut state.wires[proxy];
        if !wire.dark && !wire.down {
            wire.generation += 1;
        }
    }

    pub(super) fn copy(&self) -> [Table; 2] {
        self.state().tables.clone()
    }

    /// A replica takes over that has this, and every line breaks.
    pub(super) fn roll_back(&self, tables: [Table; 2]) {
        let mut state = self.state();
        state.tables = tables;
        state.losses += 1;
        state.blameless = false;
        state.wires.iter_mut().for_each(|wire| wire.down = true);
    }

    /// Splits the mesh, or heals it.
    pub(super) fn set_sides(&self, sides: Option<Vec<usize>>) {
        let mut state = self.state();
        state.sides = sides;
        state.losses += 1;
        state.blameless = false;
        state.shy = self.time.now() + 1_000;
        state.wires.iter_mut().for_each(|wire| wire.generation += 1);
    }

    /// What stands.
    pub(super) fn describe(&self) -> String {
        let state = self.state();
        let standing = state.tables.iter().flat_map(|table| table.claims.values());
        let claims: Vec<String> =
            standing.map(|(claim, end)| format!("{} until {end}", shown(claim))).collect();
        format!("{claims:?}, lines {:?}", state.wires)
    }

    /// How many keys are remembered in any way.
    pub(super) fn remembered(&self) -> usize {
        let mut state = self.state();
        let now = self.time.now();
        state.tables.iter_mut().for_each(|table| table.expire(now));
        state.tables.iter().map(|table| table.claims.len() + table.last.len()).sum()
    }

    fn apply(&self, proxy: usize, op: &Op, sent: Ms) -> Reply {
        let mut state = self.state();
        let state = &mut *state;
        let now = self.time.now();
        let home = usize::from(op.key().as_str().as_bytes().last().is_some_and(|byte| byte % 2 == 1));
        let home = if self.kind == Kind::Mesh { home } else { 0 };
        let home = state.sides.as_ref().map_or(home, |sides| sides[proxy]);
        let table = &mut state.tables[home];
        table.expire(now);
        if self.kind == Kind::Mesh && now < state.shy && matches!(op, Op::Claim(..)) {
            let is_strange = !table.claims.contains_key(op.key());
            if is_strange {
                return Err(away());
            }
        }
        let reply = table.apply(op, now);
        if reply.is_ok() {
            note(&mut state.grants, (proxy, sent), home, op);
        }
        reply
    }
}

fn note(grants: &mut Vec<Grant>, (proxy, sent): (usize, Ms), table: usize, op: &Op) {
    let (claim, asked) = match op {
        Op::Claim(claim, ..) => (claim.clone(), true),
        Op::Renew(claim, _) => (claim.clone(), false),
        _ => return,
    };
    grants.push(Grant { proxy, claim, table, asked, sent });
}

fn away() -> Error {
    Error::Unavailable("it is away".to_owned())
}

/// One proxy's way to the directory, for one run of it.
pub(super) struct Line {
    hall: Arc<Hall>,
    proxy: usize,
    run: u32,
    inside: Memory,
}

impl Line {
    pub(super) fn new(hall: &Arc<Hall>, proxy: usize, run: u32) -> Line {
        let generation = u64::from(run);
        let mut state = hall.state();
        let wire = &mut state.wires[proxy];
        *wire = Wire { run, generation, dark: wire.dark, down: wire.dark, ..Wire::default() };
        drop(state);
        Line { hall: Arc::clone(hall), proxy, run, inside: Memory::new("one") }
    }

    pub(super) fn remembered(&self, now: Duration) -> usize {
        self.inside.remembered(now)
    }

    fn miss(&self) -> Reply {
        let mut state = self.hall.state();
        state.blameless = false;
        let wire = &mut state.wires[self.proxy];
        wire.misses += 1;
        wire.down |= wire.misses >= MISSES;
        Err(away())
    }

    async fn ask(&self, op: Op) -> Reply {
        let time = &self.hall.time;
        let began = time.now();
        let (loss, slow) = {
            let state = self.hall.state();
            let wire = &state.wires[self.proxy];
            if wire.down || wire.run != self.run {
                return Err(away());
            }
            (state.loss, state.slow)
        };
        // Some arrive when nobody waits for the answer any more.
        let (there, back) = if slow { (time.roll(60), time.roll(20)) } else { (time.roll(4), time.roll(4)) };
        let (ask_lost, answer_lost) = (time.chance(loss), time.chance(loss));
        let slot: Arc<Mutex<Option<Reply>>> = Arc::default();
        let arrival = {
            let mut state = self.hall.state();
            let wire = &mut state.wires[self.proxy];
            wire.arrival = wire.arrival.max(began + there);
            wire.arrival
        };
        if !ask_lost {
            let (hall, proxy, slot) = (Arc::clone(&self.hall), self.proxy, Arc::clone(&slot));
            time.at(arrival, move || {
                if !hall.state().wires[proxy].dark {
                    *slot.lock().unwrap() = Some(hall.apply(proxy, &op, began));
                }
            });
        }
        let answered = arrival + back + 1;
        time.until(answered.min(began + PATIENCE)).await;
        let is_there = answered <= began + PATIENCE && !answer_lost && self.hall.is_open(self.proxy);
        let reply = slot.lock().unwrap().take().filter(|_| is_there);
        match reply {
            Some(reply) => {
                self.hall.state().wires[self.proxy].misses = 0;
                reply
            }
            None => self.miss(),
        }
    }

    /// Memory answers at once, and is asked here so that it is seen what it gives.
    fn ask_inside(&self, op: &Op, now: Duration) -> Reply {
        if self.hall.state().wires[self.proxy].run != self.run {
            return Err(away());
        }
        let lease = |lease: &Ms| Duration::from_millis(*lease);
        let reply = match op {
            Op::Claim(claim, over, time) => ready(self.inside.claim(claim, *over, lease(time), now)),
            Op::Renew(claim, time) => ready(self.inside.renew(claim, lease(time), now)),
            Op::Release(claim) => ready(self.inside.release(claim, now)),
            Op::Lookup(key) => return ready(self.inside.lookup(key, now)),
        };
        reply.map(|()| {
            note(&mut self.hall.state().grants, (self.proxy, self.hall.time.now()), 0, op);
            None
        })
    }

    async fn done(&self, op: Op, now: Duration) -> Reply {
        if self.hall.kind == Kind::Memory {
            return self.ask_inside(&op, now);
        }
        self.ask(op).await
    }
}

fn millis(time: Duration) -> Ms {
    Ms::try_from(time.as_millis()).unwrap()
}

impl Directory for Line {
    fn domain(&self) -> &str {
        "one"
    }

    fn generation(&self) -> u64 {
        self.hall.state().wires[self.proxy].generation
    }

    fn claim<'a>(
        &'a self,
        ask: &'a Claim,
        over: Option<Epoch>,
        lease: Duration,
        now: Duration,
    ) -> Answer<'a, ()> {
        let op = Op::Claim(ask.clone(), over, millis(lease));
        Box::pin(async move { self.done(op, now).await.map(drop) })
    }

    fn renew<'a>(&'a self, claim: &'a Claim, lease: Duration, now: Duration) -> Answer<'a, ()> {
        let op = Op::Renew(claim.clone(), millis(lease));
        Box::pin(async move { self.done(op, now).await.map(drop) })
    }

    fn release<'a>(&'a self, claim: &'a Claim, now: Duration) -> Answer<'a, ()> {
        let op = Op::Release(claim.clone());
        Box::pin(async move { self.done(op, now).await.map(drop) })
    }

    fn lookup<'a>(&'a self, key: &'a StreamKey, now: Duration) -> Answer<'a, Option<Claim>> {
        let op = Op::Lookup(key.clone());
        Box::pin(self.done(op, now))
    }
}
