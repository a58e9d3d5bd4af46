//! The origin: owns the streams that are published to it and serves them. Wiring and configuration only.

pub mod config;
mod doors;
mod origin;

pub use origin::{Error, Origin};
