//! Somebody whose first check came.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use srs_rtc::stun::Message;
use srs_rtc::{Engine, Path};

use super::check::Check;
use super::connection::Connection;
use super::line::{Id, Line};
use super::shard::Shard;

/// Somebody whose first binding request came. Dropped without being accepted it is ignored, and the next request is another
/// knock.
pub struct Knock {
    shard: Rc<Shard>,
    id: Id,
    path: Path,
    check: Check,
    datagram: Vec<u8>,
    is_verified: Cell<bool>,
}

impl fmt::Debug for Knock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, ufrag) = (&self.path, &self.check.ufrag);
        f.debug_struct("Knock").field("from", from).field("ufrag", ufrag).finish_non_exhaustive()
    }
}

impl Knock {
    pub(super) fn new(shard: Rc<Shard>, id: Id, path: Path, check: Check, datagram: Vec<u8>) -> Knock {
        let is_verified = Cell::new(!check.key.is_asked);
        Knock { shard, id, path, check, datagram, is_verified }
    }

    /// This side's part of the user name.
    pub fn ufrag(&self) -> &str {
        &self.check.ufrag
    }

    /// The peer's part of the user name.
    pub fn theirs(&self) -> &str {
        &self.check.theirs
    }

    /// The session's name, as the door said it; of whom is asked, the user name.
    pub fn session(&self) -> &str {
        &self.check.key.name
    }

    /// Which way it came.
    pub fn from(&self) -> Path {
        self.path
    }

    /// The binding request.
    pub fn datagram(&self) -> &[u8] {
        &self.datagram
    }

    /// Whether the request's integrity was verified: by the door's password, or by [`Knock::verify`].
    pub fn is_verified(&self) -> bool {
        self.is_verified.get()
    }

    /// Whether this is the password by which the request was made. Who was found as [`Found::Ask`](super::Found::Ask) is not
    /// accepted before that.
    pub fn verify(&self, password: &str) -> bool {
        let is_good = Message::read(&self.datagram).is_ok_and(|message| message.verify(password));
        self.is_verified.set(self.is_verified.get() || is_good);
        is_good
    }

    /// Takes it in: the request is given to `engine`, and so is all that comes from now on.
    ///
    /// When it had to wait for longer than [`limits::RTC_PENDING`](crate::limits::RTC_PENDING), or was not verified, the
    /// connection has ended already ([`Ended::Here`](srs_rtc::engine::Ended::Here)).
    pub fn accept(mut self, engine: Box<dyn Engine>) -> Connection {
        let mut first = std::mem::take(&mut self.datagram);
        let line = if self.is_verified() { self.shard.accept(self.id, engine, &mut first) } else { None };
        Connection::new(line.unwrap_or_else(|| Line::lapsed(self.path)), Rc::clone(&self.shard))
    }
}

impl Drop for Knock {
    fn drop(&mut self) {
        // Who was accepted does not wait any more.
        self.shard.ignore(self.id);
    }
}
