//! The doors by which a cluster is steered and looked at: registration of nodes, the operators' HTTP API (of a node, or
//! summed over a proxy's cluster), metrics, versions; and the clients that knock there (heartbeats and probes).
//!
//! Routers are plain axum ones, to be merged with others by the role; [`serve()`] runs them under strict limits
//! and tells each request its [`Peer`]. What is steered lies behind [`Access`]: loopback only, unless a token
//! or an allow-list is set, or a node of the same cluster asks ([`signed`]).

pub mod access;
mod api;
mod client;
pub mod endpoint;
pub mod heartbeat;
mod identity;
mod machine;
mod metrics;
pub mod probe;
pub mod register;
mod reply;
pub mod serve;
pub mod signed;
mod system;
#[cfg(test)]
mod testkit;

pub use access::{Access, Peer};
pub use api::{Api, Cluster, Shows, cluster_api, http_api, http_api_beside, signalling_api};
pub use client::ClientError;
pub use identity::Identity;
pub use machine::Machine;
pub use metrics::{Counts, metrics_api};
pub use serve::{Limits, serve};
pub use signed::{Signatures, Signer};
pub use system::{System, Told, ready_api, system_api, versions_api};
