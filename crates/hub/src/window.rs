//! A bounded stretch of a rendition: shared bytes, and where the frames in them begin.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;

use crate::heads::Heads;
use crate::limits::FRAME_COST;

/// Where one frame begins in the byte stream of a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Absolute offset of the frame's first byte.
    pub at: u64,
    /// The frame's decode time on the stream's timeline, in ms.
    pub time: i64,
    /// A new viewer may start here.
    pub key: bool,
}

/// Bytes that were flushed together.
#[derive(Debug, Clone)]
struct Run {
    at: u64,
    bytes: Bytes,
}

impl Run {
    fn end(&self) -> u64 {
        self.at.saturating_add(self.bytes.len() as u64)
    }
}

/// A stretch of one rendition's byte stream. Offsets are absolute, count from the rendition's first byte and never
/// wrap in practice (64 bits).
///
/// The hub keeps one per rendition, and each shard with viewers a copy that shares the bytes.
#[derive(Debug, Default)]
pub struct Window {
    runs: VecDeque<Run>,
    marks: VecDeque<Mark>,
    keys: VecDeque<(u64, Arc<Heads>)>,
    start: u64,
    end: u64,
    edge_time: i64,
    largest_gop: u64,
}

impl Window {
    /// Offset of the oldest byte held.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Offset one past the newest byte.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Stream time of the newest frame, in ms.
    pub fn edge_time(&self) -> i64 {
        self.edge_time
    }

    /// Bytes of the largest GOP seen.
    pub fn largest_gop(&self) -> u64 {
        self.largest_gop
    }

    /// Offset of the newest key frame, where a new viewer starts.
    pub fn newest_key(&self) -> Option<u64> {
        self.keys.back().map(|(at, _)| *at)
    }

    /// The first key frame at or after `at`.
    pub fn key_from(&self, at: u64) -> Option<u64> {
        let index = self.keys.partition_point(|(key, _)| *key < at);
        self.keys.get(index).map(|(key, _)| *key)
    }

    pub(crate) fn heads_at(&self, key: u64) -> Option<&Arc<Heads>> {
        let index = self.keys.binary_search_by_key(&key, |(at, _)| *at).ok()?;
        self.keys.get(index).map(|(_, heads)| heads)
    }

    /// Stream time of the frame that holds the byte at `at`, in ms; the live edge's when `at` is its end.
    pub fn time_at(&self, at: u64) -> i64 {
        let index = self.marks.partition_point(|mark| mark.at <= at);
        match index.checked_sub(1).and_then(|before| self.marks.get(before)) {
            Some(mark) if at < self.end => mark.time,
            _ => self.edge_time,
        }
    }

    /// The first frame boundary at or after `at`; the window's end is one.
    pub fn boundary_from(&self, at: u64) -> u64 {
        let index = self.marks.partition_point(|mark| mark.at < at);
        self.marks.get(index).map_or(self.end, |mark| mark.at)
    }

    /// Frames that begin at or after `at`.
    pub fn frames_from(&self, at: u64) -> usize {
        self.marks.len().saturating_sub(self.marks.partition_point(|mark| mark.at < at))
    }

    /// Puts the bytes from `at` on into `out`, as many slices as fit; the answer is how many were put.
    pub fn gather<'a>(&'a self, at: u64, out: &mut [IoSlice<'a>]) -> usize {
        let first = self.runs.partition_point(|run| run.end() <= at);
        let mut count = 0;
        for (run, slot) in self.runs.range(first.min(self.runs.len())..).zip(out) {
            let skip = usize::try_from(at.saturating_sub(run.at)).unwrap_or(usize::MAX);
            *slot = IoSlice::new(run.bytes.get(skip..).unwrap_or_default());
            count += 1;
        }
        count
    }

