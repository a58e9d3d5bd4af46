//! One shard's players of one stream by WebRTC, and the task that sends to them.
//!
//! The task is woken once per flush, takes what is new from the hub, makes packets of it whose payloads all players share,
//! and gives each player's session what it has not had. A player costs no wake-up, no lock and no copy; its session
//! encrypts, and the port's driver sends what belongs together in one call.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use srs_hub::{Feed, Hub, Phase, Rendition, Window};
use srs_names::StreamKey;
use srs_net::rtc::Connection;
use srs_rtc::Codec;
use srs_rtc::engine::Packet;
use tokio::time::Instant;

use super::join::{Frames, Place};
use super::tracks::{Fit, Tracks};
use crate::clients::Client;
use crate::rendition::rtc::RTP;

/// Players served before others on this shard get their turn.
const GROUP: usize = 32;
/// While a player is given what was there before it came, its turns are so far apart.
const BURST_TURN: Duration = Duration::from_millis(5);

/// A player that joins.
pub(super) struct Joining {
    pub(super) connection: Rc<Connection>,
    pub(super) client: Arc<Client>,
    /// It begins with what is there.
    pub(super) gop_cache: bool,
    pub(super) tracks: Tracks,
}

struct Player {
    connection: Rc<Connection>,
    client: Arc<Client>,
    tracks: Tracks,
    place: Place,
    /// Told when the stream ends, or the fan breaks.
    ending: Option<Ending>,
    /// What its session was not told of yet.
    news: Option<News>,
    waker: Option<Waker>,
}

impl Player {
    fn end(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
        self.wake();
    }

    /// Its session is told this, once, of packets in a codec that was not agreed on.
    fn tell(&mut self, codec: Codec, news: News) {
        self.tracks.ignore(codec);
        self.news = Some(news);
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// What a player's session is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// It is not served any more.
    Ending(Ending),
    /// Its pictures or its sound, which this codec was agreed on for, are of another one.
    Changed(Codec),
    /// The stream has a track by now that it did not have when the session was made, and of this codec, which the player offered.
    More(Codec),
}

/// Why a player is not served any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The stream ended.
    Over,
    /// The task that served it ended in a panic.
    Broken,
}

/// The players of one stream on this shard.
pub(super) struct Fan {
    feed: Feed,
    window: Window,
    phase: Phase,
    frames: Frames,
    players: BTreeMap<u64, Player>,
    next: u64,
    /// Somebody joined, whom nothing was offered yet, or has more to get.
    due: Option<Instant>,
    sent: u64,
    task: Option<Waker>,
    broken: bool,
    /// Packets of one flush, kept for their allocation.
    batch: Vec<Packet>,
}

pub(super) type Shared = Rc<RefCell<Fan>>;

thread_local! {
    static FANS: RefCell<HashMap<StreamKey, Weak<RefCell<Fan>>>> = RefCell::default();
}

/// This shard's fan for `key`, made when there is none.
pub(super) fn of_shard(hub: &Hub, key: &StreamKey, make: impl FnOnce() -> Box<dyn Rendition>) -> Shared {
    let known = FANS.with_borrow(|fans| fans.get(key).and_then(Weak::upgrade));
    if let Some(fan) = known.filter(|fan| !fan.borrow().broken) {
        return fan;
    }
    let fan = Rc::new(RefCell::new(Fan {
        feed: hub.subscribe(key, RTP, make),
        window: Window::default(),
        phase: Phase::Waiting,
        frames: Frames::default(),
        players: BTreeMap::new(),
        next: 0,
        due: None,
        sent: 0,
        task: None,
        broken: false,
        batch: Vec::new(),
    }));
    FANS.with_borrow_mut(|fans| {
        fans.retain(|_, fan| fan.strong_count() > 0);
        fans.insert(key.clone(), Rc::downgrade(&fan));
    });
    srs_net::shards::spawn(tokio::task::coop::unconstrained(run(Rc::downgrade(&fan))));
    fan
}

/// Breaks a fan off when its task ends before its players have left: in a panic.
struct Tended(Weak<RefCell<Fan>>);

impl Drop for Tended {
    fn drop(&mut self) {
        let Some(fan) = self.0.upgrade() else { return };
        if let Ok(mut fan) = fan.try_borrow_mut() {
            fan.broken = true;
            fan.dismiss(Ending::Broken);
        }
    }
}

