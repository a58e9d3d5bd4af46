//! One stream: its publisher, its newest headers, its GOP cache and its renditions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use srs_media::{Frame, Kind, Role};
use srs_names::StreamKey;

use crate::feed::Phase;
use crate::gop::{Gop, Start};
use crate::hub::{Busy, Inner as Registry, Settings, StreamStats, Takeover};
use crate::limits::{RUN_BYTES, TRACKS, WINDOW_BYTES};
use crate::publisher::{Finish, Superseded};
use crate::rendition::{Format, Headers, Rendition};
use crate::signal::Signal;
use crate::timeline::Timeline;
use crate::window::{Heads, Mark, Window};

pub(crate) struct Stream {
    key: StreamKey,
    registry: Weak<Registry>,
    inner: Mutex<Inner>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("key", &self.key).finish_non_exhaustive()
    }
}

struct Inner {
    phase: Phase,
    generation: u64,
    superseded: Arc<Signal>,
    settings: Settings,
    timeline: Timeline,
    headers: Headers,
    version: u64,
    gop: Gop,
    encodings: Vec<Encoding>,
    stats: StreamStats,
}

/// One rendition with the bytes it has made.
struct Encoding {
    format: Format,
    rendition: Box<dyn Rendition>,
    pending: BytesMut,
    marks: Vec<Mark>,
    window: Window,
    /// The feeds by their ids, and how far each has pulled.
    pulled: Vec<(u64, u64)>,
    waiting: Vec<(u64, Waker)>,
}

impl Stream {
    pub(crate) fn new(key: StreamKey, registry: Weak<Registry>) -> Stream {
        let inner = Inner {
            phase: Phase::Waiting,
            generation: 0,
            superseded: Arc::default(),
            settings: Settings::default(),
            timeline: Timeline::default(),
            headers: Headers::default(),
            version: 0,
            gop: Gop::default(),
            encodings: Vec::new(),
            stats: StreamStats::default(),
        };
        Stream { key, registry, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock was held ended one session; the stream's data is bytes and counters and stays usable.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self, settings: Settings) -> Result<(u64, Arc<Signal>), Busy> {
        let mut inner = self.lock();
        if inner.phase == Phase::Live {
            if settings.takeover == Takeover::Refuse {
                return Err(Busy);
            }
            inner.superseded.set();
        }
        inner.timeline.begin(settings.rules);
        inner.generation = inner.generation.wrapping_add(1);
        inner.superseded = Arc::default();
        inner.settings = settings;
        inner.headers = Headers::default();
        inner.version = inner.version.wrapping_add(1);
        inner.gop.clear();
        for encoding in &mut inner.encodings {
            encoding.window.clear_keys();
        }
        let (send_bytes, viewers) = (inner.stats.send_bytes, inner.stats.viewers);
        inner.stats = StreamStats { send_bytes, viewers, ..StreamStats::default() };
        let answer = (inner.generation, Arc::clone(&inner.superseded));
        Self::turn(inner, Phase::Live);
        Ok(answer)
    }

    pub(crate) fn push(&self, generation: u64, frame: Frame) -> Result<(), Superseded> {
        let mut wake = Vec::new();
        {
            let mut inner = self.lock();
            if inner.generation != generation {
                return Err(Superseded);
            }
            inner.timeline.push(frame);
            while let Some(frame) = inner.timeline.pop() {
                inner.take(&frame, &mut wake);
            }
        }
        for (_, waker) in wake {
            waker.wake();
        }
        Ok(())
    }

    /// Ends a publish; true when it leaves the stream held.
    pub(crate) fn finish(&self, generation: u64, how: Finish) -> bool {
        let mut inner = self.lock();
        if inner.generation != generation || inner.phase != Phase::Live {
            return false;
        }
        let mut wake = Vec::new();
        while let Some(frame) = inner.timeline.drain() {
            inner.take(&frame, &mut wake);
        }
        let held = how == Finish::Dropped && inner.settings.hold;
        Self::turn(inner, if held { Phase::Held } else { Phase::Ended });
        for (_, waker) in wake {
            waker.wake();
        }
        self.sweep();
        held
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
        }
        let mut wake = Vec::new();
        for encoding in &mut inner.encodings {
            wake.append(&mut encoding.waiting);
        }
        drop(inner);
        for (_, waker) in wake {
            waker.wake();
        }
    }

