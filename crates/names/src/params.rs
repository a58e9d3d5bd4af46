//! What a client said behind the `?`: kept as it was said, and readable by key.

use crate::text::percent_decode;
use crate::{Flaw, NameError, Part};

/// Room for two JSON web tokens with some claims; hooks and logs must not be handed more.
const MAX_BYTES: usize = 8 * 1024;
/// Far above what players and encoders send (below 20); bounds the work per connection.
const MAX_PAIRS: usize = 128;

/// The parameters of a publish or play, in the order said. Pairs are separated by `&`, `&&`, `;` or
/// `,` as in SRS; values have their percent-escapes decoded once, [`Params::raw`] does not. Decoded
/// values may hold any character, line ends too: who writes them to a log or a header escapes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    raw: String,
    pairs: Vec<(String, String)>,
}

impl Params {
    /// Reads one query text, with or without its leading `?`.
    pub fn parse(query: &str) -> Result<Self, NameError> {
        let mut params = Self::default();
        params.merge(query)?;
        Ok(params)
    }

    /// The query text without a leading `?`, escapes untouched; where several texts were merged,
    /// they stand joined by `&`.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The first value of `key`; keys compare exactly. A key without `=` has the value `""`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// All pairs, in order, doubles included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Did the client say nothing?
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Adds the pairs of a further query text that are not there yet. Clients say the same text in
    /// tcUrl and in app, which must not double it.
    pub(crate) fn merge(&mut self, query: &str) -> Result<(), NameError> {
        let query = query.strip_prefix(['?', '#']).unwrap_or(query);
        if query.len() > MAX_BYTES {
            return Err(NameError::new(Part::Query, Flaw::TooLong(MAX_BYTES)));
        }
        if let Some(c) = query.chars().find(|c| c.is_control()) {
            return Err(NameError::new(Part::Query, Flaw::Character(c)));
        }
        if self.raw.is_empty() {
            for piece in pieces(query) {
                self.push(pair(piece)?)?;
            }
            query.clone_into(&mut self.raw);
            return Ok(());
        }
        for piece in pieces(query) {
            let pair = pair(piece)?;
            if !self.pairs.contains(&pair) {
                self.push(pair)?;
                self.raw.push('&');
                self.raw.push_str(piece);
            }
        }
        if self.raw.len() > MAX_BYTES {
            return Err(NameError::new(Part::Query, Flaw::TooLong(MAX_BYTES)));
        }
        Ok(())
    }

    fn push(&mut self, pair: (String, String)) -> Result<(), NameError> {
        if self.pairs.len() >= MAX_PAIRS {
            return Err(NameError::new(Part::Query, Flaw::TooMany(MAX_PAIRS)));
        }
        self.pairs.push(pair);
        Ok(())
    }
}

fn pieces(query: &str) -> impl Iterator<Item = &str> {
    query.split(['&', ';', ',']).filter(|piece| !piece.is_empty())
}

fn pair(piece: &str) -> Result<(String, String), NameError> {
    let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
    let decode = |text| percent_decode(text).map(String::from);
    match (decode(key), decode(value)) {
        (Some(key), Some(value)) => Ok((key, value)),
        _ => Err(NameError::new(Part::Query, Flaw::NotUtf8)),
    }
}

#[cfg(test)]
mod tests;
