//! One clock for sound and picture, whose RTP times each begin anywhere.
//!
//! Both begin where the answer to PLAY says, or with their first packets. Sender reports tell later how they lie to each
//! other: what they correct is spread over many frames of sound, so that no time goes back.

use srs_media::Kind;

/// A difference that nobody sees, in ms; senders' clocks tremble by that.
const UNSEEN: i64 = 40;
/// More than this, in ms, is no measure of the same clock, and is left to the stream's timeline.
const ABSURD: i64 = 3_000;
/// By so much, in ms, a frame of sound is moved against the one before: a tenth of its length.
const SLEW: i64 = 2;

/// Puts the times of both kinds on one clock that begins at 0. All times in ms.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The time that is 0.
    base: Option<i64>,
    /// From a kind's own time to the sender's wall clock, by its last report.
    audio: Option<i64>,
    video: Option<i64>,
    /// What is added to the times of sound, and what it is to become.
    shift: i64,
    wanted: i64,
}

impl Clock {
    /// The time of a frame, by its kind's own time; below 0 where it lies before the frame that came first.
    pub(super) fn time(&mut self, kind: Kind, own: i64) -> i64 {
        let time = match kind {
            Kind::Audio => {
                let missing = self.wanted.saturating_sub(self.shift);
                self.shift = self.shift.saturating_add(missing.clamp(-SLEW, SLEW));
                own.saturating_add(self.shift)
            }
            _ => own,
        };
        time.saturating_sub(*self.base.get_or_insert(time))
    }

    /// A sender report: `own` is at `wall`, an NTP time of 32.32 bits.
    pub(super) fn report(&mut self, kind: Kind, own: i64, wall: u64) {
        // Senders that do not know the time say 0.
        if wall == 0 {
            return;
        }
        let wall = i64::try_from((u128::from(wall) * 1_000 + (1 << 31)) >> 32).unwrap_or(0);
        let offset = Some(wall.saturating_sub(own));
        match kind {
            Kind::Audio => self.audio = offset,
            _ => self.video = offset,
        }
        if let (Some(audio), Some(video)) = (self.audio, self.video) {
            let measured = audio.saturating_sub(video);
            if (UNSEEN..=ABSURD).contains(&measured.saturating_sub(self.wanted).abs()) {
                self.wanted = measured;
            }
        }
    }
}

/// Milliseconds of so many ticks of a clock.
pub(super) fn millis(ticks: i64, rate: u32) -> i64 {
    let millis = (i128::from(ticks) * 1_000).checked_div_euclid(i128::from(rate)).unwrap_or(0);
    i64::try_from(millis).unwrap_or(0)
}

#[cfg(test)]
mod tests;
