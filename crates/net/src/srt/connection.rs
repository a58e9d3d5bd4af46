//! A connection as its session has it, and as its driver has it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use srs_srt::engine::{Ended, Engine, Stats};
use srs_srt::{Reason, SocketId};

use crate::tcp::Slot;
use crate::turns::{Bell, now, soonest, wait};
use crate::udp::Runs;
use crate::{limits, shards};

/// A connection whose handshake is done. It stays on the shard of its port.
///
/// Dropping it closes it: the peer is told.
pub struct Connection {
    line: Rc<Line>,
    /// Its place among the connections of the port, as long as a session has it.
    _slot: Option<Slot>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (peer, id) = (self.peer(), self.local_id());
        f.debug_struct("Connection").field("peer", &peer).field("id", &id).finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(line: Rc<Line>, slot: Option<Slot>) -> Connection {
        Connection { line, _slot: slot }
    }

    /// Waits for the next message. None when the connection has ended and everything that came was taken.
    pub fn poll_message(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut inner = self.line.inner.borrow_mut();
        match inner.inbox.pop_front() {
            Some(message) => Poll::Ready(Some(message)),
            None if inner.ended.is_some() => Poll::Ready(None),
            None => wait(&mut inner.reader, cx),
        }
    }

    /// As [`Connection::poll_message`].
    pub async fn message(&self) -> Option<Bytes> {
        poll_fn(|cx| self.poll_message(cx)).await
    }

    /// Sends a message of at most [`srs_srt::engine::MESSAGE`] bytes. False when there is no room for it, or the connection
    /// has ended, and it was not taken.
    pub fn send(&self, message: Bytes) -> bool {
        let taken = self.line.with(|engine| engine.send(now(), message)).unwrap_or(false);
        if taken {
            self.line.ring();
        } else {
            self.line.inner.borrow_mut().is_full = true;
        }
        taken
    }

    /// Waits, after a message that was not taken, until there may be room, or the connection has ended.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.line.inner.borrow_mut();
        if inner.is_full && inner.ended.is_none() { wait(&mut inner.writer, cx) } else { Poll::Ready(()) }
    }

    /// Waits for the end of the connection: why it ended.
    pub fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<Ended> {
        let mut inner = self.line.inner.borrow_mut();
        match inner.ended {
            Some(ended) => Poll::Ready(ended),
            None => wait(&mut inner.watcher, cx),
        }
    }

    /// As [`Connection::poll_ended`].
    pub async fn ended(&self) -> Ended {
        poll_fn(|cx| self.poll_ended(cx)).await
    }

    /// Tells the driver that the engine has something new to send, or to do.
    pub fn wake(&self) {
        self.line.ring();
    }

    /// How it goes; after the end, how it went. [`Stats::overrun`] counts messages that came while [`limits::SRT_INBOX`]
    /// waited, because the session took none for so long.
    pub fn stats(&self) -> Stats {
        let stats = self.line.with(|engine| engine.stats(now()));
        let mut inner = self.line.inner.borrow_mut();
        if let Some(stats) = stats {
            inner.stats = stats;
        }
        Stats { overrun: inner.overrun, ..inner.stats }
    }

    /// Where the peer is now: a caller's address may change.
    pub fn peer(&self) -> SocketAddr {
        self.line.peer.get()
    }

    /// This end's socket id.
    pub fn local_id(&self) -> SocketId {
        self.line.id
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _closed = self.line.with(|engine| engine.close(now()));
        self.line.inner.borrow_mut().is_dropped = true;
        self.line.ring();
    }
}

/// What a connection and its driver share.
pub(super) struct Line {
    pub(super) id: SocketId,
    pub(super) peer: Cell<SocketAddr>,
    bell: Rc<Bell<SocketId>>,
    has_rung: Cell<bool>,
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    /// None when the connection has ended.
    engine: Option<Box<dyn Engine>>,
    ended: Option<Ended>,
    is_dropped: bool,
    inbox: VecDeque<Bytes>,
    overrun: u64,
    is_full: bool,
    stats: Stats,
    reader: Option<Waker>,
    writer: Option<Waker>,
    watcher: Option<Waker>,
}

/// What a turn left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// More than one turn may do: another is wanted at once.
    More,
    /// A next turn, at this time at the latest.
    Until(Option<Instant>),
    /// Nothing: the connection is to be forgotten.
    Nothing(Ended),
}

