//! Sessions of nodes that name them as they like: which node has one, and by which password its requests are made. What the
//! proxies tell each other of that in the directory is sealed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use srs_names::{NodeId, StreamKey};
use srs_net::quiet::Quiet;

use crate::Relay;
use crate::limits::{RTC_LOOKS, RTC_NOTE, RTC_SESSIONS};
use crate::token::Tokens;

/// What is known of such a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) node: NodeId,
    /// `ice-pwd` of the node's side.
    pub(super) password: String,
    /// The stream that is published by it.
    pub(super) publishes: Option<StreamKey>,
}

/// Those of them that this proxy knows, by their user names.
pub(super) struct Notes {
    tokens: Tokens,
    known: Mutex<HashMap<String, (Note, Duration)>>,
    /// Who may ask the directory now: anybody can make a name up.
    looks: Quiet,
}

impl Note {
    fn seal(&self, tokens: &Tokens, ufrag: &str) -> Option<String> {
        let publishes = self.publishes.as_ref().map(StreamKey::as_str).unwrap_or_default();
        tokens.seal_words(&[ufrag, self.node.as_str(), &self.password, publishes].join("\n"))
    }

    fn open(tokens: &Tokens, ufrag: &str, sealed: &str) -> Option<Note> {
        let words = tokens.open_words(sealed)?;
        let mut lines = words.split('\n');
        // It is a note of this session, and not of another one that somebody put in its place.
        lines.next().filter(|named| *named == ufrag)?;
        let node = NodeId::new(lines.next()?).ok()?;
        let password = lines.next()?.to_owned();
        let publishes = lines.next().filter(|key| !key.is_empty()).and_then(|key| key.parse().ok());
        Some(Note { node, password, publishes })
    }
}

impl Notes {
    pub(super) fn new(secret: &[u8]) -> Notes {
        Notes { tokens: Tokens::of_notes(secret), known: Mutex::default(), looks: Quiet::new(RTC_LOOKS) }
    }

    /// The session of this user name, if this proxy knows it.
    pub(super) fn find(&self, ufrag: &str, now: Duration) -> Option<Note> {
        let known = self.known();
        known.get(ufrag).filter(|(_, until)| now < *until).map(|(note, _)| note.clone())
    }

    fn keep(&self, ufrag: &str, note: &Note, now: Duration) {
        let mut known = self.known();
        if known.len() >= RTC_SESSIONS {
            known.retain(|_, (_, until)| now < *until);
        }
        if known.len() < RTC_SESSIONS {
            known.insert(ufrag.to_owned(), (note.clone(), now.saturating_add(RTC_NOTE)));
        }
    }

    /// Forgets what is not good any more.
    pub(super) fn judge(&self, now: Duration) {
        self.known().retain(|_, (_, until)| now < *until);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, (Note, Duration)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The directory's name for it.
fn name(ufrag: &str) -> String {
    format!("rtc:{ufrag}")
}

/// Longest user name that is told: RFC 8839 section 5.4 allows no more.
const MOST_UFRAG: usize = 256;

impl Relay {
    /// Tells all proxies of a session; again and again while it is used.
    pub(super) async fn note_rtc(&self, ufrag: &str, note: &Note) {
        if ufrag.len() > MOST_UFRAG {
            return;
        }
        let now = self.now();
        self.rtc.notes.keep(ufrag, note, now);
        let Some(sealed) = note.seal(&self.rtc.notes.tokens, ufrag) else { return };
        if let Err(error) = self.balancer.write_note(&name(ufrag), &sealed, RTC_NOTE, now).await {
            self.complaints.say(|unsaid| {
                tracing::warn!(%error, unsaid, "other proxies are not told of a WebRTC session");
            });
        }
    }

    /// The session of this user name, as another proxy told of it.
    pub(super) async fn noted_rtc(&self, ufrag: &str) -> Option<Note> {
        let now = self.now();
        if let Some(note) = self.rtc.notes.find(ufrag, now) {
            return Some(note);
        }
        if ufrag.len() > MOST_UFRAG || self.rtc.notes.looks.may_say().is_none() {
            return None;
        }
        let sealed = self.balancer.read_note(&name(ufrag), now).await.ok()??;
        let note = Note::open(&self.rtc.notes.tokens, ufrag, &sealed)?;
        self.rtc.notes.keep(ufrag, &note, now);
        Some(note)
    }
}

#[cfg(test)]
mod tests;
