//! The registry of streams.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use srs_media::{Frame, Kind};
use srs_names::{StreamKey, Term};

use crate::beside::Beside;
use crate::feed::{Feed, Phase};
use crate::heads::Headers;
use crate::publisher::Publisher;
use crate::rendition::{Demand, Format, Rendition};
use crate::stream::Stream;
use crate::timeline::Rules;

/// What happens when a key is published that has a publisher already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Takeover {
    /// The newcomer takes over; viewers stay. An encoder that lost its connection comes back this way.
    #[default]
    Replace,
    /// The newcomer is refused while the first one sends.
    Refuse,
}

/// Why a publish may not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The key has a publisher, and the settings say that it stays.
    #[error("the stream is busy: it has a publisher")]
    Busy,
    /// The right by which it would be published is older than one that was seen here.
    #[error("epoch must lie above {current}")]
    Fenced {
        /// The newest epoch of that domain.
        current: u64,
    },
}

/// How one stream is handled; the publisher's side decides.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What happens to a second publisher.
    pub takeover: Takeover,
    /// Whether viewers stay for a publisher whose connection broke.
    pub hold: bool,
    /// Frames that the GOP cache keeps at most; 0 for no limit but the hub's own.
    pub gop_cache_max_frames: usize,
    /// How the time stamps of frames are mended.
    pub rules: Rules,
    /// The claim by which the stream belongs here; none for who came without being sent.
    pub term: Option<Term>,
}

/// Counters of one stream since its publisher came.
#[derive(Debug, Clone, Default)]
pub struct StreamStats {
    /// Frames of any kind.
    pub frames: u64,
    /// Audio frames.
    pub audio_frames: u64,
    /// Video frames.
    pub video_frames: u64,
    /// Media bytes from the publisher.
    pub recv_bytes: u64,
    /// Media bytes to viewers, since the stream is known.
    pub send_bytes: u64,
    /// Viewers now.
    pub viewers: u64,
    /// Times that the GOP cache gave up because a GOP was too long or too large.
    pub gop_overruns: u64,
}

impl StreamStats {
    /// Counts a frame of the publisher.
    pub(crate) fn take(&mut self, frame: &Frame) {
        self.frames = self.frames.saturating_add(1);
        self.recv_bytes = self.recv_bytes.saturating_add(frame.wire.len() as u64);
        match frame.kind {
            Kind::Audio => self.audio_frames = self.audio_frames.saturating_add(1),
            Kind::Video => self.video_frames = self.video_frames.saturating_add(1),
            Kind::Data => {}
        }
    }
}

/// All streams of this node. Cheap to clone.
#[derive(Clone, Default)]
pub struct Hub {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("streams", &self.inner.streams().len()).finish()
    }
}

#[derive(Default)]
pub(crate) struct Inner {
    streams: Mutex<HashMap<StreamKey, Arc<Stream>>>,
    demand: Option<Arc<dyn Demand>>,
    feeds: AtomicU64,
}

impl Inner {
    fn streams(&self) -> MutexGuard<'_, HashMap<StreamKey, Arc<Stream>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a stream that nobody publishes and nobody watches. Called with no stream locked.
    pub(crate) fn sweep(&self, key: &StreamKey) {
        let mut streams = self.streams();
        if streams.get(key).is_some_and(|stream| stream.is_idle()) {
            streams.remove(key);
        }
    }

    pub(crate) fn wanted(&self, key: &StreamKey) {
        if let Some(demand) = &self.demand {
            demand.wanted(key);
        }
    }

    pub(crate) fn unwanted(&self, key: &StreamKey) {
        if let Some(demand) = &self.demand {
            demand.unwanted(key);
        }
    }
}

impl Hub {
    /// A hub whose streams come from their publishers alone.
    pub fn new() -> Hub {
        Hub::default()
    }

    /// A hub that tells `demand` which streams are wanted.
    pub fn with_demand(demand: Arc<dyn Demand>) -> Hub {
        Hub { inner: Arc::new(Inner { demand: Some(demand), ..Inner::default() }) }
    }

    /// Begins to publish `key`. A stream that waits, is held or has ended is taken over in any case, and so is one whose
    /// publisher has an older term of the same domain.
    ///
    /// # Errors
    /// [`Refused`]. A term below the newest of its domain that this stream has seen is refused whatever its phase: it was
    /// claimed anew since.
    pub fn publish(&self, key: &StreamKey, settings: Settings) -> Result<Publisher, Refused> {
        let mut streams = self.inner.streams();
        let stream = self.stream(&mut streams, key);
        // Still under the registry's lock, so that the stream cannot be swept in between.
        let (generation, superseded) = stream.begin(settings)?;
        Ok(Publisher::new(stream, generation, superseded))
    }

