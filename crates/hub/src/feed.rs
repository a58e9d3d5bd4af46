//! How one shard follows one rendition.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::rendition::Format;
use crate::stream::Stream;
use crate::window::Window;

/// Where a stream stands, as its viewers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No publisher has come yet.
    Waiting,
    /// A publisher is sending.
    Live,
    /// The publisher dropped; it may come back within the hold time.
    Held,
    /// The publisher ended the stream.
    Ended,
}

/// One shard's subscription to one rendition of a stream. Dropping it ends the rendition when it was the last.
#[derive(Debug)]
pub struct Feed {
    stream: Arc<Stream>,
    format: Format,
    id: u64,
    /// Whether it is of viewers.
    wants: bool,
}

impl Feed {
    pub(crate) fn new(stream: Arc<Stream>, format: Format, (id, wants): (u64, bool)) -> Feed {
        Feed { stream, format, id, wants }
    }

    /// Takes over into `window` everything new, and says where the stream stands.
    ///
    /// `gap` is called with the old window before it is begun anew, when this shard was away for so long that what it
    /// missed is gone: its viewers must then be [parked](crate::Cursor::park).
    pub fn pull(&self, window: &mut Window, gap: impl FnOnce(&Window)) -> Phase {
        self.stream.pull(self.format, self.id, window, gap)
    }

    /// Ready when there is more than `window` has, or the stream no longer stands where `phase` says. One task per feed
    /// may wait.
    pub fn poll_changed(&self, window: &Window, phase: Phase, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_changed(self.format, self.id, window.end(), phase, cx)
    }

    /// A viewer came.
    pub fn viewer_came(&self) {
        self.stream.count(1, 0);
    }

    /// A viewer went.
    pub fn viewer_went(&self) {
        self.stream.count(-1, 0);
    }

    /// Viewers were sent `bytes` since the last call.
    pub fn sent(&self, bytes: u64) {
        self.stream.count(0, bytes);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stream.leave(self.format, (self.id, self.wants));
    }
}
