//! One viewer of a fan: its place, its socket, its clock.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use srs_hub::{Cursor, Phase, Window};
use srs_net::limits;
use tokio::time::Instant;

use super::sink::Sink;
use super::{Joining, News, Pace};
use crate::clients::Client;

/// Slices per vectored write. A merged write has one; a join burst is written in a few calls.
const SLICES: usize = 64;

/// Whether a viewer may be sent anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// At all times.
    None,
    /// Not before the stream is live.
    Closed,
    /// The stream was live: the opening is sent, or on its way.
    Opened,
}

pub(super) struct Viewer {
    pub(super) cursor: Cursor,
    pub(super) write: Sink,
    pub(super) waker: Waker,
    pub(super) gate: Gate,
    pub(super) blocked: bool,
    pub(super) passed: bool,
    pub(super) leaving: bool,
    pub(super) goodbye: Bytes,
    pub(super) news: News,
    /// Bytes for this viewer alone since it began to block.
    pub(super) told: usize,
    pub(super) progress: Instant,
    pub(super) lost: Option<io::Error>,
    pub(super) client: Arc<Client>,
}

impl Viewer {
    /// Who joins now, with what opens its connection: a word of a publisher that is gone stands before what is cached of
    /// him, or it would pass for news.
    pub(super) fn new(joining: Joining, mut cursor: Cursor, phase: Phase, waker: Waker) -> Viewer {
        let Joining { write, opening, gated, goodbye, news, client } = joining;
        if phase == Phase::Held {
            cursor.open(news.held.clone());
        }
        cursor.open(opening);
        let gate = match (gated, phase) {
            (false, _) => Gate::None,
            (true, Phase::Live | Phase::Held) => Gate::Opened,
            (true, Phase::Waiting | Phase::Ended) => Gate::Closed,
        };
        Viewer {
            cursor,
            write,
            waker,
            gate,
            blocked: false,
            passed: false,
            leaving: false,
            goodbye,
            news,
            told: 0,
            progress: Instant::now(),
            lost: None,
            client,
        }
    }

    /// Whether it is this viewer's turn in earnest: with `mw_msgs` set, a turn with fewer frames is passed over once.
    pub(super) fn due(&mut self, window: &Window, pace: Pace) -> bool {
        if self.gate == Gate::Closed || !self.cursor.pending(window) {
            return false;
        }
        let few = pace.frames > 0 && window.frames_from(self.cursor.needs()) < pace.frames;
        self.passed = few && !self.passed;
        !self.passed
    }

    /// Writes what there is until the socket is full; the answer is how many bytes it took.
    pub(super) fn serve(&mut self, window: &Window, now: Instant) -> u64 {
        if self.gate == Gate::Closed || self.lost.is_some() {
            return 0;
        }
        let mut total = 0_u64;
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.cursor.gather(window, &mut slices);
            let slices = slices.get(..count).unwrap_or_default();
            // The socket wakes the viewer's own task when it has room again.
            let mut cx = Context::from_waker(&self.waker);
            let is_all = slices.is_empty();
            if is_all && self.write.poll_flush(&mut cx).is_ready() {
                self.blocked = false;
                self.told = 0;
                break;
            }
            let sent = if is_all { Poll::Pending } else { self.write.poll_send(&mut cx, slices) };
            match sent {
                Poll::Ready(Ok(sent)) if sent > 0 => {
                    self.cursor.advance(sent);
                    self.progress = now;
                    total = total.saturating_add(sent as u64);
                }
                Poll::Ready(Ok(_)) => return self.lose(io::ErrorKind::WriteZero.into(), total),
                Poll::Ready(Err(error)) => return self.lose(error, total),
                Poll::Pending => {
                    if !self.blocked {
                        // Its clock starts now, and its task must see the deadline.
                        self.progress = now;
                        self.waker.wake_by_ref();
                    }
                    self.blocked = true;
                    break;
                }
            }
        }
        self.client.traffic.sent.fetch_add(total, Ordering::Relaxed);
        total
    }

    fn lose(&mut self, error: io::Error, total: u64) -> u64 {
        self.lost = Some(error);
        self.waker.wake_by_ref();
        total
    }

    /// Queues bytes for this viewer alone; the answer is how many bytes of any kind the socket took.
    pub(super) fn tell(&mut self, bytes: Bytes, window: &Window) -> u64 {
        self.told = self.told.saturating_add(bytes.len());
        self.cursor.insert(bytes, window);
        if !self.blocked {
            return self.serve(window, Instant::now());
        }
        if self.told > limits::OUTBOX_BYTES {
            return self.lose(io::Error::other("the player does not read its answers"), 0);
        }
        0
    }

    /// Tells this viewer whether there is a publisher; the answer is how many bytes the socket took.
    pub(super) fn hear(&mut self, live: bool, window: &Window) -> u64 {
        let news = if live { self.news.live.clone() } else { self.news.held.clone() };
        if news.is_empty() || self.leaving { 0 } else { self.tell(news, window) }
    }

    /// Lets this viewer go once it has everything up to the end of the window, and its goodbye.
    pub(super) fn dismiss(&mut self, window: &Window) {
        if !self.leaving {
            self.cursor.close(std::mem::take(&mut self.goodbye), window);
            self.leave();
        }
    }

    /// No more is to be queued: what is queued is sent, and that is all.
    pub(super) fn leave(&mut self) {
        self.leaving = true;
        self.waker.wake_by_ref();
    }
}
