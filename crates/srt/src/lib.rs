//! SRT as bytes travel: packet headers, the handshake, and what a stream id says.
//!
//! This is the half that whoever passes SRT on needs: it knows who a datagram is for and which stream a caller wants, and
//! changes a handshake for the next listener. Retransmission, timing and encryption are between the ends, and go by here
//! as they are.
//!
//! Sans-IO: no socket, no clock. How a caller is taken in:
//! 1. Its induction ([`handshake::Handshake::read`]) is answered by [`handshake::Fields::answer_induction`] with a cookie of
//!    [`Cookies`], and nothing is kept of it.
//! 2. Its conclusion comes with that cookie. [`Cookies::is_good`] proves that the address is its own, and
//!    [`handshake::Handshake::stream_id`] with [`StreamId::parse`] says what it wants.
//! 3. It is refused ([`handshake::Fields::reject`]), or the next listener is asked by [`handshake::Fields::as_induction`] and told the
//!    same conclusion by [`handshake::Handshake::for_peer`]. The answer comes back in the same way.
//!
//! Standards: draft-sharabayko-srt-01 ("The SRT Protocol", IETF Internet-Draft), called "the draft" here; libsrt's
//! `docs/features/access-control.md` for stream ids and rejections.

mod cookie;
pub mod engine;
pub mod handshake;
pub mod packet;
mod reject;
pub mod streamid;
mod wire;

pub use cookie::Cookies;
pub use engine::Engine;
pub use packet::{Header, MOST_BYTES, SocketId};
pub use reject::Reason;
pub use streamid::StreamId;
