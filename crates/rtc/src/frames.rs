//! Datagrams in a TCP connection: each behind its length in 16 bits (RFC 4571), as ICE over TCP has it (RFC 6544).

use bytes::{Buf as _, BufMut as _, BytesMut};

/// Bytes of a datagram at the most. DTLS, RTP and STUN are made for paths of 1500.
pub const MOST_BYTES: usize = 2048;
/// Bytes of the length.
const HEAD: usize = 2;

/// A frame is longer than [`MOST_BYTES`]. Where the next one begins is still known, but no peer of ours does this: the
/// connection is best closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {length} bytes, and {MOST_BYTES} are the most")]
pub struct TooLong {
    /// Bytes that it says.
    pub length: usize,
}

/// Takes datagrams out of what comes. It holds what was pushed and not yet taken: who takes all after each push holds less than
/// one frame.
#[derive(Debug, Default)]
pub struct Reader {
    held: BytesMut,
}

impl Reader {
    /// Takes bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.put_slice(bytes);
    }

    /// The next whole datagram; none when more bytes are needed. Empty frames mean nothing and are passed over.
    pub fn take(&mut self) -> Result<Option<BytesMut>, TooLong> {
        loop {
            let Some(head) = self.held.first_chunk::<HEAD>() else { return Ok(None) };
            let length = usize::from(u16::from_be_bytes(*head));
            if length > MOST_BYTES {
                return Err(TooLong { length });
            }
            if self.held.len().saturating_sub(HEAD) < length {
                return Ok(None);
            }
            self.held.advance(HEAD);
            if length > 0 {
                return Ok(Some(self.held.split_to(length)));
            }
        }
    }
}

/// Appends a datagram with its length before it. One that is too long is not appended.
pub fn write(out: &mut BytesMut, datagram: &[u8]) -> Result<(), TooLong> {
    let length = datagram.len();
    match u16::try_from(length) {
        Ok(head) if length <= MOST_BYTES => {
            out.put_u16(head);
            out.put_slice(datagram);
            Ok(())
        }
        _ => Err(TooLong { length }),
    }
}

#[cfg(test)]
mod tests;
