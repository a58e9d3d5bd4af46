//! RTMP as bytes travel: handshake, chunks, messages and the sessions of both sides, and FLV tag framing.
//!
//! Everything here is sans-IO and media-blind: no socket, no clock, no codec. What a video body means is for `flv`; the
//! one glance at bodies that a relay needs is [`peek`].
//!
//! How to drive a session ([`server::Session`], [`client::Session`]):
//! 1. Hand what was read to `handle_input` again and again until it answers `None`, which means that the input is used up.
//! 2. Send what `poll_output` has: after step 1, after each call of an answering method, and *before* ending on an error
//!    (the error may have left a refusal to be told).
//! 3. After an error the session is over: close the connection.
//!
//! Standards: Adobe RTMP 1.0 (2012), Enhanced RTMP v2.

pub mod aggregate;
mod body;
pub mod chunk;
pub mod client;
mod command;
mod error;
pub mod handshake;
mod link;
mod message;
pub mod peek;
mod random;
pub mod server;
pub mod tag;
pub mod user_control;
mod window;

pub use command::{Command, MAX_COMMAND};
pub use error::Error;
pub use message::{Message, MessageKind};
pub use random::Random;
