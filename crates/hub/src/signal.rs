//! A flag that is set once and wakes whoever waits for it.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// A flag that goes from unset to set once. Waiting needs no runtime: any future can poll it.
#[derive(Debug, Default)]
pub struct Signal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    set: bool,
    waker: Option<Waker>,
}

impl Signal {
    /// Sets the flag and wakes the waiting task.
    pub fn set(&self) {
        let waker = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.set = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether the flag is set.
    pub fn is_set(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).set
    }

    /// Ready once the flag is set. One task waits at a time: the latest waker is the one that is woken.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.set {
            return Poll::Ready(());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            empty => *empty = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}
