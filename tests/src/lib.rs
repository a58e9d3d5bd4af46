//! The kit of the tests that cross rooms: real roles in this process, and simple clients and servers around them.
//!
//! A test starts a [`Cluster`] (ports chosen by the system, loopback only, gone when dropped), publishes with
//! [`Publisher`], watches with [`Player`] or [`FlvPlayer`], and compares the [`Mark`]s of what was sent and what came.
//! [`fake`] has servers that misbehave on purpose, [`Program`] runs programs of others, [`logs`] sees what was logged.
//! Every wait has a deadline and panics with what it waited for: see [`within`] and [`until`].

pub mod browser;
pub mod clients;
pub mod cluster;
pub mod crowd;
pub mod edge;
pub mod fake;
pub mod fleet;
mod folder;
pub mod gate;
pub mod http;
pub mod judge;
mod legs;
pub mod logs;
pub mod media;
pub mod process;
pub mod program;
pub mod redis;
pub mod rtc;
pub mod rtsp;
pub mod srt;
pub mod tools;
mod wait;

pub use browser::Browser;
pub use clients::flv::FlvPlayer;
pub use clients::hls::HlsPlayer;
pub use clients::player::Player;
pub use clients::publisher::Publisher;
pub use clients::raw::Raw;
pub use clients::{Refusal, Target};
pub use cluster::Cluster;
pub use crowd::Crowd;
pub use fleet::{Fleet, Programs, Shared};
pub use gate::{Gate, Weather};
pub use judge::{Plan, Report, Show};
pub use media::{Frame, Mark, Source};
pub use process::{OriginProcess, ProxyProcess};
pub use program::Program;
pub use redis::RedisServer;
pub use rtsp::RtspServer;
pub use wait::{PATIENCE, until, within};
