//! What things are called in Redis.

use srs_names::{NodeId, StreamKey};
use std::fmt::Write as _;

/// Names of keys under one prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    root: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        let root = if prefix.is_empty() { "srs:".to_owned() } else { format!("{prefix}:srs:") };
        Self { root }
    }

    /// The claim of a stream, and the last epoch of it. The braces make a cluster keep both on one server.
    pub(super) fn stream(&self, key: &StreamKey) -> [String; 2] {
        let tag = format!("{}{{{}}}", self.root, braceless(&key.to_string()));
        [format!("{tag}:claim"), format!("{tag}:last")]
    }

    /// What a proxy writes again and again, to see that it stays.
    pub(super) fn canary(&self, me: &NodeId) -> String {
        format!("{}proxy:{}", self.root, braceless(me.as_str()))
    }

    /// The newest beat of a node.
    pub(super) fn node(&self, id: &NodeId) -> String {
        format!("{}node:{}", self.root, braceless(id.as_str()))
    }

    /// A note of this name.
    pub(super) fn note(&self, name: &str) -> String {
        format!("{}note:{}", self.root, braceless(name))
    }

    /// The index of all nodes that are shown.
    pub(super) fn nodes(&self) -> String {
        format!("{}nodes", self.root)
    }
}

/// Braces would break the tag by which a cluster places keys.
fn braceless(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '{' | '}' | '%' => {
                // A text takes all that is written to it.
                let _ = write!(out, "%{:02X}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
