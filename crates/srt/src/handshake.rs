//! The handshake between caller and listener, the draft's sections 3.2.1 and 4.3.1.
//!
//! ```text
//! caller    INDUCTION   version 4, extension field 2, no cookie
//! listener  INDUCTION   version 5, extension field 0x4A17, a cookie
//! caller    CONCLUSION  version 5, the cookie again, extensions: latency, stream id, key material ...
//! listener  CONCLUSION  version 5, its socket id, extensions; or a type from 1000 on: refused, and why
//! ```
//! What a datagram says of its lengths is taken at its word or not at all; extensions that are not known go by as they are.
//!
//! Behind the sixteen bytes of the header stand 48 ([`Fields`]), and behind them, in a conclusion of version 5, blocks
//! ([`Extension`]) of a type (16), a count of 32-bit words (16) and so many words.

mod extension;
mod write;

use std::net::IpAddr;

pub use extension::{
    Extension, ExtensionKind, Extensions, MOST_BETWEEN_NODES, MOST_STREAM_ID, Srt, stream_id_words,
};
pub use write::{Change, write};

use crate::packet::{self, ControlKind, Header, SocketId};
use crate::wire::{Reader, array};
use crate::{Reason, packet::HEADER};

/// Bytes of a handshake without extensions, its header with it.
pub const PLAIN: usize = HEADER + FIELDS;
/// Bytes of [`Fields`].
const FIELDS: usize = 48;

/// In the extension field of a listener's induction: it speaks version 5.
pub const MAGIC: u16 = 0x4a17;
/// In the extension field of a conclusion: there is an HSREQ or HSRSP.
pub const FLAG_HSREQ: u16 = 1;
/// The same of KMREQ or KMRSP.
pub const FLAG_KMREQ: u16 = 2;
/// The same of any other extension, a stream id among them.
pub const FLAG_CONFIG: u16 = 4;

/// What a caller's induction has in the extension field: UDT's mark of datagrams.
const DATAGRAMS: u16 = 2;

/// What is wrong with a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is no packet at all.
    #[error(transparent)]
    Packet(#[from] packet::Error),
    /// It is another packet.
    #[error("not a handshake")]
    Other,
    /// It ends within its fields.
    #[error("a handshake of {length} bytes, which has at least 64")]
    Short {
        /// Bytes of the datagram.
        length: usize,
    },
    /// An extension says that it is longer than what is left of the datagram.
    #[error("an extension of type {} says {said} bytes and {left} are left", kind.0)]
    Cut {
        /// Which one.
        kind: ExtensionKind,
        /// What it says.
        said: usize,
        /// What there is.
        left: usize,
    },
    /// Behind the last extension there is less than the head of one.
    #[error("{left} bytes behind the last extension")]
    Tail {
        /// How many bytes.
        left: usize,
    },
    /// An extension has a length that its type cannot have.
    #[error("an extension of type {} has {length} bytes", kind.0)]
    Length {
        /// Which one.
        kind: ExtensionKind,
        /// Its bytes.
        length: usize,
    },
    /// An extension that there can be one of is there twice: two readers might take different ones.
    #[error("an extension of type {} is there twice", kind.0)]
    Twice {
        /// Which one.
        kind: ExtensionKind,
    },
    /// The stream id is longer than [`MOST_BETWEEN_NODES`]; what a client may say of it is less ([`MOST_STREAM_ID`]).
    #[error("a stream id of {length} bytes, and 1200 are the most")]
    StreamIdLong {
        /// Its bytes.
        length: usize,
    },
    /// The stream id is not UTF-8, or has a zero in it, at which some would end it.
    #[error("the stream id is no text")]
    StreamIdText,
    /// What was to be written is larger than [`crate::MOST_BYTES`].
    #[error("a handshake of {length} bytes is larger than a packet")]
    Long {
        /// Its bytes.
        length: usize,
    },
}

/// What a handshake is: the type in it, 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 0: a first word to a peer that is to call at the same time.
    WaveAHand,
    /// 1: who is there?
    Induction,
    /// -1: what is wanted, or granted.
    Conclusion,
    /// -2: the last word of two that call each other.
    Agreement,
    /// -3: the end; nobody sends it.
    Done,
    /// 1000 and above: no, and why.
    Rejection(Reason),
    /// None of these.
    Other(u32),
}

impl Kind {
    fn read(word: u32) -> Kind {
        match word {
            0 => Kind::WaveAHand,
            1 => Kind::Induction,
            0xffff_ffff => Kind::Conclusion,
            0xffff_fffe => Kind::Agreement,
            0xffff_fffd => Kind::Done,
            // As a signed number, which it is, anything higher would be negative.
            1000..=0x7fff_ffff => Kind::Rejection(Reason(word.saturating_sub(1000))),
            word => Kind::Other(word),
        }
    }

