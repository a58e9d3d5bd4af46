//! What viewers are told first: the newest headers of a stream, and their bytes at each start point.

use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use srs_media::{Frame, Role};
use srs_names::Term;

use crate::limits::{HEADER_BYTES, HEADERS_BYTES, TRACKS};
use crate::rendition::Opener;

/// What a viewer must know before the first frame: the newest metadata and codec headers of the present publisher.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// Stream metadata, when the publisher sent any.
    pub metadata: Option<Frame>,
    /// Codec headers, at most one per kind and track, in the order in which the tracks appeared.
    pub configs: Vec<Frame>,
    /// Whether coded audio or an audio codec header has come.
    pub audio: bool,
    /// Whether coded video or a video codec header has come.
    pub video: bool,
    /// The claim by which the present publisher sends here, if it has one. It stays the same from begin to begin.
    pub term: Option<Term>,
}

impl Headers {
    /// Whether `frame` is a header that is remembered already.
    pub(crate) fn knows(&self, frame: &Frame) -> bool {
        self.metadata.iter().chain(&self.configs).any(|known| same(known, frame) && known.wire == frame.wire)
    }

    /// Remembers a header in the place of the one before. One that is too large is passed on and not remembered; the one
    /// before it is no longer true and is forgotten all the same.
    pub(crate) fn keep(&mut self, frame: &Frame) {
        let kept: usize = self
            .metadata
            .iter()
            .chain(&self.configs)
            .filter(|known| !same(known, frame))
            .map(|known| known.wire.len())
            .fold(0, usize::saturating_add);
        let room = frame.wire.len() <= HEADER_BYTES && kept.saturating_add(frame.wire.len()) <= HEADERS_BYTES;
        if frame.role == Role::Metadata {
            self.metadata = room.then(|| frame.clone());
            return;
        }
        match self.configs.iter().position(|known| same(known, frame)) {
            Some(at) if !room => drop(self.configs.remove(at)),
            Some(at) => {
                if let Some(known) = self.configs.get_mut(at) {
                    *known = frame.clone();
                }
            }
            None if room && self.configs.len() < TRACKS => self.configs.push(frame.clone()),
            None => {}
        }
    }
}

/// Whether one header takes the place of the other.
fn same(one: &Frame, other: &Frame) -> bool {
    one.role == other.role && one.kind == other.kind && one.track == other.track
}

/// The heads of one start point, shared by all shards. They are written when the first viewer starts there: most key
/// frames are nobody's start, and a stream of nothing but key frames must not cost a copy of the headers for each.
pub(crate) struct Heads {
    opener: Arc<dyn Opener>,
    headers: Arc<Headers>,
    time: i64,
    version: u64,
    first: OnceLock<Bytes>,
    again: OnceLock<Bytes>,
}

impl Heads {
    /// For a start at stream time `time` (ms). `version` grows with each change of `headers`.
    pub(crate) fn new(opener: &Arc<dyn Opener>, headers: &Arc<Headers>, time: i64, version: u64) -> Heads {
        let (opener, headers) = (Arc::clone(opener), Arc::clone(headers));
        Heads { opener, headers, time, version, first: OnceLock::new(), again: OnceLock::new() }
    }

    /// Which headers these are.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The bytes: for a new viewer when `first`, else for one that skips here from before a change of codec headers.
    pub(crate) fn bytes(&self, first: bool) -> Bytes {
        let cell = if first { &self.first } else { &self.again };
        let write = || {
            let mut out = BytesMut::new();
            self.opener.head(&self.headers, self.time, first, &mut out);
            out.freeze()
        };
        cell.get_or_init(write).clone()
    }
}

impl std::fmt::Debug for Heads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heads")
            .field("time", &self.time)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
