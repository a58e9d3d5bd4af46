//! The sliding list of a stream.

use crate::{Segment, Settings};
use srs_m3u8::{Media, write_media};
use std::collections::VecDeque;

/// Most segments that a list names: two hours of 2 s. Each costs every viewer some 60 bytes with every reload. As many
/// more are kept for players that are late.
pub const MOST_ENTRIES: usize = 3_600;

/// Where the numbers of discontinuities begin anew. hls.js keeps a place for each number and looks through all of them with
/// every list: hundreds of millions, as segments have them, cost it five seconds a time, this many a few milliseconds.
const TURN: u64 = 1 << 18;

/// RFC 8216 section 6.2.2: a list that goes on never has less than three target durations.
const TARGETS: u64 = 3;

/// A segment in the list. Its bytes are elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub sequence: u64,
    /// Its length.
    pub duration_ms: u64,
    /// It does not continue the one before.
    pub discontinuity: bool,
    /// What it is kept as: a file's path below its root.
    pub name: String,
    /// How many bytes are kept.
    pub bytes: u64,
    /// What it is encrypted with.
    pub key: Option<srs_m3u8::Key>,
    /// When its first unit was made, milliseconds since 1970: written as `EXT-X-PROGRAM-DATE-TIME`, which SRS does not.
    pub made_unix_ms: Option<i64>,
}

impl Entry {
    /// A plain segment that is kept as `name`.
    pub fn new(segment: &Segment, name: String) -> Self {
        Self {
            sequence: segment.sequence,
            duration_ms: segment.duration_ms,
            discontinuity: segment.discontinuity,
            name,
            bytes: u64::try_from(segment.bytes.len()).unwrap_or(u64::MAX),
            key: None,
            made_unix_ms: None,
        }
    }
}

/// What a stream's viewers are offered, and what they may still ask for.
#[derive(Clone, Debug)]
pub struct List {
    window_ms: u64,
    /// Target duration with which an epoch begins.
    floor_s: u64,
    target_s: u64,
    entries: VecDeque<Entry>,
    total_ms: u64,
    /// The longest that a list of this stream was.
    longest_ms: u64,
    /// With the time until which each is kept.
    retired: VecDeque<(Entry, u64)>,
    /// The highest number that was added.
    newest: Option<u64>,
    discontinuities: u64,
    /// The next segment is the first of an epoch.
    fresh: bool,
    ended: bool,
}

impl List {
    /// An empty list.
    pub fn new(settings: &Settings) -> Self {
        let floor_s = seconds(settings.scaled_ms(settings.td_ratio).unsigned_abs());
        Self {
            window_ms: settings.window_ms(),
            floor_s,
            target_s: floor_s,
            entries: VecDeque::new(),
            total_ms: 0,
            longest_ms: 0,
            retired: VecDeque::new(),
            newest: None,
            discontinuities: 0,
            fresh: true,
            ended: false,
        }
    }

    /// A new epoch begins: the list starts over. What was in it can be asked for as long as if it had slid out, from
    /// `now_ms` on, in milliseconds of any clock that does not go back.
    pub fn begin(&mut self, now_ms: u64) {
        while self.retire(now_ms) {}
        self.target_s = self.floor_s;
        self.ended = false;
        self.fresh = true;
    }

    /// A new epoch begins in the middle of the stream: what is listed stays until the first segment of it comes.
    pub fn next_epoch(&mut self) {
        self.fresh = true;
    }

    /// Adds the newest segment. The answer is what need not be kept any longer at `now_ms`; also the new one itself when
    /// its number is not above those that are there, as numbers never go back.
    ///
    /// Where numbers leave some out (a segment that could not be stored) the list starts over, as those in it have to
    /// follow each other.
    pub fn add(&mut self, entry: Entry, now_ms: u64) -> Vec<Entry> {
        match self.newest {
            Some(newest) if entry.sequence <= newest => return vec![entry],
            Some(newest) if entry.sequence - newest > 1 => while self.retire(now_ms) {},
            _ => {}
        }
        if std::mem::take(&mut self.fresh) && self.entries.is_empty() {
            let before = (entry.sequence % TURN).saturating_sub(u64::from(entry.discontinuity));
            self.discontinuities = self.discontinuities.max(before);
        }
        self.newest = Some(entry.sequence);
        self.ended = false;
        // RFC 8216 wants both that it never changes and that no segment, rounded, is longer. With an encoder whose key
        // frames come late only one can be had. Players read it anew with each list, to know when to ask again; a
        // segment that is too long is what validators and some players reject. So it grows, and shrinks only with a new
        // epoch.
        self.target_s = self.target_s.max(seconds(entry.duration_ms));
        self.total_ms = self.total_ms.saturating_add(entry.duration_ms);
        self.entries.push_back(entry);
        self.slide(now_ms);
        self.longest_ms = self.longest_ms.max(self.total_ms);
        self.sweep(now_ms)
    }

