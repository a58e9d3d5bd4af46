//! Units of one elementary stream, put together from packets.

use super::continuity::{Continuity, Step};
use super::header::{Begin, Pes, pes};
use super::{Errors, Event};
use crate::packet::Packet;
use crate::{Codec, Times, Track, Unit};

/// The longest picture; a key picture of 8K at 200 Mbit/s is below.
const MOST_VIDEO: usize = 8 << 20;
/// As much as a PES can say to have: only pictures may leave that open.
const MOST_AUDIO: usize = 6 + 65_535;

/// One elementary stream.
#[derive(Debug)]
pub(super) struct Flow {
    track: Track,
    codec: Codec,
    pid: u16,
    continuity: Continuity,
    /// The PES at hand from its start code on.
    bytes: Vec<u8>,
    /// Its header, once that is there.
    head: Option<Pes>,
    /// A PES is at hand, and what follows belongs to it.
    open: bool,
    /// Of the PES at hand.
    key: bool,
    discontinuity: bool,
    /// The next PES does not follow the one before.
    broken: bool,
    last: Option<Times>,
}

impl Flow {
    /// A stream at its beginning; `broken` where another was in its place.
    pub(super) fn new(track: Track, codec: Codec, pid: u16, broken: bool) -> Self {
        Self {
            track,
            codec,
            pid,
            continuity: Continuity::default(),
            bytes: Vec::new(),
            head: None,
            open: false,
            key: false,
            discontinuity: false,
            broken,
            last: None,
        }
    }

    pub(super) fn pid(&self) -> u16 {
        self.pid
    }

    pub(super) fn stream(&self) -> (Codec, u16) {
        (self.codec, self.pid)
    }

    /// The next unit does not follow the one at hand.
    pub(super) fn discontinue(&mut self) {
        self.broken = true;
    }

    pub(super) fn take(&mut self, packet: &Packet<'_>, errors: &mut Errors, out: &mut impl FnMut(Event<'_>)) {
        self.broken |= packet.marks.discontinuity;
        let Some(payload) = packet.payload else { return };
        match self.continuity.step(packet, payload) {
            Step::Next => {}
            Step::Again => return,
            Step::Anew => self.drop_unit(errors),
            Step::Gap => {
                errors.continuity = errors.continuity.saturating_add(1);
                self.drop_unit(errors);
                self.broken = true;
            }
        }
        if packet.start {
            self.finish(errors, out);
            self.bytes.clear();
            (self.head, self.open) = (None, true);
            self.key = packet.marks.random_access;
            self.discontinuity = std::mem::take(&mut self.broken);
        }
        if self.open {
            self.bytes.extend_from_slice(payload);
            self.progress(errors, out);
        }
    }

    /// The unit at hand ends here, where its header left that open.
    pub(super) fn finish(&mut self, errors: &mut Errors, out: &mut impl FnMut(Event<'_>)) {
        match self.head {
            Some(Pes { payload: None, .. }) if self.open => self.give(errors, out),
            _ => self.drop_unit(errors),
        }
    }

    fn progress(&mut self, errors: &mut Errors, out: &mut impl FnMut(Event<'_>)) {
        if self.head.is_none() {
            match pes(&self.bytes) {
                Begin::More => {}
                Begin::Pes(head) => self.head = Some(head),
                Begin::Damaged => return self.drop_unit(errors),
                Begin::Scrambled => {
                    errors.scrambled = errors.scrambled.saturating_add(1);
                    return self.skip();
                }
                Begin::Nothing => return self.skip(),
            }
        }
        let most = if self.track == Track::Video { MOST_VIDEO } else { MOST_AUDIO };
        match self.head {
            Some(Pes { start, payload: Some(payload), .. })
                if self.bytes.len() >= start.saturating_add(payload) =>
            {
                self.bytes.truncate(start.saturating_add(payload));
                self.give(errors, out);
            }
            _ if self.bytes.len() > most => self.drop_unit(errors),
            _ => {}
        }
    }

    /// Gives out the unit at hand, which is whole.
    fn give(&mut self, errors: &mut Errors, out: &mut impl FnMut(Event<'_>)) {
        let Some(head) = self.head else { return };
        let times = match (head.pts, head.dts) {
            (Some(pts), dts) => Some(Times { pts, dts: dts.unwrap_or(pts) }),
            (None, _) => self.last,
        };
        let Some(times) = times else { return self.drop_unit(errors) };
        self.open = false;
        self.last = Some(times);
        let data = self.bytes.get(head.start..).unwrap_or_default();
        if data.is_empty() {
            return self.skip();
        }
        let unit = Unit { track: self.track, dts: times.dts, pts: times.pts, key: self.key, data };
        out(Event::Unit { unit, codec: self.codec, discontinuity: self.discontinuity });
    }

    /// Leaves out the unit at hand, which is nothing to read. That makes no gap; one before it is said of the next.
    fn skip(&mut self) {
        self.open = false;
        self.broken |= self.discontinuity;
    }

    fn drop_unit(&mut self, errors: &mut Errors) {
        if std::mem::take(&mut self.open) {
            errors.units = errors.units.saturating_add(1);
            self.broken = true;
        }
    }
}
