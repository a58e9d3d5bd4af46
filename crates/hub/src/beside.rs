//! A track that is published beside those of a stream's publisher.

use std::sync::Arc;

use srs_media::Frame;

use crate::stream::Stream;

/// The publish beside which the track was is over, another one took its place, or it brings that track itself now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no publish any more beside which the track could stand")]
pub struct Over;

/// The right to push one more track into the stream of its present publisher: see [`crate::Hub::beside`]. Dropping it
/// takes the track's codec header out of what new viewers are told.
#[derive(Debug)]
pub struct Beside {
    stream: Arc<Stream>,
    generation: u64,
    track: u8,
}

impl Beside {
    pub(crate) fn new(stream: Arc<Stream>, generation: u64, track: u8) -> Beside {
        Beside { stream, generation, track }
    }

    /// Sends one frame to every viewer, as one of this track. Its time is taken as it is: it must be on the stream's
    /// timeline, as the frames are that renditions are given.
    ///
    /// # Errors
    /// [`Over`], from then on always. While the stream is held there is no error.
    pub fn push(&self, mut frame: Frame) -> Result<(), Over> {
        frame.track = self.track;
        self.stream.push_beside(self.generation, &frame)
    }

    /// Whether every [`Beside::push`] would fail from now on.
    pub fn is_over(&self) -> bool {
        !self.stream.has_beside(self.generation, self.track)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.stream.end_beside(self.generation, self.track);
    }
}

#[cfg(test)]
mod tests;
