//! The tables of a shard.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Instant;

use srs_rtc::{Engine, Path};

use super::addresses::{Addresses, Owner};
use super::check::Check;
use super::door::{Far, Key};
use super::line::{Id, Left, Line};
use super::names::{Names, Place};
use super::strays::Strays;
use super::wire::Wire;
use crate::limits;
use crate::tcp::Slot;
use crate::turns::{Bell, Due, Timers};
use crate::udp::{Outgoing, Runs, Socket};

/// Somebody who waits.
pub(super) struct Pending {
    check: Check,
    path: Path,
    wire: Option<Rc<Wire>>,
    /// Further requests, by other ways.
    more: Vec<More>,
    slot: Slot,
}

/// A further request.
struct More {
    path: Path,
    wire: Option<Rc<Wire>>,
    bytes: Vec<u8>,
}

/// A session.
struct Open {
    line: Rc<Line>,
    key: Key,
    fars: Vec<Far>,
    due: Due,
    _slot: Slot,
}

/// A request, with the connection by which it came when that is one of TCP.
pub(super) struct Request<'a> {
    pub(super) path: Path,
    pub(super) wire: Option<&'a Rc<Wire>>,
    pub(super) check: Check,
    pub(super) bytes: &'a mut [u8],
}

impl Request<'_> {
    fn more(&self) -> More {
        More { path: self.path, wire: self.wire.cloned(), bytes: self.bytes.to_vec() }
    }
}

/// Where a way leads to.
pub(super) fn far(path: &Path) -> Far {
    Far { peer: path.peer, tcp: path.tcp }
}

/// Who is there, by all the ways they are looked for.
pub(super) struct State {
    own: usize,
    names: Names,
    last: u64,
    pending: HashMap<Id, Pending>,
    /// How many of them nobody has verified.
    asked: usize,
    /// In the order in which they waited for too long; those that do not wait any more among them.
    waits: VecDeque<(Instant, Id)>,
    open: HashMap<Id, Open>,
    pub(super) addresses: Addresses,
    pub(super) strays: Strays,
    timers: Timers<Id>,
    pub(super) outgoing: Outgoing,
    runs: Runs<Path>,
    /// Whose turn it is.
    pub(super) turns: Vec<Id>,
}

impl State {
    /// Nobody yet.
    pub(super) fn new(own: usize, names: Names, strays: Strays) -> State {
        State {
            own,
            names,
            last: 0,
            pending: HashMap::new(),
            asked: 0,
            waits: VecDeque::new(),
            open: HashMap::new(),
            addresses: Addresses::default(),
            strays,
            timers: Timers::default(),
            outgoing: Outgoing::default(),
            runs: Runs::default(),
            turns: Vec::new(),
        }
    }

