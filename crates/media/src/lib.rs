//! What media is made of, in words that every protocol shares: frames and their roles, the stream's
//! timeline, and what codec configuration records say about picture and sound.
//!
//! Sans-IO: no sockets, no clock. What a container's bytes mean is the matter of `flv`, `ts`, `rtp`
//! and their kin; nothing here decodes media.

pub mod aac;
pub mod av1;
mod bits;
mod frame;
pub mod h264;
pub mod heads;
pub mod hevc;
mod info;
pub mod latm;
pub mod mp3;
mod nal;
pub mod opus;
pub mod time;

pub use frame::{Codec, DERIVED, Frame, Kind, Role};
pub use info::{AudioInfo, VideoInfo};
pub use nal::ParameterSets;
