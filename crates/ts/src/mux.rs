//! From access units to packets.

use crate::packet::{BODY, Counter, Marks, PAT_PID, open, stuff};
use crate::pes::{AUDIO_ID, Head, PRIVATE_ID, VIDEO_ID};
use crate::{AUDIO_PID, CLOCK, Codec, PACKET, PMT_PID, TIME_MASK, Times, Track, Unit, VIDEO_PID, psi};
use bytes::{BufMut, BytesMut};

/// The longest sound unit: its PES must say its length, in 16 bits with 13 bytes of header.
pub const MAX_AUDIO: usize = 65_535 - 13;

/// Without a picture the clock is written once this much time went by. ISO/IEC 13818-1 2.7.2 wants it every 100 ms, and
/// sound frames are up to 36 ms long (at 16 kHz and below longer: then every one has it).
const PCR_INTERVAL: u64 = CLOCK * 60 / 1000;

/// Writes one program. The packets' counters go on over the whole life of a muxer, so that what it writes may be cut
/// into segments anywhere between units.
///
/// PCR is the decode time of the unit that it stands with: everything is sent at once when it is due, and no model of
/// the receiver's buffer is kept. It comes with every picture, so a camera of less than 10 frames a second has it more
/// rarely than the standard asks for; players do not mind.
#[derive(Clone, Debug, Default)]
pub struct Muxer {
    video: Option<Codec>,
    audio: Option<Codec>,
    version: u8,
    /// These tables were written, so that others need another version.
    told: bool,
    /// When the clock was last written, in 90 kHz ticks; `None` makes the next unit that may write it.
    clock: Option<u64>,
    /// The newest time that was written as the clock.
    newest: Option<u64>,
    counters: Counters,
}

/// A picture may lie so far behind the sound that had the clock before it, in ticks; what is further behind is another
/// time.
const BEHIND: u64 = CLOCK;

#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    pat: Counter,
    pmt: Counter,
    video: Counter,
    audio: Counter,
}

impl Muxer {
    /// A muxer without tracks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which tracks there are from now on; the version of the tables rises when that changes. The new tables are
    /// written by [`Muxer::tables`] only.
    pub fn set_tracks(&mut self, video: Option<Codec>, audio: Option<Codec>) {
        if (self.video, self.audio) == (video, audio) {
            return;
        }
        (self.video, self.audio) = (video, audio);
        self.clock = None;
        if self.told {
            self.version = self.version.wrapping_add(1) & 0x1f;
            self.told = false;
        }
    }

    /// The tracks as set.
    pub fn tracks(&self) -> (Option<Codec>, Option<Codec>) {
        (self.video, self.audio)
    }

    /// Appends PAT and PMT, a packet each: what a player must see first, so the start of each segment. The clock follows
    /// with the next unit of the track that has it.
    pub fn tables(&mut self, out: &mut BytesMut) {
        self.told = true;
        self.clock = None;
        let tracks = [(self.video, VIDEO_PID), (self.audio, AUDIO_PID)];
        let tracks =
            tracks.map(|(codec, pid)| codec.map(|codec| (codec.stream_type(), pid, codec.descriptors())));
        let streams: Vec<psi::Stream<'_>> = tracks
            .iter()
            .flatten()
            .map(|(kind, pid, descriptors)| psi::Stream { kind: *kind, pid: *pid, descriptors })
            .collect();
        let pcr = streams.first().map(|stream| stream.pid);
        out.reserve(2 * PACKET);
        let start = out.len();
        open(PAT_PID, true, &mut self.counters.pat, Marks::default(), BODY, out);
        // Its one line never changes, so nor does its version.
        psi::put_pat(0, out);
        stuff(start, out);
        let start = out.len();
        open(PMT_PID, true, &mut self.counters.pmt, Marks::default(), BODY, out);
        psi::put_pmt(self.version, pcr, &streams, out);
        stuff(start, out);
    }

    /// Appends the unit as one PES in whole packets.
    ///
    /// Left out, with `false`, are units of a track that is not in the tables, units without bytes, and sound units of
    /// more than [`MAX_AUDIO`] bytes. Pictures may have any length: the PES of one over 64 KiB leaves it open.
    pub fn push(&mut self, unit: &Unit<'_>, out: &mut BytesMut) -> bool {
        let (present, pid, id) = match unit.track {
            Track::Video => (self.video.is_some(), VIDEO_PID, VIDEO_ID),
            Track::Audio => {
                let private = matches!(self.audio, Some(Codec::Opus { .. }));
                (self.audio.is_some(), AUDIO_PID, if private { PRIVATE_ID } else { AUDIO_ID })
            }
        };
        let too_long = unit.track == Track::Audio && unit.data.len() > MAX_AUDIO;
        if !present || too_long || unit.data.is_empty() {
            return false;
        }
        let head = Head::new(id, Times { pts: unit.pts, dts: unit.dts }, unit.data.len());
        let marks = Marks { discontinuity: false, random_access: unit.key, pcr: self.pcr(unit) };
        let counter = match unit.track {
            Track::Video => &mut self.counters.video,
            Track::Audio => &mut self.counters.audio,
        };
        let room = BODY.saturating_sub(marks.size()).saturating_sub(head.size());
        let (first, rest) = unit.data.split_at_checked(room).unwrap_or((unit.data, &[]));
        out.reserve(rest.len().div_ceil(BODY).saturating_add(1).saturating_mul(PACKET));
        open(pid, true, counter, marks, head.size().saturating_add(first.len()), out);
        head.put(out);
        out.put_slice(first);
        for piece in rest.chunks(BODY) {
            open(pid, false, counter, Marks::default(), piece.len(), out);
            out.put_slice(piece);
        }
        true
    }

    /// The clock in 27 MHz ticks, where this unit has to bring it.
    fn pcr(&mut self, unit: &Unit<'_>) -> Option<u64> {
        let dts = unit.dts & TIME_MASK;
        let due = match unit.track {
            Track::Video => true,
            // A step back counts as very long.
            Track::Audio if self.video.is_none() => {
                self.clock.is_none_or(|last| dts.wrapping_sub(last) & TIME_MASK >= PCR_INTERVAL)
            }
            Track::Audio => false,
        };
        due.then(|| {
            self.clock = Some(dts);
            // A clock does not go back: where sound had it before the first picture it waits.
            let behind = |newest: &u64| newest.wrapping_sub(dts) & TIME_MASK <= BEHIND;
            let clock = self.newest.filter(behind).unwrap_or(dts);
            self.newest = Some(clock);
            clock.saturating_mul(300)
        })
    }
}

#[cfg(test)]
mod tests;
