//! What a session counts.

use std::collections::HashMap;
use std::time::Duration;

use srs_rtc::engine::Stats;
use str0m::Event;
use str0m::media::{Mid, Rid};

/// Figures: our own, and those that the library tells now and then.
#[derive(Debug, Default)]
pub(super) struct Figures {
    own: Stats,
    rtt: Option<Duration>,
    sent: HashMap<(Mid, Option<Rid>), Stream>,
    /// Packets that had been sent when the newest figures of streams were told.
    told: u64,
}

/// The newest figures of one stream that is sent.
#[derive(Debug, Clone, Copy, Default)]
struct Stream {
    /// With those sent again.
    packets: u64,
    lost: u64,
}

impl Figures {
    pub(super) fn received(&mut self, bytes: usize) {
        self.own.received = self.own.received.saturating_add(bytes as u64);
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.own.sent = self.own.sent.saturating_add(bytes as u64);
    }

    pub(super) fn sent_packet(&mut self) {
        self.own.sent_packets = self.own.sent_packets.saturating_add(1);
    }

    pub(super) fn unsent(&mut self) {
        self.own.unsent = self.own.unsent.saturating_add(1);
    }

    pub(super) fn key_frame(&mut self) {
        self.own.key_frames_wanted = self.own.key_frames_wanted.saturating_add(1);
    }

    /// Takes in what the library tells of its streams.
    pub(super) fn heard(&mut self, event: &Event) {
        match event {
            Event::PeerStats(stats) => self.rtt = stats.rtt.or(self.rtt),
            Event::MediaEgressStats(stats) => {
                self.rtt = stats.rtt.or(self.rtt);
                let lost = stats.remote.as_ref().map_or(0, |remote| remote.packets_lost);
                self.sent.insert((stats.mid, stats.rid), Stream { packets: stats.packets, lost });
                self.told = self.own.sent_packets;
            }
            Event::MediaIngressStats(stats) => self.rtt = stats.rtt.or(self.rtt),
            _ => {}
        }
    }

    pub(super) fn stats(&self) -> Stats {
        let sum = |of: fn(&Stream) -> u64| self.sent.values().map(of).fold(0, u64::saturating_add);
        Stats {
            rtt: self.rtt.unwrap_or_default(),
            lost: sum(|stream| stream.lost),
            resent: sum(|stream| stream.packets).saturating_sub(self.told),
            ..self.own
        }
    }
}
