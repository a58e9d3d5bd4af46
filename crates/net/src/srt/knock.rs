//! A caller that wants in.

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use srs_srt::handshake::{Extensions, Fields, Handshake};
use srs_srt::{Engine, Reason, SocketId};

use super::connection::{Connection, Line};
use super::shard::Shard;
use crate::limits;
use crate::tcp::Slot;

/// A caller whose address is its own and whose handshake can be read. It waits, up to [`limits::SRT_PENDING`], until it is
/// accepted or refused; dropped without either it is refused with [`Reason::CLOSE`].
pub struct Knock {
    shard: Rc<Shard>,
    id: SocketId,
    from: SocketAddr,
    datagram: Vec<u8>,
    fields: Fields,
    slot: Option<Slot>,
}

impl fmt::Debug for Knock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Knock").field("from", &self.from).field("id", &self.id).finish_non_exhaustive()
    }
}

impl Knock {
    pub(super) fn new(
        shard: Rc<Shard>,
        id: SocketId,
        from: SocketAddr,
        datagram: Vec<u8>,
        fields: Fields,
        slot: Slot,
    ) -> Knock {
        Knock { shard, id, from, datagram, fields, slot: Some(slot) }
    }

    /// Where the caller is.
    pub fn from(&self) -> SocketAddr {
        self.from
    }

    /// Its conclusion.
    pub fn handshake(&self) -> Handshake<'_> {
        // It was read before, so that what stands in for an error is never seen.
        Handshake::read(&self.datagram).unwrap_or(Handshake {
            timestamp: 0,
            destination: SocketId::LISTENER,
            fields: self.fields,
            extensions: Extensions::default(),
        })
    }

    /// The socket id that this end has, whatever is answered.
    pub fn local_id(&self) -> SocketId {
        self.id
    }

    /// The round trip to the caller: as it is taken to be until it is measured, since nothing was kept of its induction.
    pub fn rtt(&self) -> Duration {
        limits::SRT_RTT
    }

    /// Refuses it; also when it asks again within the next seconds.
    pub fn refuse(self, reason: Reason) {
        self.shard.refuse(self.id, reason);
    }

    /// Takes it in: `answer` is the whole datagram that it is told, now and when it asks again, and `engine` is whom it
    /// talks to from now on.
    ///
    /// When it had to wait for too long and was refused, the connection has ended already.
    pub fn accept(mut self, engine: Box<dyn Engine>, answer: Vec<u8>) -> Connection {
        let line = self.shard.accept(self.id, engine, answer);
        let line = line.unwrap_or_else(|| Line::lapsed(self.id, self.from, Reason::TIMEOUT));
        Connection::new(line, self.slot.take())
    }
}

impl Drop for Knock {
    fn drop(&mut self) {
        // Who was answered does not wait any more.
        self.shard.refuse(self.id, Reason::CLOSE);
    }
}
