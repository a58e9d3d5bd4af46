//! The stream's timeline: unwrapping of 32-bit times, and SRS's repair modes, applied once where
//! frames enter the hub.

use crate::{Frame, Kind, Role};
use std::collections::BTreeMap;

/// Makes RTMP's 32-bit milliseconds into times that never wrap. One for all flows of a stream, as
/// they share one clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrap {
    last: Option<(u32, i64)>,
}

impl Unwrap {
    /// The time meant: the one nearest to the last, at most 2^31 ms before or behind it.
    pub fn unwrap(&mut self, time: u32) -> i64 {
        let full = match self.last {
            None => i64::from(time),
            Some((last, full)) => full.saturating_add(i64::from(time.wrapping_sub(last).cast_signed())),
        };
        self.last = Some((time, full));
        full
    }
}

/// `time_jitter` of SRS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Start at 0, and continue over jumps.
    #[default]
    Full,
    /// Start at 0 and believe everything after.
    Zero,
    /// Believe everything.
    Off,
}

/// A step forward up to this is a stream with few frames, not a jump; SRS's 250 ms would crush
/// slide shows and 1 fps cameras to 10 ms a frame.
const MAX_FORWARD: i64 = 3_000;
/// A step back up to this is interleaving or an encoder's rounding, as in SRS.
const MAX_BACK: i64 = 250;
/// The time given to a frame behind a jump, as in SRS.
const STEP: i64 = 10;

/// Where a flow stands, and what is added to its times.
#[derive(Clone, Copy, Debug)]
struct Flow {
    out: i64,
    offset: i64,
}

/// Repairs a stream's times.
///
/// Audio and video are followed each on its own, so that an encoder whose two clocks are far apart
/// is shifted once and not at every change from one to the other; after a jump the second flow takes
/// the shift of the first where that fits, which keeps sound and picture together.
#[derive(Clone, Copy, Debug)]
pub struct Jitter {
    mode: Mode,
    base: Option<i64>,
    audio: Option<Flow>,
    video: Option<Flow>,
    out: i64,
}

impl Jitter {
    /// With `atc` (absolute time) on, times are kept whatever the mode.
    pub fn new(mode: Mode, atc: bool) -> Self {
        let mode = if atc { Mode::Off } else { mode };
        Self { mode, base: None, audio: None, video: None, out: 0 }
    }

    /// Gives `frame` its time on the stream's timeline.
    pub fn correct(&mut self, frame: &mut Frame) {
        frame.time = self.time(frame.kind, frame.role, frame.time);
    }

    /// The corrected time of a frame that says `time`.
    pub fn time(&mut self, kind: Kind, role: Role, time: i64) -> i64 {
        match self.mode {
            Mode::Off => time,
            Mode::Zero => {
                let media = matches!(role, Role::Key | Role::Inter);
                match self.base {
                    Some(base) => time.saturating_sub(base).max(0),
                    // Codec headers and metadata often say 0 in front of a stream that starts elsewhere.
                    None if !media => 0,
                    None => {
                        self.base = Some(time);
                        0
                    }
                }
            }
            Mode::Full => self.full(kind, role, time),
        }
    }

    fn full(&mut self, kind: Kind, role: Role, time: i64) -> i64 {
        // What is no coded media says nothing reliable about time: headers are resent with 0.
        if kind == Kind::Data || !matches!(role, Role::Key | Role::Inter) {
            return self.out;
        }
        let (own, other) = match kind {
            Kind::Audio => (self.audio, self.video),
            _ => (self.video, self.audio),
        };
        let believed = [own, other]
            .into_iter()
            .flatten()
            .map(|flow| (time.saturating_add(flow.offset), flow.offset))
            .find(|&(out, _)| self.continues(own, out));
        let (out, offset) = believed.unwrap_or_else(|| {
            let started = own.or(other).is_some();
            let out = if started { self.out.saturating_add(STEP) } else { 0 };
            (out, out.saturating_sub(time))
        });
        let out = out.max(0);
        let flow = Some(Flow { out, offset });
        match kind {
            Kind::Audio => self.audio = flow,
            _ => self.video = flow,
        }
        self.out = self.out.max(out);
        out
    }

    /// Does `out` continue its flow, or, where that was silent for long, the stream?
    fn continues(&self, own: Option<Flow>, out: i64) -> bool {
        let near = |last: i64| (-MAX_BACK..=MAX_FORWARD).contains(&out.saturating_sub(last));
        match own {
            Some(own) => near(own.out) || out > own.out && near(self.out),
            None => near(self.out),
        }
    }
}

/// A flow alone is let through once this many of its frames wait for the other, as in SRS.
const PURE: usize = 10;

/// `mix_correct` of SRS: puts sound and picture in order of time by holding a few frames.
#[derive(Debug, Default)]
pub struct Mix {
    waiting: BTreeMap<(i64, u64), Frame>,
    count: u64,
    audio: usize,
    video: usize,
}

impl Mix {
    /// Takes a frame in; [`Mix::pop`] then gives those whose turn has come.
    pub fn push(&mut self, frame: Frame) {
        match frame.kind {
            Kind::Audio => self.audio += 1,
            Kind::Video => self.video += 1,
            Kind::Data => {}
        }
        self.count = self.count.wrapping_add(1);
        self.waiting.insert((frame.time, self.count), frame);
    }

    /// The earliest frame, once both flows have one waiting or ten frames wait. Call until `None`,
    /// which keeps fewer than that many inside.
    pub fn pop(&mut self) -> Option<Frame> {
        if (self.audio == 0 || self.video == 0) && self.waiting.len() < PURE {
            return None;
        }
        self.take()
    }

    /// The earliest frame whatever is missing: for the end of the stream.
    pub fn take(&mut self) -> Option<Frame> {
        let (_, frame) = self.waiting.pop_first()?;
        match frame.kind {
            Kind::Audio => self.audio = self.audio.saturating_sub(1),
            Kind::Video => self.video = self.video.saturating_sub(1),
            Kind::Data => {}
        }
        Some(frame)
    }
}

#[cfg(test)]
mod tests;
