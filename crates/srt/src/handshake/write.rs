//! What is said in a handshake: answers, refusals, and a conclusion told again.

use std::net::IpAddr;
use std::time::Duration;

use super::extension::{Extension, ExtensionKind, stream_id_words};
use super::{
    DATAGRAMS, Error, FLAG_CONFIG, FLAG_HSREQ, FLAG_KMREQ, Fields, Handshake, Kind, MAGIC, PLAIN, peer_ip,
};
use crate::Reason;
use crate::packet::{Control, ControlKind, Header, Kind as Packet, MOST_BYTES, SocketId};
use crate::wire::array;

impl Fields {
    /// The answer to an induction: this cookie, and the caller's own words. `socket` is the answerer's id; libsrt has none
    /// yet and says the caller's. `to` is where the answer goes.
    pub fn answer_induction(&self, socket: SocketId, cookie: u32, to: IpAddr) -> Fields {
        let peer_ip = peer_ip(to);
        Fields { version: 5, encryption: 0, extension: MAGIC, socket, cookie, peer_ip, ..*self }
    }

    /// The answer to a conclusion, without extensions: an HSRSP must be added to it by [`write()`].
    pub fn answer_conclusion(&self, socket: SocketId, to: IpAddr) -> Fields {
        Fields { encryption: 0, extension: 0, socket, peer_ip: peer_ip(to), ..*self }
    }

    /// A refusal of this handshake. It is to be sent alone, without extensions.
    pub fn reject(&self, reason: Reason) -> Fields {
        Fields { kind: Kind::Rejection(reason), ..*self }
    }

    /// The induction with which the caller of this conclusion would begin: for the listener that is to hear the conclusion
    /// next, which gives its own cookie.
    pub fn as_induction(&self) -> Fields {
        let (version, encryption, extension) = (4, 0, DATAGRAMS);
        Fields { version, encryption, extension, kind: Kind::Induction, cookie: 0, ..*self }
    }

    /// The whole packet of a handshake without extensions. `timestamp` is in microseconds since the connection began.
    pub fn write(&self, destination: SocketId, timestamp: u32) -> [u8; PLAIN] {
        let control = Control { kind: ControlKind::HANDSHAKE, subtype: 0, info: 0 };
        let header = Header { kind: Packet::Control(control), timestamp, destination };
        array(&[
            &header.write(),
            &self.version.to_be_bytes(),
            &self.encryption.to_be_bytes(),
            &self.extension.to_be_bytes(),
            &self.sequence.to_be_bytes(),
            &self.mtu.to_be_bytes(),
            &self.window.to_be_bytes(),
            &self.kind.word().to_be_bytes(),
            &self.socket.0.to_be_bytes(),
            &self.cookie.to_be_bytes(),
            &self.peer_ip,
        ])
    }
}

/// The whole packet of a conclusion with these extensions. The extension field says which there are.
///
/// # Errors
/// [`Error::Length`] for content that is not whole words, [`Error::Long`].
pub fn write(
    fields: &Fields,
    extensions: &[Extension<'_>],
    destination: SocketId,
    timestamp: u32,
) -> Result<Vec<u8>, Error> {
    let extension = extensions.iter().fold(0, |flags, extension| flags | flag(extension.kind));
    let mut out = Fields { extension, ..*fields }.write(destination, timestamp).to_vec();
    for extension in extensions {
        push(extension.kind, extension.content, &mut out)?;
    }
    fits(out)
}

fn flag(kind: ExtensionKind) -> u16 {
    match kind {
        ExtensionKind::HSREQ | ExtensionKind::HSRSP => FLAG_HSREQ,
        ExtensionKind::KMREQ | ExtensionKind::KMRSP => FLAG_KMREQ,
        _ => FLAG_CONFIG,
    }
}

fn push(kind: ExtensionKind, content: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let length = content.len();
    let words = if length.is_multiple_of(4) { u16::try_from(length / 4).ok() } else { None };
    let words = words.ok_or(Error::Length { kind, length })?;
    out.extend(kind.0.to_be_bytes());
    out.extend(words.to_be_bytes());
    out.extend(content);
    Ok(())
}

fn fits(out: Vec<u8>) -> Result<Vec<u8>, Error> {
    if out.len() > MOST_BYTES { Err(Error::Long { length: out.len() }) } else { Ok(out) }
}

/// What is different when a handshake is told to another peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// Whom it goes to: [`SocketId::LISTENER`] with a caller's conclusion.
    pub destination: SocketId,
    /// Who says it.
    pub socket: SocketId,
    /// The cookie that the peer gave, or is known to have been given.
    pub cookie: u32,
    /// Another stream id; none leaves it, an empty one leaves it out.
    pub stream_id: Option<&'a str>,
    /// For how long it was held: its time goes on by so much, since the peer counts the time of media from it.
    pub held: Duration,
}

impl Handshake<'_> {
    /// This handshake as another peer is to hear it. All that [`Change`] does not name stays byte for byte: key material
    /// above all, which only the two ends can read.
    ///
    /// # Errors
    /// [`Error::Twice`] where one stream id would leave another, those of [`stream_id_words`], [`Error::Long`].
    pub fn for_peer(&self, change: &Change<'_>) -> Result<Vec<u8>, Error> {
        let Change { destination, socket, cookie, stream_id, held } = *change;
        // Both wrap at 32 bits.
        let timestamp = self.timestamp.wrapping_add(held.as_micros() as u32);
        let mut fields = Fields { socket, cookie, ..self.fields };
        let Some(text) = stream_id else {
            let mut out = fields.write(destination, timestamp).to_vec();
            out.extend(self.extensions.as_bytes());
            return fits(out);
        };
        let mut new = if text.is_empty() { None } else { Some(stream_id_words(text)?) };
        if new.is_some() {
            fields.extension |= FLAG_CONFIG;
        }
        let stands = self.extensions.one(ExtensionKind::STREAM_ID)?.is_some();
        let mut out = fields.write(destination, timestamp).to_vec();
        for Extension { kind, content } in self.extensions.iter() {
            // In the place of the old one; else before what is neither HSREQ nor HSRSP, where libsrt has it.
            let is_old = kind == ExtensionKind::STREAM_ID;
            if (is_old || !stands && flag(kind) != FLAG_HSREQ)
                && let Some(words) = new.take()
            {
                push(ExtensionKind::STREAM_ID, &words, &mut out)?;
            }
            if !is_old {
                push(kind, content, &mut out)?;
            }
        }
        if let Some(words) = new {
            push(ExtensionKind::STREAM_ID, &words, &mut out)?;
        }
        fits(out)
    }
}
