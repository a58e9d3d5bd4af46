//! Sessions of WebRTC from their offers to their ends.

mod drain;
mod http;
mod media;
mod resources;
mod tokens;
mod tracks;
