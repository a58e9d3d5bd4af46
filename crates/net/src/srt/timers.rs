//! When connections are due: one structure, and one timer of the runtime, for all of a shard.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use srs_srt::SocketId;

/// Times in their order. What was put off stays in until its first time: whoever is taken out compares with its own.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, SocketId)>>,
}

/// What one connection knows of its times.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// When it is due.
    at: Option<Instant>,
    /// Its earliest time among the timers.
    listed: Option<Instant>,
}

impl Timers {
    /// Says when a connection is due, instead of what was said before.
    pub(super) fn set(&mut self, id: SocketId, due: &mut Due, at: Option<Instant>) {
        due.at = at;
        if let Some(at) = at
            && due.listed.is_none_or(|listed| at < listed)
        {
            due.listed = Some(at);
            self.heap.push(Reverse((at, id)));
        }
    }

    /// Takes out the next whose time has come: its id is to be looked up, and [`Timers::is_due`] to be asked.
    pub(super) fn next(&mut self, now: Instant) -> Option<(Instant, SocketId)> {
        let Reverse((at, id)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        Some((at, id))
    }

    /// Whether the one that was taken out is due indeed; if it was put off, it is listed again.
    pub(super) fn is_due(&mut self, now: Instant, listed: Instant, id: SocketId, due: &mut Due) -> bool {
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
    pub(super) fn first(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests;
