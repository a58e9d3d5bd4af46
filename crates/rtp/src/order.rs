//! Which pictures come out of order.

/// Tells of each picture, by the times at which pictures are shown, whether it is a B-frame in the sense that matters here:
/// it would be shown before one that was already sent.
///
/// Browsers show pictures of WebRTC in the order in which they come. By the times this is the same for every codec, and
/// says no more than is needed: a B-frame that is in its place (low-delay encoders) stays, as does one whose slices hide
/// their type behind fields of parameter sets. A key picture is never left out, and begins a new count, so that a stream
/// whose times jump back goes on at the next one.
///
/// What refers to a picture that was left out is decoded with faults: encoders refer to B-frames from others that are left
/// out too; x264 with `b-pyramid=normal` may do otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Order {
    highest: Option<i64>,
}

impl Order {
    /// Begins with the next picture.
    pub fn new() -> Self {
        Self::default()
    }

    /// Is the next picture in the order of decoding, shown at this time (any unit), out of order?
    pub fn is_out(&mut self, key: bool, shown: i64) -> bool {
        let out = !key && self.highest.is_some_and(|highest| shown < highest);
        if !out {
            self.highest = Some(shown);
        }
        out
    }
}

#[cfg(test)]
mod tests;
