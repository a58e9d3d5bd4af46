//! Changing addresses in a list, and nothing else.
//!
//! A list that is parsed and written anew has lost what its reader did not know; one in which text is replaced is
//! changed where a host or a stream happens to be called like what is looked for. So it is read line by line.

/// Largest list that is accepted, in bytes: a day of 2 s segments with long names has half.
pub const MOST_BYTES: usize = 1 << 20;

/// Longest line in bytes, its end not counted: twice what servers take as an address.
pub const MOST_LINE: usize = 16 << 10;

/// How many bytes longer than before one changed address may be: room for a sealed token.
pub const MOST_GROWTH: usize = 1 << 10;

/// Largest list that is made, in bytes: each of thousands of addresses of a full list may grow by some hundred bytes.
pub const MOST_RESULT: usize = 4 << 20;

/// Why a list is not rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first line is not `#EXTM3U`.
    #[error("not a playlist: the first line is not #EXTM3U")]
    NoPlaylist,
    /// More than [`MOST_BYTES`].
    #[error("a playlist of {0} bytes")]
    Large(usize),
    /// More than [`MOST_LINE`].
    #[error("a line of {0} bytes")]
    Line(usize),
    /// RFC 8216 section 4.1 demands UTF-8.
    #[error("not UTF-8")]
    Text,
    /// A new address that would not be read as one in its place (empty, with a control character, with blanks around it,
    /// beginning like a tag, with a quote inside quotes), or is more than [`MOST_GROWTH`] longer than the one before.
    #[error("an address cannot be changed to this")]
    Change,
    /// The result would have more than [`MOST_RESULT`].
    #[error("the rewritten playlist is too large")]
    Result,
}

/// What an address in a list leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A media segment: a line of its own.
    Segment,
    /// Another list: the line after `EXT-X-STREAM-INF`.
    Variant,
    /// `EXT-X-KEY`.
    Key,
    /// `EXT-X-MAP`: what goes before fMP4 segments.
    Map,
    /// `EXT-X-MEDIA`: the list of another language, angle or subtitle.
    Media,
    /// `EXT-X-PART` of low-latency HLS.
    Part,
    /// `EXT-X-PRELOAD-HINT`.
    PreloadHint,
    /// `EXT-X-RENDITION-REPORT`.
    RenditionReport,
    /// `EXT-X-SESSION-KEY`.
    SessionKey,
    /// `EXT-X-I-FRAME-STREAM-INF`: a list of key frames.
    IFrame,
    /// `URI` of another tag.
    Other,
}

impl Kind {
    fn of_tag(name: &str) -> Self {
        match name {
            "#EXT-X-KEY" => Self::Key,
            "#EXT-X-MAP" => Self::Map,
            "#EXT-X-MEDIA" => Self::Media,
            "#EXT-X-PART" => Self::Part,
            "#EXT-X-PRELOAD-HINT" => Self::PreloadHint,
            "#EXT-X-RENDITION-REPORT" => Self::RenditionReport,
            "#EXT-X-SESSION-KEY" => Self::SessionKey,
            "#EXT-X-I-FRAME-STREAM-INF" => Self::IFrame,
            _ => Self::Other,
        }
    }
}

/// An address in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Where it stands.
    pub kind: Kind,
    /// As it is written, relative or not.
    pub uri: &'a str,
}

