//! The sessions of one port on one shard.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use srs_rtc::datagram::Kind;
use srs_rtc::{Engine, Path};

use super::Knock;
use super::addresses::Owner;
use super::check::{Check, Counts, Why, is_request, named};
use super::door::Door;
use super::line::{Id, Line};
use super::names::Names;
use super::state::{Request, State, far};
use super::wire::Wire;
use crate::quiet::Quiet;
use crate::tcp::Slots;
use crate::turns::{Bell, now};
use crate::udp::Socket;

/// What the driver, knocks and connections of one shard share.
pub(super) struct Shard {
    pub(super) socket: Socket,
    pub(super) door: Arc<dyn Door>,
    pub(super) slots: Slots,
    /// Which one it is.
    pub(super) own: usize,
    pub(super) names: Names,
    pub(super) counts: Arc<Counts>,
    pub(super) bell: Rc<Bell<Id>>,
    pub(super) state: RefCell<State>,
    /// Those for whom no session was begun yet.
    pub(super) knocks: RefCell<Vec<Knock>>,
    /// Nobody new any more.
    pub(super) is_closed: Cell<bool>,
    pub(super) complaint: Quiet,
}

impl Shard {
    /// A datagram came: to this shard's socket, by a connection of TCP, or `strayed` to another's socket.
    pub(super) fn datagram(
        self: &Rc<Shard>,
        now: Instant,
        path: Path,
        bytes: &mut [u8],
        wire: Option<&Rc<Wire>>,
        strayed: bool,
    ) {
        let far = far(&path);
        let stun = match Kind::of(bytes) {
            Kind::Stun => true,
            Kind::Dtls | Kind::Media => false,
            Kind::Other => return self.counts.add(far, Why::Stranger),
        };
        let mut state = self.state.borrow_mut();
        match state.addresses.get_mut(&far) {
            Some(Owner::Here { line, seen, .. }) if !stun || is_for(line, bytes) => {
                *seen = now;
                let line = Rc::clone(line);
                line.datagram(now, path, bytes);
                state.list(&line);
            }
            Some(&mut Owner::There { shard, until })
                if now < until && !strayed && !(stun && is_request(bytes)) =>
            {
                state.strays.add(shard, path, None, bytes);
            }
            _ if stun => {
                drop(state);
                match Check::read(&*self.door, far, bytes) {
                    Ok(check) => self.request(now, Request { path, wire, check, bytes }),
                    Err(why) => self.counts.add(far, why),
                }
            }
            _ => self.counts.add(far, Why::Stranger),
        }
    }

    /// A request came that is good, or may be.
    pub(super) fn request(self: &Rc<Shard>, now: Instant, request: Request<'_>) {
        match self.names.find(&request.check.key) {
            Some((shard, id)) if shard == self.own => self.state.borrow_mut().request(now, id, request),
            Some((shard, _)) => self.hand_over(now, shard, request),
            None => self.knock(now, request),
        }
    }

    fn hand_over(&self, now: Instant, shard: usize, request: Request<'_>) {
        let Request { path, wire, check, bytes } = request;
        // A connection cannot lead to two sessions of different shards.
        if wire.is_none() {
            let mut state = self.state.borrow_mut();
            state.remember(now, far(&path), shard);
            state.strays.add(shard, path, Some(check), bytes);
        }
    }

    fn knock(self: &Rc<Shard>, now: Instant, request: Request<'_>) {
        // Who was taken in by another node meanwhile asks again.
        if self.is_closed.get() {
            return;
        }
        let mut state = self.state.borrow_mut();
        let slot = if state.is_crowded(&request.check) { None } else { self.slots.take() };
        let Some(slot) = slot else { return self.counts.add(far(&request.path), Why::Full) };
        let Some(id) = state.wait(now, &request, slot) else {
            drop(state);
            // Another shard was faster.
            if let Some((shard, _)) =
                self.names.find(&request.check.key).filter(|(shard, _)| *shard != self.own)
            {
                self.hand_over(now, shard, request);
            }
            return;
        };
        drop(state);
        let Request { path, check, bytes, .. } = request;
        self.knocks.borrow_mut().push(Knock::new(Rc::clone(self), id, path, check, bytes.to_vec()));
        self.bell.wake();
    }

    /// Sends a run of datagrams by a way at once, or keeps it until there is room.
    pub(super) fn pass_on(&self, path: Path, run: &[u8], size: usize) {
        // The driver has it in its turn alone, which nobody else's code is part of but engines'.
        let Ok(mut state) = self.state.try_borrow_mut() else { return };
        if state.pass_on(&self.socket, path, run, size) {
            self.bell.wake();
        }
    }

    /// Somebody who waits is not let in.
    pub(super) fn ignore(&self, id: Id) {
        if let Ok(mut state) = self.state.try_borrow_mut() {
            state.ignore(id);
        }
    }

    /// Lets in somebody who waits; none when he waited for too long.
    pub(super) fn accept(&self, id: Id, engine: Box<dyn Engine>, first: &mut [u8]) -> Option<Rc<Line>> {
        let line = self.state.borrow_mut().accept(now(), (id, &self.bell), engine, first)?;
        line.ring();
        Some(line)
    }
}

/// Whether a message of STUN from an address of a session is that one's: the engine sees to what it is.
fn is_for(line: &Line, bytes: &[u8]) -> bool {
    named(bytes).is_none_or(|ufrag| ufrag == &**line.ufrag.borrow())
}
