//! What was lost on the way here: which packets are missing, when they are asked for again, and when they are given up.
//!
//! The library does all of that too, but not well enough: it asks again only after two, three, four round trips, and
//! with what it gives up it throws away packets behind it that did come.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::numbers;

/// Words of one NAK: those that fit into a packet with room to spare.
const WORDS: usize = 320;
/// In the first word of a range.
const RANGE: u32 = 1 << 31;

/// Packets that are missing, one after the other.
#[derive(Debug, Clone, Copy)]
struct Gap {
    /// The place behind the last one.
    end: u64,
    /// When the packet there is to be given out: until then the missing ones are of use.
    due: Instant,
    /// When they were last asked for.
    asked: Option<Instant>,
}

/// Where a packet belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is new: behind all others.
    Ahead(u64),
    /// It was missing.
    Missing(u64),
    /// It came before, or was given up.
    Known,
    /// Nobody sends that far ahead, unless everything between was lost.
    Far,
}

/// The packets that are missing.
#[derive(Debug)]
pub(super) struct Losses {
    /// The place behind the newest packet.
    next: u64,
    window: u64,
    gaps: BTreeMap<u64, Gap>,
}

impl Losses {
    /// The first packet has this number; `window` packets at the most are between what is given out and the newest.
    pub fn new(first: u32, window: usize) -> Losses {
        Losses { next: numbers::first(first), window: window as u64, gaps: BTreeMap::new() }
    }

    /// Where the packet with this number belongs.
    pub fn place(&self, number: u32) -> Place {
        let at = numbers::place(self.next, number);
        if at >= self.next {
            return if at - self.next < self.window { Place::Ahead(at) } else { Place::Far };
        }
        let missing = self.gaps.range(..=at).next_back().is_some_and(|(_, gap)| at < gap.end);
        if missing { Place::Missing(at) } else { Place::Known }
    }

    /// The packet of this place came, which is to be given out when it is `due`.
    pub fn arrived(&mut self, at: u64, due: Instant) {
        if at >= self.next {
            if at > self.next {
                self.gaps.insert(self.next, Gap { end: at, due, asked: None });
            }
            self.next = at.saturating_add(1);
            return;
        }
        let Some((&from, &gap)) = self.gaps.range(..=at).next_back().filter(|(_, gap)| at < gap.end) else {
            return;
        };
        self.gaps.remove(&from);
        if from < at {
            self.gaps.insert(from, Gap { end: at, due, ..gap });
        }
        let behind = at.saturating_add(1);
        if behind < gap.end {
            self.gaps.insert(behind, gap);
        }
    }

    /// Takes the first missing packets if it is too late for them.
    pub fn overdue(&mut self, now: Instant) -> Option<std::ops::Range<u64>> {
        let first = self.gaps.first_entry().filter(|entry| entry.get().due <= now)?;
        let (from, gap) = first.remove_entry();
        Some(from..gap.end)
    }

    /// Takes those of the missing packets from `first` to `last` that are next to each other: they will not be sent
    /// again.
    pub fn given_up(&mut self, first: u64, last: u64) -> Option<std::ops::Range<u64>> {
        let behind = last.saturating_add(1);
        if behind <= first {
            return None;
        }
        let (&from, &gap) = self.gaps.range(..behind).next_back().filter(|(_, gap)| first < gap.end)?;
        self.gaps.remove(&from);
        let (begin, end) = (from.max(first), gap.end.min(behind));
        if from < begin {
            self.gaps.insert(from, Gap { end: begin, ..gap });
        }
        if end < gap.end {
            self.gaps.insert(end, gap);
        }
        Some(begin..end)
    }

    /// The words of a NAK: what is missing and was not asked for within `again`. None when there is nothing.
    pub fn ask(&mut self, now: Instant, again: Duration) -> Option<Vec<u32>> {
        let mut words = Vec::new();
        for (&from, gap) in &mut self.gaps {
            if gap.asked.is_some_and(|asked| now < asked + again) {
                continue;
            }
            gap.asked = Some(now);
            let last = gap.end.saturating_sub(1);
            if from < last {
                words.push(numbers::number_of(from) | RANGE);
            }
            words.push(numbers::number_of(last));
            if words.len() >= WORDS {
                break;
            }
        }
        if words.is_empty() { None } else { Some(words) }
    }

    /// When there is something to do: to ask again, or to give up.
    pub fn next(&self, again: Duration, gives_up: bool) -> Option<Instant> {
        // Few are missing at a time; where many are, the next packet is near.
        let ask = self.gaps.values().take(16).filter_map(|gap| Some(gap.asked? + again)).min();
        let due = self.gaps.first_key_value().filter(|_| gives_up).map(|(_, gap)| gap.due);
        ask.into_iter().chain(due).min()
    }

    /// The place behind the newest packet.
    pub fn behind(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests;
