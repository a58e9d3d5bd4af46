//! SRT: programs of others that publish and play, what they recorded, and callers whose every byte is a test's own.

mod call;
pub mod caller;
mod programs;
mod tape;
pub mod watch;

pub use call::Call;
pub use caller::Caller;
pub use programs::{Feed, Playing, Program, Publishing, media, small};
pub use tape::{Pictures, Tape};
pub use watch::Watched;
