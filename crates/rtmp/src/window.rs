//! Acknowledgement windows, RTMP 1.0 sections 5.4.3 to 5.4.5.
//!
//! Only the duty to acknowledge is kept: a peer that never acknowledges what it gets is common and is not waited for.

use bytes::Bytes;

use crate::{Message, MessageKind};

/// Counts received bytes and says when the peer must be told.
#[derive(Debug)]
pub(crate) struct Window {
    size: u32,
    received: u64,
    told: u64,
}

impl Window {
    pub(crate) fn new(size: u32) -> Window {
        Window { size, received: 0, told: 0 }
    }

    /// How many bytes have come so far, the handshake apart.
    pub(crate) fn received(&mut self, total: u64) {
        self.received = total;
    }

    /// The peer's Window Acknowledgement Size. Zero says nothing and is ignored.
    pub(crate) fn resize(&mut self, message: &Message) {
        if let Some(size) = number(message).filter(|size| *size > 0) {
            self.size = size;
        }
    }

    /// The Acknowledgement that is due, once.
    pub(crate) fn due(&mut self) -> Option<Message> {
        if self.received.saturating_sub(self.told) < u64::from(self.size) {
            return None;
        }
        self.told = self.received;
        // The sequence number is 32 bits wide and wraps in a session of 4 GiB.
        let low = u32::try_from(self.received & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        Some(control(MessageKind::ACK, &low.to_be_bytes()))
    }
}

/// A protocol control message: message stream 0, time 0.
pub(crate) fn control(kind: MessageKind, body: &[u8]) -> Message {
    Message { kind, timestamp: 0, stream_id: 0, body: Bytes::copy_from_slice(body) }
}

/// Window Acknowledgement Size.
pub(crate) fn window_ack(size: u32) -> Message {
    control(MessageKind::WINDOW_ACK, &size.to_be_bytes())
}

/// Set Peer Bandwidth with the limit type "dynamic", as SRS sends it.
pub(crate) fn peer_bandwidth(size: u32) -> Message {
    let [a, b, c, d] = size.to_be_bytes();
    control(MessageKind::PEER_BANDWIDTH, &[a, b, c, d, 2])
}

fn number(message: &Message) -> Option<u32> {
    message.body.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))
}
