//! The time rules, applied once where frames enter the hub.

use srs_media::time::{Jitter, Mix, Mode};
use srs_media::{DERIVED, Frame, Kind, Role};

/// How the time stamps of a stream are mended (SRS's `time_jitter`, `atc`, `mix_correct`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// What is done about a start other than zero and about jumps.
    pub jitter: Mode,
    /// Times are absolute and kept, whatever `jitter` says.
    pub atc: bool,
    /// Audio and video are put in order of time.
    pub mix_correct: bool,
}

/// Between the last frame of one publisher and the first of the next, in ms: one frame at 25 fps.
const SEAM: i64 = 40;

/// One stream's timeline, which goes on over a change of publishers.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    rules: Rules,
    jitter: Option<Jitter>,
    mix: Option<Mix>,
    ready: Option<Frame>,
    /// What was added to the time of the newest sound.
    shift: i64,
    offset: i64,
    last: i64,
    began: bool,
}

impl Timeline {
    /// A publisher begins.
    pub(crate) fn begin(&mut self, rules: Rules) {
        // Mode `full` mends the step back to zero by itself, and so keeps its state over publishers.
        let keeps = self.rules == rules && rules.jitter == Mode::Full && !rules.atc;
        if !keeps || self.jitter.is_none() {
            self.jitter = Some(Jitter::new(rules.jitter, rules.atc));
            let zero_based = rules.jitter != Mode::Off && !rules.atc;
            self.offset = if zero_based && self.began { self.last.saturating_add(SEAM) } else { 0 };
        }
        self.rules = rules;
        self.ready = None;
        self.mix = rules.mix_correct.then(Mix::default);
    }

    /// Takes one frame in; [`Timeline::pop`] then gives what is due.
    pub(crate) fn push(&mut self, mut frame: Frame) {
        if frame.track == DERIVED {
            // It follows what it was made of, late: as a flow of its own it would be mended in another way than that.
            frame.time = frame.time.saturating_add(self.shift);
            self.ready = Some(frame);
            return;
        }
        let said = frame.time;
        if let Some(jitter) = &mut self.jitter {
            jitter.correct(&mut frame);
        }
        frame.time = frame.time.saturating_add(self.offset);
        if frame.kind == Kind::Audio && frame.role == Role::Key {
            self.shift = frame.time.saturating_sub(said);
        }
        match &mut self.mix {
            Some(mix) => mix.push(frame),
            None => self.ready = Some(frame),
        }
    }

    /// The next frame that is due.
    pub(crate) fn pop(&mut self) -> Option<Frame> {
        let frame = self.ready.take().or_else(|| self.mix.as_mut().and_then(Mix::pop))?;
        Some(self.note(frame))
    }

    /// The next frame, due or not: the publisher is gone.
    pub(crate) fn drain(&mut self) -> Option<Frame> {
        let frame = self.mix.as_mut().and_then(Mix::take).or_else(|| self.ready.take())?;
        Some(self.note(frame))
    }

    fn note(&mut self, frame: Frame) -> Frame {
        self.last = self.last.max(frame.time);
        self.began = true;
        frame
    }
}

#[cfg(test)]
mod tests;
