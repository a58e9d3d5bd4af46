//! WebRTC as bytes travel: who a datagram is for, whether its sender may speak for that, and which addresses an SDP names.
//!
//! This is the half that whoever passes WebRTC on needs. Media, DTLS and SRTP are between the ends, and go by here as they are.
//!
//! Sans-IO: no socket, no clock. How a session comes to be:
//! 1. Its SDP ([`sdp::Description`]) is answered under a user name that says who has the session ([`ufrag::Keys::make`]).
//! 2. The first datagram from an address is a check ([`datagram::Kind::of`], [`stun::Message::read`]). Its user name says whose
//!    it is ([`ufrag::Ufrag::parse`]), and [`stun::Message::verify`] whether its sender may speak for that.
//! 3. The end that has the session ([`engine::Engine`]) answers it and knows by it where the peer is ([`lite::Agent`]).
//!
//! Over TCP datagrams travel in frames ([`frames`]).
//!
//! Standards: RFC 8489 (STUN), 8445 (ICE), 8839 (its SDP), 8840 (trickle ICE), 7675 (consent), 6544 and 4571 (TCP), 7983
//! (one port for all), 8866 (SDP).

pub mod datagram;
pub mod engine;
pub mod frames;
pub mod lite;
pub mod sdp;
pub mod stun;
pub mod ufrag;
mod wire;

pub use engine::{Codec, Engine, Path, Track};
