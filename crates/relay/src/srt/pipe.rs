//! What passes the datagrams of one connection on, unopened, both ways.
//!
//! Two hold a pipe: the proxy's port, to which it is an [`Engine`], and the uplink, which reads the origin's socket. Each
//! end addresses the proxy by a number that the proxy gave; nothing else of a datagram is changed.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use srs_srt::engine::{Ended, Stats};
use srs_srt::packet::{self, ControlKind, Header, Kind};
use srs_srt::{Engine, SocketId};

use crate::datagrams::Datagrams;
use crate::limits::{
    SRT_BACKLOG_BYTES, SRT_GONE, SRT_GOODBYE, SRT_QUIET, SRT_REFUSALS, SRT_RETRY, SRT_SILENT,
};

/// The way to the origin.
pub(super) trait Wire {
    /// Sends datagrams of `size` bytes each, the last one may be shorter, and tells how many bytes were taken.
    fn send(&self, datagrams: &[u8], size: usize) -> io::Result<usize>;
}

/// By which numbers the ends and the proxy are addressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) caller: SocketId,
    pub(super) origin: SocketId,
    /// The proxy, by the origin.
    pub(super) ours: SocketId,
}

/// Why a pipe is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Over {
    #[error("the client closed it")]
    Caller,
    #[error("nothing heard of the client for 10 s")]
    CallerSilent,
    #[error("the origin closed it")]
    Origin,
    #[error("the origin closed it, as nothing was heard of the client")]
    Vanished,
    #[error("nothing heard of the origin on this connection for 10 s")]
    OriginSilent,
    #[error("the origin's port is closed")]
    OriginGone,
    #[error("closed here")]
    Here,
}

/// What went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// For which there was no room.
    pub(super) lost: u64,
}

/// What went one way.
struct Side {
    waits: Datagrams,
    passed: Passed,
    /// Packets of media, and those of them that were sent before.
    media: (u64, u64),
    heard: Instant,
}

struct Inner<W> {
    wire: W,
    ends: Ends,
    began: Instant,
    up: Side,
    down: Side,
    /// Words of a closed port since the origin was heard.
    refusals: u32,
    over: Option<Over>,
    /// When the caller ended it.
    left: Option<Instant>,
    /// The caller was told that it is over, or said so.
    is_told: bool,
}

/// A connection of a caller with its origin. Clones are the same one.
pub(super) struct Pipe<W>(Rc<RefCell<Inner<W>>>);

impl<W> Clone for Pipe<W> {
    fn clone(&self) -> Self {
        Pipe(Rc::clone(&self.0))
    }
}

impl Side {
    fn new(now: Instant) -> Side {
        Side { waits: Datagrams::default(), passed: Passed::default(), media: (0, 0), heard: now }
    }

    /// Takes a datagram that is to go on, if there is room.
    fn take(&mut self, header: &Header, datagram: &[u8]) {
        if !self.waits.push(datagram, SRT_BACKLOG_BYTES) {
            self.passed.lost = self.passed.lost.saturating_add(1);
            return;
        }
        self.passed.packets = self.passed.packets.saturating_add(1);
        self.passed.bytes = self.passed.bytes.saturating_add(datagram.len() as u64);
        if let Kind::Data(data) = header.kind {
            let count = if data.retransmitted { &mut self.media.1 } else { &mut self.media.0 };
            *count = count.saturating_add(1);
        }
    }
}

impl<W: Wire> Inner<W> {
    fn end(&mut self, over: Over) {
        self.over.get_or_insert(over);
    }

    /// Tells the caller, unless it knows.
    fn tell_caller(&mut self, now: Instant) {
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        // Wraps as the time of packets does.
        let time = now.saturating_duration_since(self.began).as_micros() as u32;
        let shutdown = packet::shutdown(self.ends.caller, time);
        self.down.waits.push(&shutdown, usize::MAX);
    }

    /// When the origin is gone by what its host says, if it is not heard until then.
    fn gone(&self) -> Option<Instant> {
        if self.refusals < SRT_REFUSALS {
            return None;
        }
        self.down.heard.checked_add(SRT_GONE)
    }

    /// Sends what waits for the origin; true when something is left.
    fn flush(&mut self) -> bool {
        let mut is_told = false;
        while let Some((run, size)) = self.up.waits.run() {
            match self.wire.send(run, size) {
                Ok(taken) => self.up.waits.skip(taken.max(size)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) => {
                    if error.kind() == io::ErrorKind::ConnectionRefused {
                        self.refusals = self.refusals.saturating_add(1);
                        // Told of one that was sent before: this one was not.
                        if !std::mem::replace(&mut is_told, true) {
                            continue;
                        }
                    }
                    // As good as lost on the way.
                    self.up.passed.lost = self.up.passed.lost.saturating_add(1);
                    self.up.waits.skip(size);
                }
            }
        }
        false
    }
}

/// What neither end may send once it is connected: their handshakes name what only the proxy and one of them know.
fn is_stray(header: &Header) -> bool {
    header.is(ControlKind::HANDSHAKE)
}

impl<W: Wire> Pipe<W> {
    /// Between these ends.
    pub(super) fn new(wire: W, ends: Ends, now: Instant) -> Pipe<W> {
        let (up, down) = (Side::new(now), Side::new(now));
        let (refusals, over, left, is_told) = (0, None, None, false);
        Pipe(Rc::new(RefCell::new(Inner { wire, ends, began: now, up, down, refusals, over, left, is_told })))
    }

