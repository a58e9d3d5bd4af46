//! Bytes that wait for a socket.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::net::tcp::OwnedWriteHalf;

use crate::tcp;

/// Slices given to one vectored write. The kernel takes 1,024; beyond some tens a second call costs less than the walk.
const SLICES: usize = 128;

/// Least size of a copy, so that tiny slices share one.
const PIECE: usize = 4096;

/// A queue of shared bytes that is written with vectored writes.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Copies, which are sent first.
    kept: VecDeque<BytesMut>,
    queue: VecDeque<Bytes>,
    bytes: usize,
}

thread_local! {
    /// An empty queue with room, for whichever outbox of this shard fills next. One batch is on its way at a time, so
    /// that connections need not keep the room for theirs.
    static SPARE: Cell<VecDeque<Bytes>> = const { Cell::new(VecDeque::new()) };
}

impl Outbox {
    /// Adds bytes to be sent.
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            if self.queue.capacity() == 0 {
                self.queue = SPARE.take();
            }
            self.bytes = self.bytes.saturating_add(bytes.len());
            self.queue.push_back(bytes);
        }
    }

    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Takes everything that waits, in one piece of its own.
    pub fn take_all(&mut self) -> BytesMut {
        let mut whole = BytesMut::with_capacity(self.bytes);
        for bytes in self.kept.drain(..) {
            whole.extend_from_slice(&bytes);
        }
        for bytes in self.queue.drain(..) {
            whole.extend_from_slice(&bytes);
        }
        self.bytes = 0;
        whole
    }

    /// Copies every waiting slice that is no copy yet, so that a peer that reads slowly does not pin the shard's read
    /// blocks, nor many tiny slices.
    pub fn detach(&mut self) {
        let mut left = self.queue.iter().map(Bytes::len).fold(0, usize::saturating_add);
        while let Some(mut bytes) = self.queue.pop_front() {
            while !bytes.is_empty() {
                let room = self.kept.back().map_or(0, |last| last.capacity().saturating_sub(last.len()));
                if room == 0 {
                    self.kept.push_back(BytesMut::with_capacity(left.max(PIECE)));
                    continue;
                }
                let part = bytes.split_to(room.min(bytes.len()));
                left = left.saturating_sub(part.len());
                if let Some(last) = self.kept.back_mut() {
                    last.extend_from_slice(&part);
                }
            }
        }
        if self.queue.capacity() > 0 {
            SPARE.set(std::mem::take(&mut self.queue));
        }
    }

    /// Writes until everything is sent.
    pub fn poll_send(&mut self, half: &OwnedWriteHalf, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_with(|slices| tcp::poll_send(half, cx, slices))
    }

    fn poll_with(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let sent = {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let mut count = 0;
                let kept = self.kept.iter().map(AsRef::as_ref);
                let waiting = kept.chain(self.queue.iter().map(AsRef::as_ref));
                for (slice, bytes) in slices.iter_mut().zip(waiting) {
                    *slice = IoSlice::new(bytes);
                    count += 1;
                }
                ready!(write(slices.get(..count).unwrap_or_default()))?
            };
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(sent);
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut count: usize) {
        self.bytes = self.bytes.saturating_sub(count);
        while let Some(front) = self.kept.front_mut() {
            if count < front.len() {
                front.advance(count);
                return;
            }
            count = count.saturating_sub(front.len());
            self.kept.pop_front();
        }
        while let Some(front) = self.queue.front_mut() {
            if count < front.len() {
                let _sent = front.split_to(count);
                return;
            }
            count = count.saturating_sub(front.len());
            self.queue.pop_front();
        }
        SPARE.set(std::mem::take(&mut self.queue));
    }
}

#[cfg(test)]
mod tests;
