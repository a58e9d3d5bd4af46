//! Many sessions of WebRTC on one port, over UDP and TCP.
//!
//! A port has one socket and one driver on each shard. Nothing is kept of an address before a binding request came from
//! there whose MESSAGE-INTEGRITY is that of a user name which the [`Door`] knows (RFC 8489 section 14.5), and nothing is
//! answered. Then it is a [`Knock`], which the session accepts with an [`Engine`](srs_rtc::Engine), upon which it is a
//! [`Connection`]: what travels is between the engine and the driver, and the session sees events.
//!
//! A session has a name, and lives on the shard where it was heard first. What the kernel deals elsewhere, since a client
//! may have several addresses, is handed over.

mod addresses;
mod check;
mod connection;
mod door;
mod knock;
mod line;
mod names;
mod port;
mod serving;
mod shard;
mod state;
mod strays;
mod wire;

pub use check::Dropped;
pub use connection::Connection;
pub use door::{Door, Found};
pub use knock::Knock;
pub use port::{Port, serve};
pub use serving::Serving;

#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;
