//! Streams across a whole cluster: proxies and origins as they are, clients of the kit's own.

mod api;
mod balancers;
mod edge;
mod failover;
mod fetch;
mod lists;
mod loss;
mod many;
mod mode;
mod named;
mod outage;
mod pair;
mod partition;
mod passing;
mod play;
mod quirks;
mod races;
mod roles;
mod shards;
mod slow;
mod spread;
mod srt;
mod takeover;
mod time;
mod view;
mod webrtc;
