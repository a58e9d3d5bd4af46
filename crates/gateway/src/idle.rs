//! Ends publishes from which nothing comes.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// For how long nothing may come. Its timer is armed once per limit, not once per frame.
#[derive(Debug)]
pub(crate) struct Idle {
    limit: Duration,
    last: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Idle {
    /// The first of it must come within this.
    pub(crate) fn new(first: Duration) -> Idle {
        Idle { limit: first, last: Instant::now(), timer: Box::pin(sleep(first)) }
    }

    /// Something came; the next must within this.
    pub(crate) fn heard(&mut self, limit: Duration) {
        self.last = Instant::now();
        if std::mem::replace(&mut self.limit, limit) != limit {
            self.timer.as_mut().reset(self.last + limit);
        }
    }

    /// Ready with the limit when nothing came within it.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let deadline = self.last + self.limit;
            if Instant::now() >= deadline {
                return Poll::Ready(self.limit);
            }
            self.timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const FIRST: Duration = Duration::from_secs(20);
    const NEXT: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn what_never_comes_is_awaited_for_the_first_limit() {
        let (mut idle, began) = (Idle::new(FIRST), Instant::now());
        assert_eq!(poll_fn(|cx| idle.poll(cx)).await, FIRST);
        assert!(began.elapsed() >= FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_is_followed_within_the_second_counted_from_the_last() {
        let mut idle = Idle::new(FIRST);
        for _ in 0..3 {
            tokio::time::advance(NEXT - Duration::from_secs(1)).await;
            idle.heard(NEXT);
        }
        let last = Instant::now();
        assert_eq!(poll_fn(|cx| idle.poll(cx)).await, NEXT);
        assert!(last.elapsed() >= NEXT && last.elapsed() < NEXT + Duration::from_secs(1));
    }
}
