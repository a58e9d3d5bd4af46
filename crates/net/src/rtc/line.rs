//! What a connection and its driver share.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use srs_rtc::engine::{Ended, Event, Frame, Stats, Track};
use srs_rtc::{Engine, Path};

use crate::turns::{Bell, now, soonest, wait};
use crate::udp::Runs;
use crate::{limits, shards};

/// A session among those of its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(pub(super) u64);

/// The first byte of datagrams that are media: RTP or RTCP, RFC 7983.
const MEDIA: u8 = 128;

/// What a connection and its driver share.
pub(super) struct Line {
    pub(super) id: Id,
    /// Where media goes, or what was heard first.
    pub(super) path: Cell<Path>,
    /// This side's user name that was verified last: who comes with it from where it came from needs no look.
    pub(super) ufrag: RefCell<Arc<str>>,
    bell: Rc<Bell<Id>>,
    has_rung: Cell<bool>,
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    /// None when the session has ended.
    engine: Option<Box<dyn Engine>>,
    ended: Option<Ended>,
    /// Since when nobody has it any more.
    dropped: Option<Instant>,
    inbox: VecDeque<Event>,
    /// Flows in which a frame was thrown away, and none came since.
    gaps: Vec<(Track, Option<Arc<str>>)>,
    overrun: u64,
    stats: Stats,
    reader: Option<Waker>,
    watcher: Option<Waker>,
}

/// What a turn left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// More than one turn may do: another is wanted at once.
    More,
    /// A next turn, at this time at the latest.
    Until(Option<Instant>),
    /// Nothing: the session is to be forgotten.
    Nothing,
}

impl Line {
    pub(super) fn new(
        id: Id,
        path: Path,
        ufrag: Arc<str>,
        engine: Box<dyn Engine>,
        bell: &Rc<Bell<Id>>,
    ) -> Rc<Line> {
        let inner = Inner { engine: Some(engine), ..Inner::default() };
        Line::with_inner(id, path, ufrag, Rc::clone(bell), inner)
    }

    /// One that ended before it began.
    pub(super) fn lapsed(path: Path) -> Rc<Line> {
        let inner = Inner { ended: Some(Ended::Here), ..Inner::default() };
        Line::with_inner(Id(0), path, Arc::from(""), Rc::default(), inner)
    }

    fn with_inner(id: Id, path: Path, ufrag: Arc<str>, bell: Rc<Bell<Id>>, inner: Inner) -> Rc<Line> {
        let (path, ufrag, has_rung) = (Cell::new(path), RefCell::new(ufrag), Cell::new(false));
        Rc::new(Line { id, path, ufrag, bell, has_rung, inner: RefCell::new(inner) })
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

    /// Calls the engine, when there is one still. A panic ends the session.
    pub(super) fn with<T>(&self, call: impl FnOnce(&mut dyn Engine) -> T) -> Option<T> {
        let mut inner = self.inner.borrow_mut();
        let engine = inner.engine.as_deref_mut()?;
        let result = shards::catch(|| call(engine));
        if result.is_none() {
            let peer = self.path.get().peer;
            tracing::error!(%peer, "a session of WebRTC ended in a panic: a defect; others go on");
            inner.end(Ended::Broken);
            drop(inner);
            self.ring();
        }
        result
    }

    /// Gives the engine a datagram.
    pub(super) fn datagram(&self, now: Instant, path: Path, bytes: &mut [u8]) {
        let _broken = self.with(|engine| engine.datagram(now, path, bytes));
    }

    /// Nobody has it any more: the engine is closed, and may say so.
    pub(super) fn drop_it(&self) {
        let now = now();
        let _broken = self.with(|engine| engine.close(now));
        let mut inner = self.inner.borrow_mut();
        inner.dropped = Some(now);
        inner.inbox = VecDeque::new();
        drop(inner);
        self.ring();
    }

    pub(super) fn poll_event(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut inner = self.inner.borrow_mut();
        match inner.inbox.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if inner.ended.is_some() => Poll::Ready(None),
            None => wait(&mut inner.reader, cx),
        }
    }

    pub(super) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<Ended> {
        let mut inner = self.inner.borrow_mut();
        match inner.ended {
            Some(ended) => Poll::Ready(ended),
            None => wait(&mut inner.watcher, cx),
        }
    }

