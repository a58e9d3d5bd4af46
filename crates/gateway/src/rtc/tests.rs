//! Sessions of WebRTC from their offers to their ends.

mod http;
mod media;
mod resources;
