//! A viewer's seat, by which its own task takes part in the fan.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::{Ending, Joining, Shared, Sink};

/// A viewer's seat in a fan, held by the viewer's own task; dropping it leaves.
pub(crate) struct Seat {
    fan: Shared,
    number: u64,
    stall: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Seat {
    /// Joins `fan`. To be called on the viewer's own task.
    pub(crate) async fn take(fan: &Shared, joining: Joining) -> Seat {
        let mut joining = Some(joining);
        let number = poll_fn(|cx| match joining.take() {
            Some(joining) => Poll::Ready(fan.borrow_mut().join(joining, cx)),
            // Ready at the first poll: there is no second.
            None => Poll::Pending,
        })
        .await;
        Seat { fan: Rc::clone(fan), number, stall: None }
    }

    /// Whether the viewer was given media, or is about to be.
    pub(crate) fn started(&self) -> bool {
        self.fan.borrow().started(self.number)
    }

    /// Whether the viewer was given anything at all, or is about to be.
    pub(crate) fn opened(&self) -> bool {
        self.fan.borrow().opened(self.number)
    }

    /// Sends bytes to this viewer alone.
    pub(crate) fn tell(&self, bytes: Bytes) {
        self.fan.borrow_mut().tell(self.number, bytes);
    }

    /// Sends this viewer away with a word, `goodbye` or the one for the end of the stream; then [`Ending::Over`] follows.
    pub(crate) fn dismiss(&self, goodbye: Option<Bytes>) {
        self.fan.borrow_mut().dismiss(self.number, goodbye);
    }

    /// Leaves, and gives the writing half back.
    pub(crate) fn leave(self) -> Option<Sink> {
        self.fan.borrow_mut().leave(self.number)
    }

    /// Ready when serving this viewer has ended.
    pub(crate) fn poll_ending(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        loop {
            if let Poll::Ready(ending) = self.fan.borrow_mut().poll_viewer(self.number, cx) {
                return Poll::Ready(ending);
            }
            let Some(deadline) = self.fan.borrow().stall_deadline(self.number) else {
                self.stall = None;
                return Poll::Pending;
            };
            let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
            if stall.deadline() != deadline {
                stall.as_mut().reset(deadline);
            }
            if stall.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _left_already = self.fan.borrow_mut().leave(self.number);
    }
}