    /// Whether nothing may be said any more.
    pub(super) fn is_over(&self) -> bool {
        self.inner.borrow().engine.is_none()
    }

    pub(super) fn stats(&self) -> Stats {
        let stats = self.with(|engine| engine.stats(now()));
        let mut inner = self.inner.borrow_mut();
        if let Some(stats) = stats {
            inner.stats = stats;
        }
        inner.stats
    }

    pub(super) fn overrun(&self) -> u64 {
        self.inner.borrow().overrun
    }

    /// Does what is due: time passes for the engine, its datagrams go to `send` in runs, its events to the session.
    pub(super) fn turn(
        &self,
        now: Instant,
        runs: &mut Runs<Path>,
        send: &mut impl FnMut(Path, &[u8], usize),
    ) -> Left {
        self.has_rung.set(false);
        let mut send = |path: Path, run: &[u8], size| {
            if run.first().is_some_and(|first| *first >= MEDIA) {
                self.path.set(path);
            }
            send(path, run, size);
        };
        let went = self.with(|engine| {
            let due = engine.tick(now);
            let more = |_: &usize| runs.add(|out| engine.next_datagram(now, out), &mut send);
            let sent = (0..limits::RTC_TURN).take_while(more).count();
            (due, sent == limits::RTC_TURN)
        });
        match went {
            Some(_) => runs.end(&mut send),
            None => runs.forget(),
        }
        let (due, more) = went.unwrap_or_default();
        let mut inner = self.inner.borrow_mut();
        let overrun = inner.overrun;
        match shards::catch(|| inner.collect(now)) {
            None => inner.end(Ended::Broken),
            // What it has to say goes out first.
            Some(Some(ended)) if !more => inner.end(ended),
            Some(_) => {}
        }
        if overrun == 0 && inner.overrun > 0 {
            let peer = self.path.get().peer;
            tracing::warn!(%peer, "frames of WebRTC are thrown away: their session takes none");
        }
        if let Some(reader) = if inner.inbox.is_empty() { None } else { inner.reader.take() } {
            reader.wake();
        }
        if inner.ended.is_some() {
            return Left::Nothing;
        }
        // Who is not wanted any more may say goodbye, and no more.
        let last = inner.dropped.and_then(|dropped| dropped.checked_add(limits::RTC_GOODBYE));
        if last.is_some_and(|last| last <= now) {
            inner.end(Ended::Here);
            return Left::Nothing;
        }
        if more {
            return Left::More;
        }
        let due = due.map(|due| soonest(now, due));
        Left::Until([due, last].into_iter().flatten().min())
    }
}

impl Inner {
    /// Takes the engine's events, and whether it has ended.
    fn collect(&mut self, now: Instant) -> Option<Ended> {
        while let Some(event) = self.engine.as_deref_mut()?.next_event(now) {
            if self.dropped.is_none() {
                self.keep(event);
            }
        }
        let engine = self.engine.as_deref_mut()?;
        let ended = engine.ended();
        if ended.is_some() {
            self.stats = engine.stats(now);
        }
        ended
    }

    /// Keeps an event for the session, unless too many wait: then a frame is thrown away, and the next one of its flow does
    /// not follow any more.
    fn keep(&mut self, mut event: Event) {
        let is_full = self.inbox.len() >= limits::RTC_EVENTS;
        if let Event::Frame(frame) = &mut event {
            if is_full {
                self.overrun = self.overrun.saturating_add(1);
                if self.gap(frame).is_none() && self.gaps.len() < limits::RTC_EVENTS {
                    self.gaps.push((frame.codec.track(), frame.layer.clone()));
                }
                return;
            }
            if let Some(gap) = self.gap(frame) {
                self.gaps.swap_remove(gap);
                frame.follows = false;
            }
        }
        // What else there is comes rarely, and is said again, but for the first.
        if !is_full || matches!(event, Event::Connected) {
            self.inbox.push_back(event);
        }
    }

    fn gap(&self, frame: &Frame) -> Option<usize> {
        let (track, layer) = (frame.codec.track(), &frame.layer);
        self.gaps.iter().position(|(gap, of)| *gap == track && of == layer)
    }

    fn end(&mut self, ended: Ended) {
        self.ended.get_or_insert(ended);
        let engine = self.engine.take();
        // One that panicked may do so again.
        let _broken = shards::catch(|| drop(engine));
        for waker in [self.reader.take(), self.watcher.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}
