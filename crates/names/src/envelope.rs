//! The node envelope: the one record that our nodes tell each other when one opens a session at the next.
//!
//! It says who asks and for whom, and is sealed with the cluster's secret: what comes without a good seal is as if it
//! were not there. Time is an argument. In RTMP it stands in the connect object as [`RTMP_PROPERTY`], in HTTP in the
//! header [`HTTP_HEADER`], in SRT in the stream id as [`SRT_KEY`]; it is sent only to nodes that registered [`CAPABILITY`].
//!
//! The text is one line of printable ASCII without blanks, at most [`MOST_BYTES`]: fields in a fixed order parted by
//! `;`, the last of them the MAC (HMAC-SHA256, in hexadecimal) of all that stands before it.

pub mod bound;
mod door;
mod heard;
mod text;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::NodeId;
pub use crate::term::Term;
pub use door::{Door, Shut};
pub use heard::Heard;

/// The string property of RTMP's connect object.
pub const RTMP_PROPERTY: &str = "srsNode";
/// The header of an HTTP request.
pub const HTTP_HEADER: &str = "x-srs-node";
/// The key of a pair in SRT's stream id, behind all others: `#!::r=live/a,m=publish,srsNode=...`, its value with `,`, `?` and
/// `%` escaped. A node takes it out before it reads the rest; origins that do not know it, SRS's among them, would take
/// it for one more parameter of the stream. Where both do not fit into a packet, it is left out.
pub const SRT_KEY: &str = "srsNode";
/// Told to who plays with an envelope, as a number among the properties of `NetStream.Play.Start`: the port of HTTP at
/// which the stream's HLS is, at the host that was asked. Not said where there is none.
pub const HLS_PROPERTY: &str = "srsHls";
/// The same over HTTP, as a header of the answer: the HLS is at the very host and port that was asked.
pub const HLS_HEADER: &str = "x-srs-hls";
/// What nodes that understand envelopes name among their capabilities.
pub const CAPABILITY: &str = "envelope";
/// An envelope is good for so long before and after it was sent: clocks of one cluster differ by seconds, and a session
/// that takes longer to open has failed.
pub const GOOD_FOR: Duration = Duration::from_secs(30);
/// The longest text that is read: with every field at a sensible length there are some 600 bytes.
pub const MOST_BYTES: usize = 2048;
/// Nodes that a stream may pass: edges behind edges have three or four.
pub const MOST_HOPS: usize = 16;

/// What the key is derived for, so that nothing else sealed with the secret can pass for an envelope.
const USE: &[u8] = b"node envelope v1";

/// What the sender wants of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A proxy forwards a client's publish or play.
    Relay,
    /// An edge fetches a stream.
    Pull,
    /// An edge passes a publish on.
    Push,
    /// A node tells of itself.
    Beat,
    /// A node asks another for its lists, or tells it what to do.
    Control,
}

/// What a node tells the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Who sends it.
    pub from: NodeId,
    /// What kind of node that is: `proxy`, `edge`, `origin`.
    pub role: String,
    /// What it wants.
    pub purpose: Purpose,
    /// Whom it is for: the server id of a node that registered, or `host:port` as dialled.
    pub to: String,
    /// Where the client is for whom it asks.
    pub client: Option<SocketAddr>,
    /// The claim by which a publish goes to this origin.
    pub term: Option<Term>,
    /// How long to wait for the publisher when its connection breaks, in whole milliseconds.
    pub hold: Option<Duration>,
    /// The sender's id of the client's session; empty when it has none.
    pub session: String,
    /// The request that it is good for, as [`bound`] says it.
    pub bound: String,
    /// The nodes that the stream has passed, oldest first; at most [`MOST_HOPS`].
    pub hops: Vec<NodeId>,
}

/// When an envelope was sealed, and a number that no other of that moment has: by both a receiver that must not act
/// twice knows one that comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Milliseconds since 1970.
    pub sent_ms: u64,
    /// Chance.
    pub nonce: u64,
}

/// Why a text is no envelope for this node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// It does not read as one.
    #[error("not a node envelope")]
    Malformed,
    /// It was not sealed with this cluster's secret, or was changed.
    #[error("sealed with another secret")]
    Secret,
    /// It was sealed longer ago than [`GOOD_FOR`]; by so many milliseconds.
    #[error("sealed {0} ms ago")]
    TooOld(u64),
    /// It was sealed further in the future than [`GOOD_FOR`]; by so many milliseconds.
    #[error("sealed {0} ms in the future: are the clocks right?")]
    TooNew(u64),
    /// It is for this node.
    #[error("for {0}, which is not this node")]
    NotForUs(String),
}

/// Seals and opens envelopes. Cheap to clone.
#[derive(Clone)]
pub struct Seal(Hmac<Sha256>);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(..)")
    }
}

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// HMAC under a key of any length: a short one is filled up with zeros, of a long one the digest is taken. Said here, as
/// by it there is no error to handle.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let digest = Sha256::digest(key);
    let key = if key.len() > BLOCK { digest.as_slice() } else { key };
    let mut block = [0; BLOCK];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    Hmac::new(&block.into())
}

impl Seal {
    /// The seal of the cluster that has this secret.
    pub fn new(secret: &[u8]) -> Self {
        let mut derivation = keyed(secret);
        derivation.update(USE);
        Self(keyed(&derivation.finalize().into_bytes()))
    }

    /// The text of an envelope that is sent now. `nonce` is chance.
    ///
    /// One with more than [`MOST_HOPS`] hops, or whose text is longer than [`MOST_BYTES`], no reader opens.
    pub fn sign(&self, envelope: &Envelope, now_unix_ms: u64, nonce: u64) -> String {
        let mut text = text::write(envelope, Mark { sent_ms: now_unix_ms, nonce });
        let mac = self.0.clone().chain_update(&text).finalize().into_bytes();
        text.push(';');
        text::push_hex(&mac, &mut text);
        text
    }

    /// Opens what somebody sent. `is_me` says whether [`Envelope::to`] means this node.
    ///
    /// # Errors
    /// [`Foreign`]; the envelope is then to be treated as if it were not there.
    pub fn open(
        &self,
        text: &str,
        is_me: impl Fn(&str) -> bool,
        now_unix_ms: u64,
    ) -> Result<(Envelope, Mark), Foreign> {
        if text.len() > MOST_BYTES {
            return Err(Foreign::Malformed);
        }
        let (told, mac) = text.rsplit_once(';').ok_or(Foreign::Malformed)?;
        let mac = text::read_hex(mac).ok_or(Foreign::Malformed)?;
        self.0.clone().chain_update(told).verify_slice(&mac).map_err(|_| Foreign::Secret)?;
        let (envelope, mark) = text::read(told).ok_or(Foreign::Malformed)?;
        let good_for = u64::try_from(GOOD_FOR.as_millis()).unwrap_or(u64::MAX);
        match (now_unix_ms.saturating_sub(mark.sent_ms), mark.sent_ms.saturating_sub(now_unix_ms)) {
            (ago, _) if ago > good_for => Err(Foreign::TooOld(ago)),
            (_, ahead) if ahead > good_for => Err(Foreign::TooNew(ahead)),
            _ if !is_me(&envelope.to) => Err(Foreign::NotForUs(envelope.to)),
            _ => Ok((envelope, mark)),
        }
    }
}

#[cfg(test)]
mod tests;
