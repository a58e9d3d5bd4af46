//! Follows a stream, and makes of its sound what is wanted.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use srs_flv::body;
use srs_hub::{Beside, Feed, Format, Over, Phase, Window};
use srs_media::{Codec, DERIVED, Frame, Kind, Role};
use srs_sound::{Made, Maker};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::tap::{Record, Tap};
use super::{Place, Sounds};
use crate::fan::at;

/// Sound is made so long after the last one who wanted it has gone: players reload, and a child takes a moment to start.
const LINGER: Duration = Duration::from_secs(5);

/// Of what the stream's cache holds when it begins to be followed, so much is made into Opus, in ms: WebRTC's players show the
/// present, and what comes late is nothing to them. AAC is made of all of it, for players that begin with the cache.
const RECENT_MS: i64 = 200;

/// Frames that are decoded before others on this shard get their turn: at most some 10 ms.
const GROUP: usize = 50;

/// Follows one stream for one codec.
pub(super) struct Follower<'a> {
    sounds: &'a Sounds,
    place: &'a Place,
    changed: &'a Notify,
    /// Of which it is made.
    from: Codec,
    feed: Feed,
    window: Window,
    phase: Phase,
    /// Up to here of the window was taken.
    taken: u64,
    records: VecDeque<Record>,
    work: Option<Work>,
    /// Of which nothing can be made; it has been said.
    refused: Option<(u32, Bytes)>,
}

/// Sound that is being made.
struct Work {
    maker: Maker,
    beside: Beside,
    publish: u32,
    header: Bytes,
    to: Codec,
    /// Of what was given to the maker last.
    time: i64,
}

impl<'a> Follower<'a> {
    pub(super) fn new(sounds: &'a Arc<Sounds>, place: &'a Place, changed: &'a Notify) -> Follower<'a> {
        let (key, to) = place;
        let (from, format) = match to {
            Codec::Opus => (Codec::Aac, Format("aac for opus")),
            _ => (Codec::Opus, Format("opus for aac")),
        };
        let feed = sounds.hub.tap(key, format, || Box::new(Tap::new(from)));
        Follower {
            sounds,
            place,
            changed,
            from,
            feed,
            window: Window::default(),
            phase: Phase::Waiting,
            taken: 0,
            records: VecDeque::new(),
            work: None,
            refused: None,
        }
    }

    /// Until nobody wants it, or where something was being made until nobody has wanted that for [`LINGER`].
    pub(super) async fn run(mut self) {
        self.pull();
        if self.place.1 == Codec::Opus {
            let newest = self.records.back().map_or(0, |record| record.time);
            self.records.retain(|record| newest.saturating_sub(record.time) <= RECENT_MS);
        }
        let mut ends = None;
        loop {
            self.take_records().await;
            let wanted = self.sounds.is_wanted(self.place);
            if !wanted && self.work.is_none() && self.sounds.forget(self.place) {
                // The hub is not to know a stream for this alone.
                return;
            }
            ends = if wanted { None } else { ends.or_else(|| Some(Instant::now() + LINGER)) };
            let (feed, window, phase, work) = (&self.feed, &self.window, self.phase, &mut self.work);
            let over = tokio::select! {
                () = poll_fn(|cx| feed.poll_changed(window, phase, cx)) => false,
                Over = poll_fn(|cx| poll_work(work, cx)) => true,
                () = self.changed.notified() => false,
                () = at(ends) => {
                    if self.sounds.forget(self.place) {
                        return;
                    }
                    false
                }
            };
            if over {
                self.work = None;
            }
            self.pull();
        }
    }

    /// Takes over what is new.
    fn pull(&mut self) {
        self.phase = self.feed.pull(&mut self.window, |_| {});
        self.taken = self.taken.max(self.window.start());
        for mut run in self.window.slices(self.taken, self.window.end()) {
            while let Some(record) = Record::read(&mut run) {
                self.records.push_back(record);
            }
        }
        self.taken = self.window.end();
        self.window.trim(self.taken);
    }

    /// Has something made of what is new.
    async fn take_records(&mut self) {
        let mut count = 0usize;
        while let Some(record) = self.records.pop_front() {
            self.take(record);
            count = count.saturating_add(1);
            if count.is_multiple_of(GROUP) {
                tokio::task::yield_now().await;
            }
        }
        if self.phase == Phase::Ended || self.work.as_ref().is_some_and(|work| work.beside.is_over()) {
            self.work = None;
        }
    }

    fn take(&mut self, record: Record) {
        let goes_on = |work: &Work| work.publish == record.publish && work.header == record.header;
        if record.data.is_empty() || !self.work.as_ref().is_some_and(goes_on) {
            // Before the next begins: there is room for one beside the stream.
            self.work = None;
        }
        if record.data.is_empty() {
            return;
        }
        if self.work.is_none() {
            self.work = self.begin(&record);
        }
        if let Some(work) = &mut self.work {
            work.time = record.time;
            work.maker.push(record.time, &record.data);
        }
    }

    /// Begins to make sound of what this is the first frame of; none where that cannot be, or the publisher brings it.
    fn begin(&mut self, record: &Record) -> Option<Work> {
        let what = (record.publish, record.header.clone());
        if self.refused.as_ref() == Some(&what) {
            return None;
        }
        let (key, to) = self.place;
        let beside = self.sounds.hub.beside(key, DERIVED)?;
        match Maker::new(self.from, &record.header, *to, &self.sounds.settings) {
            Ok(maker) => {
                tracing::info!(stream = %key, "{to} is made of the stream's {}", self.from);
                let (publish, header) = what;
                Some(Work { maker, beside, publish, header, to: *to, time: record.time })
            }
            Err(error) => {
                tracing::warn!(stream = %key, %error, "no {to} is made of the stream's {}: some players have no sound", self.from);
                self.refused = Some(what);
                None
            }
        }
    }
}

/// Publishes what was made; ready when that is over.
fn poll_work(work: &mut Option<Work>, cx: &mut Context<'_>) -> Poll<Over> {
    let Some(work) = work else { return Poll::Pending };
    while let Poll::Ready(made) = work.maker.poll_next(cx) {
        let frame = frame(work.to, made, work.time);
        if let Err(over) = work.beside.push(frame) {
            return Poll::Ready(over);
        }
    }
    Poll::Pending
}

/// What was made as the hub takes it. A header is of no time: it gets that of what came `last`.
fn frame(codec: Codec, made: Made, last: i64) -> Frame {
    let (role, time, wire) = match made {
        Made::Header(record) if codec == Codec::Opus => (Role::Config, last, body::opus_config(&record)),
        Made::Header(record) => (Role::Config, last, body::audio_config(&record)),
        Made::Frame { time, data } if codec == Codec::Opus => (Role::Key, time, body::opus(&data)),
        Made::Frame { time, data } => (Role::Key, time, body::audio(&data)),
    };
    Frame { kind: Kind::Audio, role, codec, track: DERIVED, time, composition: 0, wire }
}
