//! The directory: who owns which stream, written down where all proxies that share it can see it.
//!
//! It is a hint and a referee, never on the media path: a balancer whose directory fails goes on by what it knows and by
//! plain rendezvous order. [`Memory`] serves one proxy. What every implementation promises is in [`contract`].
//!
//! What the trait asks of an implementation: the operations *on one key* are linearizable, that is, `claim`,
//! `renew` and `release` compare and set in one atomic step, and `lookup` never returns a claim older than
//! one that a completed operation has shown. (The mesh keeps this while its members see each other.) Nothing is asked
//! between keys. Epochs of one key never fall, also over expiry and release. An answer takes 50 ms at most: an
//! implementation behind a network says [`Error::Unavailable`] then.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod memory;
mod notes;

pub use memory::{MAX_CLAIMS, Memory};
pub use notes::Notes;

use crate::Epoch;
use srs_names::{NodeId, StreamKey};
use std::pin::Pin;
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
    /// The claim is not there any more, and there was a newer one since.
    #[error("the claim is gone")]
    Gone,
    /// No room for one more claim.
    #[error("the directory is full")]
    Full,
    /// The directory does not answer; the text says why.
    #[error("the directory is unavailable: {0}")]
    Unavailable(String),
}

/// What a directory will have answered.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Claims of streams with compare-and-set. `now` is the monotonic time of the caller; an implementation with a clock of its
/// own ignores it.
pub trait Directory: Send + Sync {
    /// The claim domain: epochs are compared among claims of one domain only. All proxies that share a directory give the
    /// same text.
    fn domain(&self) -> &str;

    /// Changes when the directory may have lost what it was told: publishes that run then tell it again.
    fn generation(&self) -> u64 {
        0
    }

    /// Takes a key that is free, or whose standing claim has the epoch `over`, for the time `lease`. Asking
    /// again with exactly the standing claim succeeds (the answer to the first may have been lost) and renews
    /// it.
    ///
    /// # Errors
    /// [`Error::Held`], [`Error::Stale`], [`Error::Full`] or [`Error::Unavailable`]; nothing has changed
    /// then, but for the last, after which it may have.
    fn claim<'a>(
        &'a self,
        ask: &'a Claim,
        over: Option<Epoch>,
        lease: Duration,
        now: Duration,
    ) -> Answer<'a, ()>;

    /// Lets a claim of a publish that runs stand until `now + lease`. Where it was lost (it ran out, or the directory came
    /// back empty or as it was before) it is put back, unless there is or was a newer one.
    ///
    /// # Errors
    /// [`Error::Held`] by a newer claim, [`Error::Gone`] where there was one, [`Error::Full`] or
    /// [`Error::Unavailable`].
    fn renew<'a>(&'a self, claim: &'a Claim, lease: Duration, now: Duration) -> Answer<'a, ()>;

    /// Gives the key free, if this claim still stands.
    ///
    /// # Errors
    /// [`Error::Gone`] or [`Error::Unavailable`].
    fn release<'a>(&'a self, claim: &'a Claim, now: Duration) -> Answer<'a, ()>;

    /// The standing claim of a key.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    fn lookup<'a>(&'a self, key: &'a StreamKey, now: Duration) -> Answer<'a, Option<Claim>>;

    /// Writes a text of at most [`NOTE_BYTES`] down for all proxies, in the place of the one of that name, which has at most
    /// [`NOTE_NAME`]; good for the time `ttl`, if the directory is not lost meanwhile.
    ///
    /// # Errors
    /// [`Error::Full`], or [`Error::Unavailable`], also where a directory has no notes.
    fn note<'a>(&'a self, name: &'a str, text: &'a str, ttl: Duration, now: Duration) -> Answer<'a, ()> {
        let _none_kept = (name, text, ttl, now);
        Box::pin(async { Err(Error::Unavailable("it has no notes".to_owned())) })
    }

    /// The text of that name, if one is good.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    fn noted<'a>(&'a self, name: &'a str, now: Duration) -> Answer<'a, Option<String>> {
        let _none_kept = (name, now);
        Box::pin(async { Err(Error::Unavailable("it has no notes".to_owned())) })
    }
}

/// Longest text of a note, in bytes.
pub const NOTE_BYTES: usize = 2048;

/// Longest name of one, in bytes.
pub const NOTE_NAME: usize = 320;

/// Whether a note may be kept.
///
/// # Errors
/// [`Error::Unavailable`] when it is too long.
pub fn check_note(name: &str, text: &str) -> Result<(), Error> {
    if name.len() > NOTE_NAME || text.len() > NOTE_BYTES {
        return Err(Error::Unavailable("the note is too long".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
