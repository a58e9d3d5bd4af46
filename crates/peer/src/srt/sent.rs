//! What was sent: what of it the peer acknowledged, and which of its wishes to have something again are followed.

use std::time::{Duration, Instant};

use super::numbers;

/// Packets that one NAK can bring again.
const MOST_AGAIN: usize = 8192;
/// A packet is not sent again within a round trip of having been, nor within this.
const LEAST_BETWEEN: Duration = Duration::from_millis(10);
/// How many of the packets that were sent again are remembered.
const REMEMBERED: usize = 1024;
/// Packets that a peer has to owe an acknowledgement of until it may be said to give none: the last ones before a
/// pause may be lost without its knowing.
const MANY: u64 = 64;
/// How much later than a round trip the last packet is sent again when it was not acknowledged and none follows it, by
/// which the peer would know of it; and how often.
const LAST_SLACK: Duration = Duration::from_millis(40);
const LAST_TRIES: u32 = 4;
/// In the first word of a range.
const RANGE: u32 = 1 << 31;

/// What was sent.
#[derive(Debug)]
pub(super) struct Sent {
    /// The place behind the newest packet.
    next: u64,
    /// The place of the first packet that is not acknowledged.
    open: u64,
    /// Since when the peer owes an acknowledgement.
    since: Option<Instant>,
    /// When the newest packet last left, and how often after the first time.
    last: (Option<Instant>, u32),
    /// What was sent again and when, each at its place's remainder. Empty until there is something.
    again: Vec<(u64, Instant)>,
}

impl Sent {
    /// The first packet has this number.
    pub fn new(first: u32) -> Sent {
        let first = numbers::first(first);
        Sent { next: first, open: first, since: None, last: (None, 0), again: Vec::new() }
    }

    /// This packet leaves.
    pub fn leaves(&mut self, now: Instant, number: u32) {
        let at = numbers::place(self.next, number);
        if at >= self.next {
            self.next = at.saturating_add(1);
            self.last = (Some(now), 0);
            self.since.get_or_insert(now);
            return;
        }
        if self.again.is_empty() {
            self.again = vec![(0, now); REMEMBERED];
        }
        if let Some(slot) = self.again.get_mut(at as usize % REMEMBERED) {
            *slot = (at, now);
        }
    }

    /// Everything before this number has arrived.
    pub fn acknowledged(&mut self, now: Instant, number: u32) {
        let at = numbers::place(self.next, number);
        if at > self.open && at <= self.next {
            self.open = at;
            self.since = if at < self.next { Some(now) } else { None };
        }
    }

    /// Whether less has arrived by this number than is known.
    pub fn is_old(&self, number: u32) -> bool {
        numbers::place(self.next, number) < self.open
    }

    /// Whether there is something to acknowledge.
    pub fn waits(&self) -> bool {
        self.since.is_some()
    }

    /// Since when nothing was acknowledged, though there is much.
    pub fn waits_since(&self) -> Option<Instant> {
        self.since.filter(|_| self.next.saturating_sub(self.open) >= MANY)
    }

    /// The number of the last packet, if it is to be sent again because nothing else will.
    pub fn last(&mut self, now: Instant, rtt: Duration) -> Option<u32> {
        let (left, tries) = self.last;
        let late = left? + rtt.saturating_add(LAST_SLACK).saturating_mul(tries.saturating_add(1));
        if self.since.is_none() || tries >= LAST_TRIES || now < late {
            return None;
        }
        self.last = (Some(now), tries.saturating_add(1));
        Some(numbers::number_of(self.next.saturating_sub(1)))
    }

    /// How many packets have left.
    pub fn left(&self, first: u32) -> u64 {
        self.next.saturating_sub(numbers::first(first))
    }

    /// The words of a NAK as single numbers of those packets that are to be sent again now. None when it has a range
    /// that does not end.
    pub fn wanted(&self, now: Instant, words: &[u8], rtt: Duration) -> Option<Vec<u32>> {
        let mut words = words.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
        // A little less than the mean: a question that comes early is not to wait for the next.
        let between = rtt.saturating_sub(rtt / 8).max(LEAST_BETWEEN);
        let mut singles = Vec::new();
        while let Some(word) = words.next() {
            let first = numbers::place(self.next, word & numbers::MASK);
            let last =
                if word & RANGE == 0 { first } else { numbers::place(first, words.next()? & numbers::MASK) };
            let (first, behind) = (first.max(self.open), last.saturating_add(1).min(self.next));
            for at in first..behind {
                if singles.len() >= MOST_AGAIN {
                    return Some(singles);
                }
                let slot = self.again.get(at as usize % REMEMBERED);
                if !slot.is_some_and(|&(place, when)| place == at && now < when + between) {
                    singles.push(numbers::number_of(at));
                }
            }
        }
        Some(singles)
    }
}