/// The list with each address that `change` gives another one for.
///
/// Asked for are lines that are addresses, and attributes `URI="…"` of tags. All else, and what `change` answers `None`
/// for, stays byte for byte: unknown tags, comments, ends of lines, a byte order mark.
pub fn rewrite(list: &[u8], change: impl FnMut(Reference<'_>) -> Option<String>) -> Result<Vec<u8>, Error> {
    if list.len() > MOST_BYTES {
        return Err(Error::Large(list.len()));
    }
    let text = std::str::from_utf8(list).map_err(|_| Error::Text)?;
    let mut writer = Writer { change, out: Vec::with_capacity(list.len()) };
    let mut first = true;
    let mut variant = false;
    for whole in text.split_inclusive('\n') {
        let line = whole.strip_suffix('\n').map_or(whole, |line| line.strip_suffix('\r').unwrap_or(line));
        if line.len() > MOST_LINE {
            return Err(Error::Line(line.len()));
        }
        if std::mem::take(&mut first) {
            begins(line)?;
            writer.keep(whole)?;
        } else if line.starts_with('#') {
            variant |= line.starts_with("#EXT-X-STREAM-INF:");
            writer.tag(whole, line)?;
        } else {
            let uri = line.trim();
            // A tag behind blanks is an address to some players and a tag to others.
            if uri.is_empty() || uri.starts_with('#') {
                writer.keep(whole)?;
            } else {
                let kind = if std::mem::take(&mut variant) { Kind::Variant } else { Kind::Segment };
                let from = line.len() - line.trim_start().len();
                writer.keep(part(whole, 0, from))?;
                writer.replace(Reference { kind, uri })?;
                writer.keep(part(whole, from + uri.len(), whole.len()))?;
            }
        }
    }
    if first { Err(Error::NoPlaylist) } else { Ok(writer.out) }
}

/// `#EXTM3U`, behind which some servers leave blanks or attributes of their own.
fn begins(line: &str) -> Result<(), Error> {
    let rest = line.strip_prefix('\u{feff}').unwrap_or(line).strip_prefix("#EXTM3U");
    match rest.map(|rest| rest.chars().next()) {
        Some(None | Some(' ' | '\t' | '\r')) => Ok(()),
        _ => Err(Error::NoPlaylist),
    }
}

struct Writer<F> {
    change: F,
    out: Vec<u8>,
}

impl<F: FnMut(Reference<'_>) -> Option<String>> Writer<F> {
    fn keep(&mut self, text: &str) -> Result<(), Error> {
        if self.out.len() + text.len() > MOST_RESULT {
            return Err(Error::Result);
        }
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// The address, or what it becomes.
    fn replace(&mut self, old: Reference<'_>) -> Result<(), Error> {
        let Some(new) = (self.change)(old) else { return self.keep(old.uri) };
        let line = matches!(old.kind, Kind::Segment | Kind::Variant);
        let misread = if line { new.starts_with('#') } else { new.contains('"') };
        let torn = new.is_empty() || new.trim() != new || new.contains(char::is_control);
        if misread || torn || new.len() > old.uri.len() + MOST_GROWTH {
            return Err(Error::Change);
        }
        self.keep(&new)
    }

    /// A line that begins with `#`: `whole` with its end, `line` without.
    fn tag(&mut self, whole: &str, line: &str) -> Result<(), Error> {
        let (kind, mut rest) = match line.split_once(':') {
            // Its value is a number and a title, which may look like anything.
            Some(("#EXTINF", _)) => return self.keep(whole),
            Some((name, attributes)) if name.starts_with("#EXT") => (Kind::of_tag(name), attributes),
            _ => return self.keep(whole),
        };
        let mut written = 0;
        while let Some((name, value, after)) = attribute(rest) {
            if let Some(uri) = value.filter(|_| name == "URI") {
                // Behind the address are its closing quote and `after`.
                let to = line.len() - after.len() - 1;
                self.keep(part(whole, written, to - uri.len()))?;
                self.replace(Reference { kind, uri })?;
                written = to;
            }
            rest = after;
        }
        self.keep(part(whole, written, whole.len()))
    }
}

/// `text` from one byte to another, which are ends of what was found in it.
fn part(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap_or("")
}

/// The first attribute of a list: its name, its value when that is quoted, and what follows.
fn attribute(list: &str) -> Option<(&str, Option<&str>, &str)> {
    let (name, rest) = list.split_once('=')?;
    let name = name.trim_start_matches([',', ' ', '\t']);
    let known = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(known) {
        return None;
    }
    match rest.strip_prefix('"') {
        Some(quoted) => {
            let (value, after) = quoted.split_once('"')?;
            Some((name, Some(value), after))
        }
        None => Some((name, None, rest.find(',').map_or("", |comma| rest.split_at(comma).1))),
    }
}

#[cfg(test)]
mod tests;
