//! What was found, for the time that the store is away.

use super::Found;
use srs_names::StreamKey;
use std::collections::{BTreeMap, HashMap};

/// Streams that are remembered: an edge shows fewer at a time.
pub(super) const MAX_KNOWN: usize = 10_000;

/// The streams that were looked up last, each as it was found last.
#[derive(Default)]
pub(super) struct Known {
    streams: HashMap<StreamKey, (u64, Found)>,
    /// The same, those first that were not asked for longest.
    order: BTreeMap<u64, StreamKey>,
    next: u64,
}

impl Known {
    /// Remembers it, and forgets what was not asked for longest where that is one too many.
    pub(super) fn keep(&mut self, key: &StreamKey, found: Found) {
        self.forget(key);
        if self.streams.len() >= MAX_KNOWN
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.streams.remove(&oldest);
        }
        let turn = self.turn();
        self.order.insert(turn, key.clone());
        self.streams.insert(key.clone(), (turn, found));
    }

    /// The stream is nowhere any more.
    pub(super) fn forget(&mut self, key: &StreamKey) {
        if let Some((turn, _)) = self.streams.remove(key) {
            self.order.remove(&turn);
        }
    }

    /// As it was found last.
    pub(super) fn get(&mut self, key: &StreamKey) -> Option<Found> {
        let turn = self.turn();
        let (last, found) = self.streams.get_mut(key)?;
        self.order.remove(&std::mem::replace(last, turn));
        self.order.insert(turn, key.clone());
        Some(found.clone())
    }

    fn turn(&mut self) -> u64 {
        self.next = self.next.wrapping_add(1);
        self.next
    }
}

#[cfg(test)]
mod tests;
