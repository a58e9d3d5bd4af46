//! The newest frames of a stream as packets, and a player's place in them.
//!
//! A player that joins is given the GOP so far at once, in a pace that its line may bear, and its pictures' times are
//! squeezed together ([`squeezed`]): it decodes them in one go and shows the newest, where by their true times it would play
//! the past from its beginning and stay late for ever. Sound begins at the live edge.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant as StdInstant};

use srs_rtc::Track;
use srs_rtc::engine::Packet;
use srs_rtp::clock::{PICTURE_TICKS, squeezed};
use srs_rtp::record;
use tokio::time::Instant;

/// Frames kept at most: the hub's GOP bound of 10 s at 120 pictures and 50 packets of sound a second.
const MOST_FRAMES: usize = 2_048;
/// Bytes a second at which a player is given what was there before it came: a join at 4 Mbit/s with a GOP of 2 s takes a
/// third of one, and a home line bears it.
const BURST_RATE: i64 = 3_000_000;
/// What of it goes at once: a key frame mostly.
const BURST_FIRST: i64 = 128 * 1024;
/// Who lost the thread gets the GOP so far again at most this often, and no more than so much of it.
const AGAIN_REST: Duration = Duration::from_secs(2);
const AGAIN_BYTES: i64 = 1024 * 1024;
/// The same in pictures: their times stand one tick apart between those of two live ones.
const AGAIN_PICTURES: usize = 600;
/// A stream whose newest picture is so much older than its newest sound, in ms, has none any more: nobody waits for one.
const NO_PICTURES: i64 = 2_000;

/// A frame that every player gets.
#[derive(Debug)]
struct Frame {
    track: Track,
    /// The stream's time, in ms.
    time: i64,
    bytes: i64,
    packets: Vec<Packet>,
}

impl Frame {
    /// RTP time of its packets, which is one for all of them.
    fn rtp(&self) -> Option<u32> {
        self.packets.first().map(|packet| packet.time)
    }
}

/// The frames since the newest key frame, and those that somebody has yet to get.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Number of the first one.
    first: u64,
    frames: VecDeque<Frame>,
    /// Number of the newest key frame of pictures.
    key: Option<u64>,
    /// A moment, and the stream's time at it.
    anchor: Option<(StdInstant, i64)>,
    /// Times of the newest picture, and of the newest frame.
    picture: Option<i64>,
    newest: i64,
}

impl Frames {
    /// Number of the next frame.
    fn end(&self) -> u64 {
        self.first.saturating_add(self.frames.len() as u64)
    }

