//! Datagrams of one destination, joined into runs that one call sends.

use bytes::BytesMut;

/// Bytes of a run; a datagram more may come on top. The kernel cuts runs at 64 KiB.
const MOST_BYTES: usize = 62 << 10;

/// A buffer in which datagrams are written one behind the other. A run is several of one size, of which the last one may be
/// shorter.
#[derive(Debug, Default)]
pub(super) struct Runs {
    bytes: BytesMut,
    start: usize,
    size: usize,
}

impl Runs {
    /// Adds the datagram that `write` appends, when it does. `send` is given each run that ended by it, and the size of its
    /// datagrams.
    pub(super) fn add(
        &mut self,
        write: impl FnOnce(&mut BytesMut) -> bool,
        send: &mut impl FnMut(&[u8], usize),
    ) -> bool {
        let before = self.bytes.len();
        let wrote = write(&mut self.bytes);
        let length = self.bytes.len().saturating_sub(before);
        if length == 0 {
            return wrote;
        }
        let run = before.saturating_sub(self.start);
        // The one before was shorter, or this one is longer, or there are enough.
        let ends =
            run > 0 && (!run.is_multiple_of(self.size.max(1)) || length > self.size || run >= MOST_BYTES);
        if ends {
            send(self.bytes.get(self.start..before).unwrap_or_default(), self.size);
            self.start = before;
        }
        if run == 0 || ends {
            self.size = length;
        }
        wrote
    }

    /// Ends the last run.
    pub(super) fn end(&mut self, send: &mut impl FnMut(&[u8], usize)) {
        if let Some(run) = self.bytes.get(self.start..).filter(|run| !run.is_empty()) {
            send(run, self.size);
        }
        self.forget();
    }

    /// Leaves everything out that no run has ended with.
    pub(super) fn forget(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }
}

#[cfg(test)]
mod tests;
