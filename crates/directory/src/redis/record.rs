//! The values of claims: one small text, of this version or none of ours.
//!
//! `1 EPOCH HOLDER` and, after a line break, the instance. The epoch has 20 digits, so that texts compare like numbers:
//! the numbers of Redis's scripts are floating-point and lose the last digits of an epoch.

use srs_balance::{Claim, Epoch};
use srs_names::{NodeId, StreamKey};

/// Longest value, in bytes: holder and instance have at most 256 each.
pub(super) const MAX_BYTES: usize = 1024;
const VERSION: &str = "1";
/// Digits of the greatest `u64`.
const DIGITS: usize = 20;

/// An epoch as it stands in Redis.
pub(super) fn digits(epoch: Epoch) -> String {
    format!("{:020}", epoch.0)
}

/// The epoch of such a text; none for any other.
pub(super) fn epoch(text: &str) -> Option<Epoch> {
    let is_one = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_one).map(Epoch)
}

/// The value of a claim; none when it would be too long.
pub(super) fn write(claim: &Claim) -> Option<String> {
    let text = format!("{VERSION} {} {}\n{}", digits(claim.epoch), claim.holder, claim.instance);
    Some(text).filter(|text| text.len() <= MAX_BYTES)
}

/// The claim of a key by its value; none for what is not of this version.
pub(super) fn read(key: &StreamKey, value: &[u8]) -> Option<Claim> {
    if value.len() > MAX_BYTES {
        return None;
    }
    let rest = std::str::from_utf8(value).ok()?.strip_prefix(VERSION)?.strip_prefix(' ')?;
    let (number, rest) = rest.split_once(' ')?;
    let (holder, instance) = rest.split_once('\n')?;
    let holder = NodeId::new(holder).ok()?;
    Some(Claim { key: key.clone(), holder, instance: instance.to_owned(), epoch: epoch(number)? })
}

#[cfg(test)]
mod tests;
