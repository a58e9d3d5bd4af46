//! The two traits by which the hub reaches upward, and what they are told.

use bytes::BytesMut;
use srs_media::Frame;
use srs_names::StreamKey;

/// Names one output format of a stream, such as one protocol's framing. The hub only compares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format(pub &'static str);

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
}

/// One output format: turns frames into the bytes that every viewer of that format gets.
///
/// The hub calls it on the publisher's shard, one frame at a time, and never twice for the same frame.
pub trait Rendition: Send {
    /// Writes what a viewer that starts at stream time `time` (ms) must get before the first frame. `first` is true for
    /// a new viewer, which also needs whatever opens the format (a file header); false for one that skips to a key
    /// frame behind changed codec headers.
    fn head(&mut self, headers: &Headers, time: i64, first: bool, out: &mut BytesMut);

    /// Writes one frame.
    fn push(&mut self, frame: &Frame, out: &mut BytesMut);
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
