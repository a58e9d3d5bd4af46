//! One stream: its publisher, its newest headers, its GOP cache and its renditions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use srs_media::{Frame, Kind, Role};
use srs_names::{StreamKey, Term};

use crate::encoding::Encoding;
use crate::extra::Extra;
use crate::feed::Phase;
use crate::gop::{Gop, Start};
use crate::heads::Headers;
use crate::hub::{Inner as Registry, Refused, Settings, StreamStats, Takeover};
use crate::publisher::{Finish, Superseded};
use crate::rendition::{Format, Rendition};
use crate::timeline::Timeline;
use crate::told::Told;
use crate::window::Window;

pub(crate) struct Stream {
    pub(crate) key: StreamKey,
    registry: Weak<Registry>,
    inner: Mutex<Inner>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("key", &self.key).finish_non_exhaustive()
    }
}

pub(crate) struct Inner {
    pub(crate) phase: Phase,
    pub(crate) generation: u64,
    pub(crate) told: Arc<Told>,
    settings: Settings,
    /// The newest claim that was seen, whoever publishes now.
    newest: Option<Term>,
    timeline: Timeline,
    pub(crate) headers: Arc<Headers>,
    version: u64,
    gop: Gop,
    encodings: Vec<Encoding>,
    pub(crate) extra: Extra,
    /// Feeds of viewers; others take only what comes.
    wanting: usize,
    pub(crate) stats: StreamStats,
}

impl Stream {
    pub(crate) fn new(key: StreamKey, registry: Weak<Registry>) -> Stream {
        let inner = Inner {
            phase: Phase::Waiting,
            generation: 0,
            told: Arc::default(),
            settings: Settings::default(),
            newest: None,
            timeline: Timeline::default(),
            headers: Arc::default(),
            version: 0,
            gop: Gop::default(),
            encodings: Vec::new(),
            extra: Extra::default(),
            wanting: 0,
            stats: StreamStats::default(),
        };
        Stream { key, registry, inner: Mutex::new(inner) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock was held ended one session; the stream's data is bytes and counters and stays usable.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self, settings: Settings) -> Result<(u64, Arc<Told>), Refused> {
        let mut inner = self.lock();
        inner.may_begin(&settings)?;
        // Also of a held stream: its publisher may be there all the same.
        inner.told.superseded.set();
        if settings.term.is_some() {
            inner.newest.clone_from(&settings.term);
        }
        inner.timeline.begin(settings.rules);
        inner.generation = inner.generation.wrapping_add(1);
        inner.told = Arc::default();
        inner.headers = Arc::new(Headers { term: settings.term.clone(), ..Headers::default() });
        inner.settings = settings;
        inner.version = inner.version.wrapping_add(1);
        inner.gop.clear();
        inner.extra = Extra::default();
        let headers = Arc::clone(&inner.headers);
        for encoding in &mut inner.encodings {
            encoding.window.clear_keys();
            encoding.rendition.begin(&headers);
        }
        let (send_bytes, viewers) = (inner.stats.send_bytes, inner.stats.viewers);
        inner.stats = StreamStats { send_bytes, viewers, ..StreamStats::default() };
        let answer = (inner.generation, Arc::clone(&inner.told));
        Self::turn(inner, Phase::Live);
        Ok(answer)
    }

    pub(crate) fn push(&self, generation: u64, frame: Frame) -> Result<(), Superseded> {
        let mut wake = Wakers::default();
        let mut inner = self.lock();
        if inner.generation != generation {
            return Err(Superseded);
        }
        inner.timeline.push(frame);
        while let Some(frame) = inner.timeline.pop() {
            inner.take(&frame, &mut wake);
        }
        drop(inner);
        Ok(())
    }

    /// A publish that stays turns from live to held, or back.
    pub(crate) fn hold(&self, generation: u64, held: bool) {
        let inner = self.lock();
        let (from, to) = if held { (Phase::Live, Phase::Held) } else { (Phase::Held, Phase::Live) };
        if inner.generation == generation && inner.phase == from {
            Self::turn(inner, to);
        }
    }

    /// Ends a publish; true when it leaves the stream held.
    pub(crate) fn finish(&self, generation: u64, how: Finish) -> bool {
        let mut wake = Wakers::default();
        let mut inner = self.lock();
        if inner.generation != generation || !matches!(inner.phase, Phase::Live | Phase::Held) {
            return false;
        }
        while let Some(frame) = inner.timeline.drain() {
            inner.take(&frame, &mut wake);
        }
        let held = how == Finish::Dropped && inner.settings.hold;
        Self::turn(inner, if held { Phase::Held } else { Phase::Ended });
        drop(wake);
        self.sweep();
        held
    }

    /// Ends a publish or hold whose term is older than this one; true when there was one.
    pub(crate) fn fence(&self, term: &Term) -> bool {
        let mut wake = Wakers::default();
        let mut inner = self.lock();
        if inner.newest.as_ref().is_some_and(|newest| term.is_above(newest)) {
            inner.newest = Some(term.clone());
        }
        if !matches!(inner.phase, Phase::Live | Phase::Held) || !inner.is_below(Some(term)) {
            return false;
        }
        while let Some(frame) = inner.timeline.drain() {
            inner.take(&frame, &mut wake);
        }
        // What the publisher still sends is nobody's.
        inner.generation = inner.generation.wrapping_add(1);
        inner.told.superseded.set();
        Self::turn(inner, Phase::Ended);
        drop(wake);
        self.sweep();
        true
    }

    pub(crate) fn expire(&self, generation: u64) {
        let inner = self.lock();
        if inner.generation == generation && inner.phase == Phase::Held {
            Self::turn(inner, Phase::Ended);
            self.sweep();
        }
    }

    fn turn(mut inner: MutexGuard<'_, Inner>, phase: Phase) {
        inner.phase = phase;
        if phase == Phase::Ended {
            // A format that is asked for now must not start with the picture of a stream that is over. What the formats
            // that there are have made stays: feeds may not have pulled it all yet.
            inner.gop.clear();
            for encoding in &mut inner.encodings {
                encoding.rendition.end();
            }
        }
        let mut wake = Wakers::default();
        for encoding in &mut inner.encodings {
            wake.0.append(&mut encoding.waiting);
        }
        drop(inner);
    }

    fn sweep(&self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.sweep(&self.key);
        }
    }