impl Line {
    pub(super) fn new(
        id: SocketId,
        peer: SocketAddr,
        engine: Box<dyn Engine>,
        bell: &Rc<Bell<SocketId>>,
    ) -> Rc<Line> {
        let inner = Inner { engine: Some(engine), ..Inner::default() };
        let (peer, bell) = (Cell::new(peer), Rc::clone(bell));
        Rc::new(Line { id, peer, bell, has_rung: Cell::new(false), inner: RefCell::new(inner) })
    }

    /// Whether it was not listed for a turn yet, and has to be from now on.
    pub(super) fn mark(&self) -> bool {
        !self.has_rung.replace(true)
    }

    /// Has the driver give it a turn.
    pub(super) fn ring(&self) {
        if self.mark() {
            self.bell.ring(self.id);
        }
    }

    /// Calls the engine, when there is one still. A panic ends the connection.
    fn with<T>(&self, call: impl FnOnce(&mut dyn Engine) -> T) -> Option<T> {
        let mut inner = self.inner.borrow_mut();
        let engine = inner.engine.as_deref_mut()?;
        let result = shards::catch(|| call(engine));
        if result.is_none() {
            tracing::error!(peer = %self.peer.get(), "a connection of SRT ended in a panic: a defect; others go on");
            inner.end(Ended::Broken);
            drop(inner);
            self.ring();
        }
        result
    }

    /// Gives the engine a datagram.
    pub(super) fn packet(&self, now: Instant, datagram: &mut [u8]) {
        let _broken = self.with(|engine| engine.packet(now, datagram));
    }

    /// Ends the connection from outside, without a word to the peer.
    pub(super) fn end(&self, ended: Ended) {
        self.inner.borrow_mut().end(ended);
    }

    /// Refuses it, so to say, before it began.
    pub(super) fn lapsed(id: SocketId, peer: SocketAddr, reason: Reason) -> Rc<Line> {
        let inner = Inner { ended: Some(Ended::Refused(reason)), ..Inner::default() };
        let (peer, bell) = (Cell::new(peer), Rc::default());
        Rc::new(Line { id, peer, bell, has_rung: Cell::new(true), inner: RefCell::new(inner) })
    }

    /// Does what is due: time passes for the engine, its datagrams go to `send` in runs, its messages to the session.
    pub(super) fn turn(
        &self,
        now: Instant,
        runs: &mut Runs<()>,
        send: &mut impl FnMut((), &[u8], usize),
    ) -> Left {
        self.has_rung.set(false);
        let went = self.with(|engine| {
            let due = engine.tick(now);
            let more = |_: &usize| runs.add(|out| engine.next_packet(now, out).then_some(()), send);
            let sent = (0..limits::SRT_TURN).take_while(more).count();
            (due, sent == limits::SRT_TURN)
        });
        match went {
            Some(_) => runs.end(send),
            None => runs.forget(),
        }
        let (due, more) = went.unwrap_or_default();
        let mut inner = self.inner.borrow_mut();
        let overrun = inner.overrun;
        let collected = shards::catch(|| inner.collect(now));
        if overrun == 0 && inner.overrun > 0 {
            tracing::warn!(peer = %self.peer.get(), "messages of SRT are thrown away: their session takes none");
        }
        match collected {
            None => inner.end(Ended::Broken),
            // What it has to say goes out first.
            Some(Some(ended)) if !more => inner.end(ended),
            Some(_) => {}
        }
        if let Some(writer) = if inner.is_full { None } else { inner.writer.take() } {
            writer.wake();
        }
        if let Some(reader) = if inner.inbox.is_empty() { None } else { inner.reader.take() } {
            reader.wake();
        }
        match inner.ended {
            Some(ended) => Left::Nothing(ended),
            None if more => Left::More,
            None if inner.is_dropped => Left::Nothing(Ended::Here),
            None => Left::Until(due.map(|due| soonest(now, due))),
        }
    }
}

impl Inner {
    /// Takes the engine's messages, whether it has room, and whether it has ended.
    fn collect(&mut self, now: Instant) -> Option<Ended> {
        let engine = self.engine.as_deref_mut()?;
        while let Some(message) = engine.next_message(now) {
            if self.inbox.len() < limits::SRT_INBOX {
                self.inbox.push_back(message);
            } else {
                self.overrun = self.overrun.saturating_add(1);
            }
        }
        self.is_full = self.is_full && !engine.has_room(now);
        let ended = engine.ended();
        if ended.is_some() {
            self.stats = engine.stats(now);
        }
        ended
    }

    fn end(&mut self, ended: Ended) {
        self.ended.get_or_insert(ended);
        let engine = self.engine.take();
        // One that panicked may do so again.
        let _broken = shards::catch(|| drop(engine));
        for waker in [self.reader.take(), self.writer.take(), self.watcher.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}
