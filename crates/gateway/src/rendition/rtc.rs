//! Frames as packets of RTP: made once, whoever watches.

use std::sync::Arc;

use bytes::BytesMut;
use srs_flv::elementary::Elementary;
use srs_hub::{Format, Headers, Opener, Rendition};
use srs_media::{Codec, DERIVED, Frame, Kind, Role};
use srs_rtp::clock::{Pictures, Sound};
use srs_rtp::record::{Head, Writer};
use srs_rtp::{Order, Packetizer, Unit};

use super::ts::Headless;

/// Records of RTP packets, one record for each frame.
pub(crate) const RTP: Format = Format("rtp");

/// A publisher that begins so much later than the one before ended, in ms, counts its time in another way. Players cannot
/// follow that: for them time goes on.
const GAP: i64 = 10_000;
/// Between the last frame of one and the first of the other then, in ms: one frame at 25 fps.
const SEAM: i64 = 40;

/// How pictures are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pictured {
    /// B-frames stay in.
    pub(crate) keep_bframe: bool,
    /// SEI messages stay in.
    pub(crate) keep_sei: bool,
}

/// A stream's frames as records of RTP packets. Its sound is Opus, whether it came so or was made of something else.
pub(crate) struct Rtp {
    elementary: Elementary,
    /// The access unit at hand.
    unit: BytesMut,
    packetizer: Packetizer,
    pictures: Pictures,
    sound: Sound,
    order: Order,
    times: Times,
    pictured: Pictured,
    left_out: bool,
    /// Viewers may start at the next picture: a stream that refreshes its pictures piece by piece has no key pictures.
    start: bool,
}

impl Rtp {
    /// One that begins with what comes next.
    pub(crate) fn new(pictured: Pictured) -> Rtp {
        let mut packetizer = Packetizer::default();
        packetizer.set_keep_sei(pictured.keep_sei);
        Rtp {
            elementary: Elementary::bare(),
            unit: BytesMut::new(),
            packetizer,
            pictures: Pictures::default(),
            sound: Sound::default(),
            order: Order::new(),
            times: Times::default(),
            pictured,
            left_out: false,
            start: false,
        }
    }

    /// Whether a picture is left out, since players would show it too late. Said once.
    fn leaves_out(&mut self, key: bool, shown: i64) -> bool {
        let is_out = !self.pictured.keep_bframe && self.order.is_out(key, shown);
        if is_out && !std::mem::replace(&mut self.left_out, true) {
            tracing::warn!(
                "B-frames are left out of what WebRTC's players get, for they show pictures in the order in which they \
                 come: motion stutters; have the encoder send none (tune zerolatency), or set keep_bframe on"
            );
        }
        is_out
    }
}

impl Rendition for Rtp {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(Headless)
    }

    fn begin(&mut self, headers: &Headers) {
        self.elementary = Elementary::bare();
        for header in &headers.configs {
            self.elementary.configure(header);
        }
        self.order = Order::new();
        self.times.fresh = true;
    }

    fn push(&mut self, frame: &Frame, start: bool, out: &mut BytesMut) {
        self.start |= start;
        match frame.kind {
            Kind::Video => self.picture(frame, out),
            Kind::Audio => self.packet(frame, out),
            Kind::Data => {}
        }
    }
}

impl Rtp {
    fn picture(&mut self, frame: &Frame, out: &mut BytesMut) {
        let Some(codec) = srs_rtp::codec_of(frame.codec) else { return };
        if self.elementary.configure(frame) {
            return;
        }
        self.unit.clear();
        // What has no access unit was said to be damaged where it came in.
        let Ok(Some(access)) = self.elementary.access(frame, &mut self.unit) else { return };
        let (key, shown) = (access.key, access.pts);
        if self.leaves_out(key, shown) {
            return;
        }
        let shown = self.times.of(shown);
        let begins = std::mem::take(&mut self.start) || key;
        let head = Head { codec, key: begins, time: shown, rtp: self.pictures.at(shown) };
        let mut writer = Writer::new(out, &head);
        let unit = Unit { codec, key, data: &self.unit };
        self.packetizer.push(unit, &mut |payload, last| writer.packet(payload, last));
        writer.finish();
    }

    /// A packet of Opus: the stream's own, or what was made of its own.
    fn packet(&mut self, frame: &Frame, out: &mut BytesMut) {
        if frame.codec != Codec::Opus || frame.role != Role::Key || !matches!(frame.track, 0 | DERIVED) {
            return;
        }
        let Some(packet) = srs_flv::payload(frame).filter(|packet| !packet.is_empty()) else { return };
        let time = self.times.of(frame.time);
        let rtp = self.sound.next(time, &packet);
        let head = Head { codec: srs_rtc::Codec::Opus, key: true, time, rtp };
        let mut writer = Writer::new(out, &head);
        writer.packet(&packet, false);
        writer.finish();
    }
}

/// The stream's times as players are given them: they go on over a change of publishers, whatever the rules for the
/// stream's own are.
#[derive(Debug, Default)]
struct Times {
    shift: i64,
    last: Option<i64>,
    /// The next frame is the first of its publisher.
    fresh: bool,
}

impl Times {
    fn of(&mut self, time: i64) -> i64 {
        if std::mem::take(&mut self.fresh)
            && let Some(last) = self.last
            && !(0..=GAP).contains(&time.saturating_add(self.shift).saturating_sub(last))
        {
            self.shift = last.saturating_add(SEAM).saturating_sub(time);
        }
        let time = time.saturating_add(self.shift);
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        time
    }
}

#[cfg(test)]
mod tests;
