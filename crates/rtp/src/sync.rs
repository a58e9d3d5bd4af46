//! From what senders say to the stream's time.

use std::time::Duration;

use srs_rtc::Track;
use srs_rtc::engine::Report;

/// What is known of when a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// RTP time, which never wraps.
    pub rtp: u64,
    /// Ticks a second of that.
    pub clock: u32,
    /// When its first packet came, since any moment that is the same for all frames of a sender.
    pub came: Duration,
    /// The newest sender report of its track.
    pub report: Option<Report>,
}

/// Puts the frames of one sender on the stream's time.
///
/// Each track's times run by its RTP clock. Where a track begins is first taken from when its first packet came. Once both
/// tracks have sender reports, the reports say which sound belongs to which picture, and pictures are moved towards their
/// sound: by no more than 5 % of the time that passes, so that nobody sees it and times never go back. What is off by more
/// than half a second is put right at once, by a step forward of the track that is behind. What single reports waver is evened
/// out. Reports by which the tracks are more than 10 s apart are not believed: there are senders whose clocks have nothing to
/// do with each other.
///
/// A jump of a track's RTP time (a sender that began anew) goes on where the track was, by when its packets come; reports
/// from before it count no more.
#[derive(Debug, Default)]
pub struct Sync {
    audio: Option<Flow>,
    video: Option<Flow>,
}

/// Microseconds, here as below.
const SECOND: i64 = 1_000_000;
/// RTP time that is off by more than this from when packets come is another time.
const JUMP: i64 = 10 * SECOND;
/// A report is believed as long as its RTP time is no further from a frame's.
const REPORT_NEAR: i64 = 120 * SECOND;
/// Tracks are not further apart, whatever reports say.
const BOGUS: i64 = 10 * SECOND;
/// From here on a step is better than minutes of pictures beside their sound.
const STEP: i64 = SECOND / 2;
/// A report that is off from those before by more than this says something else.
const WAVER: i64 = SECOND / 10;
/// Of how many reports the mean counts; of the newest that is an eighth.
const MEAN: i64 = 8;
/// Which part of the time that passes a correction is: 5 %.
const SLEW: i64 = 20;

/// A track.
#[derive(Debug, Clone, Copy)]
struct Flow {
    clock: u32,
    /// The stream's time at an RTP time.
    place: i64,
    base: u64,
    /// Of the last frame.
    rtp: u64,
    came: i64,
    now: i64,
    /// What was given out last, in ms.
    told: i64,
    /// The newest report that was looked at.
    seen: Option<Report>,
    /// The newest one that is believed.
    said: Option<Said>,
}

/// Reports as they are used: which RTP time was when for the sender.
#[derive(Debug, Clone, Copy)]
struct Said {
    rtp: u64,
    ntp: i64,
    /// How many reports this is the mean of.
    count: i64,
}

impl Said {
    /// What holds behind a report that says this. There are senders (libdatachannel, and so OBS) that put the time of sending into it
    /// beside the RTP time of the frame before, which is off by another 20 ms each time: so one report counts little.
    fn followed_by(self, said: Said, clock: u32) -> Said {
        let expected = self.ntp.saturating_add(between(self.rtp, said.rtp, clock));
        let off = said.ntp.saturating_sub(expected);
        if off.saturating_abs() > WAVER {
            return said;
        }
        let count = self.count.saturating_add(1).clamp(1, MEAN);
        Said { ntp: expected.saturating_add(off / count), count, ..said }
    }
}

impl Sync {
    /// Begins with the next frame, which is at 0 ms.
    pub fn new() -> Self {
        Self::default()
    }

    /// The stream's time of the next frame of a track, in milliseconds: never before 0, nor before the one of that track
    /// before.
    pub fn time(&mut self, track: Track, stamp: &Stamp) -> i64 {
        let (own, other) = match track {
            Track::Audio => (&mut self.audio, self.video.as_ref()),
            Track::Video => (&mut self.video, self.audio.as_ref()),
        };
        let mut flow = own.unwrap_or_else(|| Flow::new(stamp, other));
        let passed = flow.advance(stamp);
        flow.report(stamp);
        if let Some(ahead) = other.and_then(|other| flow.ahead_of(other)) {
            flow.correct(track, ahead, passed);
        }
        flow.told = flow.told.max(flow.now.div_euclid(1_000));
        let told = flow.told;
        *own = Some(flow);
        told
    }
}

