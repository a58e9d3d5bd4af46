//! The connection that operations share, and the breaker before it.
//!
//! An operation that was not answered in time is a miss. After [`MAX_MISSES`] in a row, or when the connection breaks, it
//! is taken away: whoever asks then hears so at once, until the keeper brought another one.

use super::journal::Journal;
use super::wire::{Fault, Wire};
use redis::{Cmd, Value};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Misses in a row that open the breaker.
const MAX_MISSES: u32 = 3;

pub(super) struct Link {
    state: RwLock<State>,
    /// The number of the present connection, 0 for none; also wakes who waits for a change.
    serial: watch::Sender<u64>,
    misses: AtomicU32,
    generation: AtomicU64,
    operations: AtomicU64,
    /// How long an operation waits for its answer.
    pub(super) patience: Duration,
    pub(super) journal: Journal,
}

enum State {
    Up { wire: Wire, serial: u64 },
    Away(String),
}

impl Link {
    pub(super) fn new(patience: Duration, journal: Journal) -> Self {
        Self {
            state: RwLock::new(State::Away("not connected yet".to_owned())),
            serial: watch::Sender::new(0),
            misses: AtomicU32::new(0),
            generation: AtomicU64::new(0),
            operations: AtomicU64::new(0),
            patience,
            journal,
        }
    }

    /// By when an operation that begins now is answered.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// The present connection and its number.
    pub(super) fn wire(&self) -> Result<(Wire, u64), Fault> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Up { wire, serial } => Ok((wire.clone(), *serial)),
            State::Away(why) => Err(Fault::Away(why.clone())),
        }
    }

    /// Asks over the present connection; `read` says what the answer means, and none where it means nothing.
    pub(super) async fn ask<T>(
        &self,
        command: &Cmd,
        deadline: Instant,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<T, Fault> {
        let (mut wire, serial) = self.wire()?;
        let answer = wire.ask(command, deadline).await.and_then(|value| read(value).ok_or(Fault::Malformed));
        match &answer {
            Ok(_) => self.answered(),
            Err(fault) => self.missed(&wire, serial, fault),
        }
        answer
    }

    pub(super) fn answered(&self) {
        self.misses.store(0, Ordering::Relaxed);
    }

    /// Takes note of a fault on the connection of this number.
    pub(super) fn missed(&self, wire: &Wire, serial: u64, fault: &Fault) {
        if fault.kind() == "NOSCRIPT" {
            return;
        }
        if !matches!(fault, Fault::Late | Fault::Broken(_)) {
            self.journal.odd(fault.kind(), fault);
        }
        if fault.is_of_a_key() {
            return;
        }
        let misses = self.misses.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if misses >= MAX_MISSES || wire.is_lost(fault) {
            self.take_away(serial, fault);
        }
    }

    /// Opens the breaker, if this is still the present connection.
    fn take_away(&self, lost: u64, fault: &Fault) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*state, State::Up { serial, .. } if *serial == lost) {
            *state = State::Away(fault.to_string());
            // Under the lock, so that it cannot overtake or be overtaken by another change.
            self.serial.send_replace(0);
            drop(state);
            self.journal.away(fault);
        }
    }

    /// Another connection failed to come about.
    pub(super) fn still_away(&self, fault: &Fault) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = State::Away(fault.to_string());
        self.journal.away(fault);
    }

    /// Lets operations use this connection.
    pub(super) fn install(&self, wire: Wire, serial: u64) {
        self.journal.back();
        self.misses.store(0, Ordering::Relaxed);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = State::Up { wire, serial };
        self.serial.send_replace(serial);
    }

    /// Waits until the connection of this number is not the present one.
    pub(super) async fn gone(&self, serial: u64) {
        // Fails when the sender is gone, which is `self`.
        let _ = self.serial.subscribe().wait_for(|now| *now != serial).await;
    }

    /// Waits until there is a connection.
    pub(super) async fn up(&self) {
        let _ = self.serial.subscribe().wait_for(|now| *now != 0).await;
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// What was written may be lost.
    pub(super) fn lost_writes(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self) {
        self.operations.fetch_add(1, Ordering::Relaxed);
    }
}
