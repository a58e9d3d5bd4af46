//! The library's session, driven: each change is followed by taking everything out of it, and what comes out is kept in the
//! terms of [`srs_rtc::engine`].

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use srs_rtc::engine::{Asked, Ended, Event, Packet, Stats};
use srs_rtc::{Codec, Track};
use str0m::media::{KeyframeRequestKind, Mid};
use str0m::net::{Protocol, Receive, Transmit};
use str0m::rtp::{RtpWrite, SeqNo, Ssrc};
use str0m::{IceConnectionState, Input, Output, Rtc, RtcError};

use super::figures::Figures;
use super::frames::Intake;

/// Datagrams that nobody has taken yet. A key frame of 4 Mbit/s is some hundred; more than that is a driver that sends nothing.
const OUT: usize = 4096;
/// Events that nobody has taken yet.
const EVENTS: usize = 4096;
/// Outputs of the library in one go. Only a defect there gives more.
const OUTPUTS: usize = 100_000;
/// Packets that are given to the library before it is driven.
const BATCH: usize = 256;
/// What a packet may carry: the library's buffer has 2,000 bytes, with headers and SRTP's tag.
const PAYLOAD: usize = 1800;
/// How far off a deadline is that stands for none.
const NEVER: Duration = Duration::from_secs(86_400);
/// Resent packets may be so much of what is sent. Without a limit a player could ask for everything over and over.
const RESENT: f32 = 0.35;
/// After how long of failed checks the library says that a peer is gone, about.
const SILENT: Duration = Duration::from_secs(15);
/// For how long a sent packet may be asked for.
const RESENDS: Duration = Duration::from_secs(3);

/// What can be sent: one codec's packets.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) codec: Codec,
    pub(super) pt: u8,
    /// Which of the tracks it goes on.
    pub(super) track: Track,
}

/// A track that is sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) track: Track,
    pub(super) mid: Mid,
    pub(super) ssrc: Ssrc,
    pub(super) rtx: Option<Ssrc>,
    /// The number of the next packet.
    pub(super) next: u64,
    /// How many packets are kept to be sent again.
    pub(super) kept: usize,
    /// The library knows of it. Before its first packet it must not: it would report a time of media that there is none of.
    pub(super) declared: bool,
}

/// The library's session and what came out of it.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) rtc: Rtc,
    pub(super) lanes: Vec<Lane>,
    pub(super) outgoing: Vec<Outgoing>,
    pub(super) intake: Intake,
    out: VecDeque<Transmit>,
    events: VecDeque<Event>,
    ended: Option<Ended>,
    /// ICE is the library's, and says when the peer is gone.
    checks: bool,
    connected: bool,
    /// Packets written that the library was not driven for.
    written: usize,
    due: Option<Instant>,
    figures: Figures,
}

impl Core {
    pub(super) fn new(rtc: Rtc, lanes: Vec<Lane>, outgoing: Vec<Outgoing>, intake: Intake) -> Core {
        Core {
            rtc,
            lanes,
            outgoing,
            intake,
            out: VecDeque::new(),
            events: VecDeque::new(),
            ended: None,
            checks: false,
            connected: false,
            written: 0,
            due: None,
            figures: Figures::default(),
        }
    }

    /// Leaves ICE to the library: it says when the peer is gone.
    pub(super) fn with_checks(mut self) -> Core {
        self.checks = true;
        self
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected
    }

    pub(super) fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Ends the session, unless it has ended.
    pub(super) fn end(&mut self, why: Ended) {
        self.ended.get_or_insert(why);
    }

    /// Moves time on, and takes out what that brings.
    pub(super) fn advance(&mut self, now: Instant) {
        self.written = 0;
        let result = self.rtc.handle_input(Input::Timeout(now));
        self.judge(result);
        self.drain();
    }

