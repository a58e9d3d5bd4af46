//! Whether a server is there that sends no heartbeats: it is asked over the publish itself.

use tokio::time::Instant;

use crate::limits::{NO_PULSE, PING};

/// What was seen of the server up to the last look.
pub(super) struct Pulse {
    /// When it gave the last sign of life.
    alive: Instant,
    /// When it was asked last.
    asked: Instant,
    received: u64,
    sent: u64,
    /// The socket took no more.
    waits: bool,
}

/// What is seen of it now.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    /// Bytes that came from it.
    pub(super) received: u64,
    /// Bytes that the socket took.
    pub(super) sent: u64,
    /// The socket takes no more.
    pub(super) waits: bool,
    /// It has answered pings.
    pub(super) answers: bool,
}

/// What a look says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Fine,
    /// It is to be asked whether it is there.
    Ask,
    /// It has been silent for too long.
    Lost,
}

impl Pulse {
    /// Of a server that has just let us begin.
    pub(super) fn new() -> Pulse {
        let now = Instant::now();
        Pulse { alive: now, asked: now, received: 0, sent: 0, waits: false }
    }

    /// Looks whether the server is there.
    pub(super) fn look(&mut self, seen: Seen) -> Look {
        let now = Instant::now();
        // A socket takes a good deal for somebody who is not there. Where it was full, somebody has taken what it had.
        let took = self.waits && seen.sent != self.sent;
        // Of one that does not answer pings nothing is known but what it does not take.
        let is_unknown = !seen.answers && !seen.waits;
        if took || is_unknown || seen.received != self.received {
            self.alive = now;
        }
        (self.received, self.sent, self.waits) = (seen.received, seen.sent, seen.waits);
        if now.duration_since(self.alive) >= NO_PULSE {
            return Look::Lost;
        }
        if now.duration_since(self.asked) >= PING {
            self.asked = now;
            return Look::Ask;
        }
        Look::Fine
    }
}

#[cfg(test)]
mod tests;
