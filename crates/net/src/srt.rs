//! Many connections of SRT on one port, and calls to listeners of others.
//!
//! A port has one socket and one driver on each shard; the kernel deals datagrams by the two ends' addresses, so that a
//! caller stays on its shard. Nothing is kept of a caller before it has shown, by the cookie, that its address is its own.
//! Then it is a [`Knock`], which the session refuses or answers with an [`srs_srt::Engine`], upon which it is a
//! [`Connection`]: what travels is between the engine and the driver, and the session sees messages.
//!
//! The standard is that of [`srs_srt`].

mod connection;
mod crowd;
mod dial;
mod follow;
mod ids;
mod knock;
mod lately;
mod live;
mod port;
mod refusals;
mod shard;
mod state;

pub use connection::Connection;
pub use dial::dial;
pub use knock::Knock;
pub use port::{Port, serve};

#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;