    /// A datagram that came from the origin.
    pub(super) fn hear(&self, now: Instant, datagram: &mut [u8]) {
        let mut inner = self.0.borrow_mut();
        let Ok(header) = Header::read(datagram) else { return };
        if header.destination != inner.ends.ours || inner.over.is_some() {
            return;
        }
        (inner.down.heard, inner.refusals) = (now, 0);
        if is_stray(&header) || packet::set_destination(datagram, inner.ends.caller).is_err() {
            return;
        }
        if header.is(ControlKind::SHUTDOWN) {
            let is_quiet = now.saturating_duration_since(inner.up.heard) >= SRT_QUIET;
            inner.end(if is_quiet { Over::Vanished } else { Over::Origin });
            inner.is_told = true;
            inner.down.waits.push(datagram, usize::MAX);
        } else {
            inner.down.take(&header, datagram);
        }
    }

    /// The origin's host says that nobody is at its port.
    pub(super) fn refused(&self) {
        let mut inner = self.0.borrow_mut();
        inner.refusals = inner.refusals.saturating_add(1);
    }

    /// Tells the origin that the connection is over.
    pub(super) fn tell_origin(&self, now: Instant) {
        let mut inner = self.0.borrow_mut();
        let time = now.saturating_duration_since(inner.began).as_micros() as u32;
        let shutdown = packet::shutdown(inner.ends.origin, time);
        inner.up.waits.push(&shutdown, usize::MAX);
        let _lost_if_full = inner.flush();
    }

    /// Why it is over; none while it lasts.
    pub(super) fn over(&self) -> Option<Over> {
        self.0.borrow().over
    }

    /// Whether the origin has sent media.
    pub(super) fn has_media(&self) -> bool {
        self.0.borrow().down.media.0 > 0
    }

    /// What went up, and what went down.
    pub(super) fn passed(&self) -> (Passed, Passed) {
        let inner = self.0.borrow();
        (inner.up.passed, inner.down.passed)
    }
}

impl<W: Wire> Engine for Pipe<W> {
    fn packet(&mut self, now: Instant, datagram: &mut [u8]) {
        let inner = &mut *self.0.borrow_mut();
        let Ok(header) = Header::read(datagram) else { return };
        if inner.over.is_some() {
            return;
        }
        inner.up.heard = now;
        if is_stray(&header) || packet::set_destination(datagram, inner.ends.origin).is_err() {
            return;
        }
        if header.is(ControlKind::SHUTDOWN) {
            inner.end(Over::Caller);
            (inner.left, inner.is_told) = (Some(now), true);
            inner.up.waits.push(datagram, usize::MAX);
        } else {
            inner.up.take(&header, datagram);
        }
    }

    /// Nothing is sent from here but what an end sent.
    fn send(&mut self, _now: Instant, _message: Bytes) -> bool {
        false
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        let inner = &mut *self.0.borrow_mut();
        let silent = |side: &Side| now.saturating_duration_since(side.heard) >= SRT_SILENT;
        if inner.over.is_none() && silent(&inner.up) {
            inner.end(Over::CallerSilent);
        } else if inner.over.is_none() && silent(&inner.down) {
            inner.end(Over::OriginSilent);
        }
        let mut is_full = inner.flush();
        if inner.over.is_none() && inner.gone().is_some_and(|gone| gone <= now) {
            inner.end(Over::OriginGone);
        }
        if is_full && inner.left.is_some_and(|left| now.saturating_duration_since(left) >= SRT_GOODBYE) {
            inner.up.waits = Datagrams::default();
            is_full = false;
        }
        if inner.over.is_some() {
            inner.tell_caller(now);
        }
        let silence = inner.up.heard.min(inner.down.heard).checked_add(SRT_SILENT);
        let next = silence.into_iter().chain(inner.gone()).min();
        match (is_full, inner.over) {
            (true, _) => now.checked_add(SRT_RETRY),
            (false, None) => next,
            (false, Some(_)) => None,
        }
    }

    fn next_packet(&mut self, _now: Instant, out: &mut BytesMut) -> bool {
        self.0.borrow_mut().down.waits.pop(out)
    }

    /// All that is received passes on as it is.
    fn next_message(&mut self, _now: Instant) -> Option<Bytes> {
        None
    }

    fn close(&mut self, now: Instant) {
        let mut inner = self.0.borrow_mut();
        inner.end(Over::Here);
        inner.tell_caller(now);
    }

    fn ended(&self) -> Option<Ended> {
        let inner = self.0.borrow();
        // Not before the caller can be told, nor before the origin is told what the caller said last.
        let is_sent = inner.left.is_none() || inner.up.waits.is_empty();
        let over = inner.over.filter(|_| inner.is_told && inner.down.waits.is_empty() && is_sent)?;
        Some(match over {
            Over::Caller => Ended::Peer,
            Over::CallerSilent => Ended::Silent(SRT_SILENT),
            Over::Origin | Over::Vanished | Over::OriginSilent | Over::OriginGone | Over::Here => Ended::Here,
        })
    }

    fn stats(&mut self, _now: Instant) -> Stats {
        let inner = self.0.borrow();
        let ((received, _), (sent, resent)) = (inner.up.media, inner.down.media);
        let dropped = inner.down.passed.lost;
        // How far apart they are, and what is lost between them, the ends know alone.
        Stats { rtt: Duration::ZERO, received, sent, resent, dropped, ..Stats::default() }
    }
}

#[cfg(test)]
mod tests;
