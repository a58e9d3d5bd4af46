//! The lite side of ICE (RFC 8445 section 2.5): it answers checks, and sends where the peer wants.
//!
//! A peer that checks proves each time that it is at its address and wants to hear from here: that is its consent too
//! (RFC 7675), and it expires when no check comes any more. The way to it is that of its newest check with USE-CANDIDATE, until
//! one came that of its first good one. So a peer whose address changes is followed with its next check, whatever changed it.
//!
//! Restart (RFC 8445 section 9): until a check with the new credentials has come, the old ones hold as well, for the peer sends
//! with them until it has heard of the new ones.

use std::time::{Duration, Instant};

use crate::engine::{Credentials, Path};
use crate::stun::{self, Kind, Message};

/// RFC 8489 section 14.8: an attribute that has to be understood is not known.
const UNKNOWN_ATTRIBUTE: u16 = 420;
/// RFC 8445 section 7.3.1.1: both sides have one role.
const ROLE_CONFLICT: u16 = 487;

/// What a datagram is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This, to where it came from.
    Reply(Vec<u8>),
    /// Nothing: its sender has not shown that it belongs to the session, or wants no answer.
    Nothing,
}

/// One session's ICE. It is always the controlled side, and does no checks of its own.
#[derive(Debug)]
pub struct Agent {
    now: Round,
    /// From before a restart, while no check of the new round has come.
    before: Option<Round>,
    path: Option<Path>,
    consent: Duration,
    heard: Instant,
}

/// What holds from one restart to the next.
#[derive(Debug)]
struct Round {
    ours: Credentials,
    theirs: Credentials,
    /// A good check has come.
    heard: bool,
    /// One with USE-CANDIDATE has come.
    nominated: bool,
}

impl Round {
    fn new(ours: Credentials, theirs: Credentials) -> Round {
        Round { ours, theirs, heard: false, nominated: false }
    }

    /// Whether the sender of this request knows our password.
    fn knows(&self, request: &Message<'_>) -> bool {
        request.username().is_some_and(|(ours, _)| ours == self.ours.ufrag)
            && request.verify(&self.ours.password)
    }
}

impl Agent {
    /// With the user names of both sides. Of the peer's password a lite side makes no use: it may be empty. `consent` is for how
    /// long a check is good, RFC 7675 says 30 s; to begin with, for so long the first one is waited for.
    pub fn new(ours: Credentials, theirs: Credentials, consent: Duration, now: Instant) -> Agent {
        Agent { now: Round::new(ours, theirs), before: None, path: None, consent, heard: now }
    }

    /// Takes in a message that came by this path. What its sender has not signed changes nothing.
    pub fn check(&mut self, now: Instant, path: Path, message: &Message<'_>) -> Answer {
        if message.kind() != Kind::Request || !message.is_binding() {
            return Answer::Nothing;
        }
        let old = match &self.before {
            _ if self.now.knows(message) => false,
            Some(before) if before.knows(message) => true,
            _ => return Answer::Nothing,
        };
        let round = match &mut self.before {
            Some(before) if old => before,
            _ => &mut self.now,
        };
        let password = round.ours.password.as_str();
        let unknown = message.unknown_required();
        if !unknown.is_empty() {
            let reply = stun::error(message, UNKNOWN_ATTRIBUTE, "Unknown Attribute", password, unknown);
            return Answer::Reply(reply);
        }
        if message.ice_controlled().is_some() {
            return Answer::Reply(stun::error(message, ROLE_CONFLICT, "Role Conflict", password, &[]));
        }
        let first = !round.heard;
        // Of a new round the first one is followed as well: a restart mostly means that the old way is gone.
        if first || message.use_candidate() {
            self.path = Some(path);
        }
        round.heard = true;
        round.nominated |= message.use_candidate();
        self.heard = now.max(self.heard);
        let reply = stun::success(message, path.peer, password);
        if !old {
            self.before = None;
        }
        Answer::Reply(reply)
    }

    /// The peer has shown otherwise that it is there and wants the session to go on: media or RTCP came from it whose
    /// authentication was good. Some send no checks while they send media, which RFC 7675 does not provide for.
    pub fn heard(&mut self, now: Instant) {
        if self.path.is_some() {
            self.heard = now.max(self.heard);
        }
    }

    /// Where to send; none before the first good check.
    pub fn path(&self) -> Option<Path> {
        self.path
    }

    /// Whether the peer has decided on a path. Before that, [`Agent::path`] is one that works.
    pub fn is_nominated(&self) -> bool {
        self.now.nominated || self.before.as_ref().is_some_and(|before| before.nominated)
    }

    /// What holds for this side.
    pub fn ours(&self) -> &Credentials {
        &self.now.ours
    }

    /// What holds for the peer.
    pub fn theirs(&self) -> &Credentials {
        &self.now.theirs
    }

    /// Begins a new round. What was agreed on before holds too, until the first good check with the new credentials.
    pub fn restart(&mut self, ours: Credentials, theirs: Credentials) {
        let old = std::mem::replace(&mut self.now, Round::new(ours, theirs));
        // A round of which the peer never made use is forgotten, and the one that it does make use of kept.
        if old.heard || self.before.is_none() {
            self.before = Some(old);
        }
    }

    /// When consent expires, if nothing comes until then.
    pub fn deadline(&self) -> Instant {
        // Past the end of time there is no expiry to speak of; a year is as good.
        const YEAR: Duration = Duration::from_secs(365 * 86400);
        self.heard.checked_add(self.consent.min(YEAR)).unwrap_or(self.heard)
    }

    /// Whether no good check has come for so long that nothing may be sent any more.
    pub fn is_expired(&self, now: Instant) -> bool {
        now >= self.deadline()
    }
}

#[cfg(test)]
mod tests;