    fn sweep(&self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.sweep(&self.key);
        }
    }

    /// Adds a feed in `format`; true when it is the first of a stream without a publisher.
    pub(crate) fn attach(&self, format: Format, id: u64, make: impl FnOnce() -> Box<dyn Rendition>) -> bool {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let first = inner.encodings.is_empty() && inner.phase != Phase::Live;
        if let Some(encoding) = inner.encodings.iter_mut().find(|encoding| encoding.format == format) {
            encoding.pulled.push((id, encoding.window.start()));
            return first;
        }
        let mut encoding = Encoding {
            format,
            rendition: make(),
            pending: BytesMut::new(),
            marks: Vec::new(),
            window: Window::default(),
            pulled: vec![(id, 0)],
            waiting: Vec::new(),
        };
        for (index, frame) in inner.gop.frames().iter().enumerate() {
            let start = if index == 0 { Start::Here } else { Start::Inside };
            encoding.push(frame, start, &inner.headers, inner.version);
        }
        inner.encodings.push(encoding);
        first
    }

    pub(crate) fn leave(&self, format: Format, id: u64) {
        let mut inner = self.lock();
        if let Some(encoding) = inner.encodings.iter_mut().find(|encoding| encoding.format == format) {
            encoding.pulled.retain(|(feed, _)| *feed != id);
            encoding.waiting.retain(|(feed, _)| *feed != id);
        }
        inner.encodings.retain(|encoding| !encoding.pulled.is_empty());
        let empty = inner.encodings.is_empty();
        drop(inner);
        if empty {
            if let Some(registry) = self.registry.upgrade() {
                registry.unwanted(&self.key);
                if self.is_missed() {
                    // Somebody came meanwhile, and may have asked before this was said.
                    registry.wanted(&self.key);
                }
            }
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
        if encoding.window.end() > end || !encoding.pending.is_empty() {
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
        !inner.encodings.is_empty() && inner.phase != Phase::Live
    }

    pub(crate) fn phase(&self) -> Phase {
        self.lock().phase
    }

    pub(crate) fn describe(&self) -> (StreamKey, Phase, StreamStats, Headers) {
        let inner = self.lock();
        (self.key.clone(), inner.phase, inner.stats.clone(), inner.headers.clone())
    }
}

impl StreamStats {
    fn take(&mut self, frame: &Frame) {
        self.frames = self.frames.saturating_add(1);
        self.recv_bytes = self.recv_bytes.saturating_add(frame.wire.len() as u64);
        match frame.kind {
            Kind::Audio => self.audio_frames = self.audio_frames.saturating_add(1),
            Kind::Video => self.video_frames = self.video_frames.saturating_add(1),
            Kind::Data => {}
        }
    }
}

impl Inner {
    fn take(&mut self, frame: &Frame, wake: &mut Vec<(u64, Waker)>) {
        self.stats.take(frame);
        self.note_header(frame);
        let (start, overrun) = self.gop.push(frame, self.settings.gop_cache_max_frames);
        if overrun {
            self.stats.gop_overruns = self.stats.gop_overruns.saturating_add(1);
        }
        for encoding in &mut self.encodings {
            if overrun {
                encoding.window.clear_keys();
            }
            encoding.push(frame, start, &self.headers, self.version);
            wake.append(&mut encoding.waiting);
        }
    }

    fn note_header(&mut self, frame: &Frame) {
        match frame.kind {
            Kind::Audio => self.headers.audio |= frame.role != Role::Other,
            Kind::Video => self.headers.video |= frame.role != Role::Other,
            Kind::Data => {}
        }
        match frame.role {
            Role::Metadata => self.headers.metadata = Some(frame.clone()),
            Role::Config => {
                let same = |known: &&mut Frame| known.kind == frame.kind && known.track == frame.track;
                let full = self.headers.configs.len() >= TRACKS;
                match self.headers.configs.iter_mut().find(same) {
                    Some(known) if known.wire == frame.wire => return,
                    Some(known) => *known = frame.clone(),
                    None if full => return,
                    None => self.headers.configs.push(frame.clone()),
                }
            }
            _ => return,
        }
        self.version = self.version.wrapping_add(1);
    }
}

impl Encoding {
    fn push(&mut self, frame: &Frame, start: Start, headers: &Headers, version: u64) {
        let at = self.window.end().saturating_add(self.pending.len() as u64);
        let key = start == Start::Here;
        if key {
            let heads = Arc::new(self.heads(headers, frame.time, version));
            self.window.add_key(at, heads);
        }
        self.marks.push(Mark { at, time: frame.time, key });
        self.rendition.push(frame, &mut self.pending);
        if key || self.pending.len() >= RUN_BYTES {
            self.flush();
        }
    }

    fn heads(&mut self, headers: &Headers, time: i64, version: u64) -> Heads {
        let mut first = BytesMut::new();
        self.rendition.head(headers, time, true, &mut first);
        let mut again = BytesMut::new();
        self.rendition.head(headers, time, false, &mut again);
        Heads { first: first.freeze(), again: again.freeze(), version }
    }

    /// Closes the run that is being written, so that feeds can share it, and drops what nobody needs any more.
    fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.window.append(self.pending.split().freeze(), self.marks.drain(..));
            self.trim();
        }
    }

    fn note_pull(&mut self, feed: u64) {
        let end = self.window.end();
        if let Some((_, at)) = self.pulled.iter_mut().find(|(id, _)| *id == feed) {
            *at = end;
        }
        self.trim();
    }

    /// Keeps what a new viewer starts with and what some shard has yet to pull, within the bound.
    fn trim(&mut self) {
        let start = self.window.newest_key().unwrap_or(self.window.end());
        let unpulled = self.pulled.iter().map(|(_, at)| *at).min().unwrap_or(start);
        self.window.trim(start.min(unpulled));
        self.window.bound(WINDOW_BYTES);
    }
}
