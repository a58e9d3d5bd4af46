//! Gathering one body out of pieces, without trusting the length that was announced.

use bytes::{Buf, Bytes};

use crate::chunk::Bodies;

/// What is reserved when the first piece of a body comes and is smaller. With 32 bodies open that is 32 KiB.
const FIRST_RESERVE: usize = 1024;

/// A body of which a part is here.
#[derive(Debug, Default)]
pub(crate) struct Body {
    data: Vec<u8>,
}

impl Body {
    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    #[cfg(test)]
    pub(crate) fn reserved(&self) -> usize {
        self.data.capacity()
    }

    pub(crate) fn clear(&mut self) {
        self.data = Vec::new();
    }

    /// Moves `count` bytes from the front of `input` here. The buffer doubles but never passes `total`, so a whole body
    /// sits in an allocation of its own size.
    pub(crate) fn push(&mut self, input: &mut Bytes, count: usize, total: usize) {
        let count = count.min(input.len());
        let needed = self.data.len().saturating_add(count);
        if needed > self.data.capacity() {
            let doubled = self.data.capacity().saturating_mul(2).max(FIRST_RESERVE);
            let target = doubled.max(needed).min(total).max(needed);
            self.data.reserve_exact(target.saturating_sub(self.data.len()));
        }
        self.data.extend_from_slice(input.get(..count).unwrap_or_default());
        input.advance(count);
    }

    /// The gathered bytes as a body in its own right.
    pub(crate) fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.data))
    }
}

/// Takes a body of `count` bytes that lies whole at the front of `input`.
pub(crate) fn take_whole(input: &mut Bytes, count: usize, bodies: Bodies) -> Bytes {
    let slice = input.split_to(count.min(input.len()));
    match bodies {
        // Nothing is no reason to keep the buffer alive.
        _ if slice.is_empty() => Bytes::new(),
        Bodies::Shared => slice,
        // The one copy of the receiving path: the body must not keep the whole read buffer alive.
        Bodies::Owned => Bytes::copy_from_slice(&slice),
    }
}
