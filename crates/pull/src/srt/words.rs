//! In which words a server is asked for a stream: its stream id.

use srs_names::DEFAULT_VHOST;
use srs_names::envelope::SRT_KEY;
use srs_srt::StreamId;
use srs_srt::streamid::{Defaults, Mode, strip_key, with_key};

use crate::envelope::Asker;
use crate::plan::Target;

/// What parts parameters, by SRS's reading.
const BETWEEN: [char; 4] = ['&', ';', ',', '?'];

/// The stream id of a target: what its URL says, else one made of path and query. None where it has neither: a listener with
/// one stream.
pub(super) fn stream_id(target: &Target) -> Option<String> {
    if let Some(said) = &target.srt.stream_id {
        return Some(said.clone());
    }
    let path = target.path.trim_matches('/');
    if path.is_empty() {
        return None;
    }
    let pieces = target.query.split(BETWEEN).filter(|piece| !piece.is_empty());
    let pairs = pieces.map(|piece| piece.split_once('=').unwrap_or((piece, "")));
    // What nodes tell each other no viewer may say.
    let others = pairs.filter(|(key, _)| *key != SRT_KEY);
    let id = StreamId {
        host: target.vhost.clone().filter(|vhost| vhost != DEFAULT_VHOST),
        path: path.to_owned(),
        mode: Mode::Request,
        user: None,
        session: None,
        others: others.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
    };
    Some(id.to_string())
}

/// The same with a word on who asks; none where nobody is to be told, or there is no room. What a URL says in a form of its
/// own is for servers of others, and stays as it is.
pub(super) fn sealed(said: &str, target: &Target, asker: Option<&Asker>) -> Option<String> {
    let asker = asker.filter(|_| said.starts_with("#!::"))?;
    let with = |value: &str| with_key(said, &Defaults::default(), SRT_KEY, value).ok();
    // As the server has it when it has taken the key out.
    let (bare, _) = strip_key(&with("")?, SRT_KEY);
    with(&asker.for_srt(&target.authority(), &bare)?)
}

#[cfg(test)]
mod tests;
