//! The origin: owns the streams that are published to it and serves them. All that it does an edge can do too, so it stands
//! in [`srs_node`].

pub use srs_node::{Error, Node as Origin, Role, config};