    fn slide(&mut self, now_ms: u64) {
        let least = self.window_ms.max(self.target_s.saturating_mul(1_000 * TARGETS));
        while let Some(first) = self.entries.front().filter(|_| self.entries.len() > 1) {
            let long = self.total_ms.saturating_sub(first.duration_ms) >= least;
            if !long && self.entries.len() <= MOST_ENTRIES {
                break;
            }
            self.retire(now_ms);
        }
    }

    /// Moves the first entry out of the list, if there is one.
    fn retire(&mut self, now_ms: u64) -> bool {
        let Some(entry) = self.entries.pop_front() else { return false };
        self.total_ms = self.total_ms.saturating_sub(entry.duration_ms);
        // RFC 8216 section 6.2.2.
        self.discontinuities = self.discontinuities.saturating_add(u64::from(entry.discontinuity));
        let kept_ms = self.longest_ms.saturating_add(entry.duration_ms);
        self.retired.push_back((entry, now_ms.saturating_add(kept_ms)));
        true
    }

    /// What left the list and need not be kept any longer: a player may ask for a segment as long as the longest list
    /// that named it, and itself, last (RFC 8216 section 6.2.2). Beyond [`MOST_ENTRIES`] the oldest go earlier.
    pub fn sweep(&mut self, now_ms: u64) -> Vec<Entry> {
        let mut gone = Vec::new();
        while self.retired.front().is_some_and(|(_, until)| *until <= now_ms)
            || self.retired.len() > MOST_ENTRIES
        {
            gone.extend(self.retired.pop_front().map(|(entry, _)| entry));
        }
        gone
    }

    /// The oldest segment, for one who has no room: first of those that left the list, then of the list but for its
    /// newest.
    pub fn drop_oldest(&mut self, now_ms: u64) -> Option<Entry> {
        if self.retired.is_empty() && self.entries.len() > 1 {
            self.retire(now_ms);
        }
        self.retired.pop_front().map(|(entry, _)| entry)
    }

    /// The stream is over: the list says so, and players stop to ask for more.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// There is something to play.
    pub fn ready(&self) -> bool {
        !self.entries.is_empty()
    }

    /// What the list names, oldest first.
    pub fn in_window(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// What left the list and can still be asked for, oldest first.
    pub fn retired(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.retired.iter().map(|(entry, _)| entry)
    }

    /// All that can be asked for, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.retired().chain(self.in_window())
    }

    /// The bytes of [`Self::entries`].
    pub fn bytes(&self) -> u64 {
        self.entries().fold(0, |sum, entry| sum.saturating_add(entry.bytes))
    }

    /// `EXT-X-DISCONTINUITY-SEQUENCE`: how many discontinuities left the list, counted from the number of the epoch's
    /// first segment.
    ///
    /// Like that number it is derived from the epoch, so that it only grows when the stream moves to another origin,
    /// without anybody telling: within an epoch it grows by at most one with each segment, so it stays below or at the
    /// number of the segment that it is said of; and a later epoch begins above all numbers of the earlier ones. But for
    /// one move in 18 hours, as it is derived modulo [`TURN`].
    pub fn discontinuity_sequence(&self) -> u64 {
        self.discontinuities
    }

    /// `EXT-X-TARGETDURATION` in seconds.
    pub fn target_duration_s(&self) -> u64 {
        self.target_s
    }

    /// The list as text, in which `uri` says where each segment is.
    pub fn playlist(&self, uri: impl Fn(&Entry) -> String) -> String {
        // Also an empty list never goes back.
        let next = self.newest.map_or(0, |newest| newest.saturating_add(1));
        let first = self.entries.front().map_or(next, |entry| entry.sequence);
        let media = Media {
            version: 3,
            target_duration_s: self.target_s,
            media_sequence: first,
            discontinuity_sequence: self.discontinuities,
            ended: self.ended,
        };
        let uris: Vec<String> = self.entries.iter().map(uri).collect();
        let segments = self.entries.iter().zip(&uris).map(|(entry, uri)| srs_m3u8::Segment {
            uri,
            duration_ms: entry.duration_ms,
            discontinuity: entry.discontinuity,
            program_date_time_ms: entry.made_unix_ms,
            key: entry.key.as_ref(),
        });
        let mut out = String::new();
        write_media(&media, segments, &mut out);
        out
    }
}

/// Milliseconds in whole seconds, rounded up: at least what RFC 8216 demands (to the nearest).
fn seconds(milliseconds: u64) -> u64 {
    milliseconds.div_ceil(1_000)
}

#[cfg(test)]
mod tests;