    fn get(&self, number: u64) -> Option<&Frame> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.frames.get(index)
    }

    /// The pictures from one number to before another.
    fn pictures(&self, from: u64, until: u64) -> impl DoubleEndedIterator<Item = &Frame> {
        let index = |number: u64| {
            let index = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
            index.min(self.frames.len())
        };
        let (from, until) = (index(from), index(until));
        self.frames.range(from.min(until)..until).filter(|frame| frame.track == Track::Video)
    }

    /// Whether who waits for a picture would wait for nothing.
    fn is_sound_alone(&self) -> bool {
        !self.frames.is_empty()
            && self.picture.is_none_or(|time| self.newest.saturating_sub(time) > NO_PICTURES)
    }

    /// Takes the records of a run of the rendition's bytes.
    pub(super) fn take(&mut self, mut run: &[u8], now: StdInstant) {
        while let Some(record) = record::next(&mut run) {
            self.add(&record, now);
        }
    }

    fn add(&mut self, record: &record::Record<'_>, now: StdInstant) {
        let head = record.head;
        let codec = head.codec;
        self.meet(head.time, now);
        let packet = |packet: record::Packet<'_>| Packet {
            codec,
            time: head.rtp,
            wallclock: now,
            marker: packet.marker,
            payload: Arc::from(packet.payload),
        };
        let packets: Vec<Packet> = record.packets().map(packet).collect();
        let bytes =
            packets.iter().map(|packet| i64::try_from(packet.payload.len()).unwrap_or(i64::MAX)).sum();
        let track = codec.track();
        self.newest = self.newest.max(head.time);
        if track == Track::Video {
            self.picture = Some(head.time);
            if head.key {
                self.key = Some(self.end());
            }
        }
        self.frames.push_back(Frame { track, time: head.time, bytes, packets });
        while self.frames.len() > MOST_FRAMES {
            self.drop_first();
        }
    }

    /// Takes note that what has this time came now. Who comes earlier than by what is known moves that: of all frames the
    /// one that was on its way the shortest tells best when others happened.
    fn meet(&mut self, time: i64, now: StdInstant) {
        if self.moment(time).is_none_or(|due| now < due) {
            self.anchor = Some((now, time));
        }
    }

    /// When what has this time happened.
    fn moment(&self, time: i64) -> Option<StdInstant> {
        let (moment, at) = self.anchor?;
        Some(shifted(moment, time.saturating_sub(at).saturating_mul(1_000)))
    }

    /// A packet of a frame as it is sent at an RTP time that is the frame's own, or another. What sender reports say, by
    /// which a player puts sound and picture together, is true of both.
    fn packet(&self, frame: &Frame, packet: &Packet, time: u32) -> Packet {
        let moved = i64::from(time.wrapping_sub(packet.time).cast_signed());
        let micros = moved.saturating_mul(1_000) / i64::from(PICTURE_TICKS);
        let moment = self.moment(frame.time).unwrap_or(packet.wallclock);
        Packet { time, wallclock: shifted(moment, micros), ..packet.clone() }
    }

    fn drop_first(&mut self) {
        if self.frames.pop_front().is_some() {
            self.first = self.first.saturating_add(1);
            self.key = self.key.filter(|key| *key >= self.first);
        }
    }

    /// Something is missing: nobody can begin before the next key frame.
    pub(super) fn clear(&mut self) {
        // Also of who had all that there was: no frame has the number between.
        self.first = self.end().saturating_add(1);
        self.frames.clear();
        self.key = None;
    }

    /// Drops what nobody needs: neither who joins next nor the player whose next frame is `oldest`.
    pub(super) fn trim(&mut self, oldest: Option<u64>) {
        let end = self.end();
        let keep = self.key.unwrap_or(end).min(oldest.unwrap_or(end));
        while self.first < keep && !self.frames.is_empty() {
            self.drop_first();
        }
    }
}

/// So many microseconds later, or earlier.
fn shifted(moment: StdInstant, micros: i64) -> StdInstant {
    let by = Duration::from_micros(micros.unsigned_abs());
    let there = if micros < 0 { moment.checked_sub(by) } else { moment.checked_add(by) };
    there.unwrap_or(moment)
}

/// The later one of two RTP times, wherever 32 bits wrap.
fn later(one: u32, other: u32) -> u32 {
    if other.wrapping_sub(one).cast_signed() > 0 { other } else { one }
}

/// A player's place.
#[derive(Debug)]
pub(super) struct Place {
    state: State,
    started: bool,
    /// When it began anew last, and which frame came next then.
    again: Option<(Instant, u64)>,
}

#[derive(Debug)]
enum State {
    /// Waits for the first key frame at or after this number; or for any, to begin with the newest one.
    Waits { from: u64 },
    /// Is given what was there before it came.
    Bursts(Burst),
    /// Gets what comes; the number is the next one's.
    Live { next: u64 },
}

#[derive(Debug)]
struct Burst {
    next: u64,
    /// The frames before this one are of the past.
    until: u64,
    /// RTP times of their pictures, the next one's first.
    times: VecDeque<u32>,
    left: i64,
    at: Instant,
}

impl Place {
    /// Begins with the newest key frame.
    pub(super) fn at_newest() -> Place {
        Place { state: State::Waits { from: 0 }, started: false, again: None }
    }

    /// Begins with the next key frame.
    pub(super) fn at_next(frames: &Frames) -> Place {
        Place { state: State::Waits { from: frames.end() }, started: false, again: None }
    }

    pub(super) fn started(&self) -> bool {
        self.started
    }

    /// The oldest frame that this player still needs.
    pub(super) fn needs(&self) -> u64 {
        match &self.state {
            State::Waits { .. } => u64::MAX,
            State::Bursts(burst) => burst.next,
            State::Live { next } => *next,
        }
    }

