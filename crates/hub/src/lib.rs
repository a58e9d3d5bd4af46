//! Who is watching here: publish and subscribe inside one node.
//!
//! A [`Hub`] holds streams by key. A stream has at most one [`Publisher`] and any number of viewers. Each output format
//! that somebody watches is a [`Rendition`]: frames are encoded once, as they come in, into one bounded [`Window`] of
//! shared bytes, and a viewer is a [`Cursor`] into it. A [`Feed`] is how one shard follows one rendition: it pulls new
//! bytes under one short lock per flush into a window of its own, and every viewer of that shard is then served
//! without a lock, a copy or an allocation.
//!
//! What is made of a publisher's own tracks is published [`Beside`] them.
//!
//! The hub knows no protocol, no socket and no clock: time is an argument, and whoever waits hands in a
//! [`std::task::Waker`]. Upward it asks two things only: [`Demand`] (somebody wants this stream) and [`Rendition`].
//!
//! Read [`Hub`] first, then [`Feed`], [`Window`], [`Cursor`].

mod beside;
mod cursor;
mod described;
mod encoding;
mod extra;
mod feed;
mod gop;
mod heads;
mod hub;
mod limits;
mod publisher;
mod rendition;
mod signal;
mod stream;
#[cfg(test)]
mod testkit;
mod timeline;
mod told;
mod window;

pub use beside::{Beside, Over};
pub use cursor::{Cursor, Lag};
pub use feed::{Feed, Phase};
pub use heads::Headers;
pub use hub::{Hub, Refused, Settings, StreamStats, Takeover};
pub use limits::{GOP_BYTES, GOP_MS, LAG_BYTES_FLOOR, LAG_BYTES_HARD};
pub use publisher::{Finish, Publisher, Superseded};
pub use rendition::{Demand, Format, Opener, Rendition};
pub use signal::Signal;
pub use timeline::Rules;
pub use window::{Mark, Window};
