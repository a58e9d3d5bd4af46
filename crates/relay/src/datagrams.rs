//! Datagrams that wait, in their order.

use std::collections::VecDeque;

use bytes::{Buf as _, BytesMut};

/// Datagrams one behind the other in one piece of memory.
#[derive(Default)]
pub(crate) struct Datagrams {
    bytes: BytesMut,
    lengths: VecDeque<usize>,
    /// Bytes since it was empty.
    since: usize,
}

impl Datagrams {
    /// One more; false when there are so many bytes already that it does not fit in with `most`.
    pub(crate) fn push(&mut self, datagram: &[u8], most: usize) -> bool {
        // An empty one says nothing, and would never be done with.
        if datagram.is_empty() {
            return true;
        }
        if self.bytes.len().saturating_add(datagram.len()) > most {
            return false;
        }
        self.bytes.extend_from_slice(datagram);
        self.lengths.push_back(datagram.len());
        self.since = self.since.saturating_add(datagram.len());
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Moves the first to the end of `out`; false when there is none.
    pub(crate) fn pop(&mut self, out: &mut BytesMut) -> bool {
        let Some(length) = self.lengths.pop_front() else { return false };
        out.extend_from_slice(self.bytes.get(..length).unwrap_or_default());
        self.bytes.advance(length.min(self.bytes.len()));
        self.rest();
        true
    }

    /// The first ones that can go in one call, and their size: all but the last are equal, and the last is not longer.
    pub(crate) fn run(&self) -> Option<(&[u8], usize)> {
        let size = *self.lengths.front()?;
        let mut end = 0_usize;
        for length in self.lengths.iter().take(RUN) {
            let longer = end.saturating_add(*length);
            if *length > size || longer > RUN_BYTES {
                break;
            }
            end = longer;
            if *length < size {
                break;
            }
        }
        // A first one beyond all bounds goes alone.
        Some((self.bytes.get(..end.max(size)).unwrap_or_default(), size))
    }

    /// Drops the first of so many bytes together.
    pub(crate) fn skip(&mut self, mut bytes: usize) {
        self.bytes.advance(bytes.min(self.bytes.len()));
        while let Some(length) = self.lengths.front() {
            if bytes == 0 || *length > bytes {
                break;
            }
            bytes = bytes.saturating_sub(*length);
            self.lengths.pop_front();
        }
        self.rest();
    }

    /// What a key frame took is not kept between two of them: there are thousands of these.
    fn rest(&mut self) {
        if self.lengths.is_empty() && std::mem::take(&mut self.since) > KEPT_BYTES {
            self.bytes = BytesMut::new();
        }
    }
}

/// Memory that one keeps while it is empty.
const KEPT_BYTES: usize = 64 << 10;

/// Segments that the kernel takes in one call.
const RUN: usize = 64;

/// Bytes that it takes, headers left out.
const RUN_BYTES: usize = 60_000;

#[cfg(test)]
mod tests;
