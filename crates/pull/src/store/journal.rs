//! What is said in the log about the store: each change once, each kind of trouble once.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Things that are told apart at a time. Keys come from viewers: those beyond are not told of.
const MAX_KINDS: usize = 10_000;

pub(super) struct Journal {
    /// Where the store is; never with a secret.
    place: String,
    vhost: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_away: bool,
    kinds: HashSet<String>,
    keys: HashSet<String>,
}

impl Journal {
    pub(super) fn new(place: String, vhost: String) -> Self {
        Self { place, vhost, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store answers.
    pub(super) fn back(&self) {
        let mut state = self.state();
        state.is_away = false;
        state.kinds.clear();
        tracing::info!(redis = self.place, vhost = self.vhost, "the store of origins is there");
    }

    /// The store does not answer, or nothing of use.
    pub(super) fn away(&self, fault: &super::link::Fault) {
        let mut state = self.state();
        let is_new = is_new(&mut state.kinds, fault.kind());
        let (redis, vhost) = (&self.place, &self.vhost);
        if !std::mem::replace(&mut state.is_away, true) {
            tracing::warn!(redis, vhost, "the store of origins is away, known streams go on: {fault}");
        } else if is_new {
            tracing::warn!(redis, vhost, "the store of origins is still away: {fault}");
        }
    }

    /// Something is not as it should be, though the store answers. Said once, until it was away and came back.
    pub(super) fn odd(&self, kind: &str, what: impl std::fmt::Display) {
        if is_new(&mut self.state().kinds, kind) {
            tracing::warn!(redis = self.place, vhost = self.vhost, "the store of origins: {what}");
        }
    }

    /// Something about one key. Said once.
    pub(super) fn key(&self, key: &str, what: impl std::fmt::Display) {
        if is_new(&mut self.state().keys, key) {
            tracing::warn!(redis = self.place, vhost = self.vhost, key, "the store of origins: {what}");
        }
    }
}

fn is_new(set: &mut HashSet<String>, what: &str) -> bool {
    set.len() < MAX_KINDS && set.insert(what.to_owned())
}
