//! When sessions are due: one structure, and one timer of the runtime, for all of a shard.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Times in their order. What was put off stays in until its first time: whoever is taken out compares with its own.
#[derive(Debug)]
pub(crate) struct Timers<I> {
    heap: BinaryHeap<Reverse<(Instant, I)>>,
}

impl<I: Ord> Default for Timers<I> {
    fn default() -> Timers<I> {
        Timers { heap: BinaryHeap::new() }
    }
}

/// What one session knows of its times.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// When it is due.
    at: Option<Instant>,
    /// Its earliest time among the timers.
    listed: Option<Instant>,
}

impl<I: Copy + Ord> Timers<I> {
    /// Says when a session is due, instead of what was said before.
    pub(crate) fn set(&mut self, id: I, due: &mut Due, at: Option<Instant>) {
        due.at = at;
        if let Some(at) = at
            && due.listed.is_none_or(|listed| at < listed)
        {
            due.listed = Some(at);
            self.heap.push(Reverse((at, id)));
        }
    }

    /// Takes out the next whose time has come: its id is to be looked up, and [`Timers::is_due`] to be asked.
    pub(crate) fn next(&mut self, now: Instant) -> Option<(Instant, I)> {
        let Reverse((at, id)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        Some((at, id))
    }

    /// Whether the one that was taken out is due indeed; if it was put off, it is listed again.
    pub(crate) fn is_due(&mut self, now: Instant, listed: Instant, id: I, due: &mut Due) -> bool {
        if due.listed != Some(listed) {
            return false;
        }
        due.listed = None;
        match due.at {
            Some(at) if at <= now => true,
            later => {
                self.set(id, due, later);
                false
            }
        }
    }

    /// When to look again.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests;
