//! The handshake, RTMP 1.0 section 5.2, and the digest form that Flash introduced after it.
//!
//! ```text
//! C0, S0  version(8) = 3
//! C1, S1  time(32)  version or zero(32)  random(1528), in which a digest form hides 32 bytes of HMAC-SHA256
//! C2, S2  the peer's block again; in the digest form random(1504) and an HMAC over it
//! ```
//! What comes as C2 or S2 is not checked: encoders are known to send anything there.

mod digest;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::Random;

/// Length of C1, C2, S1 and S2.
pub const BLOCK: usize = 1536;

const VERSION: u8 = 3;

/// Why the handshake failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 6 and 8: RTMPE.
    #[error("encrypted RTMP (RTMPE, version byte {version}) is not supported, use RTMPS")]
    Encrypted {
        /// The version byte.
        version: u8,
    },
    /// Any other first byte; often HTTP or TLS on the wrong port.
    #[error("version byte {version:#04x} at byte 0 where RTMP has 3: not an RTMP peer")]
    NotRtmp {
        /// The first byte.
        version: u8,
    },
}

/// Which C1 a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// Random bytes, echoed. Every server of today takes it, and it costs nothing.
    #[default]
    Simple,
    /// With digests, which old Flash Media Servers want before they send H.264. A server that answers plainly is
    /// answered plainly.
    Digest,
}

/// The listening side.
#[derive(Debug)]
pub struct Server {
    step: Step,
}

/// The connecting side.
#[derive(Debug)]
pub struct Client {
    step: Step,
}

#[derive(Debug)]
enum Step {
    Version,
    /// C1 or S1, gathered.
    Block(Vec<u8>),
    /// Bytes of C2 or S2 still to be dropped.
    Echo(usize),
}

impl Default for Server {
    fn default() -> Server {
        Server::new()
    }
}

impl Server {
    /// A server that waits for C0.
    pub fn new() -> Server {
        Server { step: Step::Version }
    }

    /// Takes from `input` and appends to `out` what is to be sent: S0, S1 and S2 at once, as soon as C1 is whole. True
    /// when C2 is in and chunks follow; then nothing more is taken.
    pub fn read(
        &mut self,
        input: &mut Bytes,
        random: &mut Random,
        out: &mut BytesMut,
    ) -> Result<bool, Error> {
        loop {
            match &mut self.step {
                Step::Version => {
                    let Some(()) = version(input)? else { return Ok(false) };
                    self.step = Step::Block(Vec::with_capacity(BLOCK));
                }
                Step::Block(block) => {
                    let Some(c1) = gather(block, input) else { return Ok(false) };
                    out.put_u8(VERSION);
                    digest::answer(&c1, random, out);
                    self.step = Step::Echo(BLOCK);
                }
                Step::Echo(left) => return Ok(skip(left, input)),
            }
        }
    }
}

impl Client {
    /// A client that has C0 and C1 written to `out`.
    pub fn new(style: Style, random: &mut Random, out: &mut BytesMut) -> Client {
        out.put_u8(VERSION);
        let mut c1 = [0; BLOCK];
        random.fill(c1.get_mut(8..).unwrap_or_default());
        if style == Style::Digest {
            digest::sign_client(&mut c1);
        }
        out.put_slice(&c1);
        Client { step: Step::Version }
    }

    /// Takes from `input`; appends C2 to `out` as soon as S1 is whole. True when S2 is in and chunks may be sent.
    pub fn read(
        &mut self,
        input: &mut Bytes,
        random: &mut Random,
        out: &mut BytesMut,
    ) -> Result<bool, Error> {
        loop {
            match &mut self.step {
                Step::Version => {
                    let Some(()) = version(input)? else { return Ok(false) };
                    self.step = Step::Block(Vec::with_capacity(BLOCK));
                }
                Step::Block(block) => {
                    let Some(s1) = gather(block, input) else { return Ok(false) };
                    digest::confirm(&s1, random, out);
                    self.step = Step::Echo(BLOCK);
                }
                Step::Echo(left) => return Ok(skip(left, input)),
            }
        }
    }
}

fn version(input: &mut Bytes) -> Result<Option<()>, Error> {
    let Some(&version) = input.first() else { return Ok(None) };
    match version {
        VERSION => {
            input.advance(1);
            Ok(Some(()))
        }
        6 | 8 | 9 => Err(Error::Encrypted { version }),
        version => Err(Error::NotRtmp { version }),
    }
}

fn gather(block: &mut Vec<u8>, input: &mut Bytes) -> Option<[u8; BLOCK]> {
    let count = BLOCK.saturating_sub(block.len()).min(input.len());
    block.extend_from_slice(input.get(..count).unwrap_or_default());
    input.advance(count);
    block.first_chunk::<BLOCK>().copied()
}

fn skip(left: &mut usize, input: &mut Bytes) -> bool {
    let count = (*left).min(input.len());
    input.advance(count);
    *left = left.saturating_sub(count);
    *left == 0
}

#[cfg(test)]
mod tests;
