//! What every program needs before its first socket: configuration, logging, signals and ids.
//!
//! Two sources of settings are understood: files in SRS's syntax with `SRS_*` overrides ([`conf`]), and an
//! environment with an optional `.env` file ([`env`]). Which settings exist for a role, and what they do, is decided
//! in the role; only the table of SRS's directives ([`conf::schema`]) lives here, as origin and edge share it.
//! Nothing here reads the process's environment, arguments or clock unless its name says so.

pub mod conf;
pub mod env;
pub mod files;
pub mod ids;
pub mod log;
pub mod nearest;
pub mod pid;
pub mod secret;
pub mod signals;
pub mod value;

pub use value::{Expected, Listen, Secret, Shards};
