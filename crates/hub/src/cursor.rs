//! One viewer's place in a rendition.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use crate::limits::{LAG_BYTES_FLOOR, LAG_BYTES_HARD};
use crate::window::Window;

/// When a viewer counts as slow.
#[derive(Debug, Clone, Copy)]
pub struct Lag {
    /// Behind the live edge by more than this, in ms of stream time (`queue_length`).
    pub queue_ms: i64,
}

/// A viewer's place: bytes that only this viewer gets, then a position in the shared window.
///
/// It never copies media: [`Cursor::gather`] gives slices of the window for one vectored write, and
/// [`Cursor::advance`] takes what the socket accepted.
#[derive(Debug)]
pub struct Cursor {
    own: VecDeque<Bytes>,
    place: Place,
    burst_until: u64,
    skipped_to: u64,
    headers: u64,
    /// The version before the headers at the back of `own`, while nothing of them is sent.
    unsent: Option<u64>,
    skips: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    At(u64),
    /// Goes on at the first key frame at or after this offset.
    AtKeyFrom(u64),
}

impl Cursor {
    /// A viewer that starts now: at the newest key frame when `gop_cache` is on and there is one, else at the next. Of a
    /// stream that has [ended](crate::Phase::Ended) nothing is to be shown any more: there `gop_cache` must be off.
    pub fn join(window: &Window, gop_cache: bool) -> Cursor {
        let mut cursor = Cursor {
            own: VecDeque::new(),
            place: Place::AtKeyFrom(window.end()),
            burst_until: window.end(),
            skipped_to: 0,
            headers: u64::MAX,
            unsent: None,
            skips: 0,
        };
        if let Some(key) = window.newest_key().filter(|_| gop_cache) {
            cursor.place = Place::AtKeyFrom(key);
        }
        cursor.settle(window);
        cursor
    }

    /// Moves a viewer that waits for a key frame onto it, when it has come. To be called after each pull.
    pub fn settle(&mut self, window: &Window) {
        let Place::AtKeyFrom(from) = self.place else { return };
        let Some(key) = window.key_from(from) else { return };
        if let Some(heads) = window.heads_at(key) {
            // Headers that still wait are replaced: a viewer that takes nothing must not collect them.
            if let Some(before) = self.unsent.take() {
                self.own.pop_back();
                self.headers = before;
            }
            if self.headers != heads.version() {
                let bytes = heads.bytes(!self.started());
                if !bytes.is_empty() {
                    self.own.push_back(bytes);
                    self.unsent = Some(self.headers);
                }
            }
            self.headers = heads.version();
        }
        self.place = Place::At(key);
        self.skipped_to = key;
    }

    /// Whether media has been given to this viewer, or is about to be.
    pub fn started(&self) -> bool {
        self.headers != u64::MAX
    }

    /// Oldest byte of the window that this viewer still needs.
    pub fn needs(&self) -> u64 {
        match self.place {
            Place::At(at) => at,
            Place::AtKeyFrom(_) => u64::MAX,
        }
    }

    /// Whether there is anything to send.
    pub fn pending(&self, window: &Window) -> bool {
        !self.own.is_empty() || matches!(self.place, Place::At(at) if at < window.end())
    }

    /// Times that this viewer was moved ahead.
    pub fn skips(&self) -> u64 {
        self.skips
    }

    /// Puts what is to be sent next into `out`, as many slices as fit; the answer is how many were put.
    pub fn gather<'a>(&'a self, window: &'a Window, out: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (bytes, slot) in self.own.iter().zip(out.iter_mut()) {
            *slot = IoSlice::new(bytes);
            count += 1;
        }
        if let (Place::At(at), Some(rest)) = (self.place, out.get_mut(count..)) {
            count += window.gather(at, rest);
        }
        count
    }

    /// Takes note that `count` of the gathered bytes were sent.
    pub fn advance(&mut self, mut count: usize) {
        if self.unsent.is_some()
            && self.own.iter().rev().skip(1).map(Bytes::len).fold(0, usize::saturating_add) < count
        {
            self.unsent = None;
        }
        while let Some(front) = self.own.front_mut() {
            if count < front.len() {
                let _sent = front.split_to(count);
                return;
            }
            count = count.saturating_sub(front.len());
            self.own.pop_front();
        }
        if let Place::At(at) = &mut self.place {
            *at = at.saturating_add(count as u64);
        }
    }

    /// Puts bytes in front of everything else: what opens the connection. Only for a cursor that sent nothing yet.
    pub fn open(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.own.push_front(bytes);
        }
    }

    /// Queues bytes for this viewer alone, behind the frame that is being sent.
    pub fn insert(&mut self, bytes: Bytes, window: &Window) {
        self.finish_frame(window);
        self.queue(bytes);
    }

    /// Ends this viewer's part of the stream: it gets what the window still has for it, then `bytes`, then no more.
    pub fn close(&mut self, bytes: Bytes, window: &Window) {
        if let Place::At(at) = self.place {
            self.own.extend(window.slices(at, window.end()));
        }
        self.place = Place::AtKeyFrom(u64::MAX);
        self.queue(bytes);
    }

    /// Ends this viewer's part of the stream at once: the frame that is being sent is sent whole, then `bytes`, then no
    /// more.
    pub fn dismiss(&mut self, bytes: Bytes, window: &Window) {
        self.finish_frame(window);
        self.place = Place::AtKeyFrom(u64::MAX);
        self.queue(bytes);
    }

    /// An empty slice would be written as nothing, which reads as a closed socket.
    fn queue(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.unsent = None;
            self.own.push_back(bytes);
        }
    }

    /// Applies the slow-viewer rule; true when the viewer was moved.
    ///
    /// A viewer is slow when it lags the live edge by more than the queue length, or by more bytes than 2 MiB and
    /// twice the largest GOP. Its join burst does not count. It goes on at the newest key frame, at most once per GOP.
    pub fn drop_lag(&mut self, window: &Window, lag: Lag) -> bool {
        let Place::At(at) = self.place else { return false };
        let behind = window.end().saturating_sub(at);
        if behind == 0 {
            return false;
        }
        let bursting = at < self.burst_until;
        let most = LAG_BYTES_FLOOR.max(window.largest_gop().saturating_mul(2));
        let late = window.edge_time().saturating_sub(window.time_at(at)) > lag.queue_ms || behind > most;
        let hard = window.cost_from(at) > LAG_BYTES_HARD;
        if !(hard || (late && !bursting)) {
            return false;
        }
        match window.newest_key() {
            Some(key) if key > self.skipped_to && key > at => self.skip(window, key),
            _ if hard => self.skip(window, window.end()),
            _ => return false,
        }
        true
    }

    /// Leaves the window at the end of what it holds, to go on at the first key frame behind it: for a shard whose
    /// window is about to be begun anew.
    pub fn park(&mut self, window: &Window) {
        if let Place::At(_) = self.place {
            self.skip(window, window.end());
        }
    }

    fn skip(&mut self, window: &Window, from: u64) {
        self.finish_frame(window);
        self.place = Place::AtKeyFrom(from);
        self.skips = self.skips.saturating_add(1);
        self.settle(window);
    }

    /// Makes sure that the frame in the middle of which this viewer stands is sent whole.
    fn finish_frame(&mut self, window: &Window) {
        let Place::At(at) = self.place else { return };
        let boundary = window.boundary_from(at);
        self.own.extend(window.slices(at, boundary));
        self.place = Place::At(boundary);
    }
}

#[cfg(test)]
mod tests;
