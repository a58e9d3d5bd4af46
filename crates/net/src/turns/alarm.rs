//! A driver's one timer.

use std::pin::Pin;
use std::task::Context;
use std::time::Instant;

use tokio::time::Sleep;

/// A timer of the runtime, which is touched only when the time is another one.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: Pin<Box<Sleep>>,
    /// For when it is set.
    armed: Option<Instant>,
}

impl Alarm {
    pub(crate) fn new() -> Alarm {
        Alarm { timer: Box::pin(tokio::time::sleep_until(tokio::time::Instant::now())), armed: None }
    }

    /// Has the task woken at this time, and not at any earlier said.
    pub(crate) fn set(&mut self, cx: &mut Context<'_>, next: Option<Instant>) {
        let Some(next) = next else { return self.armed = None };
        if self.armed != Some(next) {
            self.armed = Some(next);
            self.timer.as_mut().reset(next.into());
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            self.armed = None;
            cx.waker().wake_by_ref();
        }
    }
}
