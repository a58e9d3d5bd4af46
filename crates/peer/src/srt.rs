//! SRT's connections: one end of each, behind [`srs_srt::Engine`].
//!
//! Most of the work is done by the library `srt-protocol`, of which nothing but its connection after the handshake is
//! used (`core`). What stands around it here:
//! - the handshake of both sides: [`accept()`] and [`Call`];
//! - which packets it gets to see at all, since some of those that peers send make it panic or never end (`engine`);
//! - what was lost and is asked for again, and when it is given up (`losses`);
//! - what may be sent again and when (`sent`), the peer's clock (`clock`), its changes of keys (`keys`).
//!
//! Standards: draft-sharabayko-srt-01 ("the draft"); where it leaves room, what libsrt 1.5.1 does.

mod accept;
mod agreed;
mod call;
mod clock;
mod core;
mod engine;
mod keys;
mod losses;
mod numbers;
mod sent;
mod settings;

pub use accept::{Accepted, accept};
pub use call::Call;
pub use settings::{BadPassphrase, KeyLength, Passphrase, Settings};

#[cfg(test)]
mod tests;
