//! The two traits by which the hub reaches upward, and what they are told.

use std::sync::Arc;

use bytes::BytesMut;
use srs_media::Frame;
use srs_names::StreamKey;

use crate::heads::Headers;

/// Names one output format of a stream, such as one protocol's framing. The hub only compares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format(pub &'static str);

/// One output format: turns frames into the bytes that every viewer of that format gets.
///
/// The hub calls it on the publisher's shard, one frame at a time, and never twice for the same frame.
pub trait Rendition: Send {
    /// What opens this format for viewers. Asked for once.
    fn opener(&self) -> Arc<dyn Opener>;

    /// What comes now is of a publisher whose headers so far are these, and continues nothing. [`Headers::term`] says by
    /// which claim it sends.
    fn begin(&mut self, _headers: &Headers) {}

    /// Writes one frame. `start` says that viewers may start at it: a format that has tables in the stream writes them
    /// again.
    fn push(&mut self, frame: &Frame, start: bool, out: &mut BytesMut);

    /// The publisher ended the stream.
    fn end(&mut self) {}
}

/// The part of a format that viewers need who start in the middle. It is called where such a viewer is, and only for
/// start points that somebody uses: a key frame costs nothing for it.
pub trait Opener: Send + Sync {
    /// Writes what a viewer that starts at stream time `time` (ms) must get before the first frame. `first` is true for
    /// a new viewer, which also needs whatever opens the format (a file header); false for one that skips to a key
    /// frame behind changed codec headers.
    fn head(&self, headers: &Headers, time: i64, first: bool, out: &mut BytesMut);
}

/// Somebody who can bring a stream here when it is wanted. An origin has none.
pub trait Demand: Send + Sync {
    /// The first viewer of a stream without a publisher came.
    fn wanted(&self, key: &StreamKey);

    /// A viewer waits for a picture: a key frame would help now.
    fn key_frame(&self, key: &StreamKey);

    /// The last viewer left.
    fn unwanted(&self, key: &StreamKey);
}
