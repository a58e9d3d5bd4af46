//! What is added to addresses in lists, and taken out again of what players ask for.

use std::fmt::Write as _;

/// Whether `uri` stays on the server that the list came from: it names neither a scheme nor a host.
///
/// Read as browsers read it, which take `\` for `/` and step over control characters and blanks: in doubt it is not
/// relative, and left alone by who asks.
pub fn is_relative(uri: &str) -> bool {
    if uri.starts_with(' ') || uri.bytes().any(|byte| byte.is_ascii_control()) {
        return false;
    }
    let mut bytes = uri.bytes();
    let slash = |byte: Option<u8>| matches!(byte, Some(b'/' | b'\\'));
    if slash(bytes.next()) && slash(bytes.next()) {
        return false;
    }
    match uri.split_once(':') {
        // A colon behind one of these is no end of a scheme.
        Some((before, _)) => before.contains(['/', '\\', '?', '#']),
        None => true,
    }
}

/// `uri` with the parameter `name` = `value` behind what its query holds, before its fragment.
///
/// Name and value are percent-encoded where they must be. [`without_query`] takes the parameter out again.
pub fn with_query(uri: &str, name: &str, value: &str) -> String {
    let (before, fragment) = uri.find('#').map_or((uri, ""), |at| uri.split_at(at));
    let separator = match before.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        // Also behind an `&` that is there already: only so is what remains later the same as what was.
        Some(_) => "&",
    };
    let mut out = String::with_capacity(uri.len() + name.len() + value.len() + 2);
    out.push_str(before);
    out.push_str(separator);
    encode(name, "-._~", &mut out);
    out.push('=');
    encode(value, "-._~:/@,", &mut out);
    out.push_str(fragment);
    out
}

/// Takes the last parameter called `name` out of a request's path and query: what is left, and the decoded value.
///
/// All else stays byte for byte, with two exceptions where nothing is lost: a `?` without a query behind it goes, and
/// so does the separator (`&`, or SRS's `&&`) that divided the parameter from its neighbour.
pub fn without_query(path_and_query: &str, name: &str) -> (String, Option<String>) {
    let unchanged = || (path_and_query.to_owned(), None);
    let Some((path, query)) = path_and_query.split_once('?') else { return unchanged() };
    let mut wanted = String::new();
    encode(name, "-._~", &mut wanted);
    let mut found = None;
    let mut start = 0;
    for parameter in query.split('&') {
        let value = match parameter.split_once('=') {
            Some((key, value)) if key == name || key == wanted => Some(value),
            None if parameter == name && !name.is_empty() => Some(""),
            _ => None,
        };
        if let Some(value) = value {
            found = Some((start, start + parameter.len(), value));
        }
        start += parameter.len() + 1;
    }
    let Some((from, to, value)) = found else { return unchanged() };
    let (before, after) = (query.get(..from).unwrap_or(""), query.get(to..).unwrap_or(""));
    // The last one goes with the separator before it, any other with all that follow.
    let (before, after) = match after {
        "" => (before.strip_suffix('&').unwrap_or(before), ""),
        _ => (before, after.trim_start_matches('&')),
    };
    let separator = if before.is_empty() && after.is_empty() { "" } else { "?" };
    (format!("{path}{separator}{before}{after}"), Some(decode(value)))
}

/// A file's name, which may have folders, as the path of an address: all that means something else there is encoded.
pub fn encode_path(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    encode(name, "-._~/!$&'()*+,;=@", &mut out);
    out
}

/// Percent-encodes what is neither a letter, a digit nor in `kept`.
fn encode(text: &str, kept: &str, out: &mut String) {
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || kept.contains(character) {
            out.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                percent(byte, out);
            }
        }
    }
}

/// One byte as `%` and two digits.
pub(crate) fn percent(byte: u8, out: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = write!(out, "%{byte:02X}");
}

/// Undoes percent-encoding; what is not encoded rightly stays as it is.
fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = if first == b'%' { after.split_first_chunk::<2>() } else { None };
        let byte = digits.and_then(|(&[high, low], tail)| Some((hex(high)? << 4 | hex(low)?, tail)));
        let (byte, tail) = byte.unwrap_or((first, after));
        out.push(byte);
        rest = tail;
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests;
