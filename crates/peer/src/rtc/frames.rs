//! What comes in: the library's frames and packets, in the terms of [`srs_rtc::engine`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use srs_rtc::engine::{Frame, Received, Report};
use srs_rtc::{Codec, Track};
use str0m::media::{MediaData, Mid, Rid};
use str0m::rtp::RtpPacket;
use str0m::rtp::rtcp::SenderInfo;

use super::build;

/// From 1900, where NTP begins, to 1970.
const NTP: u64 = 2_208_988_800;
/// The numbers of streams are kept for so many: those agreed on are 9 at most.
const STREAMS: usize = 32;

/// A track that is received.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) mid: Mid,
    pub(super) track: Track,
    pub(super) layers: Vec<(Rid, Arc<str>)>,
}

/// A track whose stream the offer does not name, and whose packets will not say whose they are: the first one that has one of
/// its payload types shows it.
#[derive(Debug)]
pub(super) struct Unnamed {
    pub(super) mid: Mid,
    pub(super) types: Vec<u8>,
    pub(super) nack: bool,
}

/// What is received.
#[derive(Debug, Default)]
pub(super) struct Intake {
    tracks: Vec<Incoming>,
    /// Payload types, where packets are taken and not frames.
    types: Vec<(u8, Codec)>,
    /// The peer knows no other way to be asked for a key frame than FIR.
    fir: bool,
    unnamed: Vec<Unnamed>,
    /// The newest packet's number of each stream.
    newest: HashMap<(Mid, Option<Rid>), u64>,
    received: u64,
    lost: u64,
}

impl Intake {
    /// Of frames.
    pub(super) fn new(tracks: Vec<Incoming>, unnamed: Vec<Unnamed>, fir: bool) -> Intake {
        Intake { tracks, unnamed, fir, ..Intake::default() }
    }

    /// Of packets.
    pub(super) fn of_packets(tracks: Vec<Incoming>, types: Vec<(u8, Codec)>) -> Intake {
        Intake { tracks, types, ..Intake::default() }
    }

    /// Packets that came, and that never did.
    pub(super) fn counted(&self) -> (u64, u64) {
        (self.received, self.lost)
    }

    pub(super) fn fir_only(&self) -> bool {
        self.fir
    }

    /// The track that this datagram of RTP shows the stream of, and that stream; each track is shown once.
    pub(super) fn shown(&mut self, datagram: &[u8]) -> Option<(Unnamed, u32)> {
        if self.unnamed.is_empty() {
            return None;
        }
        let pt = datagram.get(1)? & 0x7f;
        let ssrc = datagram.get(8..12)?.try_into().map(u32::from_be_bytes).ok()?;
        let at = self.unnamed.iter().position(|unnamed| unnamed.types.contains(&pt))?;
        Some((self.unnamed.swap_remove(at), ssrc))
    }

    /// The streams of pictures: of the `layer`, or all.
    pub(super) fn pictures(&self, layer: Option<&str>) -> Vec<(Mid, Option<Rid>)> {
        let mut streams = Vec::new();
        for track in self.tracks.iter().filter(|track| track.track == Track::Video) {
            let layers = track.layers.iter().filter(|known| layer.is_none_or(|layer| *known.1 == *layer));
            streams.extend(layers.map(|known| (track.mid, Some(known.0))));
            if track.layers.is_empty() {
                streams.push((track.mid, None));
            }
        }
        streams
    }

    /// A frame; none when it is not one that was agreed on.
    pub(super) fn frame(&mut self, data: MediaData) -> Option<Frame> {
        let track = self.tracks.iter().find(|track| track.mid == data.mid)?;
        let codec = build::known(data.params.spec().codec)?;
        // A payload type of sound on the stream of pictures is nothing that a peer in its senses sends.
        if codec.track() != track.track {
            return None;
        }
        let layer = match data.rid {
            Some(rid) => Some(track.layers.iter().find(|layer| layer.0 == rid)?.1.clone()),
            None => None,
        };
        self.count(data.mid, data.rid, **data.seq_range.start(), **data.seq_range.end());
        Some(Frame {
            codec,
            layer,
            time: data.time.numer(),
            clock: data.time.denom(),
            came: data.network_time,
            report: data.last_sender_info.as_ref().and_then(report),
            follows: data.contiguous,
            key: codec == Codec::Opus || data.is_keyframe(),
            data: bare(codec, Bytes::from_owner(data.data)),
        })
    }

    /// A packet; none when its payload type is not one that was agreed on.
    pub(super) fn packet(&mut self, packet: &RtpPacket) -> Option<Received> {
        let pt = *packet.header.payload_type;
        let codec = self.types.iter().find(|known| known.0 == pt)?.1;
        self.received = self.received.saturating_add(1);
        Some(Received {
            codec,
            time: packet.header.timestamp,
            sequence: *packet.seq_no,
            marker: packet.header.marker,
            payload: Bytes::from_owner(packet.payload.clone()),
        })
    }

    /// Counts the packets of a frame, and those missing before it.
    fn count(&mut self, mid: Mid, rid: Option<Rid>, first: u64, last: u64) {
        let packets = last.saturating_sub(first).saturating_add(1);
        self.received = self.received.saturating_add(packets);
        if self.newest.len() >= STREAMS && !self.newest.contains_key(&(mid, rid)) {
            return;
        }
        let before = self.newest.insert((mid, rid), last);
        let missing = before.map_or(0, |before| first.saturating_sub(before.saturating_add(1)));
        // A stream that begins anew with numbers of its own has lost nothing.
        if missing < 0x8000 {
            self.lost = self.lost.saturating_add(missing);
        }
    }
}

/// A frame without what is no part of it: a temporal delimiter of AV1, which senders are to leave out, and not all do.
fn bare(codec: Codec, mut data: Bytes) -> Bytes {
    while codec == Codec::Av1 && data.starts_with(&[0x12, 0x00]) {
        data = data.slice(2..);
    }
    data
}

/// A sender report. None when its clock is before 1970: a sender that has none says zero.
fn report(info: &SenderInfo) -> Option<Report> {
    let since = info.ntp_time.duration_since(UNIX_EPOCH).ok()?;
    let seconds = since.as_secs().checked_add(NTP)? & u64::from(u32::MAX);
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    // RTP time is of 32 bits: what is above was added by the library.
    let rtp = (info.rtp_time.numer() & u64::from(u32::MAX)) as u32;
    Some(Report { ntp: seconds << 32 | fraction, rtp })
}