    /// Adds a feed in `format`; true when it is the first that `wants` a stream without a publisher.
    pub(crate) fn attach(
        &self,
        format: Format,
        (id, wants): (u64, bool),
        make: impl FnOnce() -> Box<dyn Rendition>,
    ) -> bool {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let first = wants && inner.wanting == 0 && inner.phase != Phase::Live;
        inner.wanting = inner.wanting.saturating_add(usize::from(wants));
        if let Some(encoding) = inner.encodings.iter_mut().find(|encoding| encoding.format == format) {
            encoding.pulled.push((id, encoding.window.start()));
            return first;
        }
        let mut encoding = Encoding::new(format, make(), &inner.headers, id);
        for (index, frame) in inner.gop.frames().iter().enumerate() {
            let start = if index == 0 { Start::Here } else { Start::Inside };
            encoding.push(frame, start, &inner.headers, inner.version);
        }
        inner.encodings.push(encoding);
        first
    }

    pub(crate) fn leave(&self, format: Format, (id, wants): (u64, bool)) {
        let mut inner = self.lock();
        if let Some(encoding) = inner.encodings.iter_mut().find(|encoding| encoding.format == format) {
            encoding.pulled.retain(|(feed, _)| *feed != id);
            encoding.waiting.retain(|(feed, _)| *feed != id);
        }
        inner.encodings.retain(|encoding| !encoding.pulled.is_empty());
        inner.wanting = inner.wanting.saturating_sub(usize::from(wants));
        let (unwanted, empty) = (wants && inner.wanting == 0, inner.encodings.is_empty());
        drop(inner);
        if unwanted && let Some(registry) = self.registry.upgrade() {
            registry.unwanted(&self.key);
            if self.is_missed() {
                // Somebody came meanwhile, and may have asked before this was said.
                registry.wanted(&self.key);
            }
        }
        if empty {
            self.sweep();
        }
    }

    pub(crate) fn pull(
        &self,
        format: Format,
        feed: u64,
        window: &mut Window,
        gap: impl FnOnce(&Window),
    ) -> Phase {
        let mut inner = self.lock();
        let inner = &mut *inner;
        if let Some(encoding) = inner.encodings.iter_mut().find(|encoding| encoding.format == format) {
            encoding.flush();
            if window.end() > 0 && !window.reaches(&encoding.window) {
                gap(window);
            }
            window.follow(&encoding.window);
            encoding.note_pull(feed);
        }
        inner.phase
    }