    /// The bytes of `[from, to)` as shared slices.
    pub fn slices(&self, from: u64, to: u64) -> Vec<Bytes> {
        let first = self.runs.partition_point(|run| run.end() <= from);
        let mut out = Vec::new();
        for run in self.runs.iter().skip(first) {
            if run.at >= to {
                break;
            }
            let begin = usize::try_from(from.saturating_sub(run.at)).unwrap_or(usize::MAX);
            let end = usize::try_from(to.saturating_sub(run.at)).unwrap_or(usize::MAX).min(run.bytes.len());
            if begin < end {
                out.push(run.bytes.slice(begin..end));
            }
        }
        out
    }

    /// Appends one flush. `marks` are those of the frames in `bytes`.
    pub(crate) fn append(&mut self, bytes: Bytes, marks: impl IntoIterator<Item = Mark>) {
        for mark in marks {
            self.edge_time = mark.time;
            self.marks.push_back(mark);
        }
        let run = Run { at: self.end, bytes };
        self.end = run.end();
        self.runs.push_back(run);
    }

    /// Notes a place where viewers may start; it must be the offset of a frame that is appended next.
    pub(crate) fn add_key(&mut self, at: u64, heads: Arc<Heads>) {
        if let Some(last) = self.newest_key() {
            self.largest_gop = self.largest_gop.max(at.saturating_sub(last));
        }
        self.keys.push_back((at, heads));
    }

    /// Forgets all start points: what follows does not continue what was before (another publisher).
    pub(crate) fn clear_keys(&mut self) {
        self.keys.clear();
        for mark in &mut self.marks {
            mark.key = false;
        }
    }

    /// Whether `other` goes on where this window ends, or before.
    pub(crate) fn reaches(&self, other: &Window) -> bool {
        self.end >= other.start
    }

    /// Appends all that `other` has beyond this window's end; where they do not meet, this window is begun anew.
    pub(crate) fn follow(&mut self, other: &Window) {
        if !self.reaches(other) {
            *self = Window { start: other.start, end: other.start, ..Window::default() };
        }
        let known = self.end;
        let first = other.runs.partition_point(|run| run.end() <= known);
        for run in other.runs.iter().skip(first) {
            let skip =
                usize::try_from(known.saturating_sub(run.at)).unwrap_or(usize::MAX).min(run.bytes.len());
            self.runs.push_back(Run { at: run.at.max(known), bytes: run.bytes.slice(skip..) });
        }
        let from = other.marks.partition_point(|mark| mark.at < known);
        self.marks.extend(other.marks.iter().skip(from).copied());
        // Start points are few: they are taken over whole, so that what the publisher's side forgot is forgotten here.
        // Those before our own start stay out: `other` may still hold what was trimmed here.
        let start = self.start;
        self.keys.clear();
        self.keys.extend(other.keys.iter().filter(|(at, _)| *at >= start).cloned());
        self.end = other.end;
        self.edge_time = other.edge_time;
        self.largest_gop = other.largest_gop;
    }

    /// Drops what lies before `keep`, in whole runs.
    pub fn trim(&mut self, keep: u64) {
        while self.runs.front().is_some_and(|run| run.end() <= keep) {
            self.runs.pop_front();
        }
        self.start = self.runs.front().map_or(self.end, |run| run.at);
        let start = self.start;
        while self.marks.front().is_some_and(|mark| mark.at < start) {
            self.marks.pop_front();
        }
        while self.keys.front().is_some_and(|(at, _)| *at < start) {
            self.keys.pop_front();
        }
    }

    /// Drops the oldest runs until what is held costs at most `most` bytes, but for the newest run.
    pub(crate) fn bound(&mut self, most: u64) {
        while self.cost_from(self.start) > most && self.runs.len() > 1 {
            self.trim(self.runs.front().map_or(self.end, Run::end));
        }
    }

    /// What is held from `at` on costs in memory: the bytes, and the records of the frames in them.
    pub(crate) fn cost_from(&self, at: u64) -> u64 {
        let records = (self.frames_from(at) as u64).saturating_mul(FRAME_COST as u64);
        self.end.saturating_sub(at).saturating_add(records)
    }

    /// Bytes held.
    pub fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
