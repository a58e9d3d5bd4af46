//! What a rule is for.

use super::Matching;

/// Extensions of what players fetch over HTTP. A request is named without them, and a location may be written with one.
const EXTENSIONS: [&str; 6] = ["flv", "ts", "aac", "mp3", "m3u8", "mpd"];

/// What is left of a request behind a location.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest<'a> {
    /// Whole parts of a path, without a slash before them.
    Parts(&'a str),
    /// What follows in the middle of a part.
    Text(&'a str),
}

/// Can a request ever be so? Empty parts vanish from names of streams, and a query is no part of them.
pub(super) fn is_good(location: &str) -> bool {
    let is_strange = |c: char| c.is_control() || matches!(c, '?' | '#' | '\\');
    location.starts_with('/') && !location.contains("//") && !location.contains(is_strange)
}

/// Is the location for this request, and what is left of that?
pub(super) fn rest<'a>(
    location: &str,
    matching: Matching,
    strict: bool,
    request: &'a str,
) -> Option<Rest<'a>> {
    // A file is one stream: nothing is below it, and no other stream begins with it.
    if without_extension(location) == Some(request) {
        return Some(Rest::Parts(""));
    }
    let left = request.strip_prefix(location)?;
    if strict && !left.is_empty() {
        return None;
    }
    if left.is_empty() || location.ends_with('/') {
        return Some(Rest::Parts(left));
    }
    match (left.strip_prefix('/'), matching) {
        (Some(below), _) => Some(Rest::Parts(below)),
        (None, Matching::String) => Some(Rest::Text(left)),
        (None, Matching::Segment) => None,
    }
}

fn without_extension(location: &str) -> Option<&str> {
    let (stem, extension) = location.rsplit_once('.')?;
    let is_known = EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension));
    (is_known && !stem.ends_with('/')).then_some(stem)
}
