//! The connections of one port on one shard.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Instant, SystemTime};

use srs_srt::handshake::{Fields, Handshake, Kind};
use srs_srt::packet::{ControlKind, Header};
use srs_srt::{Cookies, Engine, Reason, SocketId};
use tokio::sync::mpsc;

use super::Knock;
use super::connection::Line;
use super::follow::Follow;
use super::ids::Ids;
use super::live::Live;
use super::state::{Open, Pending, State};
use crate::limits;
use crate::quiet::Quiet;
use crate::tcp::Slots;
use crate::turns::{Bell, now};
use crate::udp::{Datagram, Socket, Way, sender};

/// A datagram that came to another shard than its connection's.
#[derive(Debug)]
pub(super) struct Strayed {
    pub(super) from: SocketAddr,
    pub(super) to: Option<IpAddr>,
    pub(super) bytes: Vec<u8>,
}

/// What the driver, knocks and connections of one shard share.
pub(super) struct Shard {
    pub(super) socket: Socket,
    pub(super) cookies: Cookies,
    pub(super) slots: Slots,
    pub(super) ids: Ids,
    /// The ways to the drivers of all shards.
    pub(super) all: Vec<mpsc::Sender<Strayed>>,
    pub(super) live: Live,
    pub(super) bell: Rc<Bell<SocketId>>,
    pub(super) state: RefCell<State>,
    /// No callers any more.
    pub(super) is_closed: Cell<bool>,
    pub(super) complaint: Quiet,
}

/// Minutes that all shards, and other processes with the same key, agree on.
fn minute() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_secs() / 60
}

impl Shard {
    /// A datagram came: to this shard's socket, or `strayed` to another's.
    pub(super) fn datagram(
        self: &Rc<Shard>,
        now: Instant,
        datagram: Datagram<'_>,
        strayed: bool,
    ) -> Option<Knock> {
        let header = Header::read(datagram.bytes).ok()?;
        if header.is(ControlKind::HANDSHAKE) {
            return self.handshake(now, &datagram);
        }
        let shard = self.ids.shard(header.destination);
        if shard == self.ids.own() {
            self.state.borrow_mut().packet(&self.socket, now, &header, datagram);
        } else if let Some(other) = self.all.get(shard)
            && !strayed
            && self.live.has(shard, header.destination)
        {
            let bytes = datagram.bytes.to_vec();
            // What it has no room for is lost, as datagrams may be.
            let _lost = other.try_send(Strayed { from: datagram.from, to: datagram.to, bytes });
        }
        None
    }

    fn handshake(self: &Rc<Shard>, now: Instant, datagram: &Datagram<'_>) -> Option<Knock> {
        let asked = Handshake::read(datagram.bytes).ok()?;
        let (from, fields) = (datagram.from, asked.fields);
        // By which nobody can be addressed.
        if fields.socket == SocketId::LISTENER {
            return None;
        }
        match fields.kind {
            // An answer is 64 bytes, as the question at least: nobody can have more sent to others than he sends.
            Kind::Induction if !self.is_closed.get() => {
                let cookie = self.cookies.make(minute(), from, fields.socket);
                let answer = fields.answer_induction(fields.socket, cookie, from.ip());
                self.say((from, sender(datagram.to)), &answer.write(fields.socket, 0));
                None
            }
            Kind::Conclusion => self.conclusion(now, datagram, fields),
            _ => None,
        }
    }

    fn conclusion(self: &Rc<Shard>, now: Instant, datagram: &Datagram<'_>, fields: Fields) -> Option<Knock> {
        let caller = (datagram.from, fields.socket);
        if !self.cookies.is_good(fields.cookie, minute(), caller.0, caller.1) {
            return None;
        }
        let mut state = self.state.borrow_mut();
        if state.repeat(&self.socket, now, &caller) {
            return None;
        }
        let way = (datagram.from, sender(datagram.to));
        // Who was taken in by another shard, or will be by another node, asks again.
        if self.is_closed.get() {
            return None;
        }
        let pending = Pending { way, fields, until: now.checked_add(limits::SRT_PENDING)? };
        let full = |what: &'static str| {
            self.complaint.say(|_| tracing::warn!(peer = %caller.0, what, "a caller of SRT is refused"));
        };
        if state.is_crowded(caller.0.ip(), &self.slots) {
            full("too many callers wait");
            state.refuse(&self.socket, now, &pending, Reason::BACKLOG);
            return None;
        }
        let Some(slot) = self.slots.take() else {
            full("too many connections");
            state.refuse(&self.socket, now, &pending, Reason::OVERLOAD);
            return None;
        };
        let id = self.ids.make(|id| state.is_taken(id));
        state.wait(id, pending);
        Some(Knock::new(Rc::clone(self), id, caller.0, datagram.bytes.to_vec(), fields, slot))
    }

    fn say(&self, way: Way, bytes: &[u8]) {
        // Who cannot be reached asks again.
        let _lost = self.state.borrow_mut().outgoing.send(&self.socket, way, bytes, bytes.len());
    }

    /// Refuses a caller that waits; one that waited for too long was refused already.
    pub(super) fn refuse(&self, id: SocketId, reason: Reason) {
        let mut state = self.state.borrow_mut();
        if let Some(pending) = state.waited(id) {
            state.refuse(&self.socket, now(), &pending, reason);
            // The driver waits for room in the socket, where there was none.
            self.bell.wake();
        }
    }

    /// Takes in a caller that waits; none when it waited for too long.
    pub(super) fn accept(&self, id: SocketId, engine: Box<dyn Engine>, answer: Vec<u8>) -> Option<Rc<Line>> {
        let mut state = self.state.borrow_mut();
        let pending = state.waited(id)?;
        let (way, sequence) = (pending.way, pending.fields.sequence);
        let _lost = state.outgoing.send(&self.socket, way, &answer, answer.len());
        let line = Line::new(id, way.0, engine, &self.bell);
        // Both ends begin with one number as a rule.
        let ours = Handshake::read(&answer).map_or(sequence, |said| said.fields.sequence);
        let now = now();
        let follow = Follow::new(sequence, ours, now);
        state.open(id, Open::new(now, &pending, Rc::clone(&line), answer, follow));
        drop(state);
        line.ring();
        Some(line)
    }
}
