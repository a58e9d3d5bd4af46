//! What a datagram is, by its first byte: STUN, DTLS and media share one port (RFC 7983).

/// Bytes of a STUN header, RFC 8489 section 5.
const STUN: usize = 20;
/// Bytes of the head of a DTLS record, RFC 6347 section 4.1. Those of version 1.3 may be shorter, but none begins a handshake.
const DTLS: usize = 13;
/// Bytes of the smallest RTCP packet, RFC 3550 section 6.1; an RTP header has 12.
const MEDIA: usize = 8;

/// What a datagram is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// First byte 0 to 3, and long enough for a header of STUN. Whether it is STUN, [`crate::stun::Message::read`] says.
    Stun,
    /// First byte 20 to 63, and long enough for the head of a record.
    Dtls,
    /// First byte 128 to 191: RTP or RTCP, encrypted.
    Media,
    /// Nothing that belongs here.
    Other,
}

impl Kind {
    /// Looks at the first byte and the length, and no further.
    pub fn of(datagram: &[u8]) -> Kind {
        match (datagram.first(), datagram.len()) {
            (Some(0..=3), STUN..) => Kind::Stun,
            (Some(20..=63), DTLS..) => Kind::Dtls,
            (Some(128..=191), MEDIA..) => Kind::Media,
            _ => Kind::Other,
        }
    }
}

#[cfg(test)]
mod tests;
