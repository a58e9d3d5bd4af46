//! Reading stream ids.

use srs_names::percent_decode;

use super::{Defaults, Error, Mode, StreamId};
use crate::handshake::MOST_STREAM_ID;

/// What the form of pairs begins with.
pub(super) const PAIRS: &str = "#!::";

/// What MediaMTX, and those who learnt from it, say in front of a path.
const ACTIONS: &[(&str, Mode)] = &[
    ("publish", Mode::Publish),
    ("read", Mode::Request),
    ("request", Mode::Request),
    ("play", Mode::Request),
];

/// Between parameters behind a `?`, by SRS's reading.
const BETWEEN: [char; 4] = ['&', ';', ',', '?'];

impl StreamId {
    /// Reads the text of a stream id; what it does not say is taken from `defaults`.
    ///
    /// # Errors
    /// [`Error`].
    pub fn parse(text: &str, defaults: &Defaults) -> Result<StreamId, Error> {
        let text = trim(text);
        let text = if text.is_empty() { trim(&defaults.stream_id) } else { text };
        let text = plain(text)?;
        let mut id = if let Some(pairs) = text.strip_prefix(PAIRS) {
            of_pairs(pairs)?
        } else if text.starts_with("#!:{") {
            return Err(Error::Nested);
        } else if text.starts_with("#!") {
            return Err(Error::Form);
        } else {
            short(&text, defaults.mode)?
        };
        match id.path.split('/').filter(|part| !trim(part).is_empty()).count() {
            0 => return Err(Error::NoResource),
            1 => id.path = format!("{}/{}", defaults.app, id.path),
            _ => {}
        }
        Ok(id)
    }
}

/// Bounded, and decoded where the `#` came as an escape.
pub(super) fn plain(text: &str) -> Result<String, Error> {
    if text.len() > MOST_STREAM_ID {
        return Err(Error::Long { length: text.len(), most: MOST_STREAM_ID });
    }
    if text.starts_with("%23") {
        return percent_decode(text).map(String::from).ok_or(Error::Escapes);
    }
    Ok(text.to_owned())
}

/// Pasted texts come with blanks and line ends around them.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// The pairs so far, of which each key that means something is there at most once.
#[derive(Default)]
struct Pairs {
    host: Option<String>,
    resource: Option<String>,
    mode: Option<String>,
    user: Option<String>,
    session: Option<String>,
    others: Vec<(String, String)>,
}

impl Pairs {
    fn add(&mut self, piece: &str) -> Result<(), Error> {
        let (key, value) = pair(piece);
        let decoded = || percent_decode(value).map(String::from).ok_or(Error::Escapes);
        let (name, place, value) = match key {
            "h" => ("h", &mut self.host, value.to_owned()),
            "r" => ("r", &mut self.resource, value.to_owned()),
            "m" => ("m", &mut self.mode, value.to_owned()),
            "u" => ("u", &mut self.user, decoded()?),
            "s" => ("s", &mut self.session, decoded()?),
            _ => {
                self.others.push((key.to_owned(), value.to_owned()));
                return Ok(());
            }
        };
        if place.replace(value).is_some() { Err(Error::Twice(name)) } else { Ok(()) }
    }
}

fn of_pairs(text: &str) -> Result<StreamId, Error> {
    let mut pairs = Pairs::default();
    for piece in text.split(',').map(trim).filter(|piece| !piece.is_empty()) {
        let (first, query) = piece.split_once('?').unwrap_or((piece, ""));
        pairs.add(trim(first))?;
        pieces(query).try_for_each(|piece| pairs.add(piece))?;
    }
    let Pairs { host, resource, mode, user, session, others } = pairs;
    let [host, resource, user, session] = [host, resource, user, session].map(said);
    let (host, path) = match (host, resource) {
        (host, Some(resource)) => (host, resource),
        (Some(host), None) => legacy(host),
        (None, None) => return Err(Error::NoResource),
    };
    let mode = match mode {
        Some(mode) => Mode::read(&mode).ok_or(Error::Mode(mode))?,
        None => Mode::Request,
    };
    Ok(StreamId { host, path, mode, user, session, others })
}

/// What `h` says where there is no `r`: nothing but a host is no stream.
fn legacy(text: String) -> (Option<String>, String) {
    match text.split_once('/') {
        None => (Some(text), String::new()),
        Some((host, path)) if path.contains('/') => (Some(host.to_owned()), path.to_owned()),
        Some(_) => (None, text),
    }
}

/// A form without keys.
fn short(text: &str, mode: Mode) -> Result<StreamId, Error> {
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    let others =
        |query| pieces(query).map(pair).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let (path, mode, user, session, others): (_, _, _, _, Vec<_>) = match action(text) {
        None => (text, mode, None, None, others(query)),
        Some((mode, rest)) => {
            let parts: Vec<&str> = rest.split(':').collect();
            let (path, user, session, more) = match *parts.as_slice() {
                [path] => (path, None, None, ""),
                [path, query] => (path, None, None, query),
                [path, user, pass] => (path, Some(user), Some(pass), ""),
                [path, user, pass, query] => (path, Some(user), Some(pass), query),
                _ => return Err(Error::Colons),
            };
            let others = [others(more), others(query)].concat();
            (path, mode, user.map(str::to_owned), session.map(str::to_owned), others)
        }
    };
    let [user, session] = [user, session].map(said);
    Ok(StreamId { host: None, path: path.to_owned(), mode, user, session, others })
}

/// The mode and the rest, where the text begins with the word for one.
fn action(text: &str) -> Option<(Mode, &str)> {
    let (word, rest) = text.split_once(':')?;
    ACTIONS.iter().find(|(action, _)| *action == word).map(|(_, mode)| (*mode, rest))
}

fn pieces(query: &str) -> impl Iterator<Item = &str> {
    query.split(BETWEEN).map(trim).filter(|piece| !piece.is_empty())
}

fn pair(piece: &str) -> (&str, &str) {
    piece.split_once('=').unwrap_or((piece, ""))
}

fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
