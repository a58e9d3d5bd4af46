//! Memory to receive into, one piece per thread.

use std::cell::Cell;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};
use tokio::net::UdpSocket;

use super::canonical;

/// Bytes of one buffer: as many datagrams as the kernel joins (GRO) fit, which is 64 KiB at most.
const BUFFER: usize = 64 << 10;

/// Buffers of one batch. Each is as large as it may have to be; the memory of those that are rarely full is never touched.
const BUFFERS: usize = if BATCH_SIZE < 16 { BATCH_SIZE } else { 16 };

/// Datagrams that were received together.
pub struct Batch {
    memory: Vec<u8>,
    metas: [RecvMeta; BUFFERS],
    filled: usize,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("filled", &self.filled).finish_non_exhaustive()
    }
}

/// A datagram as it came.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub from: SocketAddr,
    /// To which address of this host it came.
    pub to: Option<IpAddr>,
    /// What is in it.
    pub bytes: &'a mut [u8],
}

/// Datagrams as they came together.
#[derive(Debug)]
pub struct Run<'a> {
    /// Who sent them.
    pub from: SocketAddr,
    /// To which address of this host they came.
    pub to: Option<IpAddr>,
    /// One behind the other.
    pub bytes: &'a mut [u8],
    /// Bytes of each; the last one may be shorter.
    pub size: usize,
}

impl Default for Batch {
    fn default() -> Batch {
        Batch { memory: vec![0; BUFFER * BUFFERS], metas: [RecvMeta::default(); BUFFERS], filled: 0 }
    }
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }

    pub(super) fn fill(&mut self, socket: &UdpSocket, state: &UdpSocketState) -> io::Result<()> {
        let mut chunks = self.memory.chunks_exact_mut(BUFFER);
        let mut slices: [IoSliceMut<'_>; BUFFERS] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        self.filled = state.recv(socket.into(), &mut slices, &mut self.metas)?;
        Ok(())
    }

    /// Whether there may have been more.
    pub(super) fn is_full(&self) -> bool {
        self.filled == BUFFERS
    }

    /// What was received, in its order: datagrams of one sender that are of one size, of which the last one may be shorter,
    /// lie one behind the other.
    pub fn runs(&mut self) -> impl Iterator<Item = Run<'_>> {
        let filled = self.memory.chunks_exact_mut(BUFFER).zip(&self.metas).take(self.filled);
        // To port 0 nobody can be answered: such an address is forged.
        let filled = filled.filter(|(_, meta)| meta.addr.port() != 0);
        filled.map(|(buffer, meta)| Run {
            from: canonical(meta.addr),
            to: meta.dst_ip.map(|ip| ip.to_canonical()),
            bytes: buffer.get_mut(..meta.len).unwrap_or_default(),
            // An empty datagram has no stride, and says nothing.
            size: meta.stride.max(1),
        })
    }

    /// The same, one by one.
    pub fn datagrams(&mut self) -> impl Iterator<Item = Datagram<'_>> {
        self.runs().flat_map(|Run { from, to, bytes, size }| {
            bytes.chunks_mut(size).map(move |bytes| Datagram { from, to, bytes })
        })
    }
}

thread_local! {
    static BATCH: Cell<Option<Box<Batch>>> = const { Cell::new(None) };
}

/// Lends this thread's batch, so that a thousand sockets need not have one each.
pub fn with_batch<R>(run: impl FnOnce(&mut Batch) -> R) -> R {
    // Who asks while it is lent gets one of his own.
    let mut batch = BATCH.take().unwrap_or_default();
    let result = run(&mut batch);
    BATCH.set(Some(batch));
    result
}

#[cfg(test)]
mod tests;
