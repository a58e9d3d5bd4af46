//! Weighted rendezvous hashing: the order in which nodes are asked for a stream, the same on every machine
//! and in every version.
//!
//! Each node draws a lot for the key; a lot is worth `-log2(uniform) / weight`, and the cheapest wins.
//! Removing a node moves only the streams that it had won, and a node of double weight wins twice as often.
//! All arithmetic is in integers, because two proxies whose floating point differs in the last bit would
//! disagree. Reference: Thaler and Ravishankar 1998; the weighted form is that of Schindelhauer and Schomaker
//! 2005.
//!
//! The hash is FNV-1a over the bytes followed by the MurmurHash3 finaliser; FNV alone leaves ids that differ
//! in the last letter too close together. It is part of the contract between proxies of different versions:
//! never change it.

use std::cmp::Ordering;

/// The weight of a node that says nothing about its size.
pub const DEFAULT_WEIGHT: u32 = 100;
/// The largest weight believed: a node that claims to be a hundred usual nodes takes everything already.
pub const MAX_WEIGHT: u32 = 10_000;

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Bits after the point in [`Lot::cost`]: with 40, two of 1,000 nodes tie about once in a million streams; a
/// tie goes to the smaller id.
const FRACTION_BITS: u32 = 40;

/// Spreads every input bit over the word (MurmurHash3 `fmix64`).
#[must_use]
pub const fn mix(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

/// The stable 64-bit hash of a text.
#[must_use]
pub fn hash(text: &str) -> u64 {
    let fnv = text.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
    mix(fnv)
}

/// What one node drew for one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lot {
    cost: u64,
    weight: u32,
}

impl Lot {
    /// Draws for the stream with hash `key` and the node with hash `node` ([`hash`] of each).
    #[must_use]
    pub fn draw(key: u64, node: u64, weight: u32) -> Self {
        // The key is turned so that swapping key and node gives another lot.
        let uniform = mix(key.rotate_left(29) ^ mix(node));
        Self { cost: negative_log2(uniform), weight: weight.clamp(1, MAX_WEIGHT) }
    }

    /// `Less` means that this node comes first. Exact: `cost / weight` is compared as a fraction.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        let left = u128::from(self.cost) * u128::from(other.weight);
        let right = u128::from(other.cost) * u128::from(self.weight);
        left.cmp(&right)
    }
}

/// `-log2((word + 1) / 2^64)` in fixed point, by bitwise squaring.
fn negative_log2(word: u64) -> u64 {
    let Some(value) = word.checked_add(1) else { return 0 };
    let whole = 63 - value.leading_zeros();
    // The mantissa in [1, 2) with 63 bits after the point.
    let mut mantissa = u128::from(value << (63 - whole));
    let mut fraction = 0_u64;
    for _ in 0..FRACTION_BITS {
        mantissa = (mantissa * mantissa) >> 63;
        let carry = mantissa >> 64;
        fraction = (fraction << 1) | u64::from(carry != 0);
        mantissa >>= carry;
    }
    (64_u64 << FRACTION_BITS) - ((u64::from(whole) << FRACTION_BITS) | fraction)
}

#[cfg(test)]
mod tests;
