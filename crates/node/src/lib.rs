//! What origins and edges are made of: configuration in SRS's syntax, listeners, doors, heartbeats. Wiring only.
//!
//! The two roles differ in what they say of themselves ([`Role`]) and in how they are usually configured: as in SRS, each
//! vhost says whether its streams are published here or fetched.

mod beats;
pub mod config;
mod doors;
mod fetch;
mod node;
mod rtc;
mod srt;
mod start;

pub use node::{Error, Node};
pub use start::main;

/// Which program this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Streams are published to it.
    Origin,
    /// It fetches streams.
    Edge,
}

impl Role {
    /// As nodes tell each other.
    pub fn name(self) -> &'static str {
        match self {
            Role::Origin => "origin",
            Role::Edge => "edge",
        }
    }

    /// What the program is called.
    pub fn program(self) -> &'static str {
        match self {
            Role::Origin => "srs-origin",
            Role::Edge => "srs-edge",
        }
    }
}
