//! Packet headers, the draft's section 3: sixteen bytes in front of media (3.1) and of control (3.2).
//!
//! ```text
//! media    0 | sequence number (31)                  PP(2) O KK(2) R | message number (26)
//! control  1 | type (15) | subtype (16)              type-specific information (32)
//! both     timestamp (32), microseconds since the sender began   destination socket id (32)
//! ```

use std::fmt;

use crate::wire::{Reader, array};

/// Bytes of a header.
pub const HEADER: usize = 16;
/// The largest packet: what Ethernet carries, less the headers of IPv4 and UDP. Senders choose less (1316 bytes of media).
pub const MOST_BYTES: usize = 1500 - 28;

/// Where the destination socket id stands.
const DESTINATION: usize = 12;
/// The first bit of a control packet.
const CONTROL: u32 = 0x8000_0000;

/// Why a datagram is no packet of SRT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has no room for a header.
    #[error("{length} bytes, and a header of SRT has 16")]
    Short {
        /// Bytes of the datagram.
        length: usize,
    },
    /// It is larger than [`MOST_BYTES`].
    #[error("{length} bytes, and a packet of SRT has at most 1472")]
    Long {
        /// Bytes of the datagram.
        length: usize,
    },
}

/// The number by which one end of a connection is addressed; each end chooses its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SocketId(pub u32);

impl SocketId {
    /// Whom a handshake is for that a caller begins with: the listener itself.
    pub const LISTENER: SocketId = SocketId(0);
}

impl fmt::Display for SocketId {
    /// As libsrt's logs have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

/// A packet's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Media or control.
    pub kind: Kind,
    /// Microseconds since the sender's connection began; wraps after 71 minutes.
    pub timestamp: u32,
    /// Whom it is for.
    pub destination: SocketId,
}

/// What follows a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Media.
    Data(Data),
    /// Anything else.
    Control(Control),
}

/// A header of media, the draft's section 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data {
    /// 31 bits.
    pub sequence: u32,
    /// PP: where in its message it stands.
    pub boundary: Boundary,
    /// O: messages are to be delivered in order.
    pub in_order: bool,
    /// KK: by which key it is encrypted: 0 none, 1 the even, 2 the odd one.
    pub key: u8,
    /// R: it was sent before.
    pub retransmitted: bool,
    /// 26 bits.
    pub message: u32,
}

/// Which part of a message a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// Neither the first nor the last.
    Middle,
    /// The last.
    Last,
    /// The first.
    First,
    /// All of it; live media is always this.
    Only,
}

/// A header of control, the draft's section 3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    /// What it is.
    pub kind: ControlKind,
    /// Of what type, where the kind is [`ControlKind::USER`].
    pub subtype: u16,
    /// By type: the number of an ACK, a message's number.
    pub info: u32,
}

/// What a control packet is: 15 bits. Types that are not named here go by as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ControlKind(pub u16);

impl ControlKind {
    /// [`crate::handshake`].
    pub const HANDSHAKE: ControlKind = ControlKind(0);
    /// Nothing but a sign of life.
    pub const KEEP_ALIVE: ControlKind = ControlKind(1);
    /// What was received.
    pub const ACK: ControlKind = ControlKind(2);
    /// What was lost.
    pub const NAK: ControlKind = ControlKind(3);
    /// A warning of congestion.
    pub const CONGESTION: ControlKind = ControlKind(4);
    /// The end of the connection.
    pub const SHUTDOWN: ControlKind = ControlKind(5);
    /// An ACK was received.
    pub const ACK_ACK: ControlKind = ControlKind(6);
    /// What will not be sent again.
    pub const DROP_REQUEST: ControlKind = ControlKind(7);
    /// The peer cannot go on.
    pub const PEER_ERROR: ControlKind = ControlKind(8);
    /// Told apart by subtype: new keys, mostly.
    pub const USER: ControlKind = ControlKind(0x7fff);
}

impl Header {
    /// Reads the header of a datagram.
    ///
    /// # Errors
    /// [`Error`].
    pub fn read(datagram: &[u8]) -> Result<Header, Error> {
        let length = datagram.len();
        if length > MOST_BYTES {
            return Err(Error::Long { length });
        }
        let mut reader = Reader(datagram);
        let mut next = || reader.u32().ok_or(Error::Short { length });
        let (first, second, timestamp, destination) = (next()?, next()?, next()?, SocketId(next()?));
        let kind = if first & CONTROL == 0 {
            Kind::Data(Data::from_words(first, second))
        } else {
            let [high, low] = [first >> 16 & 0x7fff, first & 0xffff].map(|half| half as u16);
            Kind::Control(Control { kind: ControlKind(high), subtype: low, info: second })
        };
        Ok(Header { kind, timestamp, destination })
    }

    /// The header as bytes. Of numbers with 31, 26, 15 and 2 bits so many are written.
    pub fn write(&self) -> [u8; HEADER] {
        let (first, second) = match self.kind {
            Kind::Data(data) => data.words(),
            Kind::Control(Control { kind, subtype, info }) => {
                (CONTROL | u32::from(kind.0) << 16 | u32::from(subtype), info)
            }
        };
        let words = [first, second, self.timestamp, self.destination.0].map(u32::to_be_bytes);
        array(&[words.as_flattened()])
    }

    /// Whether it is control of this kind.
    pub fn is(&self, kind: ControlKind) -> bool {
        matches!(self.kind, Kind::Control(control) if control.kind == kind)
    }
}

impl Data {
    fn from_words(first: u32, second: u32) -> Data {
        let boundary = match second >> 30 {
            0 => Boundary::Middle,
            1 => Boundary::Last,
            2 => Boundary::First,
            _ => Boundary::Only,
        };
        Data {
            sequence: first,
            boundary,
            in_order: second & 1 << 29 != 0,
            key: (second >> 27 & 3) as u8,
            retransmitted: second & 1 << 26 != 0,
            message: second & 0x03ff_ffff,
        }
    }

    fn words(self) -> (u32, u32) {
        let boundary: u32 = match self.boundary {
            Boundary::Middle => 0,
            Boundary::Last => 1,
            Boundary::First => 2,
            Boundary::Only => 3,
        };
        let flags = u32::from(self.in_order) << 29 | u32::from(self.retransmitted) << 26;
        let key = u32::from(self.key & 3) << 27;
        (self.sequence & !CONTROL, boundary << 30 | flags | key | self.message & 0x03ff_ffff)
    }
}

/// Addresses a packet to another socket, in place. Nothing else of it changes: no checksum and no cipher covers the id.
///
/// # Errors
/// [`Error::Short`], and nothing is changed.
pub fn set_destination(datagram: &mut [u8], destination: SocketId) -> Result<(), Error> {
    let length = datagram.len();
    let field = datagram.get_mut(DESTINATION..HEADER).ok_or(Error::Short { length })?;
    field.copy_from_slice(&destination.0.to_be_bytes());
    Ok(())
}

/// The packet that ends a connection, the draft's section 3.2.7. It has four bytes behind the header, all zero, as those
/// of libsrt have.
pub fn shutdown(destination: SocketId, timestamp: u32) -> [u8; HEADER + 4] {
    let control = Control { kind: ControlKind::SHUTDOWN, subtype: 0, info: 0 };
    array(&[&Header { kind: Kind::Control(control), timestamp, destination }.write()])
}

#[cfg(test)]
mod tests;