    fn word(self) -> u32 {
        match self {
            Kind::WaveAHand => 0,
            Kind::Induction => 1,
            Kind::Conclusion => 0xffff_ffff,
            Kind::Agreement => 0xffff_fffe,
            Kind::Done => 0xffff_fffd,
            Kind::Rejection(Reason(code)) => code.saturating_add(1000).min(0x7fff_ffff),
            Kind::Other(word) => word,
        }
    }
}

/// The 48 bytes that every handshake has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields {
    /// 4 in a caller's induction, 5 from then on.
    pub version: u32,
    /// The length of keys, in units of 8 bytes: 0 not said, 2, 3 or 4.
    pub encryption: u16,
    /// By kind and version: [`MAGIC`], or which extensions there are.
    pub extension: u16,
    /// The sequence number that media begins with.
    pub sequence: u32,
    /// The largest packet, with the headers of IP and UDP; 1500 mostly.
    pub mtu: u32,
    /// How many packets may be under way.
    pub window: u32,
    /// What it is.
    pub kind: Kind,
    /// Who says it: by which number the sender is to be addressed.
    pub socket: SocketId,
    /// What a listener gave to the caller; 0 for none.
    pub cookie: u32,
    /// At which address the receiver is seen, as it stands there: [`peer_ip`].
    pub peer_ip: [u8; 16],
}

impl Fields {
    fn read(reader: &mut Reader<'_>) -> Option<Fields> {
        Some(Fields {
            version: reader.u32()?,
            encryption: reader.u16()?,
            extension: reader.u16()?,
            sequence: reader.u32()?,
            mtu: reader.u32()?,
            window: reader.u32()?,
            kind: Kind::read(reader.u32()?),
            socket: SocketId(reader.u32()?),
            cookie: reader.u32()?,
            peer_ip: reader.array()?,
        })
    }

    /// Whether extensions may follow: nobody but these sends any, and a refusal keeps the field of what it refuses.
    fn has_extensions(&self) -> bool {
        self.version >= 5 && matches!(self.kind, Kind::Conclusion | Kind::Agreement)
    }
}

/// A handshake as received, over its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handshake<'a> {
    /// The header's time: what media of this caller is timed by (TSBPD), together with when it arrives.
    pub timestamp: u32,
    /// Whom it is for.
    pub destination: SocketId,
    /// What every handshake has.
    pub fields: Fields,
    /// What a conclusion has behind that.
    pub extensions: Extensions<'a>,
}

impl<'a> Handshake<'a> {
    /// Reads a datagram. What follows the fields where no extensions can be is not looked at.
    ///
    /// # Errors
    /// [`Error`]; what extensions say is read by [`Handshake::stream_id`] and [`Handshake::srt`], which have errors of their own.
    pub fn read(datagram: &'a [u8]) -> Result<Handshake<'a>, Error> {
        let header = Header::read(datagram)?;
        if !header.is(ControlKind::HANDSHAKE) {
            return Err(Error::Other);
        }
        let mut reader = Reader(datagram.get(HEADER..).unwrap_or_default());
        let fields = Fields::read(&mut reader).ok_or(Error::Short { length: datagram.len() })?;
        let blocks = if fields.has_extensions() { reader.0 } else { &[] };
        let extensions = Extensions::read(blocks)?;
        Ok(Handshake { timestamp: header.timestamp, destination: header.destination, fields, extensions })
    }

    /// The stream id that the caller said; none when it said none.
    ///
    /// # Errors
    /// [`Error::Twice`], [`Error::StreamIdLong`], [`Error::StreamIdText`].
    pub fn stream_id(&self) -> Result<Option<String>, Error> {
        self.extensions.one(ExtensionKind::STREAM_ID)?.map(extension::stream_id).transpose()
    }

    /// The HSREQ of a caller or the HSRSP of a listener; none when there is neither.
    ///
    /// # Errors
    /// [`Error::Twice`], [`Error::Length`].
    pub fn srt(&self) -> Result<Option<Srt>, Error> {
        let kinds = [ExtensionKind::HSREQ, ExtensionKind::HSRSP];
        for kind in kinds {
            if let Some(content) = self.extensions.one(kind)? {
                return Srt::read(content).ok_or(Error::Length { kind, length: content.len() }).map(Some);
            }
        }
        Ok(None)
    }
}

/// An address as libsrt writes it: the bytes of each 32-bit word in reverse, an IPv4 address in the first of four.
pub fn peer_ip(ip: IpAddr) -> [u8; 16] {
    let mut bytes: [u8; 16] = match ip.to_canonical() {
        IpAddr::V4(ip) => array(&[&ip.octets()]),
        IpAddr::V6(ip) => ip.octets(),
    };
    extension::swap(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests;
