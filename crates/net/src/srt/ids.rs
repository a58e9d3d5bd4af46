//! Socket ids that tell to which shard they belong.

use srs_srt::SocketId;

/// Ids have 30 bits: libsrt's own have no more, and its next one marks groups.
const MASK: u32 = 0x3fff_ffff;

/// The ids of one shard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    shard: u32,
    bits: u32,
}

impl Ids {
    /// Those of this shard among so many.
    pub(super) fn new(shard: usize, shards: usize) -> Ids {
        let shards = u32::try_from(shards).unwrap_or(u32::MAX).max(1);
        // 30 bits, of which at most half tell the shard.
        let bits = u32::BITS.saturating_sub(shards.saturating_sub(1).leading_zeros()).min(15);
        Ids { shard: u32::try_from(shard).unwrap_or(u32::MAX), bits }
    }

    /// A new one that is not `taken`.
    pub(super) fn make(&self, taken: impl Fn(SocketId) -> bool) -> SocketId {
        loop {
            let random: u32 = rand::random();
            let id = SocketId((random << self.bits | self.shard) & MASK);
            if id != SocketId::LISTENER && !taken(id) {
                return id;
            }
        }
    }

    /// This shard.
    pub(super) fn own(&self) -> usize {
        usize::try_from(self.shard).unwrap_or(usize::MAX)
    }

    /// Whose it is.
    pub(super) fn shard(&self, id: SocketId) -> usize {
        let mask = (1_u32 << self.bits).wrapping_sub(1);
        usize::try_from(id.0 & mask).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests;
