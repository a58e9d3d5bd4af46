//! Whether nobody is at the peer's port any more. Its host says so by ICMP, which anybody can write who guesses a port.

use std::time::{Duration, Instant};

/// For how long nothing may be heard of the peer itself: of a live one media or acknowledgements come many times in this.
const SILENT: Duration = Duration::from_millis(300);

/// How often it must be said meanwhile.
const OFTEN: u32 = 3;

/// What was said since the peer was heard.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    count: u32,
    since: Option<Instant>,
}

impl Refusals {
    /// The peer was heard.
    pub(super) fn heard(&mut self) {
        *self = Refusals::default();
    }

    /// The peer's host says that nobody is there: whether that is so.
    pub(super) fn refused(&mut self, now: Instant) -> bool {
        self.count = self.count.saturating_add(1);
        let since = *self.since.get_or_insert(now);
        self.count >= OFTEN && now.saturating_duration_since(since) >= SILENT
    }
}

#[cfg(test)]
mod tests;