impl Flow {
    /// Begins where the other track is by now.
    fn new(stamp: &Stamp, other: Option<&Self>) -> Self {
        let came = micros(stamp.came);
        let place = other.map_or(0, |other| other.now.saturating_add(came.saturating_sub(other.came)));
        let (rtp, clock) = (stamp.rtp, stamp.clock.max(1));
        Self { clock, place, base: rtp, rtp, came, now: place, told: 0, seen: None, said: None }
    }

    /// Goes on to a frame; how much of the stream's time has passed.
    fn advance(&mut self, stamp: &Stamp) -> i64 {
        let came = micros(stamp.came);
        let passed = between(self.rtp, stamp.rtp, self.clock);
        let elapsed = came.saturating_sub(self.came);
        if stamp.clock.max(1) != self.clock || passed.saturating_sub(elapsed).saturating_abs() > JUMP {
            self.place = self.now.saturating_add(elapsed.max(0));
            (self.base, self.clock) = (stamp.rtp, stamp.clock.max(1));
            (self.seen, self.said) = (stamp.report, None);
        }
        (self.rtp, self.came) = (stamp.rtp, came);
        let before = self.now;
        self.now = self.place.saturating_add(between(self.base, stamp.rtp, self.clock));
        self.now.saturating_sub(before)
    }

    /// Takes the newest report, where it is new and can be one of this flow.
    fn report(&mut self, stamp: &Stamp) {
        let new = stamp.report.filter(|report| Some(*report) != self.seen && report.ntp != 0);
        let Some(report) = new else { return };
        self.seen = Some(report);
        let [.., a, b, c, d] = self.rtp.to_be_bytes();
        let apart = report.rtp.wrapping_sub(u32::from_be_bytes([a, b, c, d])).cast_signed();
        let rtp = self.rtp.wrapping_add_signed(apart.into());
        if between(self.rtp, rtp, self.clock).saturating_abs() <= REPORT_NEAR {
            // 32 bits of seconds and 32 of their parts.
            let ntp = u128::from(report.ntp).saturating_mul(1_000_000) >> 32;
            let said = i64::try_from(ntp).ok().map(|ntp| Said { rtp, ntp, count: 1 });
            let before = self.said;
            self.said = said.map(|said| before.map_or(said, |before| before.followed_by(said, self.clock)));
        }
    }

    /// The stream's time less the sender's.
    fn lead(&self) -> Option<i64> {
        let Said { rtp, ntp, .. } = self.said?;
        Some(self.place.saturating_add(between(self.base, rtp, self.clock)).saturating_sub(ntp))
    }

    /// How much later this track is than the sender has it, seen from the other; where both have reports to be believed.
    fn ahead_of(&self, other: &Self) -> Option<i64> {
        let ahead = self.lead()?.saturating_sub(other.lead()?);
        (ahead.saturating_abs() <= BOGUS).then_some(ahead)
    }

    fn correct(&mut self, track: Track, ahead: i64, passed: i64) {
        let most = passed.clamp(0, SECOND) / SLEW;
        let by = if ahead < -STEP {
            ahead.saturating_neg()
        } else if track == Track::Video && ahead <= STEP {
            ahead.saturating_neg().clamp(-most, most)
        } else {
            // Pictures follow their sound; and what is far ahead waits for the other's step.
            0
        };
        self.place = self.place.saturating_add(by);
        self.now = self.now.saturating_add(by);
    }
}

/// From one RTP time to another, which may be before it.
fn between(from: u64, to: u64, clock: u32) -> i64 {
    let ticks = i128::from(to).saturating_sub(i128::from(from));
    let micros = ticks.saturating_mul(1_000_000).checked_div(clock.into()).unwrap_or(0);
    i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
