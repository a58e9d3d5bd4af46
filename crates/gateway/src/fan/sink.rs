//! Where a viewer's bytes go: a socket of TCP, or messages of SRT.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use srs_net::srt::Connection;
use srs_net::tcp;
use srs_srt::engine::MESSAGE;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::{Instant, Sleep};

/// Messages that a viewer may get at once: what a kernel of default size holds for a socket whose reader sleeps a moment.
const BURST: u64 = 64 * MESSAGE as u64;
/// Bytes a second to one viewer where nothing else is set: a join burst of ten seconds takes a few tenths of one, and what
/// waits for the kernel at the other end meanwhile fits there. Streams are slower.
const RATE: u64 = 12_500_000;
/// Messages that share one allocation.
const BLOCK: usize = 16 * MESSAGE;
/// How long who has had a burst waits: a hundred messages at that rate take ten of these.
const REST: Duration = Duration::from_millis(1);

/// Where a viewer's bytes go.
pub(crate) enum Sink {
    /// A socket of TCP.
    Tcp(OwnedWriteHalf),
    /// Messages of SRT.
    Srt(Messages),
}

impl Sink {
    /// Takes bytes without waiting, as many as there is room for; when there is none, `cx` is woken once there is.
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Sink::Tcp(write) => tcp::poll_send(write, cx, slices),
            Sink::Srt(messages) => messages.poll_send(cx, slices).map(Ok),
        }
    }

    /// Lets go what was taken and kept back for more.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Sink::Tcp(_) => Poll::Ready(()),
            Sink::Srt(messages) => messages.poll_flush(cx),
        }
    }

    /// The socket, where it is one.
    pub(crate) fn into_tcp(self) -> Option<OwnedWriteHalf> {
        match self {
            Sink::Tcp(write) => Some(write),
            Sink::Srt(_) => None,
        }
    }
}

/// Cuts bytes into messages of seven packets, and gives them to a connection no faster than its far end can take them: a
/// key frame at once, and all that a new viewer gets in the first moment at [`RATE`].
pub(crate) struct Messages {
    connection: Rc<Connection>,
    /// The message that is being filled.
    filling: BytesMut,
    /// One for which there was no room.
    waiting: Option<Bytes>,
    allowance: Allowance,
    rest: Option<Pin<Box<Sleep>>>,
}

impl Messages {
    /// To this connection, at so many bytes a second at most.
    pub(crate) fn new(connection: Rc<Connection>, rate: Option<u64>) -> Messages {
        let allowance = Allowance { rate: rate.unwrap_or(RATE), left: BURST, at: Instant::now() };
        Messages { connection, filling: BytesMut::new(), waiting: None, allowance, rest: None }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<usize> {
        self.allowance.refill(Instant::now());
        let mut taken = 0_usize;
        for slice in slices {
            let mut left: &[u8] = slice;
            while !left.is_empty() {
                if self.poll_room(cx).is_pending() {
                    return if taken == 0 { Poll::Pending } else { Poll::Ready(taken) };
                }
                let room = MESSAGE.saturating_sub(self.filling.len());
                let (now, later) = left.split_at_checked(room).unwrap_or((left, &[]));
                if self.filling.capacity() < MESSAGE {
                    self.filling.reserve(BLOCK);
                }
                self.filling.extend_from_slice(now);
                taken = taken.saturating_add(now.len());
                left = later;
                if self.filling.len() == MESSAGE {
                    self.waiting = Some(self.filling.split().freeze());
                }
            }
        }
        Poll::Ready(taken)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.allowance.refill(Instant::now());
        while self.waiting.is_some() || !self.filling.is_empty() {
            if self.poll_room(cx).is_pending() {
                return Poll::Pending;
            }
            if !self.filling.is_empty() {
                self.waiting = Some(self.filling.split().freeze());
            }
        }
        Poll::Ready(())
    }

    /// Ready when no message waits.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(message) = self.waiting.take() else { return Poll::Ready(()) };
        let length = message.len() as u64;
        if !self.allowance.has(length) {
            self.waiting = Some(message);
            return self.poll_rest(cx);
        }
        if self.connection.send(message.clone()) {
            self.allowance.take(length);
            return Poll::Ready(());
        }
        self.waiting = Some(message);
        // It may have been made since.
        match self.connection.poll_room(cx) {
            Poll::Ready(()) => self.poll_rest(cx),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let rest = self.rest.get_or_insert_with(|| Box::pin(tokio::time::sleep(REST)));
        if rest.as_mut().poll(cx).is_ready() {
            self.rest = None;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// How much may be sent now.
#[derive(Debug)]
struct Allowance {
    /// Bytes a second.
    rate: u64,
    left: u64,
    at: Instant,
}

impl Allowance {
    fn refill(&mut self, now: Instant) {
        let elapsed = u64::try_from(now.saturating_duration_since(self.at).as_micros()).unwrap_or(u64::MAX);
        let more = elapsed.saturating_mul(self.rate) / 1_000_000;
        if more > 0 {
            self.left = self.left.saturating_add(more).min(BURST);
            self.at = now;
        }
    }

    fn has(&self, bytes: u64) -> bool {
        self.left >= bytes
    }

    fn take(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests;
