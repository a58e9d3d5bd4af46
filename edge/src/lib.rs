//! The edge: fetches a stream once, when somebody wants it, and serves it to everyone. An origin with vhosts that fetch does
//! the same, so it stands in [`srs_node`].

pub use srs_node::{Error, Node as Edge, Role, config};
