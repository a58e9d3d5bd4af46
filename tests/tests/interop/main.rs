//! Programs and libraries of others, as publishers and as players, across a real cluster.
//!
//! A program that is missing makes its test say `skipped: …` and pass; see `srs_tests::tools`.

mod browser;
mod crates;
mod edge;
mod ffmpeg;
mod gstreamer;
mod hls;
mod recording;
mod register;
mod rtsp;
mod seed;
mod segments;
mod srt;
mod vlc;
mod webrtc;
