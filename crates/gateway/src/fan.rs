//! One shard's viewers of one rendition, and the task that writes to them.
//!
//! The task is woken once per flush, pulls what is new under one short lock, and writes to each viewer directly: a
//! viewer costs one vectored write of shared slices per flush, no wake-up, no copy. A viewer whose socket is full is
//! left to its own task, which the socket wakes.
//!
//! Writes are merged over `mw_latency`, for all viewers of a fan at the same moment: the bytes are then in the core's
//! cache, and the core sleeps in between. Fans keep rhythms of their own, which follow what comes in bursts: an edge
//! passes on at once what its origin has merged.

mod pace;
mod seat;
mod sink;
mod viewer;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use srs_hub::{Cursor, Feed, Format, Hub, Phase, Rendition, Window};
use srs_names::StreamKey;
use srs_net::limits;
use tokio::time::Instant;

use crate::clients::Client;
pub(crate) use pace::Pace;
pub(crate) use seat::Seat;
pub(crate) use sink::{Messages, Sink};
use viewer::{Gate, Viewer};

/// Viewers served before others on this shard get their turn: at most 3 ms. Who joins meanwhile would else wait for the
/// writes to everybody.
const GROUP: usize = 64;

/// A viewer that is sent away may take this long to be told why: it has one frame to take before.
pub(crate) const FAREWELL: Duration = Duration::from_secs(1);

/// Ready at that time; without one never.
pub(crate) async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What a viewer brings when it joins.
pub(crate) struct Joining {
    /// Where to write.
    pub(crate) write: Sink,
    /// What is sent before any media, with the first of it.
    pub(crate) opening: Bytes,
    /// Nothing at all is sent before the stream is live.
    pub(crate) gated: bool,
    /// What is sent behind the last frame when the stream ends.
    pub(crate) goodbye: Bytes,
    /// What is sent when the publisher is gone and awaited, and when there is one again.
    pub(crate) news: News,
    /// Whose counters to move.
    pub(crate) client: Arc<Client>,
}

/// What a viewer is told of its stream's publisher; nothing where it is empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct News {
    /// The publisher's connection broke, and it is awaited.
    pub(crate) held: Bytes,
    /// It is back, or another took its place.
    pub(crate) live: Bytes,
}

/// How serving a viewer ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The stream ended, and the viewer was told.
    Over,
    /// The socket failed.
    Lost(io::Error),
    /// The viewer took nothing for [`limits::STALL`].
    Stalled,
    /// The task that served it ended in a panic.
    Broken,
}

/// The viewers of one rendition on this shard.
pub(crate) struct Fan {
    feed: Feed,
    window: Window,
    phase: Phase,
    pace: Pace,
    viewers: BTreeMap<u64, Viewer>,
    next: u64,
    /// Whether something was pulled that not everybody was offered.
    dirty: bool,
    sent: u64,
    task: Option<Waker>,
    /// Whether the task is gone: nobody serves the viewers any more.
    broken: bool,
}

pub(crate) type Shared = Rc<RefCell<Fan>>;

type Fans = HashMap<(StreamKey, Format), Weak<RefCell<Fan>>>;

thread_local! {
    static FANS: RefCell<Fans> = RefCell::default();
}

/// This shard's fan for `key` in `format`, made when there is none.
pub(crate) fn of_shard(
    hub: &Hub,
    key: &StreamKey,
    format: Format,
    pace: Pace,
    make: impl FnOnce() -> Box<dyn Rendition>,
) -> Shared {
    let place = (key.clone(), format);
    let known = FANS.with_borrow(|fans| fans.get(&place).and_then(Weak::upgrade));
    if let Some(fan) = known.filter(|fan| !fan.borrow().broken) {
        return fan;
    }
    let fan = Rc::new(RefCell::new(Fan {
        feed: hub.subscribe(key, format, make),
        window: Window::default(),
        phase: Phase::Waiting,
        pace,
        viewers: BTreeMap::new(),
        next: 0,
        dirty: false,
        sent: 0,
        task: None,
        broken: false,
    }));
    FANS.with_borrow_mut(|fans| {
        fans.retain(|_, fan| fan.strong_count() > 0);
        fans.insert(place, Rc::downgrade(&fan));
    });
    srs_net::shards::spawn(tokio::task::coop::unconstrained(run(Rc::downgrade(&fan))));
    fan
}

