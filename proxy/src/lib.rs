//! The proxy: terminates clients' connections and routes each stream to its origin. Wiring and configuration only.

mod backend;
pub mod config;
mod directory;
mod end;
mod proxy;
mod rtc;
mod srt;

pub use proxy::{Error, Proxy};