    /// Whether [`Hub::publish`] would be refused now.
    ///
    /// # Errors
    /// As it would be.
    pub fn may_publish(&self, key: &StreamKey, settings: &Settings) -> Result<(), Refused> {
        let stream = self.inner.streams().get(key).cloned();
        stream.map_or(Ok(()), |stream| stream.may_begin(settings))
    }

    /// Tells who publishes `key` that a key frame would help.
    pub fn want_key_frame(&self, key: &StreamKey) {
        let stream = self.inner.streams().get(key).cloned();
        if let Some(stream) = stream {
            stream.want_key_frame();
        }
    }

    /// Where a stream stands, and its newest headers; none when nobody publishes or watches it.
    pub fn headers(&self, key: &StreamKey) -> Option<(Phase, Headers)> {
        let stream = self.inner.streams().get(key).cloned();
        stream.map(|stream| stream.headers())
    }

    /// The right to push one more track into what is published as `key` now: something made of the publisher's own
    /// tracks. None when nobody publishes it (a held stream counts), when somebody has that right already, or when the
    /// publisher brings such a track: it did so within the last second of the stream.
    pub fn beside(&self, key: &StreamKey, track: u8) -> Option<Beside> {
        let stream = self.inner.streams().get(key).cloned()?;
        let generation = stream.begin_beside(track)?;
        Some(Beside::new(stream, generation, track))
    }

    /// Follows `key` in one format. `make` builds the rendition when this node has none in this format yet.
    pub fn subscribe(
        &self,
        key: &StreamKey,
        format: Format,
        make: impl FnOnce() -> Box<dyn Rendition>,
    ) -> Feed {
        let (feed, came_first) = self.attach(key, format, true, make);
        if let Some(demand) = &self.inner.demand {
            if came_first { demand.wanted(key) } else { demand.key_frame(key) }
        }
        feed
    }

    /// The same for who takes what comes and asks for nothing, as what cuts or records a stream: [`Demand`] hears neither
    /// of its coming nor of its going, and the stream is unwanted while only such follow it.
    pub fn tap(&self, key: &StreamKey, format: Format, make: impl FnOnce() -> Box<dyn Rendition>) -> Feed {
        self.attach(key, format, false, make).0
    }

    fn attach(
        &self,
        key: &StreamKey,
        format: Format,
        wants: bool,
        make: impl FnOnce() -> Box<dyn Rendition>,
    ) -> (Feed, bool) {
        let id = (self.inner.feeds.fetch_add(1, Ordering::Relaxed), wants);
        let mut streams = self.inner.streams();
        let stream = self.stream(&mut streams, key);
        let came_first = stream.attach(format, id, make);
        drop(streams);
        (Feed::new(stream, format, id), came_first)
    }

    /// Ends a stream whose hold time is over, unless a publisher has come since.
    pub fn expire(&self, key: &StreamKey, generation: u64) {
        let stream = self.inner.streams().get(key).cloned();
        if let Some(stream) = stream {
            stream.expire(generation);
        }
    }

    /// The stream was given to `term`'s owner: ends what is published or held here by an older term of the same domain,
    /// and refuses such from then on. True when something was ended.
    pub fn fence(&self, key: &StreamKey, term: &Term) -> bool {
        let stream = self.inner.streams().get(key).cloned();
        stream.is_some_and(|stream| stream.fence(term))
    }

    /// Where a stream stands; none when nobody publishes or watches it.
    pub fn phase(&self, key: &StreamKey) -> Option<Phase> {
        self.inner.streams().get(key).map(|stream| stream.phase())
    }

    /// Viewers of a stream now.
    pub fn viewers(&self, key: &StreamKey) -> u64 {
        let stream = self.inner.streams().get(key).cloned();
        stream.map_or(0, |stream| stream.viewers())
    }

    /// Every stream that is known, with its counters and newest headers.
    pub fn streams(&self) -> Vec<(StreamKey, Phase, StreamStats, Headers)> {
        let all: Vec<_> = self.inner.streams().values().cloned().collect();
        all.iter().map(|stream| stream.describe()).collect()
    }

    fn stream(
        &self,
        streams: &mut MutexGuard<'_, HashMap<StreamKey, Arc<Stream>>>,
        key: &StreamKey,
    ) -> Arc<Stream> {
        let weak: Weak<Inner> = Arc::downgrade(&self.inner);
        Arc::clone(streams.entry(key.clone()).or_insert_with(|| Arc::new(Stream::new(key.clone(), weak))))
    }
}

#[cfg(test)]
mod tests;