/// Breaks a fan off when the task that serves it ends before its viewers have left: in a panic. Each then ends by itself,
/// where it would else wait for ever, and the next viewer gets a new fan.
struct Tended(Weak<RefCell<Fan>>);

impl Drop for Tended {
    fn drop(&mut self) {
        let Some(fan) = self.0.upgrade() else { return };
        // Never borrowed here: the panic has given back what the task had, and no other task runs meanwhile.
        if let Ok(mut fan) = fan.try_borrow_mut() {
            fan.broken = true;
            fan.viewers.values().for_each(|viewer| viewer.waker.wake_by_ref());
        }
    }
}

/// Serves a fan until its last viewer, who holds it, is gone.
async fn run(fan: Weak<RefCell<Fan>>) {
    let Tended(fan) = &Tended(fan);
    let mut rhythm = pace::Rhythm::default();
    loop {
        let news = poll_fn(|cx| match fan.upgrade() {
            Some(fan) => fan.borrow_mut().poll_news(cx),
            None => Poll::Ready(None),
        });
        let Some(merge) = news.await else { return };
        let write = rhythm.next(Instant::now(), merge);
        let mut whole = None;
        if write.is_held {
            tokio::time::sleep_until(write.whole).await;
            let Some(fan) = fan.upgrade() else { return };
            whole = Some(fan.borrow_mut().end());
        }
        if !merge.is_zero() {
            tokio::time::sleep_until(write.due).await;
        }
        let Some(fan) = fan.upgrade() else { return };
        let end = fan.borrow_mut().begin();
        rhythm.wrote(write, whole == Some(end));
        let mut group = Some(0);
        while let Some(from) = group {
            group = fan.borrow_mut().offer(from);
            if group.is_some() {
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Fan {
    /// Ready with the time over which writes are merged, when there is something to send.
    fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<Option<Duration>> {
        self.task = Some(cx.waker().clone());
        if !self.dirty && self.feed.poll_changed(&self.window, self.phase, cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Some(self.pace.merge))
    }

    /// Takes over what is new.
    fn pull(&mut self) {
        let before = (self.window.end(), self.phase);
        let viewers = &mut self.viewers;
        self.phase = self.feed.pull(&mut self.window, |old| {
            for viewer in viewers.values_mut() {
                viewer.cursor.park(old);
            }
        });
        self.dirty |= before != (self.window.end(), self.phase);
        if before.1 != self.phase {
            self.turn_phase(before.1);
        }
    }

    fn turn_phase(&mut self, before: Phase) {
        match self.phase {
            Phase::Live => {
                for viewer in self.viewers.values_mut() {
                    if viewer.gate == Gate::Closed {
                        viewer.gate = Gate::Opened;
                    }
                    if before == Phase::Held {
                        self.sent = self.sent.saturating_add(viewer.hear(true, &self.window));
                    }
                }
            }
            Phase::Ended => {
                // A publish may begin and end between two pulls: who waited for it still gets all of it. Others wait on
                // for a publisher, within the limits of their doors.
                for viewer in self.viewers.values_mut() {
                    viewer.cursor.settle(&self.window);
                    if viewer.cursor.started() || viewer.gate == Gate::Opened {
                        if viewer.gate == Gate::Closed {
                            viewer.gate = Gate::Opened;
                        }
                        viewer.dismiss(&self.window);
                    }
                }
            }
            Phase::Held => {
                for viewer in self.viewers.values_mut() {
                    self.sent = self.sent.saturating_add(viewer.hear(false, &self.window));
                }
            }
            Phase::Waiting => {}
        }
    }

    /// Begins a flush: takes over what is new. The answer is where that ends.
    fn begin(&mut self) -> u64 {
        let end = self.end();
        self.dirty = false;
        end
    }

    /// Takes over what is new, and says where that ends.
    fn end(&mut self) -> u64 {
        self.pull();
        self.window.end()
    }

    /// Offers what is new to a group of viewers, from number `from` on. The answer is where the next group begins.
    fn offer(&mut self, from: u64) -> Option<u64> {
        let now = Instant::now();
        let (window, pace) = (&self.window, self.pace);
        for (count, (number, viewer)) in self.viewers.range_mut(from..).enumerate() {
            if count == GROUP {
                return Some(*number);
            }
            viewer.cursor.settle(window);
            if viewer.blocked {
                viewer.cursor.drop_lag(window, pace.lag);
            } else if viewer.due(window, pace) {
                self.sent = self.sent.saturating_add(viewer.serve(window, now));
            } else {
                self.dirty |= viewer.passed;
            }
        }
        self.window.trim(self.keep());
        self.feed.sent(std::mem::take(&mut self.sent));
        None
    }

    /// The oldest byte that some viewer needs, or that a new viewer would start at.
    fn keep(&self) -> u64 {
        let needed = self.viewers.values().map(|viewer| viewer.cursor.needs()).min();
        let start = self.window.newest_key().unwrap_or(self.window.end());
        needed.unwrap_or(u64::MAX).min(start)
    }

    /// Adds a viewer and starts to serve it. `cx` is that of the viewer's own task, which its socket will wake.
    fn join(&mut self, joining: Joining, cx: &Context<'_>) -> u64 {
        self.pull();
        let over = self.phase == Phase::Ended;
        let cursor = Cursor::join(&self.window, self.pace.gop_cache && !over);
        let mut viewer = Viewer::new(joining, cursor, self.phase, cx.waker().clone());
        self.sent = self.sent.saturating_add(viewer.serve(&self.window, Instant::now()));
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.feed.viewer_came();
        self.viewers.insert(number, viewer);
        // The pull may have taken what the fan's task waits for.
        if self.dirty
            && let Some(task) = self.task.take()
        {
            task.wake();
        }
        number
    }

    fn started(&self, number: u64) -> bool {
        self.viewers.get(&number).is_some_and(|viewer| viewer.cursor.started())
    }

    fn opened(&self, number: u64) -> bool {
        self.viewers.get(&number).is_some_and(|viewer| viewer.gate != Gate::Closed)
    }

    /// Goes on with a viewer whose task was woken; ready when it is done.
    fn poll_viewer(&mut self, number: u64, cx: &Context<'_>) -> Poll<Ending> {
        if self.broken {
            return Poll::Ready(Ending::Broken);
        }
        let Some(viewer) = self.viewers.get_mut(&number) else { return Poll::Ready(Ending::Over) };
        if !viewer.waker.will_wake(cx.waker()) {
            viewer.waker = cx.waker().clone();
        }
        if viewer.blocked || viewer.leaving {
            viewer.cursor.settle(&self.window);
            viewer.cursor.drop_lag(&self.window, self.pace.lag);
            self.sent = self.sent.saturating_add(viewer.serve(&self.window, Instant::now()));
        }
        if let Some(error) = viewer.lost.take() {
            return Poll::Ready(Ending::Lost(error));
        }
        if viewer.leaving && !viewer.blocked {
            return Poll::Ready(Ending::Over);
        }
        if viewer.blocked && viewer.progress.elapsed() >= limits::STALL {
            return Poll::Ready(Ending::Stalled);
        }
        Poll::Pending
    }

    /// When a viewer that takes nothing will be given up; none while it takes what it gets.
    fn stall_deadline(&self, number: u64) -> Option<Instant> {
        self.viewers
            .get(&number)
            .filter(|viewer| viewer.blocked)
            .map(|viewer| viewer.progress + limits::STALL)
    }

    /// Sends bytes to one viewer alone, behind the frame that is on its way.
    fn tell(&mut self, number: u64, bytes: Bytes) {
        if let Some(viewer) = self.viewers.get_mut(&number) {
            self.sent = self.sent.saturating_add(viewer.tell(bytes, &self.window));
        }
    }

    /// Sends a viewer away: it gets the frame that is on its way, then `goodbye` (else what it would get at the end of the
    /// stream), and no more.
    fn dismiss(&mut self, number: u64, goodbye: Option<Bytes>) {
        if let Some(viewer) = self.viewers.get_mut(&number).filter(|viewer| !viewer.leaving) {
            let own = std::mem::take(&mut viewer.goodbye);
            viewer.cursor.dismiss(goodbye.unwrap_or(own), &self.window);
            viewer.leave();
        }
    }

    /// Takes a viewer out; the answer is where its bytes went.
    fn leave(&mut self, number: u64) -> Option<Sink> {
        let viewer = self.viewers.remove(&number)?;
        self.feed.viewer_went();
        self.feed.sent(std::mem::take(&mut self.sent));
        Some(viewer.write)
    }
}

#[cfg(test)]
mod tests;
