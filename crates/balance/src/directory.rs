//! The directory: who owns which stream, written down where all proxies that share it can see it.
//!
//! It is a hint and a referee, never on the media path: a balancer whose directory fails goes on by plain
//! rendezvous order. [`Memory`] serves one proxy. What every implementation promises is checked by one suite
//! in this module's tests.
//!
//! What the trait asks of an implementation: the operations *on one key* are linearizable, that is, `claim`,
//! `renew` and `release` compare and set in one atomic step, and `lookup` never returns a claim older than
//! one that a completed operation has shown. Nothing is asked between keys, and `held_by` may lag. Epochs of
//! one key never fall, also over expiry and release. Calls return at once: an implementation behind a network
//! asks its server ahead of the pick (see [`Balancer::plan_publish`](crate::Balancer::plan_publish)) and
//! answers here from what it was told.

mod memory;

pub use memory::{MAX_CLAIMS, Memory};

use crate::Epoch;
use srs_names::{NodeId, StreamKey};
use std::time::Duration;

/// The right to own a stream: one run of one node, newer than every claim of the key before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The stream.
    pub key: StreamKey,
    /// The node that owns it.
    pub holder: NodeId,
    /// The run of that node; a restart ends the claim.
    pub instance: String,
    /// Orders the owners of a key; also names the claim, since no two claims of a key share one.
    pub epoch: Epoch,
}

/// Why a directory did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another claim stands; it was not the one that the caller wanted to replace.
    #[error("{} is claimed by {} with epoch {}", .0.key, .0.holder, .0.epoch)]
    Held(Claim),
    /// The epoch does not lie above the last one of the key; ask again above this.
    #[error("epoch must lie above {0}")]
    Stale(Epoch),
    /// The claim is not there any more: it expired, was released or was replaced.
    #[error("the claim is gone")]
    Gone,
    /// No room for one more claim.
    #[error("the directory is full")]
    Full,
    /// The directory does not answer; the text says why.
    #[error("the directory is unavailable: {0}")]
    Unavailable(String),
}

/// Claims of streams with compare-and-set. `now` is the monotonic time of the caller; leases are counted in
/// it.
pub trait Directory: Send + Sync {
    /// Takes a key that is free, or whose standing claim has the epoch `over`, for the time `lease`. Asking
    /// again with exactly the standing claim succeeds (the answer to the first may have been lost) and renews
    /// it.
    ///
    /// # Errors
    /// [`Error::Held`], [`Error::Stale`], [`Error::Full`] or [`Error::Unavailable`]; nothing has changed
    /// then.
    fn claim(&self, ask: &Claim, over: Option<Epoch>, lease: Duration, now: Duration) -> Result<(), Error>;

    /// Lets the claim with this epoch run until `now + lease`.
    ///
    /// # Errors
    /// [`Error::Gone`] or [`Error::Unavailable`].
    fn renew(&self, key: &StreamKey, epoch: Epoch, lease: Duration, now: Duration) -> Result<(), Error>;

    /// Gives the key free, if the claim with this epoch still stands.
    ///
    /// # Errors
    /// [`Error::Gone`] or [`Error::Unavailable`].
    fn release(&self, key: &StreamKey, epoch: Epoch, now: Duration) -> Result<(), Error>;

    /// The standing claim of a key.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; an implementation with a cache answers from it instead.
    fn lookup(&self, key: &StreamKey, now: Duration) -> Result<Option<Claim>, Error>;

    /// How many claims a node holds, for bounded load.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    fn held_by(&self, holder: &NodeId, now: Duration) -> Result<usize, Error>;
}

#[cfg(test)]
mod tests;
