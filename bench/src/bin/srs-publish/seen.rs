//! What a watcher saw, and whether that is how a stream should play.

use std::fmt;
use std::time::Duration;

use srs_rtmp::MessageKind;
use srs_rtmp::peek::{Peek, peek};

/// The least share of the time watched that must have come as media, in percent. What servers hold back to merge
/// writes, and what they send ahead to begin with a key frame, both fit.
const LEAST_MEDIA: u32 = 60;

/// Counts of one viewing.
#[derive(Debug, Default)]
pub struct Seen {
    video: Track,
    audio: Track,
    keys: u64,
    bytes: u64,
    /// The first picture was no key frame.
    torn: bool,
    /// From the request to the first frame.
    first: Option<Duration>,
}

#[derive(Debug, Default)]
struct Track {
    frames: u64,
    /// First and last timestamp, milliseconds.
    span: Option<(u32, u32)>,
    /// The furthest that a timestamp lay behind the one before, milliseconds.
    back: u32,
}

impl Seen {
    /// Takes a message or tag that came `after` the request.
    pub fn take(&mut self, kind: u8, timestamp: u32, body: &[u8], after: Duration) {
        let found = peek(kind, body);
        match found {
            Peek::VideoKey => self.keys = self.keys.saturating_add(1),
            Peek::VideoInter => self.torn |= self.keys == 0,
            Peek::Audio => {}
            _ => return,
        }
        self.first.get_or_insert(after);
        self.bytes = self.bytes.saturating_add(u64::try_from(body.len()).unwrap_or(u64::MAX));
        let video = MessageKind(kind) == MessageKind::VIDEO;
        if video { self.video.take(timestamp) } else { self.audio.take(timestamp) }
    }

    /// Whether a frame has come.
    pub fn began(&self) -> bool {
        self.first.is_some()
    }

    /// What is wrong with it, if anything is.
    pub fn verdict(&self, watched: Duration) -> Result<(), String> {
        let back = self.video.back.max(self.audio.back);
        if !self.began() {
            return Err("nothing came".to_owned());
        }
        if self.torn {
            return Err("the picture did not begin with a key frame".to_owned());
        }
        if back > 0 {
            return Err(format!("timestamps went back by {back} ms"));
        }
        let least = watched.saturating_mul(LEAST_MEDIA) / 100;
        match self.media() < least {
            true => {
                Err(format!("{:.1} s of media in {:.1} s", self.media().as_secs_f64(), watched.as_secs_f64()))
            }
            false => Ok(()),
        }
    }

    /// How much media came, by its timestamps.
    fn media(&self) -> Duration {
        let track = |track: &Track| track.span.map_or(0, |(first, last)| last.wrapping_sub(first));
        Duration::from_millis(track(&self.video).max(track(&self.audio)).into())
    }
}

impl Track {
    fn take(&mut self, timestamp: u32) {
        self.frames = self.frames.saturating_add(1);
        let (first, last) = self.span.unwrap_or((timestamp, timestamp));
        // Above half of the range it is a step back: timestamps wrap at 2^32.
        let step = timestamp.wrapping_sub(last);
        if step > u32::MAX / 2 {
            self.back = self.back.max(step.wrapping_neg());
            self.span = Some((first, last));
        } else {
            self.span = Some((first, timestamp));
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.first else { return f.write_str("nothing") };
        write!(
            f,
            "{} video ({} key) and {} audio frames, {:.1} s of media, {} KB, first frame after {} ms",
            self.video.frames,
            self.keys,
            self.audio.frames,
            self.media().as_secs_f64(),
            self.bytes / 1000,
            first.as_millis(),
        )
    }
}

#[cfg(test)]
mod tests;
