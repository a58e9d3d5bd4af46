//! Datagrams of one way, joined into runs that one call sends.

use bytes::BytesMut;

/// Bytes of a run; a datagram more may come on top. The kernel cuts runs at 64 KiB.
const MOST_BYTES: usize = 62 << 10;

/// A buffer in which datagrams are written one behind the other. A run is several of one way and one size, of
/// which the last one may be shorter.
#[derive(Debug)]
pub(crate) struct Runs<W> {
    bytes: BytesMut,
    start: usize,
    size: usize,
    way: Option<W>,
}

impl<W> Default for Runs<W> {
    fn default() -> Runs<W> {
        Runs { bytes: BytesMut::new(), start: 0, size: 0, way: None }
    }
}

impl<W: Copy + PartialEq> Runs<W> {
    /// Adds the datagram that `write` appends, when it does and says which way. `send` is given the run that ended by it, and
    /// the size of its datagrams.
    pub(crate) fn add(
        &mut self,
        write: impl FnOnce(&mut BytesMut) -> Option<W>,
        send: &mut impl FnMut(W, &[u8], usize),
    ) -> bool {
        let before = self.bytes.len();
        let Some(way) = write(&mut self.bytes) else {
            self.bytes.truncate(before);
            return false;
        };
        let length = self.bytes.len().saturating_sub(before);
        if length == 0 {
            return true;
        }
        let run = before.saturating_sub(self.start);
        // It goes elsewhere, or the one before was shorter, or this one is longer, or there are enough.
        let ends = self.way != Some(way)
            || !run.is_multiple_of(self.size.max(1))
            || length > self.size
            || run >= MOST_BYTES;
        if run == 0 || ends {
            if let Some(way) = self.way.filter(|_| run > 0) {
                send(way, self.bytes.get(self.start..before).unwrap_or_default(), self.size);
            }
            self.start = before;
            self.size = length;
            self.way = Some(way);
        }
        true
    }

    /// Ends the last run.
    pub(crate) fn end(&mut self, send: &mut impl FnMut(W, &[u8], usize)) {
        if let Some(way) = self.way
            && let Some(run) = self.bytes.get(self.start..).filter(|run| !run.is_empty())
        {
            send(way, run, self.size);
        }
        self.forget();
    }

    /// Leaves everything out that no run has ended with.
    pub(crate) fn forget(&mut self) {
        self.bytes.clear();
        self.start = 0;
        self.way = None;
    }
}

#[cfg(test)]
mod tests;
