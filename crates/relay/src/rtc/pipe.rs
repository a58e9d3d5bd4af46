//! What passes the datagrams of one client's address on to its node and back, unopened.
//!
//! Two hold a pipe: the proxy's port, to which it is an [`Engine`], and the session's task, which reads the node's socket.
//! What that reads goes to the client as it is, in the runs in which it came, without a stop here; the pipe says by which
//! way. Of what passes only binding requests are looked at: by them it is known that the client is still there, and still
//! itself.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use srs_rtc::datagram::Kind;
use srs_rtc::engine::{Asked, Ended, Event, Packet, Stats};
use srs_rtc::stun::{self, Message};
use srs_rtc::{Engine, Path};

use crate::datagrams::Datagrams;
use crate::limits::{RTC_BACKLOG_BYTES, RTC_GONE, RTC_REFUSALS, RTC_RETRY, RTC_SILENT};

/// The way to the node.
pub(super) trait Wire {
    /// Sends datagrams of `size` bytes each, the last one may be shorter, and tells how many bytes were taken.
    fn send(&self, datagrams: &[u8], size: usize) -> io::Result<usize>;
}

/// Tells by which password requests with this side's user name are made; none for a name of another session.
pub(super) type Passwords = Box<dyn Fn(&str) -> Option<String>>;

struct Inner<W> {
    wire: W,
    passwords: Passwords,
    path: Path,
    /// For the node.
    up: Datagrams,
    /// When the client's last good request came.
    checked: Instant,
    /// When the node was heard last.
    heard: Instant,
    /// Words of a closed port since the node was heard.
    refusals: u32,
    ended: Option<Ended>,
    stats: Stats,
}

/// One client's address and its node. Clones are the same one.
pub(super) struct Pipe<W>(Rc<RefCell<Inner<W>>>);

impl<W> Clone for Pipe<W> {
    fn clone(&self) -> Self {
        Pipe(Rc::clone(&self.0))
    }
}

impl<W: Wire> Pipe<W> {
    /// From a client whose first good request came just now, by `path`.
    pub(super) fn new(wire: W, path: Path, passwords: Passwords, now: Instant) -> Pipe<W> {
        let (up, checked, heard, stats) = (Datagrams::default(), now, now, Stats::default());
        let inner = Inner { wire, passwords, path, up, checked, heard, refusals: 0, ended: None, stats };
        Pipe(Rc::new(RefCell::new(inner)))
    }

    /// So many bytes came from the node. The answer is by which way they go on.
    pub(super) fn hear(&self, now: Instant, bytes: usize) -> Path {
        let inner = &mut *self.0.borrow_mut();
        (inner.heard, inner.refusals) = (now, 0);
        inner.stats.sent = inner.stats.sent.saturating_add(bytes as u64);
        inner.path
    }

    /// The node's host says that nobody is at its port.
    pub(super) fn refused(&self) {
        self.0.borrow_mut().refuse();
    }

    /// When the client was known to be there last.
    #[cfg(test)]
    pub(super) fn checked(&self) -> Instant {
        self.0.borrow().checked
    }
}

impl<W: Wire> Inner<W> {
    fn refuse(&mut self) {
        self.refusals = self.refusals.saturating_add(1);
    }

    /// Whether this is a request of ICE by somebody who knows the session's password.
    fn is_good_request(&self, datagram: &[u8]) -> bool {
        if Kind::of(datagram) != Kind::Stun {
            return false;
        }
        let Ok(message) = Message::read(datagram) else { return false };
        if message.kind() != stun::Kind::Request || !message.is_binding() {
            return false;
        }
        let password = message.username().and_then(|(ours, _)| (self.passwords)(ours));
        password.is_some_and(|password| message.verify(&password))
    }

    /// When the node is gone by what its host says, if it is not heard until then.
    fn gone(&self) -> Option<Instant> {
        if self.refusals < RTC_REFUSALS { None } else { self.heard.checked_add(RTC_GONE) }
    }

    /// Sends what waits for the node; true when something is left.
    fn flush(&mut self) -> bool {
        let mut is_told = false;
        while let Some((run, size)) = self.up.run() {
            match self.wire.send(run, size) {
                Ok(taken) => self.up.skip(taken.max(size)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) => {
                    if error.kind() == io::ErrorKind::ConnectionRefused {
                        self.refuse();
                        // Told of one that was sent before: this one was not.
                        if !std::mem::replace(&mut is_told, true) {
                            continue;
                        }
                    }
                    // As good as lost on the way.
                    self.stats.lost = self.stats.lost.saturating_add(1);
                    self.up.skip(size);
                }
            }
        }
        false
    }
}

impl<W: Wire> Engine for Pipe<W> {
    fn datagram(&mut self, now: Instant, path: Path, bytes: &mut [u8]) {
        let inner = &mut *self.0.borrow_mut();
        if inner.ended.is_some() {
            return;
        }
        if inner.is_good_request(bytes) {
            (inner.checked, inner.path) = (now, path);
        }
        if inner.up.push(bytes, RTC_BACKLOG_BYTES) {
            inner.stats.received = inner.stats.received.saturating_add(bytes.len() as u64);
        } else {
            inner.stats.lost = inner.stats.lost.saturating_add(1);
        }
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        let inner = &mut *self.0.borrow_mut();
        let is_full = inner.flush();
        let end = inner.checked.checked_add(RTC_SILENT);
        let gone = inner.gone();
        if inner.ended.is_none() {
            if gone.is_some_and(|gone| gone <= now) {
                inner.ended = Some(Ended::Gone);
            } else if end.is_some_and(|end| end <= now) {
                inner.ended = Some(Ended::Silent(RTC_SILENT));
            }
        }
        let retry = now.checked_add(RTC_RETRY).filter(|_| is_full);
        match inner.ended {
            None => [end, gone, retry].into_iter().flatten().min(),
            Some(_) => None,
        }
    }

    /// What goes to the client does not come by here.
    fn next_datagram(&mut self, _now: Instant, _out: &mut BytesMut) -> Option<Path> {
        None
    }

    /// All that is received passes on as it is.
    fn next_event(&mut self, _now: Instant) -> Option<Event> {
        None
    }

    /// Nothing is sent from here but what an end sent.
    fn send(&mut self, _now: Instant, _packet: &Packet) {}

    fn ask(&mut self, _now: Instant, _asked: Asked) {}

    fn close(&mut self, _now: Instant) {
        self.0.borrow_mut().ended.get_or_insert(Ended::Here);
    }

    fn ended(&self) -> Option<Ended> {
        self.0.borrow().ended
    }

    /// Bytes alone: how far apart the ends are, and what is lost between them, they know alone. [`Stats::lost`] counts what
    /// the way to the node had no room for.
    fn stats(&mut self, _now: Instant) -> Stats {
        Stats { rtt: Duration::ZERO, ..self.0.borrow().stats }
    }
}

#[cfg(test)]
mod tests;
