//! The origin: owns the streams that are published to it and serves them. Wiring and configuration only.

mod beats;
pub mod config;
mod doors;
mod origin;

pub use origin::{Error, Origin};
