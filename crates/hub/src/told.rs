//! What a publisher is told.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::hub::{Refused, Settings};
use crate::signal::Signal;
use crate::stream::Stream;

/// What one publisher is told while it sends.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Another took its place.
    pub(crate) superseded: Signal,
    /// A key frame would help.
    pub(crate) key_frame: Bell,
}

/// A wish that can be had again and again.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    state: Mutex<(bool, Option<Waker>)>,
}

impl Bell {
    fn ring(&self) {
        let waker = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ready when it was rung since it was last ready. One task waits at a time.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.0) {
            return Poll::Ready(());
        }
        match &mut state.1 {
            Some(waker) => waker.clone_from(cx.waker()),
            empty => *empty = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Stream {
    pub(crate) fn want_key_frame(&self) {
        let told = std::sync::Arc::clone(&self.lock().told);
        told.key_frame.ring();
    }

    /// Whether a publish with these settings could begin.
    pub(crate) fn may_begin(&self, settings: &Settings) -> Result<(), Refused> {
        self.lock().may_begin(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_heard_once_each_time() {
        let bell = Bell::default();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(bell.poll(&mut cx).is_pending());
        bell.ring();
        bell.ring();
        assert!(bell.poll(&mut cx).is_ready());
        assert!(bell.poll(&mut cx).is_pending());
        bell.ring();
        assert!(bell.poll(&mut cx).is_ready());
    }
}
