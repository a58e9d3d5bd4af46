//! One connection between two members: how they prove who they are, and how frames pass.
//!
//! The dialler sends a magic text and a nonce. The other answers with its nonce, its identity and a tag over all of that;
//! the dialler ends with its identity and a tag over all. From what was said each direction gets a key of its own, and each
//! frame a tag over its number: nothing can be put in, left out or played again, and frames of an older connection are good
//! for nothing. Frames are not encrypted.
//!
//! | Bytes | Of a frame |
//! |---|---|
//! | 4 | length of what it says |
//! | as many | what it says |
//! | 32 | tag over its number, its length and what it says |

use super::identity::Identity;
use super::seal::{Key, TAG};
use super::wire::{self, Reader};
use crate::MAX_BODY;
use srs_names::NodeId;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const MAGIC: &[u8; 8] = b"SRSMESH1";
const NONCE: usize = 32;
/// Longest frame: a beat, with room for names.
const MAX_FRAME: usize = MAX_BODY + 4096;
/// Longest identity as it is written.
const MAX_IDENTITY: usize = 128;

/// The keys of a connection.
pub(super) struct Session {
    send: Key,
    receive: Key,
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Opens a connection to `whom`: its identity, and the keys.
pub(super) async fn dial<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    key: &Key,
    me: &Identity,
    whom: &NodeId,
) -> io::Result<(Identity, Session)> {
    let mine: [u8; NONCE] = rand::random();
    let mut first = MAGIC.to_vec();
    first.extend_from_slice(&mine);
    stream.write_all(&first).await?;
    let mut theirs = [0; NONCE];
    stream.read_exact(&mut theirs).await?;
    let written = read_identity(stream).await?;
    let mut tag = [0; TAG];
    stream.read_exact(&mut tag).await?;
    if !key.is_tag(&[b"accept", &mine, &theirs, &written], &tag) {
        return Err(refused("the other has another secret"));
    }
    let peer = identity(&written)?;
    if peer.id != *whom {
        return Err(refused("somebody else is there"));
    }
    let said = [mine.as_slice(), &theirs, &written, &spelled(me)].concat();
    let mut last = spelled(me);
    last.extend_from_slice(&key.tag(&[b"dial", &said]));
    stream.write_all(&last).await?;
    let (out, back) = (key.derive(&[b"from dialler", &said]), key.derive(&[b"to dialler", &said]));
    Ok((peer, Session { send: out, receive: back }))
}

/// The other side of [`dial`].
pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    key: &Key,
    me: &Identity,
) -> io::Result<(Identity, Session)> {
    let (mut magic, mut theirs) = ([0; MAGIC.len()], [0; NONCE]);
    stream.read_exact(&mut magic).await?;
    if magic != *MAGIC {
        return Err(refused("it is not of a mesh"));
    }
    stream.read_exact(&mut theirs).await?;
    let mine: [u8; NONCE] = rand::random();
    let written = spelled(me);
    let mut answer = mine.to_vec();
    answer.extend_from_slice(&written);
    answer.extend_from_slice(&key.tag(&[b"accept", &theirs, &mine, &written]));
    stream.write_all(&answer).await?;
    let peer = read_identity(stream).await?;
    let mut tag = [0; TAG];
    stream.read_exact(&mut tag).await?;
    let said = [theirs.as_slice(), &mine, &written, &peer].concat();
    if !key.is_tag(&[b"dial", &said], &tag) {
        return Err(refused("the other has another secret"));
    }
    let (back, out) = (key.derive(&[b"from dialler", &said]), key.derive(&[b"to dialler", &said]));
    Ok((identity(&peer)?, Session { send: out, receive: back }))
}

/// An identity behind its length.
fn spelled(who: &Identity) -> Vec<u8> {
    let mut inner = Vec::new();
    who.write(&mut inner);
    let mut out = Vec::new();
    wire::put_bytes(&mut out, &inner);
    out
}

/// Reads what [`spelled`] wrote, length and all.
async fn read_identity(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    if usize::from(length) > MAX_IDENTITY {
        return Err(refused("it is too long for an identity"));
    }
    let mut inner = vec![0; length.into()];
    stream.read_exact(&mut inner).await?;
    let mut out = Vec::new();
    wire::put_bytes(&mut out, &inner);
    Ok(out)
}

fn identity(written: &[u8]) -> io::Result<Identity> {
    let inner = Reader(written).bytes().ok_or_else(|| refused("no identity"))?;
    let mut reader = Reader(inner);
    let who = Identity::read(&mut reader).filter(|_| reader.0.is_empty());
    who.ok_or_else(|| refused("no identity"))
}

/// Frames that go out.
pub(super) struct Sender<W> {
    to: W,
    key: Key,
    number: u64,
}

/// Frames that come in.
pub(super) struct Receiver<R> {
    from: R,
    key: Key,
    number: u64,
}

impl Session {
    /// Frames over the two halves of the connection.
    pub(super) fn frames<R, W>(self, from: R, to: W) -> (Receiver<R>, Sender<W>) {
        (Receiver { from, key: self.receive, number: 0 }, Sender { to, key: self.send, number: 0 })
    }
}

impl<W: AsyncWrite + Unpin> Sender<W> {
    pub(super) async fn send(&mut self, says: &[u8]) -> io::Result<()> {
        let length = u32::try_from(says.len()).ok().filter(|_| says.len() <= MAX_FRAME);
        let length = length.ok_or_else(|| refused("a frame is too long"))?.to_be_bytes();
        let tag = self.key.tag(&[&self.number.to_be_bytes(), &length, says]);
        self.number = self.number.wrapping_add(1);
        self.to.write_all(&[length.as_slice(), says, &tag].concat()).await
    }
}

impl<R: AsyncRead + Unpin> Receiver<R> {
    pub(super) async fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length).await?;
        let size = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if size > MAX_FRAME {
            return Err(refused("a frame is too long"));
        }
        let mut says = vec![0; size];
        self.from.read_exact(&mut says).await?;
        let mut tag = [0; TAG];
        self.from.read_exact(&mut tag).await?;
        if !self.key.is_tag(&[&self.number.to_be_bytes(), &length, &says], &tag) {
            return Err(refused("a frame is not the other's"));
        }
        self.number = self.number.wrapping_add(1);
        Ok(says)
    }
}

#[cfg(test)]
mod tests;
