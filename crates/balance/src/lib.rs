//! Which node serves a stream: nodes, their health, selection and claims.
//!
//! Pure: no sockets, no clock, no protocol's name. `now` is the monotonic time since the program's start, and
//! every call that depends on time takes it. Where to read next: [`Balancer`], then [`rank`] (the order of
//! nodes), [`directory`] (one owner per stream) and [`Health`].

mod balancer;
pub mod directory;
mod epoch;
mod health;
mod node;
pub mod rank;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod testkit;

pub use balancer::{
    Balancer, Config, Ending, Fence, Full, LEASE, MAX_NODES, NoOrigin, OriginView, Pick, Reason, Registered,
    UNLISTED,
};
pub use directory::{Claim, Directory, Memory};
pub use epoch::{Clock, Epoch};
pub use health::{Health, MAX_BACK_OFF, MAX_SILENT, MIN_BACK_OFF, SILENT};
pub use node::{Endpoint, Listed, Node, Role, Usage};
