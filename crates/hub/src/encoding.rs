//! One rendition of a stream with the bytes it has made.

use std::sync::Arc;
use std::task::Waker;

use bytes::BytesMut;
use srs_media::Frame;

use crate::gop::Start;
use crate::heads::{Headers, Heads};
use crate::limits::{FRAME_COST, RUN_BYTES, WINDOW_BYTES};
use crate::rendition::{Format, Opener, Rendition};
use crate::window::{Mark, Window};

/// One rendition with the bytes it has made.
pub(crate) struct Encoding {
    pub(crate) format: Format,
    pub(crate) rendition: Box<dyn Rendition>,
    opener: Arc<dyn Opener>,
    pending: BytesMut,
    marks: Vec<Mark>,
    pub(crate) window: Window,
    /// Viewers may start at the next frame that is written.
    start: bool,
    /// The feeds by their ids, and how far each has pulled.
    pub(crate) pulled: Vec<(u64, u64)>,
    pub(crate) waiting: Vec<(u64, Waker)>,
}

impl Encoding {
    /// A rendition that has made nothing yet, for its first feed.
    pub(crate) fn new(
        format: Format,
        mut rendition: Box<dyn Rendition>,
        headers: &Headers,
        feed: u64,
    ) -> Encoding {
        rendition.begin(headers);
        Encoding {
            format,
            opener: rendition.opener(),
            rendition,
            pending: BytesMut::new(),
            marks: Vec::new(),
            window: Window::default(),
            start: false,
            pulled: vec![(feed, 0)],
            waiting: Vec::new(),
        }
    }

    /// Whether there is anything that a feed whose window ends at `end` has not.
    pub(crate) fn has_beyond(&self, end: u64) -> bool {
        self.window.end() > end || !self.pending.is_empty()
    }

    /// Writes one frame; viewers may start at it where `start` says so. Of a frame that has nothing to show in this format
    /// there is no trace, and a start goes to the next one that has. True when there is more to pull.
    pub(crate) fn push(&mut self, frame: &Frame, start: Start, headers: &Arc<Headers>, version: u64) -> bool {
        let before = self.pending.len();
        let at = self.window.end().saturating_add(before as u64);
        self.start |= start == Start::Here;
        self.rendition.push(frame, start == Start::Here, &mut self.pending);
        if self.pending.len() == before {
            return false;
        }
        let key = std::mem::take(&mut self.start);
        if key {
            let heads = Heads::new(&self.opener, headers, frame.time, version);
            self.window.add_key(at, Arc::new(heads));
        }
        self.marks.push(Mark { at, time: frame.time, key });
        let records = self.marks.len().saturating_mul(FRAME_COST);
        if key || self.pending.len().saturating_add(records) >= RUN_BYTES {
            self.flush();
        }
        true
    }

    /// Closes the run that is being written, so that feeds can share it, and drops what nobody needs any more.
    pub(crate) fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.window.append(self.pending.split().freeze(), self.marks.drain(..));
            self.trim();
        }
    }

    /// Takes note that a feed has everything.
    pub(crate) fn note_pull(&mut self, feed: u64) {
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
