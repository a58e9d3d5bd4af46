//! Who a member is, and how foca's messages spell it.

use super::wire::{self, Reader};
use bytes::{Buf, BufMut};
use foca::{Header, Member, Message, State};
use srs_names::NodeId;
use std::net::SocketAddr;

/// Longest id of a member: three of them must fit into one datagram.
pub(super) const MAX_ID: usize = 64;

/// One run of a proxy. A member that was taken for dead, or that is reached elsewhere, goes on under a higher `bump`.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) id: NodeId,
    /// Where it is reached, by TCP and UDP.
    pub(super) at: SocketAddr,
    /// Unix milliseconds at its start, and one more for each change since.
    pub(super) bump: u64,
}

/// The address is what belongs to an identity, not what makes it.
impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.bump == other.bump
    }
}

impl Eq for Identity {}

impl Identity {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        wire::put_short(out, self.id.as_str());
        wire::put_address(out, self.at);
        wire::put_u64(out, self.bump);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let id = reader.id().filter(|id| id.as_str().len() <= MAX_ID)?;
        Some(Self { id, at: reader.address()?, bump: reader.u64()? })
    }

    /// The same member after a change of what is known of it.
    pub(super) fn bumped(&self) -> Self {
        Self { bump: self.bump.saturating_add(1), ..self.clone() }
    }
}

impl foca::Identity for Identity {
    type Addr = NodeId;

    fn renew(&self) -> Option<Self> {
        Some(self.bumped())
    }

    fn addr(&self) -> NodeId {
        self.id.clone()
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        self.bump > adversary.bump
    }
}

/// Spells foca's messages.
pub(super) struct Codec;

/// Not a message of foca's, or no room for one.
#[derive(Debug, thiserror::Error)]
#[error("not to be spelled or read")]
pub(super) struct Malformed;

fn put(out: &[u8], mut buf: impl BufMut) -> Result<(), Malformed> {
    // `BufMut` panics where there is no room.
    if buf.remaining_mut() < out.len() {
        return Err(Malformed);
    }
    buf.put_slice(out);
    Ok(())
}

fn take<T>(mut buf: impl Buf, read: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> Result<T, Malformed> {
    let (found, length) = {
        // Foca hands over what it received in one piece.
        let chunk = buf.chunk();
        let mut reader = Reader(chunk);
        let found = read(&mut reader).ok_or(Malformed)?;
        (found, chunk.len().saturating_sub(reader.0.len()))
    };
    buf.advance(length);
    Ok(found)
}

/// The number of a message's kind, whom it is about besides, and the number of the probe.
fn parts(message: &Message<Identity>) -> (u8, Option<&Identity>, Option<u8>) {
    match message {
        Message::Ping(probe) => (0, None, Some(*probe)),
        Message::Ack(probe) => (1, None, Some(*probe)),
        Message::PingReq { target, probe_number } => (2, Some(target), Some(*probe_number)),
        Message::IndirectPing { origin, probe_number } => (3, Some(origin), Some(*probe_number)),
        Message::IndirectAck { target, probe_number } => (4, Some(target), Some(*probe_number)),
        Message::ForwardedAck { origin, probe_number } => (5, Some(origin), Some(*probe_number)),
        Message::Announce => (6, None, None),
        Message::Feed => (7, None, None),
        Message::Gossip => (8, None, None),
        Message::Broadcast => (9, None, None),
        Message::TurnUndead => (10, None, None),
    }
}

fn message(reader: &mut Reader<'_>) -> Option<Message<Identity>> {
    let kind = reader.u8()?;
    let about = if matches!(kind, 2..=5) { Some(Identity::read(reader)?) } else { None };
    let probe = if kind <= 5 { Some(reader.u8()?) } else { None };
    Some(match (kind, about, probe) {
        (0, None, Some(probe)) => Message::Ping(probe),
        (1, None, Some(probe)) => Message::Ack(probe),
        (2, Some(target), Some(probe_number)) => Message::PingReq { target, probe_number },
        (3, Some(origin), Some(probe_number)) => Message::IndirectPing { origin, probe_number },
        (4, Some(target), Some(probe_number)) => Message::IndirectAck { target, probe_number },
        (5, Some(origin), Some(probe_number)) => Message::ForwardedAck { origin, probe_number },
        (6, ..) => Message::Announce,
        (7, ..) => Message::Feed,
        (8, ..) => Message::Gossip,
        (9, ..) => Message::Broadcast,
        (10, ..) => Message::TurnUndead,
        _ => return None,
    })
}

impl foca::Codec<Identity> for Codec {
    type Error = Malformed;

    fn encode_header(&mut self, header: &Header<Identity>, buf: impl BufMut) -> Result<(), Malformed> {
        let mut out = Vec::new();
        header.src.write(&mut out);
        wire::put_u16(&mut out, header.src_incarnation);
        header.dst.write(&mut out);
        let (kind, about, probe) = parts(&header.message);
        out.push(kind);
        if let Some(about) = about {
            about.write(&mut out);
        }
        out.extend(probe);
        put(&out, buf)
    }

    fn decode_header(&mut self, buf: impl Buf) -> Result<Header<Identity>, Malformed> {
        take(buf, |reader| {
            let src = Identity::read(reader)?;
            let src_incarnation = reader.u16()?;
            let dst = Identity::read(reader)?;
            Some(Header { src, src_incarnation, dst, message: message(reader)? })
        })
    }

    fn encode_member(&mut self, member: &Member<Identity>, buf: impl BufMut) -> Result<(), Malformed> {
        let mut out = Vec::new();
        member.id().write(&mut out);
        wire::put_u16(&mut out, member.incarnation());
        out.push(match member.state() {
            State::Alive => 0,
            State::Suspect => 1,
            State::Down => 2,
        });
        put(&out, buf)
    }

    fn decode_member(&mut self, buf: impl Buf) -> Result<Member<Identity>, Malformed> {
        take(buf, |reader| {
            let (id, incarnation) = (Identity::read(reader)?, reader.u16()?);
            let state = match reader.u8()? {
                0 => State::Alive,
                1 => State::Suspect,
                2 => State::Down,
                _ => return None,
            };
            Some(Member::new(id, incarnation, state))
        })
    }
}

#[cfg(test)]
mod tests;