    /// Whether nobody is there.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.open.is_empty()
    }

    /// Whether nobody else may wait.
    pub(super) fn is_crowded(&self, check: &Check) -> bool {
        self.pending.len() >= limits::RTC_KNOCKS || check.key.is_asked && self.asked >= limits::RTC_ASKED
    }

    fn place(&self, id: Id) -> Place {
        (self.own, id)
    }

    /// Somebody waits from now on; none when there is such a session meanwhile.
    pub(super) fn wait(&mut self, now: Instant, request: &Request<'_>, slot: Slot) -> Option<Id> {
        self.last = self.last.wrapping_add(1);
        let (id, until) = (Id(self.last), now.checked_add(limits::RTC_PENDING)?);
        if !self.names.claim(&request.check.key, self.place(id)) {
            return None;
        }
        let (check, path, wire) = (request.check.clone(), request.path, request.wire.cloned());
        self.asked = self.asked.saturating_add(usize::from(check.key.is_asked));
        self.pending.insert(id, Pending { check, path, wire, more: Vec::new(), slot });
        self.waits.push_back((until, id));
        // Those that were answered while an older one waits.
        if self.waits.len() > 2 * limits::RTC_KNOCKS {
            self.waits.retain(|(_, id)| self.pending.contains_key(id));
        }
        Some(id)
    }

    /// Somebody does not wait any more, if he did.
    fn waited(&mut self, id: Id) -> Option<Pending> {
        let pending = self.pending.remove(&id)?;
        self.asked = self.asked.saturating_sub(usize::from(pending.check.key.is_asked));
        // Those that were answered soon are not kept until their time is up.
        while self.waits.front().is_some_and(|(_, id)| !self.pending.contains_key(id)) {
            self.waits.pop_front();
        }
        Some(pending)
    }

    /// Somebody who waits is not let in.
    pub(super) fn ignore(&mut self, id: Id) {
        let Some(pending) = self.waited(id) else { return };
        self.names.release(&pending.check.key, self.place(id));
        for wire in pending.more.into_iter().map(|more| more.wire).chain([pending.wire]).flatten() {
            wire.finish();
        }
    }

    /// Lets in somebody who waits; none when he waited for too long. `first` is the request that he came with.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        (id, bell): (Id, &Rc<Bell<Id>>),
        engine: Box<dyn Engine>,
        first: &mut [u8],
    ) -> Option<Rc<Line>> {
        let Pending { check, path, wire, more, slot, .. } = self.waited(id)?;
        let line = Line::new(id, path, check.ufrag, engine, bell);
        let open = Open {
            line: Rc::clone(&line),
            key: check.key,
            fars: Vec::new(),
            due: Due::default(),
            _slot: slot,
        };
        self.open.insert(id, open);
        self.bind(now, &path, id, wire.as_ref());
        line.datagram(now, path, first);
        for mut more in more {
            self.bind(now, &more.path, id, more.wire.as_ref());
            line.datagram(now, more.path, &mut more.bytes);
        }
        Some(line)
    }

    /// A good request for a session of this shard, or for somebody who waits.
    pub(super) fn request(&mut self, now: Instant, id: Id, request: Request<'_>) {
        if let Some(open) = self.open.get(&id) {
            let line = Rc::clone(&open.line);
            line.ufrag.replace(request.check.ufrag);
            self.bind(now, &request.path, id, request.wire);
            line.datagram(now, request.path, request.bytes);
            self.list(&line);
        } else if let Some(pending) = self.pending.get_mut(&id)
            && !pending.check.key.is_asked
            && pending.more.len() < limits::RTC_MORE
        {
            pending.more.push(request.more());
        }
    }

    /// An address is this session's from now on.
    fn bind(&mut self, now: Instant, path: &Path, id: Id, wire: Option<&Rc<Wire>>) {
        let Some(open) = self.open.get_mut(&id) else { return };
        let far = far(path);
        let owner = Owner::Here { line: Rc::clone(&open.line), seen: now, wire: wire.cloned() };
        if !open.fars.contains(&far) {
            open.fars.push(far);
        }
        let oldest = if open.fars.len() > limits::RTC_ADDRESSES {
            let addresses = &self.addresses;
            let others = open.fars.iter().filter(|other| **other != far);
            others.min_by_key(|other| addresses.seen(other)).copied()
        } else {
            None
        };
        open.fars.retain(|other| Some(*other) != oldest);
        let before = self.addresses.put(far, owner);
        self.left(before, &far, Some(id), wire);
        if let Some(oldest) = oldest {
            let before = self.addresses.remove(&oldest);
            self.left(before, &oldest, Some(id), None);
        }
    }

    /// An address was this one's, and is another session's now, by this connection when it is one of TCP.
    fn left(&mut self, before: Option<Owner>, far: &Far, now: Option<Id>, new: Option<&Rc<Wire>>) {
        let Some(Owner::Here { line, wire, .. }) = before else { return };
        if Some(line.id) != now
            && let Some(open) = self.open.get_mut(&line.id)
        {
            open.fars.retain(|other| other != far);
        }
        if let Some(wire) = wire.filter(|wire| !new.is_some_and(|new| Rc::ptr_eq(new, wire))) {
            wire.finish();
        }
    }

    /// An address is a session's of another shard.
    pub(super) fn remember(&mut self, now: Instant, far: Far, shard: usize) {
        if let Some(until) = now.checked_add(limits::RTC_STRAY)
            && (self.addresses.get(&far).is_some() || self.addresses.has_room(now))
        {
            let before = self.addresses.put(far, Owner::There { shard, until });
            self.left(before, &far, None, None);
        }
    }

    /// A connection of TCP has ended.
    pub(super) fn unwire(&mut self, far: &Far, wire: &Rc<Wire>) {
        if self.addresses.wire(far).is_some_and(|other| Rc::ptr_eq(other, wire)) {
            let before = self.addresses.remove(far);
            self.left(before, far, None, Some(wire));
        }
    }

    /// Has a session have a turn.
    pub(super) fn list(&mut self, line: &Line) {
        if line.mark() {
            self.turns.push(line.id);
        }
    }

    /// Gives everybody a turn, whatever was forgotten.
    pub(super) fn turn_all(&mut self) {
        self.turns.clear();
        self.turns.extend(self.open.keys());
    }

    /// Does what time brings: ignores who waited for too long, and lists whose turn it is.
    pub(super) fn pass(&mut self, now: Instant) {
        while let Some((until, id)) = self.waits.front().copied()
            && until <= now
        {
            self.waits.pop_front();
            self.ignore(id);
        }
        while let Some((at, id)) = self.timers.next(now) {
            if let Some(open) = self.open.get_mut(&id)
                && self.timers.is_due(now, at, id, &mut open.due)
                && open.line.mark()
            {
                self.turns.push(id);
            }
        }
    }

    /// Gives everybody a turn who has one, and one more to those in `rung`. True when somebody wants one at once.
    pub(super) fn turn(&mut self, socket: &Socket, now: Instant, rung: &mut Vec<Id>) -> bool {
        let mut again = Vec::new();
        let mut turns = std::mem::take(&mut self.turns);
        for id in turns.drain(..).chain(rung.drain(..)) {
            if self.one_turn(socket, now, id) {
                again.push(id);
            }
        }
        // The memory is used again.
        self.turns = turns;
        self.turns.append(&mut again);
        !self.turns.is_empty()
    }

    /// Sends a run of datagrams by a way; true when something waits for room from now on.
    pub(super) fn pass_on(&mut self, socket: &Socket, path: Path, run: &[u8], size: usize) -> bool {
        let was_empty = self.outgoing.is_empty();
        send(socket, &mut self.outgoing, &self.addresses, path, (run, size));
        was_empty && !self.outgoing.is_empty()
    }

    fn one_turn(&mut self, socket: &Socket, now: Instant, id: Id) -> bool {
        let State { open, timers, outgoing, runs, addresses, .. } = self;
        let Some(open) = open.get_mut(&id) else { return false };
        let mut send = |path: Path, run: &[u8], size| send(socket, outgoing, addresses, path, (run, size));
        match open.line.turn(now, runs, &mut send) {
            Left::More => open.line.mark(),
            Left::Until(at) => {
                timers.set(id, &mut open.due, at);
                false
            }
            Left::Nothing => {
                self.forget(id);
                false
            }
        }
    }

    fn forget(&mut self, id: Id) {
        let Some(open) = self.open.remove(&id) else { return };
        self.names.release(&open.key, self.place(id));
        for far in open.fars {
            let before = self.addresses.remove(&far);
            self.left(before, &far, Some(id), None);
        }
    }

    /// When time brings something next.
    pub(super) fn next(&self) -> Option<Instant> {
        let wait = self.waits.front().map(|(until, _)| *until);
        [wait, self.timers.first()].into_iter().flatten().min()
    }
}

/// Sends datagrams of one size by a way of UDP, or of TCP where that is still open.
fn send(
    socket: &Socket,
    outgoing: &mut Outgoing,
    addresses: &Addresses,
    path: Path,
    (run, size): (&[u8], usize),
) {
    if path.tcp {
        if let Some(wire) = addresses.wire(&far(&path)) {
            wire.send(run, size);
        }
    } else {
        // Of whom nothing is heard any more, the engine finds out.
        let _lost = outgoing.send(socket, (path.peer, path.local), run, size);
    }
}