    /// Begins anew with the newest key frame, unless that was done just now, or is too much. Whether a key frame comes.
    pub(super) fn again(&mut self, frames: &Frames, now: Instant) -> bool {
        let (State::Live { next }, Some(key)) = (&self.state, frames.key) else { return false };
        let next = *next;
        if key >= next {
            // It is the next that it gets.
            return true;
        }
        let rests = |(at, _): &(Instant, u64)| now.saturating_duration_since(*at) < AGAIN_REST;
        // What has times behind the newest picture's already must not be followed by other pictures with the same.
        let is_same = |(_, from): &(Instant, u64)| frames.pictures(*from, next).next().is_none();
        if self.again.as_ref().is_some_and(|again| rests(again) || is_same(again)) {
            return false;
        }
        let pictures = || frames.pictures(key, next);
        if pictures().map(|frame| frame.bytes).sum::<i64>() > AGAIN_BYTES
            || pictures().count() > AGAIN_PICTURES
        {
            return false;
        }
        self.again = Some((now, next));
        // All of them behind what it was given last, and before what comes next.
        let edge = pictures().filter_map(Frame::rtp).reduce(later).unwrap_or_default();
        let times = (1..).zip(pictures()).map(|(tick, _)| edge.wrapping_add(tick)).collect();
        self.state = State::Bursts(Burst::new(key, next, times, now));
        true
    }

    /// Gives out what this player is to get now. True when it has more to get that is there already.
    pub(super) fn next(&mut self, frames: &Frames, now: Instant, mut send: impl FnMut(Packet)) -> bool {
        self.settle(frames, now);
        if let State::Bursts(burst) = &mut self.state {
            if burst.next < frames.first {
                // What it needed is gone: it was too slow.
                self.state = State::Waits { from: frames.first };
                return false;
            }
            self.started = true;
            if !burst.give(frames, now, &mut send) {
                return true;
            }
            self.state = State::Live { next: burst.next };
        }
        let State::Live { next } = &mut self.state else { return false };
        if *next < frames.first {
            self.state = State::Waits { from: frames.first };
            return false;
        }
        while let Some(frame) = frames.get(*next) {
            for packet in &frame.packets {
                send(frames.packet(frame, packet, packet.time));
            }
            *next = next.saturating_add(1);
        }
        false
    }

    /// Has who waits begin, when there is something to begin with.
    fn settle(&mut self, frames: &Frames, now: Instant) {
        let State::Waits { from } = self.state else { return };
        let end = frames.end();
        let Some(key) = frames.key.filter(|key| *key >= from) else {
            if frames.is_sound_alone() {
                self.started = true;
                self.state = State::Live { next: end.saturating_sub(1) };
            }
            return;
        };
        let times: Vec<u32> = frames.pictures(key, end).filter_map(Frame::rtp).collect();
        self.state = State::Bursts(Burst::new(key, end, squeezed(&times).into(), now));
    }
}

impl Burst {
    fn new(next: u64, until: u64, times: VecDeque<u32>, at: Instant) -> Burst {
        Burst { next, until, times, left: BURST_FIRST, at }
    }

    /// Gives out as much as may go now; true when that was all.
    fn give(&mut self, frames: &Frames, now: Instant, send: &mut impl FnMut(Packet)) -> bool {
        let elapsed = i64::try_from(now.saturating_duration_since(self.at).as_micros()).unwrap_or(i64::MAX);
        self.left = self.left.saturating_add(elapsed.saturating_mul(BURST_RATE) / 1_000_000).min(BURST_FIRST);
        self.at = now;
        while self.next < self.until {
            let Some(frame) = frames.get(self.next) else { return true };
            if frame.track == Track::Video {
                if self.left <= 0 {
                    return false;
                }
                self.left = self.left.saturating_sub(frame.bytes);
                let time = self.times.pop_front();
                for packet in &frame.packets {
                    send(frames.packet(frame, packet, time.unwrap_or(packet.time)));
                }
            }
            self.next = self.next.saturating_add(1);
        }
        true
    }
}

#[cfg(test)]
mod tests;
