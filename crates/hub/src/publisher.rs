//! The publishing end of a stream.

use std::sync::Arc;
use std::task::{Context, Poll};

use srs_media::Frame;

use crate::stream::Stream;
use crate::told::Told;

/// Another publisher took the stream over, here or at another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another publisher took the stream over")]
pub struct Superseded;

/// How a publish ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The publisher said goodbye: viewers are told that the stream is over.
    Clean,
    /// The connection broke: viewers stay, the publisher may come back.
    Dropped,
}

/// The right to send frames into one stream. Dropped without [`Publisher::finish`] it ends the stream: then nobody is left
/// who would end a hold.
#[derive(Debug)]
pub struct Publisher {
    stream: Arc<Stream>,
    generation: u64,
    told: Arc<Told>,
    finished: bool,
}

impl Publisher {
    pub(crate) fn new(stream: Arc<Stream>, generation: u64, told: Arc<Told>) -> Publisher {
        Publisher { stream, generation, told, finished: false }
    }

    /// Sends one frame to every viewer. Its time must be unwrapped already; the stream's time rules are applied here.
    pub fn push(&self, frame: Frame) -> Result<(), Superseded> {
        self.stream.push(self.generation, frame)
    }

    /// Says that there is nothing to send before a publisher elsewhere comes back, who is awaited there; or, `held` no more,
    /// that he is back.
    pub fn hold(&self, held: bool) {
        self.stream.hold(self.generation, held);
    }

    /// Ready once another publisher has taken the stream over, here or at another node.
    pub fn poll_superseded(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.told.superseded.poll(cx)
    }

    /// Ready once somebody cannot go on without a key frame, or would begin sooner with one; then it begins anew. For
    /// publishers who can be asked for that.
    pub fn poll_key_frame_wanted(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.told.key_frame.poll(cx)
    }

    /// Ends the publish. After [`Finish::Dropped`] the answer is the generation to give to [`crate::Hub::expire`]
    /// when the hold time is over; none when another publisher has taken over.
    pub fn finish(mut self, how: Finish) -> Option<u64> {
        self.finished = true;
        self.stream.finish(self.generation, how).then_some(self.generation)
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if !self.finished {
            self.stream.finish(self.generation, Finish::Clean);
        }
    }
}
