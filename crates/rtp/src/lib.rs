//! What RTP packets of media mean: access units as payloads, RTP's clocks in both directions, and the form in which packets
//! of a stream are kept until viewers take them.
//!
//! Sans-IO: no sockets, no clock. How packets travel (sequence numbers, SSRC, SRTP) is `rtc`'s and `peer`'s matter.

pub mod clock;
mod order;
mod packetizer;
pub mod record;
mod sync;

pub use order::Order;
pub use packetizer::{MOST, Packetizer, Unit, codec_of};
pub use sync::{Stamp, Sync};
