//! Checks of strangers: whether they may be let in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use srs_rtc::stun::{Kind, Message};

use super::door::{Door, Far, Found, Key};
use crate::quiet::Quiet;
use crate::shards;

/// A binding request for somebody who is known, or may be.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub(super) key: Key,
    /// This side's user name.
    pub(super) ufrag: Arc<str>,
    /// The peer's.
    pub(super) theirs: String,
}

/// Why a datagram is thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It is no binding request, and comes from a stranger.
    Stranger,
    /// It is for nobody.
    Unknown,
    /// Its integrity is wrong.
    Forged,
    /// There is no room.
    Full,
}

impl Check {
    /// Reads a datagram, and has the door say who is meant by it.
    pub(super) fn read(door: &dyn Door, far: Far, bytes: &[u8]) -> Result<Check, Why> {
        let message = Message::read(bytes).map_err(|_| Why::Stranger)?;
        let username = message.username().filter(|_| message.kind() == Kind::Request && message.is_binding());
        let (ours, theirs) = username.ok_or(Why::Stranger)?;
        // A defect there must not stop everybody else's datagrams.
        let found = shards::catch(|| door.find(ours)).unwrap_or(Found::Nobody);
        let key = match found {
            Found::Nobody => return Err(Why::Unknown),
            Found::Known { password, .. } if !message.verify(&password) => return Err(Why::Forged),
            Found::Known { session, each_address, .. } => {
                Key { name: session, far: each_address.then_some(far), is_asked: false }
            }
            Found::Ask => Key { name: ours.into(), far: Some(far), is_asked: true },
        };
        Ok(Check { key, ufrag: ours.into(), theirs: theirs.to_owned() })
    }
}

/// This side's user name, of a request. Nothing is verified.
pub(super) fn named(bytes: &[u8]) -> Option<&str> {
    let message = Message::read(bytes).ok().filter(|message| message.kind() == Kind::Request)?;
    Some(message.username()?.0)
}

/// Whether it is a request.
pub(super) fn is_request(bytes: &[u8]) -> bool {
    Message::read(bytes).is_ok_and(|message| message.kind() == Kind::Request)
}

/// What a port threw away, without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped {
    /// Datagrams from strangers that are no binding requests.
    pub strangers: u64,
    /// Binding requests for nobody.
    pub unknown: u64,
    /// Binding requests whose integrity is wrong.
    pub forged: u64,
    /// Binding requests for which there was no room: too many sessions, or too many who wait.
    pub full: u64,
}

/// Counts that, over all shards.
#[derive(Debug)]
pub(super) struct Counts {
    strangers: AtomicU64,
    unknown: AtomicU64,
    forged: AtomicU64,
    full: AtomicU64,
    complaint: Quiet,
}

impl Default for Counts {
    fn default() -> Counts {
        let [strangers, unknown, forged, full] = [const { AtomicU64::new(0) }; 4];
        Counts { strangers, unknown, forged, full, complaint: Quiet::new(1) }
    }
}

impl Counts {
    /// One more; said once a second, where it tells something.
    pub(super) fn add(&self, far: Far, why: Why) {
        let (count, what) = match why {
            // The end of every session's media.
            Why::Stranger => (&self.strangers, None),
            Why::Unknown => (&self.unknown, None),
            Why::Forged => (&self.forged, Some("its integrity is wrong")),
            Why::Full => (&self.full, Some("there is no room")),
        };
        count.fetch_add(1, Ordering::Relaxed);
        if let Some(what) = what {
            let peer = far.peer;
            let say = |others| tracing::warn!(%peer, what, others, "a check of WebRTC is thrown away");
            self.complaint.say(say);
        }
    }

    pub(super) fn now(&self) -> Dropped {
        let [strangers, unknown, forged, full] = [&self.strangers, &self.unknown, &self.forged, &self.full]
            .map(|count| count.load(Ordering::Relaxed));
        Dropped { strangers, unknown, forged, full }
    }
}
