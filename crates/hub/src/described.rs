//! What is known of a stream.

use srs_names::StreamKey;

use crate::feed::Phase;
use crate::heads::Headers;
use crate::hub::StreamStats;
use crate::stream::Stream;

impl Stream {
    pub(crate) fn phase(&self) -> Phase {
        self.lock().phase
    }

    pub(crate) fn headers(&self) -> (Phase, Headers) {
        let inner = self.lock();
        (inner.phase, Headers::clone(&inner.headers))
    }

    pub(crate) fn viewers(&self) -> u64 {
        self.lock().stats.viewers
    }

    pub(crate) fn describe(&self) -> (StreamKey, Phase, StreamStats, Headers) {
        let inner = self.lock();
        (self.key.clone(), inner.phase, inner.stats.clone(), Headers::clone(&inner.headers))
    }
}
