//! Machinery: one driver per transport around the pure machines, and what every listener needs.
//!
//! A driver is a socket, a pure machine and a timer; it decides nothing about streams. [`shards`] spreads connections
//! over cores, [`tcp`] accepts and tunes sockets, [`dial`] connects by name, [`haproxy`] reads whom a balancer passes on, [`rtmp`] drives an RTMP session until it asks for something,
//! [`http`] reads request and response heads under strict framing rules and hands everything that is not live media to
//! hyper. [`udp`] sends and receives in batches, [`srt`] keeps many connections of SRT on one port, and [`rtc`] many sessions of WebRTC. Who may do what, and where a stream lives, is decided above.

pub mod buffer;
pub mod candidates;
pub mod dial;
pub mod haproxy;
pub mod http;
pub mod limits;
pub mod quiet;
pub mod rtc;
pub mod rtmp;
pub mod shards;
pub mod srt;
pub mod tcp;
pub mod udp;

mod outbox;
mod turns;
pub use outbox::Outbox;
