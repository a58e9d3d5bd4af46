//! What the shards of one port do together.

use tokio::sync::watch;

/// One shard's share in a port. A socket that is closed before those of all other shards leaves its clients to these, and
/// theirs to itself, since the kernel deals by how many there are.
#[derive(Debug)]
pub(crate) struct Together {
    needed: Option<watch::Sender<()>>,
    unneeded: watch::Receiver<()>,
}

impl Together {
    /// The shares of so many shards.
    pub(crate) fn of(shards: usize) -> impl Iterator<Item = Together> {
        let (needed, unneeded) = watch::channel(());
        (0..shards).map(move |_| Together { needed: Some(needed.clone()), unneeded: unneeded.clone() })
    }

    /// This shard needs the port no more.
    pub(crate) fn leave(&mut self) {
        self.needed = None;
    }

    /// Waits until no shard needs the port any more.
    pub(crate) fn left(&self) -> impl Future<Output = ()> + use<> {
        let mut unneeded = self.unneeded.clone();
        async move { while unneeded.changed().await.is_ok() {} }
    }
}