    pub(crate) fn poll_changed(
        &self,
        format: Format,
        feed: u64,
        end: u64,
        phase: Phase,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut inner = self.lock();
        if inner.phase != phase {
            return Poll::Ready(());
        }
        let Some(encoding) = inner.encodings.iter_mut().find(|encoding| encoding.format == format) else {
            return Poll::Ready(());
        };
        if encoding.has_beyond(end) {
            return Poll::Ready(());
        }
        match encoding.waiting.iter_mut().find(|(id, _)| *id == feed) {
            Some((_, waker)) => waker.clone_from(cx.waker()),
            None => encoding.waiting.push((feed, cx.waker().clone())),
        }
        Poll::Pending
    }

    pub(crate) fn count(&self, viewers: i64, sent_bytes: u64) {
        let mut inner = self.lock();
        inner.stats.viewers = inner.stats.viewers.saturating_add_signed(viewers);
        inner.stats.send_bytes = inner.stats.send_bytes.saturating_add(sent_bytes);
    }

    pub(crate) fn is_idle(&self) -> bool {
        let inner = self.lock();
        inner.encodings.is_empty() && matches!(inner.phase, Phase::Waiting | Phase::Ended)
    }

    /// Whether somebody watches a stream that has no publisher.
    fn is_missed(&self) -> bool {
        let inner = self.lock();
        inner.wanting > 0 && inner.phase != Phase::Live
    }
}

/// Feeds that are to look again. They are woken when this goes, also in a panic: a defect in one rendition must not
/// leave the viewers of the others asleep. It is declared before the lock is taken, so that it goes after it.
#[derive(Default)]
pub(crate) struct Wakers(Vec<(u64, Waker)>);

impl Drop for Wakers {
    fn drop(&mut self) {
        for (_, waker) in self.0.drain(..) {
            waker.wake();
        }
    }
}

impl Inner {
    pub(crate) fn may_begin(&self, settings: &Settings) -> Result<(), Refused> {
        if let (Some(term), Some(newest)) = (&settings.term, &self.newest)
            && newest.is_above(term)
        {
            return Err(Refused::Fenced { current: newest.epoch });
        }
        let refuse = settings.takeover == Takeover::Refuse && !self.is_below(settings.term.as_ref());
        if self.phase == Phase::Live && refuse { Err(Refused::Busy) } else { Ok(()) }
    }

    /// Whether the present publish is of the same domain as `term` and older.
    fn is_below(&self, term: Option<&Term>) -> bool {
        term.zip(self.settings.term.as_ref()).is_some_and(|(term, present)| term.is_above(present))
    }

    fn take(&mut self, frame: &Frame, wake: &mut Wakers) {
        self.stats.take(frame);
        self.extra.note(frame);
        self.pass(frame, wake);
    }

    pub(crate) fn pass(&mut self, frame: &Frame, wake: &mut Wakers) {
        self.note_header(frame);
        let (start, overrun) = self.gop.push(frame, self.settings.gop_cache_max_frames);
        if overrun {
            self.stats.gop_overruns = self.stats.gop_overruns.saturating_add(1);
        }
        for encoding in &mut self.encodings {
            if overrun {
                encoding.window.clear_keys();
            }
            if encoding.push(frame, start, &self.headers, self.version) {
                wake.0.append(&mut encoding.waiting);
            }
        }
    }

    pub(crate) fn forget_track(&mut self, track: u8) {
        if self.headers.configs.iter().any(|config| config.track == track) {
            Arc::make_mut(&mut self.headers).configs.retain(|config| config.track != track);
            self.version = self.version.wrapping_add(1);
        }
    }

    fn note_header(&mut self, frame: &Frame) {
        let coded = frame.role != Role::Other;
        let news = match frame.kind {
            Kind::Audio => coded && !self.headers.audio,
            Kind::Video => coded && !self.headers.video,
            Kind::Data => false,
        };
        let header = matches!(frame.role, Role::Metadata | Role::Config);
        if !news && (!header || self.headers.knows(frame)) {
            return;
        }
        let headers = Arc::make_mut(&mut self.headers);
        match frame.kind {
            Kind::Audio => headers.audio |= coded,
            Kind::Video => headers.video |= coded,
            Kind::Data => {}
        }
        if header {
            headers.keep(frame);
            self.version = self.version.wrapping_add(1);
        }
    }
}
