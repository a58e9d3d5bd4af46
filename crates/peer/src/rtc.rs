//! WebRTC's connections: one end of each, behind [`srs_rtc::Engine`].
//!
//! DTLS, SRTP, RTP, RTCP and what is sent again are the library's `str0m`. What stands around it here:
//! - SDP: which codecs, extensions and repairs are agreed on, and the answer's text;
//! - ICE-lite, which is our own ([`srs_rtc`]): the library sees one address that never changes, whatever way a datagram
//!   came.

mod accept;
mod answer;
mod build;
mod choose;
mod core;
mod could;
mod figures;
mod frames;
mod session;
mod settings;

pub mod client;

pub use session::Session;
pub use settings::{Certificate, Settings};

use std::sync::Arc;
use std::time::Instant;

use srs_rtc::Codec;
use srs_rtc::engine::Credentials;
use srs_rtc::sdp::{self, Description};

use accept::accept;
use choose::{Offer, Way};

/// What an offer was answered with.
#[derive(Debug)]
pub struct Accepted {
    /// This end.
    pub engine: Session,
    /// The answer: SDP that says ICE-lite and names no candidates yet.
    pub answer: String,
    /// The codecs that were agreed on, the preferred one of each track first.
    pub codecs: Vec<Codec>,
    /// Of a peer that receives: codecs on which it would agree too, once the stream has them. They are of tracks that it
    /// offers and that the stream does not have; of a track that was agreed on there is none.
    pub could: Vec<Codec>,
    /// The peer's side of ICE, as its offer says.
    pub theirs: Credentials,
    /// Of simulcast: the layers (`rid`) that the peer sends, as it lists them.
    pub layers: Vec<Arc<str>>,
}

/// Why an offer cannot be answered. The text is meant for who made the offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] sdp::Error),
    /// It says too little, or what does not fit together.
    #[error("{0}")]
    Sdp(String),
    /// None of the stream's codecs is offered.
    #[error("{0}")]
    Codecs(String),
    /// The library could not begin.
    #[error("the session could not begin: {0}")]
    Broken(String),
}

/// Answers the offer of a peer that sends media (WHIP): this end receives, and gives whole frames.
///
/// # Errors
///
/// The offer cannot be read, or has nothing that can be received.
pub fn publish(
    settings: &Settings,
    offer: &str,
    ours: Credentials,
    now: Instant,
) -> Result<Accepted, Refused> {
    let whole = Description::parse(offer)?;
    let offer = Offer { sections: whole.media().collect(), whole: &whole };
    let chosen = choose::publish(settings, &offer)?;
    accept(settings, &offer, Way::Publish, chosen, ours, now)
}

/// Answers the offer of a peer that wants to see a stream (WHEP). `stream` is what the stream has; of each track the peer
/// gets the first codec there that it offers.
///
/// # Errors
///
/// The offer cannot be read, or has none of the stream's codecs.
pub fn play(
    settings: &Settings,
    offer: &str,
    ours: Credentials,
    stream: &[Codec],
    now: Instant,
) -> Result<Accepted, Refused> {
    let whole = Description::parse(offer)?;
    let offer = Offer { sections: whole.media().collect(), whole: &whole };
    let chosen = choose::play(settings, &offer, stream)?;
    let could = could::could(settings, &offer, stream, &chosen);
    let accepted = accept(settings, &offer, Way::Play, chosen, ours, now)?;
    Ok(Accepted { could, ..accepted })
}

#[cfg(test)]
mod tests;
