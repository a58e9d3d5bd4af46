//! One line of time through units of two tracks, whose stamps may jump, wrap, pause or be far apart.

use crate::Unit;

/// A step forward up to this is a stream with few frames, not a jump; the same that the hub's time repair takes.
const JUMP_MS: i64 = 3_000;
/// A step back of one track up to this is an encoder's rounding; the same that the hub's time repair takes.
const BACK_MS: i64 = 250;
/// The most that a slide show's distance of pictures teaches of the next.
const MOST_GAP_MS: i64 = 10_000;
/// How long the last unit lasts while nothing is known: a picture at 25 a second.
const STEP_MS: i64 = 40;

/// Where a unit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Milliseconds since the clock was made.
    pub(crate) at: i64,
    /// Its stamp does not continue the ones before.
    pub(crate) jumped: bool,
    /// The distance from the last unit of its track, where that says something.
    step: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Track {
    /// Stamp and place of the last unit.
    last: Option<(i64, i64)>,
    /// From the unit before to that one, jumps included up to a bound: a slide show jumps but once.
    gap: i64,
    /// The other track has jumped, this one will too: both are one jump.
    follows: bool,
}

/// Follows each track on its own, so that an encoder whose two clocks are apart is as good as one whose are not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    video: Track,
    audio: Track,
    /// The latest place taken.
    head: i64,
    /// How long the unit there lasts.
    step: i64,
    /// Where the first unit goes.
    origin: i64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { video: Track::default(), audio: Track::default(), head: 0, step: STEP_MS, origin: 0 }
    }

    /// Where the next unit belongs that continues what was there.
    pub(crate) fn end(&self) -> i64 {
        self.head.saturating_add(self.step)
    }

    /// Another publisher: its stamps have nothing to do with those before.
    pub(crate) fn restart(&mut self) {
        if self.video.last.or(self.audio.last).is_some() {
            self.origin = self.end();
            self.head = self.origin;
        }
        self.video = Track::default();
        self.audio = Track::default();
        self.step = STEP_MS;
    }

    /// Where `unit` would stand.
    pub(crate) fn place(&self, unit: &Unit) -> Place {
        let (own, other) = if unit.video { (self.video, self.audio) } else { (self.audio, self.video) };
        let beside = other.last.and_then(|(stamp, at)| {
            let distance = unit.dts_ms.saturating_sub(stamp);
            (-JUMP_MS..=JUMP_MS).contains(&distance).then(|| at.saturating_add(distance))
        });
        let Some((stamp, at)) = own.last else {
            let first = if other.last.is_some() { self.head } else { self.origin };
            return Place { at: beside.unwrap_or(first), jumped: false, step: None };
        };
        let distance = unit.dts_ms.saturating_sub(stamp);
        let most = JUMP_MS.max(own.gap.saturating_mul(2));
        if (-BACK_MS..=most).contains(&distance) {
            return Place { at: at.saturating_add(distance), jumped: false, step: Some(distance) };
        }
        // A track that paused comes back where the other one is. Going back is never a pause.
        let returns = beside.filter(|_| distance > 0 || own.follows);
        if returns.is_none() && !own.follows {
            return Place { at: self.end(), jumped: true, step: None };
        }
        Place { at: returns.unwrap_or(self.head), jumped: false, step: None }
    }

    /// Goes on to `unit`.
    pub(crate) fn accept(&mut self, unit: &Unit) -> Place {
        let place = self.place(unit);
        let (own, other) =
            if unit.video { (&mut self.video, &mut self.audio) } else { (&mut self.audio, &mut self.video) };
        if let Some((stamp, _)) = own.last {
            let distance = unit.dts_ms.saturating_sub(stamp);
            if distance > 0 {
                own.gap = distance.min(MOST_GAP_MS);
            }
            // Neither continuing nor a jump of its own: this was the other's.
            own.follows &= place.step.is_some();
        }
        own.last = Some((unit.dts_ms, place.at));
        if place.jumped {
            other.follows = other.last.is_some();
        }
        if place.at >= self.head {
            self.head = place.at;
            self.step = place.step.filter(|step| *step > 0).unwrap_or(self.step);
        }
        place
    }
}

#[cfg(test)]
mod tests;
