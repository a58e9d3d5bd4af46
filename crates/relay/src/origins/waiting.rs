//! Publishes that wait for an answer upstream.
//!
//! Where nodes do not know each other, for want of a secret, a publish that goes round and round is known only by coming
//! again and again while nobody answers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use srs_names::StreamKey;

/// Most publishes of one stream that wait at a time. An encoder that comes again has left its last attempt.
const MOST: usize = 4;

/// How many publishes of each stream wait.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<HashMap<StreamKey, usize>>);

/// One of them, until it is dropped.
pub(super) struct Wait<'a> {
    waiting: &'a Waiting,
    key: &'a StreamKey,
}

impl Waiting {
    /// One more; none where there are too many.
    pub(super) fn begin<'a>(&'a self, key: &'a StreamKey) -> Option<Wait<'a>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key.clone()).or_default();
        if *count >= MOST {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Wait { waiting: self, key })
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut counts = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(self.key);
            }
        }
    }
}
