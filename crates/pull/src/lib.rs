//! The door upstream: streams that are wanted here and published elsewhere.
//!
//! [`plan`] says from where a stream may be fetched. Names are turned into plans by the rules of a vhost.

pub mod plan;

pub use plan::{Order, Plan, Rules, Scheme, Target};