    /// Does what is due. The answer is when something is due next.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Instant> {
        // What was done may make something due at once: twice is seen, more would be a loop.
        for _ in 0..4 {
            let due = self.due.is_none_or(|due| due <= now);
            if self.written == 0 && !due {
                break;
            }
            self.advance(now);
        }
        let due = self.due.filter(|due| due.saturating_duration_since(now) < NEVER)?;
        Some(due.max(now.checked_add(Duration::from_millis(1)).unwrap_or(now)))
    }

    /// Takes in a datagram that came from `source` to `destination`.
    pub(super) fn datagram(
        &mut self,
        now: Instant,
        protocol: Protocol,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
    ) {
        if self.written > 0 {
            self.advance(now);
        }
        // What cannot be read is not from this peer, or not for us.
        let Ok(receive) = Receive::new(protocol, source, destination, bytes) else { return };
        self.figures.received(bytes.len());
        if self.connected
            && let Some((track, ssrc)) = self.intake.shown(bytes)
        {
            let mut direct = self.rtc.direct_api();
            direct.expect_stream_rx(ssrc.into(), None, track.mid, None).suppress_nack(!track.nack);
        }
        let result = self.rtc.handle_input(Input::Receive(now, receive));
        self.judge(result);
        self.drain();
    }

    /// Gives one packet to the library, which is driven by the next [`Core::tick`].
    pub(super) fn send(&mut self, now: Instant, packet: &Packet) {
        if !self.connected || self.ended.is_some() {
            return;
        }
        let lane = self.lanes.iter().find(|lane| lane.codec == packet.codec);
        let Some(lane) = lane.filter(|_| packet.payload.len() <= PAYLOAD) else {
            self.figures.unsent();
            return;
        };
        let Some(outgoing) = self.outgoing.iter_mut().find(|outgoing| outgoing.track == lane.track) else {
            self.figures.unsent();
            return;
        };
        let mut direct = self.rtc.direct_api();
        if !outgoing.declared {
            outgoing.declared = true;
            let stream = direct.declare_stream_tx(outgoing.ssrc, outgoing.rtx, outgoing.mid, None);
            stream.set_rtx_cache(outgoing.kept, RESENDS, Some(RESENT));
        }
        let Some(stream) = direct.stream_tx(&outgoing.ssrc) else { return };
        let number: SeqNo = outgoing.next.into();
        outgoing.next = outgoing.next.wrapping_add(1);
        // Reports are reckoned from this: the future has none.
        let wallclock = packet.wallclock.min(now);
        let write = RtpWrite::new(lane.pt.into(), number, packet.time, wallclock, packet.payload.clone());
        stream.write_rtp(write.marker(packet.marker).nackable(outgoing.rtx.is_some()));
        self.figures.sent_packet();
        self.written = self.written.saturating_add(1);
        if self.written >= BATCH {
            self.advance(now);
        }
    }

    /// Asks the peer for something.
    pub(super) fn ask(&mut self, now: Instant, asked: &Asked) {
        if !self.connected || self.ended.is_some() {
            return;
        }
        if self.written > 0 {
            self.advance(now);
        }
        match asked {
            Asked::KeyFrame(layer) => {
                self.figures.key_frame();
                for (mid, rid) in self.intake.pictures(layer.as_deref()) {
                    let kind = if self.intake.fir_only() {
                        KeyframeRequestKind::Fir
                    } else {
                        KeyframeRequestKind::Pli
                    };
                    if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, rid) {
                        stream.request_keyframe(kind);
                    }
                }
            }
            Asked::Bandwidth(bits) => {
                let bits = str0m::bwe::Bitrate::bps(*bits);
                // One estimate holds for all that the peer sends here.
                for (mid, rid) in self.intake.pictures(None) {
                    if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, rid) {
                        stream.request_remb(bits);
                        break;
                    }
                }
            }
        }
        self.advance(now);
    }

    /// Tells the peer that this is the end.
    pub(super) fn close(&mut self, now: Instant) {
        if self.ended.is_some() {
            return;
        }
        if self.written > 0 {
            self.advance(now);
        }
        self.end(Ended::Here);
        let result = self.rtc.close();
        self.judge(result);
        self.drain();
    }

    /// The next datagram to be sent.
    pub(super) fn transmit(&mut self, now: Instant) -> Option<Transmit> {
        if self.written > 0 {
            self.advance(now);
        }
        let next = self.out.pop_front();
        self.figures.sent(next.as_ref().map_or(0, |next| next.contents.len()));
        next
    }

    /// The next event.
    pub(super) fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Packets of media that came, and were the peer's: their authentication was good.
    pub(super) fn received(&self) -> u64 {
        self.intake.counted().0
    }

    pub(super) fn stats(&self) -> Stats {
        let stats = self.figures.stats();
        let (received_packets, lost) = self.intake.counted();
        Stats { received_packets, lost: stats.lost.saturating_add(lost), ..stats }
    }

    /// Takes everything out of the library.
    fn drain(&mut self) {
        for _ in 0..OUTPUTS {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(due)) => {
                    self.due = Some(due);
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    if self.out.len() < OUT {
                        self.out.push_back(transmit);
                    }
                }
                Ok(Output::Event(event)) => self.happened(event),
                Err(error) => {
                    let goes_on = matches!(error, RtcError::Packet(..));
                    self.judge(Err(error));
                    if !goes_on {
                        return;
                    }
                }
            }
        }
        self.end(Ended::Broken);
    }

    /// What an error of the library means for the session.
    fn judge(&mut self, result: Result<(), RtcError>) {
        let Err(error) = result else { return };
        tracing::debug!(%error, "WebRTC");
        match error {
            // One frame is lost by it, no more.
            RtcError::Packet(..) => {}
            // Once keys are agreed on, anybody's garbage must not end what works.
            RtcError::Dtls(_) if self.connected && self.rtc.is_alive() => {}
            RtcError::Dtls(_) | RtcError::RemoteSdp(_) => self.end(Ended::Dtls),
            _ => self.end(Ended::Broken),
        }
    }

    fn happened(&mut self, event: str0m::Event) {
        let event = match event {
            str0m::Event::Connected => {
                self.connected = true;
                Some(Event::Connected)
            }
            str0m::Event::Closed => {
                self.end(Ended::Peer);
                None
            }
            str0m::Event::IceConnectionStateChange(IceConnectionState::Disconnected) if self.checks => {
                self.end(Ended::Silent(SILENT));
                None
            }
            str0m::Event::MediaData(data) => self.intake.frame(data).map(Event::Frame),
            str0m::Event::RtpPacket(packet) => self.intake.packet(&packet).map(Event::Packet),
            str0m::Event::KeyframeRequest(_) => {
                self.figures.key_frame();
                Some(Event::KeyFrameWanted)
            }
            str0m::Event::EgressBitrateEstimate(estimate) => bandwidth(&estimate).map(Event::Bandwidth),
            other => {
                self.figures.heard(&other);
                None
            }
        };
        if let Some(event) = event.filter(|_| self.events.len() < EVENTS) {
            self.events.push_back(event);
        }
    }
}

/// What an estimate says, in bits a second.
fn bandwidth(estimate: &str0m::bwe::BweKind) -> Option<u64> {
    match estimate {
        str0m::bwe::BweKind::Twcc { estimate, .. } => Some(estimate.as_u64()),
        str0m::bwe::BweKind::Remb { estimate, .. } => Some(estimate.as_u64()),
        _ => None,
    }
}
