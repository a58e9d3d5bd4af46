//! What came to another shard than its session's, on its way there.

use srs_rtc::Path;
use tokio::sync::mpsc;

use super::check::Check;
use super::wire::Came;
use crate::limits;

/// What one shard gives to another.
pub(super) enum Errand {
    /// Datagrams, in their order.
    Bundle(Bundle),
    /// A connection of TCP.
    Came(Box<Came>),
}

/// Datagrams one behind the other.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    bytes: Vec<u8>,
    datagrams: Vec<Strayed>,
}

/// One of them.
#[derive(Debug)]
struct Strayed {
    path: Path,
    length: usize,
    /// Of a binding request: what was found out already.
    check: Option<Check>,
}

impl Bundle {
    /// Takes them apart.
    pub(super) fn each(mut self, mut take: impl FnMut(Path, Option<Check>, &mut [u8])) {
        let mut rest = self.bytes.as_mut_slice();
        for Strayed { path, length, check } in self.datagrams {
            let Some((datagram, others)) = rest.split_at_mut_checked(length) else { return };
            take(path, check, datagram);
            rest = others;
        }
    }
}

/// The ways to all shards of a port, and what is on them since the last turn.
pub(super) struct Strays {
    ways: Vec<(mpsc::Sender<Errand>, Bundle)>,
    any: bool,
}

impl Strays {
    pub(super) fn new(ways: &[mpsc::Sender<Errand>]) -> Strays {
        let ways = ways.iter().map(|way| (way.clone(), Bundle::default())).collect();
        Strays { ways, any: false }
    }

    /// Adds a datagram for another shard. What that has no room for is lost, as datagrams may be.
    pub(super) fn add(&mut self, shard: usize, path: Path, check: Option<Check>, bytes: &[u8]) {
        let Some((way, bundle)) = self.ways.get_mut(shard) else { return };
        bundle.bytes.extend_from_slice(bytes);
        bundle.datagrams.push(Strayed { path, length: bytes.len(), check });
        self.any = true;
        if bundle.bytes.len() >= limits::RTC_BUNDLE {
            let _lost = way.try_send(Errand::Bundle(std::mem::take(bundle)));
        }
    }

    /// Hands everything over.
    pub(super) fn flush(&mut self) {
        if !std::mem::take(&mut self.any) {
            return;
        }
        for (way, bundle) in &mut self.ways {
            if !bundle.datagrams.is_empty() {
                let _lost = way.try_send(Errand::Bundle(std::mem::take(bundle)));
            }
        }
    }

    /// Hands a connection of TCP over. One for which there is no room is closed.
    pub(super) fn give(&self, shard: usize, came: Box<Came>) {
        if let Some((way, _)) = self.ways.get(shard) {
            let _closed = way.try_send(Errand::Came(came));
        }
    }
}

#[cfg(test)]
mod tests;
