//! Connection engines: protocols whose core is a library's, each behind a small trait of the house.
//!
//! Sans-IO as the cores of our own: datagrams and time come from the driver in `net`.

pub mod rtc;
pub mod srt;
