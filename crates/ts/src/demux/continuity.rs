//! Whether the packets of a PID follow each other, ISO/IEC 13818-1 2.4.3.3.

use crate::packet::Packet;

/// How a packet lies to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is the next one, or the first.
    Next,
    /// It is the same again, which a sender may do once.
    Again,
    /// Packets are missing.
    Gap,
    /// It begins anew, which the stream says.
    Anew,
}

/// The counter of one PID, and the payload that it stood with.
#[derive(Clone, Debug, Default)]
pub(super) struct Continuity {
    last: Option<u8>,
    payload: Vec<u8>,
}

impl Continuity {
    /// Of a packet with this payload.
    pub(super) fn step(&mut self, packet: &Packet<'_>, payload: &[u8]) -> Step {
        let last = self.last.replace(packet.counter);
        let step = match last {
            None => Step::Next,
            Some(last) if packet.counter == last.wrapping_add(1) & 0x0f => Step::Next,
            Some(_) if packet.marks.discontinuity => Step::Anew,
            // Fifteen lost packets give the same number.
            Some(last) if packet.counter == last && self.payload == payload => Step::Again,
            Some(_) => Step::Gap,
        };
        self.payload.clear();
        self.payload.extend_from_slice(payload);
        step
    }
}
