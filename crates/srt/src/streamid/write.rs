//! Writing stream ids in the form of pairs, and the key that our nodes add for each other.

use std::fmt::{self, Write as _};

use srs_names::percent_decode;

use super::parse::{PAIRS, plain, trim};
use super::{Defaults, Error, StreamId};
use crate::handshake::MOST_BETWEEN_NODES;

/// What ends a value, or is read as an escape, in parameters as well as in pairs.
const ENDS: &str = ",?&;#%";

impl fmt::Display for StreamId {
    /// In the form of pairs, in which every reader finds the same stream, mode and parameters. It may be longer than what it
    /// was read from, and than [`crate::handshake::MOST_STREAM_ID`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PAIRS)?;
        if let Some(host) = &self.host {
            write!(f, "h={host},")?;
        }
        // What the short forms let stand in a path.
        let path = self.path.replace(',', "%2C").replace('?', "%3F");
        write!(f, "r={path},m={}", self.mode.as_str())?;
        pairs(self).iter().try_for_each(|pair| write!(f, ",{pair}"))
    }
}

/// User, session and the others, each as `key=value`.
pub(super) fn pairs(id: &StreamId) -> Vec<String> {
    let named = [("u", &id.user), ("s", &id.session)];
    let named = named.into_iter().filter_map(|(key, value)| value.as_ref().map(|value| (key, value)));
    let named = named.map(|(key, value)| format!("{key}={}", escaped(value, ENDS)));
    named.chain(id.others.iter().map(|(key, value)| format!("{}={value}", parameter(key)))).collect()
}

/// A parameter's key that would be one of ours among pairs has its letter escaped: to who reads parameters it is the same.
fn parameter(key: &str) -> String {
    match key.as_bytes() {
        [letter @ (b'h' | b'r' | b'm' | b'u' | b's')] => format!("%{letter:02X}"),
        _ => key.to_owned(),
    }
}

/// With everything escaped that is not printable ASCII, and what is in `also`.
fn escaped(text: &str, also: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !also.contains(char::from(byte)) {
            out.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The stream id with one key more: a node's word to the next. A text in the form of pairs stays as it is in front of it, any
/// other is written in that form. [`strip_key`] takes the key out again.
///
/// # Errors
/// [`Error::Long`] when it would be longer than [`MOST_BETWEEN_NODES`], and those of [`StreamId::parse`].
pub fn with_key(text: &str, defaults: &Defaults, key: &str, value: &str) -> Result<String, Error> {
    let text = plain(trim(text))?;
    let mut out = if text.starts_with(PAIRS) { text } else { StreamId::parse(&text, defaults)?.to_string() };
    let _ = write!(out, ",{key}={}", escaped(value, ",?%"));
    let (length, most) = (out.len(), MOST_BETWEEN_NODES);
    if length > most { Err(Error::Long { length, most }) } else { Ok(out) }
}

/// Takes a key out of a stream id in the form of pairs, wherever and however often it is there: the rest, and the last value.
/// A text in another form cannot have it.
pub fn strip_key(text: &str, key: &str) -> (String, Option<String>) {
    let Some(pairs) = text.strip_prefix(PAIRS) else { return (text.to_owned(), None) };
    let mut found = None;
    let mut value = |piece: &str| {
        let value = trim(piece).strip_prefix(key)?.strip_prefix('=')?;
        found = percent_decode(value).map(String::from);
        Some(())
    };
    let rest: Vec<&str> = pairs.split(',').filter(|piece| value(piece).is_none()).collect();
    (format!("{PAIRS}{}", rest.join(",")), found)
}

#[cfg(test)]
mod tests;
