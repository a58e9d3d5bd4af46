//! Cutting a stream into segments.

use crate::clock::{Clock, Place};
use crate::{SHORTEST_MS, Settings};
use bytes::{Bytes, BytesMut};

/// A segment with pictures but without a key frame is cut after this, in milliseconds, or after `hls_aof_ratio` times the
/// fragment when that is longer: some encoders never send another key frame. Such a segment does not begin with one; to
/// wait without end would be worse. Encoders in use for live streams have key frame distances of 10 s and less.
pub const LONGEST_MS: i64 = 30_000;

/// A buffer larger than this is not kept for the next segment when that will not need it.
const KEPT_BYTES: usize = 1 << 20;

/// What has to be known of a unit that is muxed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// A picture; otherwise sound.
    pub video: bool,
    /// Decode time, any origin.
    pub dts_ms: i64,
    /// A picture with which decoding can begin.
    pub key: bool,
}

/// A closed segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number, which no other segment of the stream has.
    pub sequence: u64,
    /// Its length: to the first unit of the next one, or to the end of its own last one. At least 1.
    pub duration_ms: u64,
    /// What was pushed, in that order.
    pub bytes: Bytes,
    /// Times or encoding do not continue those of the segment before.
    pub discontinuity: bool,
    /// The stamp of its first unit.
    pub start_ms: i64,
}

/// The segment that is being filled.
#[derive(Debug, Default)]
struct Open {
    bytes: BytesMut,
    /// Place and stamp of the first unit.
    start: Option<(i64, i64)>,
    discontinuity: bool,
}

/// Decides where a stream is cut, and numbers the pieces.
///
/// One for a stream at an origin, through all its publishers: only so are numbers never used twice.
#[derive(Debug)]
pub struct Segmenter {
    settings: Settings,
    clock: Clock,
    open: Open,
    next: u64,
    /// A number was used.
    numbered: bool,
    /// The next unit does not continue what is there.
    breaks: bool,
    /// Place of the last picture of this publisher.
    video: Option<i64>,
    /// When the epoch's first unit came, and the number it began with.
    since: Option<(u64, u64)>,
    /// How many numbers the epoch may have used by now, where the caller says what time it is.
    allowed: Option<u64>,
}

impl Segmenter {
    /// Nothing is numbered yet: [`Self::begin`] comes first.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            clock: Clock::new(),
            open: Open::default(),
            next: 0,
            numbered: false,
            breaks: false,
            video: None,
            since: None,
            allowed: None,
        }
    }

    /// A publisher begins. What the one before left open stays open; [`Self::end`] closes it when that is wanted.
    ///
    /// With `breaks` it is a new epoch: numbers go on with `first`, or behind what was given out where that is higher.
    /// Without it is a take-over or a return within the hold: they go on by one. (At an origin that has not numbered
    /// anything they begin with `first` either way.) The first segment is then a discontinuity, unless it is the first of
    /// all; where it continues what another origin made, the caller says [`Self::discontinuity`].
    pub fn begin(&mut self, first: u64, breaks: bool) {
        if breaks || !self.numbered {
            self.next = self.next.max(first);
            self.since = None;
            self.allowed = None;
        }
        self.breaks = self.numbered || !self.is_empty();
        self.restart();
    }

    /// What time it is, in milliseconds of any clock that does not go back.
    ///
    /// Optional; called now and then it keeps publishers whose media is faster than time (a file sent at full speed) from
    /// using more numbers than [`first_sequence`](crate::first_sequence) allows: their segments become longer instead.
    pub fn clock(&mut self, now_ms: u64) {
        let (began, first) = *self.since.get_or_insert((now_ms, self.next));
        let quarters = now_ms.saturating_sub(began) / SHORTEST_MS.unsigned_abs();
        self.allowed = Some(first.saturating_add(quarters));
    }

    /// Nothing is in the segment yet: tables go before the next unit.
    pub fn is_empty(&self) -> bool {
        self.open.start.is_none()
    }

    /// The next unit does not continue what is there: a codec's header changed, or a track came or went.
    pub fn discontinuity(&mut self) {
        self.breaks = true;
    }

    /// Whether [`Self::cut`] comes before this unit.
    ///
    /// With video: at a key frame (at any picture without `wait_keyframe`) once the segment is long enough. Without, or
    /// when no picture came for `aof_ratio` fragments: as soon as it is long enough. Also where time or encoding breaks,
    /// after [`LONGEST_MS`], and when it is full.
    pub fn due(&self, unit: &Unit) -> bool {
        let Some((start, _)) = self.open.start else { return false };
        if self.open.bytes.len() >= self.settings.most_bytes {
            return true;
        }
        let Place { at, jumped, .. } = self.clock.place(unit);
        let elapsed = at.saturating_sub(start);
        // Also a discontinuity waits, and is then one of the whole segment: else a sick encoder would have a segment for
        // each frame.
        if elapsed < SHORTEST_MS || self.allowed.is_some_and(|allowed| self.next >= allowed) {
            return false;
        }
        let settings = &self.settings;
        let silent = settings.scaled_ms(settings.aof_ratio);
        if self.breaks || jumped || elapsed >= LONGEST_MS.max(silent) {
            return true;
        }
        if elapsed < settings.scaled_ms(settings.td_ratio) {
            return false;
        }
        match self.video {
            _ if unit.video => unit.key || !settings.wait_keyframe,
            Some(last) => at.saturating_sub(last) >= silent,
            None => true,
        }
    }

    /// Takes a unit; `write` appends its bytes to what it is given and changes nothing that is there.
    pub fn push(&mut self, unit: &Unit, write: impl FnOnce(&mut BytesMut)) {
        let Place { at, jumped, .. } = self.clock.accept(unit);
        if unit.video {
            self.video = Some(at);
        }
        if std::mem::take(&mut self.breaks) || jumped {
            self.open.discontinuity = true;
        }
        write(&mut self.open.bytes);
        if !self.open.bytes.is_empty() {
            self.open.start.get_or_insert((at, unit.dts_ms));
        }
    }

    /// Closes the segment before `next`, or where its own units end; `None` when it is empty.
    pub fn cut(&mut self, next: Option<&Unit>) -> Option<Segment> {
        let (start, start_ms) = self.open.start.take()?;
        let end = next.map_or_else(|| self.clock.end(), |unit| self.clock.place(unit).at);
        // A copy, so that the segment holds its own size and no spare room, and the buffer is used again.
        let bytes = Bytes::copy_from_slice(&self.open.bytes);
        if self.open.bytes.capacity() > KEPT_BYTES.max(bytes.len().saturating_mul(2)) {
            self.open.bytes = BytesMut::new();
        }
        self.open.bytes.clear();
        let sequence = self.next;
        self.next = sequence.saturating_add(1);
        self.numbered = true;
        Some(Segment {
            sequence,
            duration_ms: u64::try_from(end.saturating_sub(start)).unwrap_or(0).max(1),
            bytes,
            discontinuity: std::mem::take(&mut self.open.discontinuity),
            start_ms,
        })
    }

    /// The stream ends: its last segment, however short.
    pub fn end(&mut self) -> Option<Segment> {
        let last = self.cut(None);
        self.breaks = self.numbered;
        self.restart();
        last
    }

    fn restart(&mut self) {
        self.clock.restart();
        self.video = None;
    }
}

#[cfg(test)]
mod tests;
