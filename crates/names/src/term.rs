//! Whose turn it is to own a stream.

use std::fmt;

/// One ownership of a stream: the claim by which an origin was given it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    /// The id of the directory that gave the claim. Epochs of two directories say nothing of each other.
    pub domain: String,
    /// Rises with every claim of the stream; the upper 48 bits are milliseconds since 1970.
    pub epoch: u64,
    /// The stream ran under an earlier claim at another origin, and goes on here: its viewers know what was before.
    pub resumed: bool,
}

impl Term {
    /// Whether this is a later ownership than `other`, both given by the same directory.
    pub fn is_above(&self, other: &Term) -> bool {
        self.domain == other.domain && self.epoch > other.epoch
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {} of {}", self.epoch, self.domain)
    }
}