/// Serves a fan until its last player, who holds it, is gone.
async fn run(fan: Weak<RefCell<Fan>>) {
    let Tended(fan) = &Tended(fan);
    loop {
        let due = fan.upgrade().and_then(|fan| fan.borrow().due);
        let news = poll_fn(|cx| match fan.upgrade() {
            Some(fan) => fan.borrow_mut().poll_news(cx),
            None => Poll::Ready(false),
        });
        tokio::select! {
            biased;
            is_there = news => if !is_there { return },
            () = crate::fan::at(due), if due.is_some() => {}
        }
        let Some(shared) = fan.upgrade() else { return };
        shared.borrow_mut().begin();
        drop(shared);
        let mut group = Some(0);
        while let Some(from) = group {
            let Some(shared) = fan.upgrade() else { return };
            group = shared.borrow_mut().offer(from);
            drop(shared);
            if group.is_some() {
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Fan {
    /// Ready when there is something to send.
    fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.task = Some(cx.waker().clone());
        if self.due.is_some_and(|due| due <= Instant::now()) {
            return Poll::Ready(true);
        }
        self.feed.poll_changed(&self.window, self.phase, cx).map(|()| true)
    }

    /// Begins a flush: takes over what is new.
    fn begin(&mut self) {
        let now = Instant::now();
        self.due = None;
        let from = self.window.end();
        let mut gap = false;
        let phase = self.feed.pull(&mut self.window, |_| gap = true);
        if gap {
            self.frames.clear();
        }
        let from = from.max(self.window.start());
        for run in self.window.slices(from, self.window.end()) {
            self.frames.take(&run, now.into_std());
        }
        // What was taken is in frames now.
        self.window.trim(self.window.end());
        self.phase = phase;
        if phase == Phase::Ended {
            self.dismiss(Ending::Over);
        }
    }

    fn dismiss(&mut self, ending: Ending) {
        self.players.values_mut().for_each(|player| player.end(ending));
    }

    /// Offers what is new to a group of players, from number `from` on. The answer is where the next group begins.
    fn offer(&mut self, from: u64) -> Option<u64> {
        let now = Instant::now();
        let mut batch = std::mem::take(&mut self.batch);
        let mut next = None;
        let mut count = 0_usize;
        for (number, player) in self.players.range_mut(from..) {
            if count == GROUP {
                next = Some(*number);
                break;
            }
            count = count.saturating_add(1);
            batch.clear();
            let tracks = &player.tracks;
            let mut news = None;
            let more = player.place.next(&self.frames, now, |packet| match tracks.fit(packet.codec) {
                Fit::Agreed => batch.push(packet),
                Fit::Changed(agreed) => news = Some((packet.codec, News::Changed(agreed))),
                Fit::More => news = Some((packet.codec, News::More(packet.codec))),
                Fit::Nothing => {}
            });
            if let Some((codec, news)) = news {
                player.tell(codec, news);
            }
            if !batch.is_empty() {
                player.connection.send_all(&batch);
                let bytes = batch.iter().map(|packet| packet.payload.len() as u64).sum::<u64>();
                player.client.traffic.sent.fetch_add(bytes, Ordering::Relaxed);
                self.sent = self.sent.saturating_add(bytes);
            }
            if more {
                let due = now + BURST_TURN;
                self.due = Some(self.due.map_or(due, |known| known.min(due)));
            }
        }
        batch.clear();
        self.batch = batch;
        if next.is_none() {
            self.feed.sent(std::mem::take(&mut self.sent));
            let oldest = self.players.values().map(|player| player.place.needs()).min();
            self.frames.trim(oldest);
        }
        next
    }
}

/// A player's seat, held by its session; dropping it leaves.
pub(super) struct Seat {
    fan: Shared,
    number: u64,
}

impl Seat {
    pub(super) fn take(fan: &Shared, joining: Joining) -> Seat {
        let mut inner = fan.borrow_mut();
        let number = inner.next;
        inner.next = inner.next.wrapping_add(1);
        let place = if joining.gop_cache {
            Place::at_newest()
        } else {
            // What is there already is not for this player.
            inner.begin();
            Place::at_next(&inner.frames)
        };
        let ending = inner.broken.then_some(Ending::Broken);
        inner.players.insert(
            number,
            Player {
                connection: joining.connection,
                client: joining.client,
                tracks: joining.tracks,
                place,
                ending,
                news: None,
                waker: None,
            },
        );
        inner.feed.viewer_came();
        inner.ring();
        drop(inner);
        Seat { fan: Rc::clone(fan), number }
    }

    /// The player cannot go on: it begins anew with the newest key frame, if that is worth it. Whether it did.
    pub(super) fn again(&self) -> bool {
        let mut fan = self.fan.borrow_mut();
        let fan = &mut *fan;
        let Some(player) = fan.players.get_mut(&self.number) else { return false };
        let again = player.place.again(&fan.frames, Instant::now());
        if again {
            fan.ring();
        }
        again
    }

    /// Whether it was given pictures or sound.
    pub(super) fn started(&self) -> bool {
        self.fan.borrow().players.get(&self.number).is_some_and(|player| player.place.started())
    }

    /// Ready when serving this player has ended, or the stream has more for it.
    pub(super) fn poll_news(&self, cx: &mut Context<'_>) -> Poll<News> {
        let mut fan = self.fan.borrow_mut();
        let Some(player) = fan.players.get_mut(&self.number) else {
            return Poll::Ready(News::Ending(Ending::Broken));
        };
        if let Some(ending) = player.ending {
            return Poll::Ready(News::Ending(ending));
        }
        if let Some(news) = player.news.take() {
            return Poll::Ready(news);
        }
        player.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Fan {
    /// Gives the task a turn soon.
    fn ring(&mut self) {
        self.due = Some(Instant::now());
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut fan = self.fan.borrow_mut();
        if fan.players.remove(&self.number).is_some() {
            fan.feed.viewer_went();
        }
    }
}
