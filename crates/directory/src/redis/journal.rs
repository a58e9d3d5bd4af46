//! What is said in the log about Redis: each change once, each kind of trouble once.

use super::wire::Fault;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Kinds of trouble that are told apart: a server that makes up codes must not fill the memory.
const MAX_KINDS: usize = 64;

#[derive(Debug)]
pub(super) struct Journal {
    /// Where Redis is; never with a secret.
    place: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_away: bool,
    kinds: HashSet<String>,
}

impl State {
    fn is_new(&mut self, kind: &str) -> bool {
        self.kinds.len() < MAX_KINDS && self.kinds.insert(kind.to_owned())
    }
}

impl Journal {
    pub(super) fn new(place: String) -> Self {
        Self { place, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Redis answers.
    pub(super) fn back(&self) {
        *self.state() = State::default();
        tracing::info!(redis = self.place, "the directory is there");
    }

    /// Redis does not answer, or nothing of use.
    pub(super) fn away(&self, fault: &Fault) {
        let mut state = self.state();
        let is_new_kind = state.is_new(fault.kind());
        if !std::mem::replace(&mut state.is_away, true) {
            tracing::warn!(
                redis = self.place,
                "the directory is away, streams are placed without it: {fault}"
            );
        } else if is_new_kind {
            tracing::warn!(redis = self.place, "the directory is still away: {fault}");
        }
    }

    /// Something is not as it should be, though Redis answers. Said once, until Redis was away and came back.
    pub(super) fn odd(&self, kind: &str, what: impl std::fmt::Display) {
        if self.state().is_new(kind) {
            tracing::warn!(redis = self.place, "the directory: {what}");
        }
    }
}
