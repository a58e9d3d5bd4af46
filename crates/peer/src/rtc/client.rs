//! The end that makes the offer: what a browser does. For tests and benchmarks, where many are in one process.
//!
//! ICE here is the library's, and whole; media goes and comes in packets.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::BytesMut;
use srs_rtc::engine::{Asked, Ended, Event, Packet, Stats};
use srs_rtc::{Codec, Engine, Path, Track};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, Mid};
use str0m::net::Protocol;
use str0m::{Candidate, Rtc, RtcConfig};

use super::core::{Core, Lane, Outgoing};
use super::frames::{Incoming, Intake};
use super::{Refused, Settings, build};

/// One that has made an offer and awaits the answer.
#[derive(Debug)]
pub struct Caller {
    rtc: Rtc,
    pending: SdpPendingOffer,
    offer: String,
    mids: Vec<(Track, Mid)>,
    settings: Settings,
    local: SocketAddr,
    sends: bool,
}

impl Caller {
    /// Offers to send these codecs. `local` is the address that datagrams go out from.
    ///
    /// # Errors
    ///
    /// The library could not begin.
    pub fn publish(
        settings: &Settings,
        codecs: &[Codec],
        local: SocketAddr,
        now: Instant,
    ) -> Result<Caller, Refused> {
        Caller::new(settings, codecs, local, now, true)
    }

    /// Offers to receive these codecs.
    ///
    /// # Errors
    ///
    /// As [`Caller::publish`].
    pub fn play(
        settings: &Settings,
        codecs: &[Codec],
        local: SocketAddr,
        now: Instant,
    ) -> Result<Caller, Refused> {
        Caller::new(settings, codecs, local, now, false)
    }

    fn new(
        settings: &Settings,
        codecs: &[Codec],
        local: SocketAddr,
        now: Instant,
        sends: bool,
    ) -> Result<Caller, Refused> {
        let config = build::config(settings)?.set_rtp_mode(true).clear_codecs();
        let mut rtc = codecs.iter().fold(config, |config, codec| enable(config, *codec)).build(now);
        let candidate = Candidate::host(local, "udp").map_err(|error| Refused::Broken(error.to_string()))?;
        rtc.add_local_candidate(candidate);
        let mut api = rtc.sdp_api();
        let direction = if sends { Direction::SendOnly } else { Direction::RecvOnly };
        let mut mids = Vec::new();
        for track in [Track::Audio, Track::Video] {
            if codecs.iter().any(|codec| codec.track() == track) {
                let mid = api.add_media(build::kind(track), direction, Some("client".to_owned()), None, None);
                mids.push((track, mid));
            }
        }
        let made = api.apply().ok_or_else(|| Refused::Broken("an offer of nothing".to_owned()))?;
        let settings = settings.clone();
        Ok(Caller { rtc, offer: made.0.to_sdp_string(), pending: made.1, mids, settings, local, sends })
    }

    /// The offer.
    pub fn offer(&self) -> &str {
        &self.offer
    }

    /// Takes the answer, with its candidates.
    ///
    /// # Errors
    ///
    /// The answer cannot be read, or does not fit the offer.
    pub fn answered(mut self, answer: &str, now: Instant) -> Result<Client, Refused> {
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|error| Refused::Sdp(error.to_string()))?;
        let accepted = self.rtc.sdp_api().accept_answer(self.pending, answer);
        accepted.map_err(|error| Refused::Sdp(error.to_string()))?;
        let mut lanes = Vec::new();
        let mut outgoing = Vec::new();
        let mut incoming = Vec::new();
        for (track, mid) in &self.mids {
            let types = self.rtc.media(*mid).map(|media| media.remote_pts().to_vec()).unwrap_or_default();
            lanes.extend(types.iter().filter_map(|pt| {
                let params = self.rtc.codec_config().params().iter().find(|params| params.pt() == *pt)?;
                Some(Lane { codec: build::known(params.spec().codec)?, pt: **pt, track: *track })
            }));
            incoming.push(Incoming { mid: *mid, track: *track, layers: Vec::new() });
            let mut direct = self.rtc.direct_api();
            let random = *direct.new_ssrc();
            let Some(stream) = direct.stream_tx_by_mid(*mid, None).filter(|_| self.sends) else { continue };
            outgoing.push(Outgoing {
                track: *track,
                mid: *mid,
                ssrc: stream.ssrc(),
                rtx: stream.rtx(),
                next: u64::from(random & 0x7fff),
                kept: self.settings.resend_video,
                declared: true,
            });
        }
        let types = lanes.iter().map(|lane| (lane.pt, lane.codec)).collect();
        let intake = Intake::of_packets(incoming, types);
        let mut core = Core::new(self.rtc, lanes, outgoing, intake).with_checks();
        core.advance(now);
        Ok(Client { core, local: self.local })
    }
}

/// The configuration, and this codec.
fn enable(config: RtcConfig, codec: Codec) -> RtcConfig {
    match codec {
        Codec::H264 => config.enable_h264(true),
        Codec::H265 => config.enable_h265(true),
        Codec::Av1 => config.enable_av1(true),
        Codec::Vp8 => config.enable_vp8(true),
        Codec::Vp9 => config.enable_vp9(true),
        Codec::Opus => config.enable_opus(true, false),
    }
}

/// The end that made the offer.
#[derive(Debug)]
pub struct Client {
    core: Core,
    local: SocketAddr,
}

impl Client {
    /// The address that its datagrams go out from.
    pub fn local(&self) -> SocketAddr {
        self.local
    }
}

impl Engine for Client {
    fn datagram(&mut self, now: Instant, path: Path, bytes: &mut [u8]) {
        if self.core.ended().is_none() {
            self.core.datagram(now, Protocol::Udp, path.peer, self.local, bytes);
        }
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        let due = self.core.tick(now);
        due.filter(|_| self.core.ended().is_none())
    }

    fn next_datagram(&mut self, now: Instant, out: &mut BytesMut) -> Option<Path> {
        let transmit = self.core.transmit(now)?;
        out.extend_from_slice(&transmit.contents);
        Some(Path { peer: transmit.destination, local: Some(transmit.source.ip()), tcp: false })
    }

    fn next_event(&mut self, _now: Instant) -> Option<Event> {
        self.core.event()
    }

    fn send(&mut self, now: Instant, packet: &Packet) {
        self.core.send(now, packet);
    }

    fn ask(&mut self, now: Instant, asked: Asked) {
        self.core.ask(now, &asked);
    }

    fn close(&mut self, now: Instant) {
        self.core.close(now);
    }

    fn ended(&self) -> Option<Ended> {
        self.core.ended()
    }

    fn stats(&mut self, _now: Instant) -> Stats {
        self.core.stats()
    }
}
