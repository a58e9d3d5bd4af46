//! AMF0 values: what RTMP commands and FLV script tags are made of.
//!
//! [`decode()`] and [`encode()`] keep the order of keys and the difference between the string, object and array forms, so a
//! value that is read and written again means the same to the next reader. An AMF3 value inside AMF0 (marker `0x11`) is
//! read into its AMF0 twin where it has one and refused by name where it has none. Nothing here knows commands or media.
//! Standards: AMF0 (Adobe, 2007), AMF3 (Adobe, 2013).

mod amf3;
mod decode;
mod encode;
mod value;

pub use decode::{Error, MAX_DEPTH, MAX_VALUES, decode, decode_bounded};
pub use encode::{encode, encode_str};
pub use value::Value;

#[cfg(test)]
mod tests;
