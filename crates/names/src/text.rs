//! Text rules below the names: percent-escapes and the characters that a name may hold.

use crate::{Flaw, NameError, Part};
use std::borrow::Cow;

/// Decodes percent-escapes once. Broken escapes stay as they are; `None` when the result is not UTF-8.
pub fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%'
            && let Some((&[high, low], after)) = tail.split_first_chunk::<2>()
            && let (Some(high), Some(low)) = (hex(high), hex(low))
        {
            out.push(high << 4 | low);
            rest = after;
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// May a name hold this character? Letters and digits of every script, and the ASCII punctuation that
/// cannot be mistaken for a path, a query, an escape or markup by any hop behind us. `%` is out
/// because a second decoding further on would then make another name of it.
pub(crate) fn allowed(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => true,
        ' ' | '!' | '$' | '&' | '\'' | '(' | ')' | '*' | '+' | ',' | '-' | '.' => true,
        ':' | ';' | '=' | '@' | '[' | ']' | '_' | '{' | '}' | '~' | '|' | '^' => true,
        _ => !c.is_ascii() && c.is_alphanumeric() && !is_compatibility_form(c),
    }
}

/// Full-width and other presentation twins of plain letters: two names that look the same to a person.
fn is_compatibility_form(c: char) -> bool {
    matches!(c, '\u{ff00}'..='\u{ffef}' | '\u{1d400}'..='\u{1d7ff}' | '\u{fb00}'..='\u{fb06}')
}

/// Checks one path part: not empty, not dots, only allowed characters, at most `limit` bytes.
pub(crate) fn check(part: Part, text: &str, limit: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::new(part, Flaw::Empty));
    }
    if text.len() > limit {
        return Err(NameError::new(part, Flaw::TooLong(limit)));
    }
    if text == "." || text == ".." {
        return Err(NameError::new(part, Flaw::Dots));
    }
    match text.chars().find(|&c| !allowed(c)) {
        Some(c) => Err(NameError::new(part, Flaw::Character(c))),
        None => Ok(()),
    }
}
