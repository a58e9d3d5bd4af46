//! Times of 33 bits, which wrap and jump, as milliseconds that begin at 0 and do neither.

use srs_media::Kind;

/// Ticks a millisecond.
const MS: i64 = 90;
const BITS: u32 = 33;
/// A step forward up to this is a pause, in ticks.
const MAX_FORWARD: i64 = 10_000 * MS;
/// A step back up to this is an encoder's disorder, in ticks.
const MAX_BACK: i64 = 1_000 * MS;
/// The same where something else may begin: rounding, and no more. A splice of two recordings steps back by any amount.
const MAX_BACK_BROKEN: i64 = 50 * MS;
/// The distance of a unit behind a jump, in ticks, as in the hub.
const STEP: i64 = 10 * MS;
/// No picture is shown earlier or later than this after it is decoded, in ms.
const MAX_COMPOSITION: i64 = 10_000;

/// Where a track stands, and what is added to its times; ticks.
#[derive(Clone, Copy, Debug)]
struct Flow {
    out: i64,
    offset: i64,
}

/// One clock for both tracks. Behind a jump the second track takes the shift of the first, which keeps sound and picture
/// together, and what still comes from before the jump keeps the old one.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    last: Option<i64>,
    audio: Option<Flow>,
    video: Option<Flow>,
    out: i64,
}

impl Timeline {
    /// When a picture is decoded, and how much later it is shown; milliseconds. `broken` where it does not go on where the
    /// one before ended.
    pub(super) fn picture(&mut self, dts: u64, pts: u64, broken: bool) -> (i64, i32) {
        let (place, out) = self.place(Kind::Video, dts, broken);
        let shown = place.saturating_add(nearest(0, pts.wrapping_sub(dts)));
        let time = out.div_euclid(MS);
        let composition = shown.div_euclid(MS).saturating_sub(time);
        let composition = composition.clamp(-MAX_COMPOSITION, MAX_COMPOSITION);
        (time, i32::try_from(composition).unwrap_or(0))
    }

    /// When a sound is heard; milliseconds.
    pub(super) fn sound(&mut self, pts: u64, broken: bool) -> i64 {
        self.place(Kind::Audio, pts, broken).1.div_euclid(MS)
    }

    /// Where a time lies, and that same one where it is not before 0 or before the track's last; ticks.
    fn place(&mut self, kind: Kind, time: u64, broken: bool) -> (i64, i64) {
        let time = nearest(self.last.unwrap_or(0), time);
        self.last = Some(time);
        let (own, other) = match kind {
            Kind::Audio => (self.audio, self.video),
            _ => (self.video, self.audio),
        };
        let believed = [own, other]
            .into_iter()
            .flatten()
            .map(|flow| (time.saturating_add(flow.offset), flow.offset))
            .find(|&(place, _)| self.continues(own, place, broken));
        let (place, offset) = believed.unwrap_or_else(|| {
            let started = own.or(other).is_some();
            let place = if started { self.out.saturating_add(STEP) } else { 0 };
            (place, place.saturating_sub(time))
        });
        let out = place.max(own.map_or(0, |own| own.out)).max(0);
        let flow = Some(Flow { out, offset });
        match kind {
            Kind::Audio => self.audio = flow,
            _ => self.video = flow,
        }
        self.out = self.out.max(out);
        (place, out)
    }

    /// Does a place continue its track, or, where that was silent for long or is new, the stream?
    fn continues(&self, own: Option<Flow>, place: i64, broken: bool) -> bool {
        let back = if broken { MAX_BACK_BROKEN } else { MAX_BACK };
        let near = place.saturating_sub(self.out).saturating_abs() <= MAX_FORWARD;
        match own {
            Some(own) => {
                let step = place.saturating_sub(own.out);
                (-back..=MAX_FORWARD).contains(&step) || step > 0 && near
            }
            None => near,
        }
    }
}

/// The time nearest to `last` whose lowest 33 bits are these.
fn nearest(last: i64, time: u64) -> i64 {
    let step = time.wrapping_sub(last.cast_unsigned()) << (64 - BITS);
    last.saturating_add(step.cast_signed() >> (64 - BITS))
}

#[cfg(test)]
mod tests;
