//! Callers that were answered for good a moment ago, and may not have heard it.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use srs_srt::SocketId;

/// For how long they are known: callers ask again each 250 ms, and give up after 3 s.
const KEPT: Duration = Duration::from_secs(3);

/// How many: beyond that, one that asks again is heard as a new one.
const MOST: usize = 4096;

/// A caller: its address and its socket id.
pub(super) type Caller = (SocketAddr, SocketId);

/// Who was refused, or has gone.
#[derive(Debug, Default)]
pub(super) struct Lately {
    answers: HashMap<Caller, Option<Box<[u8]>>>,
    order: VecDeque<(Instant, Caller)>,
}

impl Lately {
    /// Keeps what a caller is to hear again; nothing, when what comes of it still is only late.
    pub(super) fn keep(&mut self, now: Instant, caller: Caller, answer: Option<&[u8]>) {
        self.forget(now);
        if self.order.len() < MOST && self.answers.insert(caller, answer.map(Box::from)).is_none() {
            self.order.push_back((now, caller));
        }
    }

    /// What this caller is to hear, if it is known.
    pub(super) fn find(&mut self, now: Instant, caller: &Caller) -> Option<Option<&[u8]>> {
        self.forget(now);
        self.answers.get(caller).map(Option::as_deref)
    }

    fn forget(&mut self, now: Instant) {
        while let Some((since, caller)) = self.order.front()
            && now.saturating_duration_since(*since) >= KEPT
        {
            self.answers.remove(caller);
            self.order.pop_front();
        }
    }
}
