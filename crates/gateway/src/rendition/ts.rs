//! Frames as MPEG-TS packets, and as the bare audio frames of `.aac` and `.mp3`.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use srs_flv::elementary::{Access, Elementary};
use srs_hub::{Format, Headers, Opener, Rendition};
use srs_media::{Codec, Frame, Kind};
use srs_ts::{Muxer, Track, Unit, ticks};

use super::{Hears, framed};

/// Transport stream packets, those of each frame in an HTTP chunk of their own.
pub(crate) const TS_CHUNKED: Format = Format("ts in http chunks");

/// Transport stream packets alone.
pub(crate) const TS: Format = Format("ts");

/// Frames as elementary streams, and one complaint about what has no place there.
#[derive(Default)]
pub(crate) struct Units {
    elementary: Elementary,
    bytes: BytesMut,
    complained: bool,
}

impl Units {
    /// Begins with what is known already.
    pub(crate) fn hearing(hears: Hears, headers: &Headers) -> Units {
        let mut units = Units::default();
        for header in headers.configs.iter().filter_map(|header| hears.see(header)) {
            units.elementary.configure(&header);
        }
        units
    }

    /// Takes a codec header; true when it changes what comes.
    pub(crate) fn configure(&mut self, frame: &Frame) -> bool {
        self.elementary.configure(frame)
    }

    /// The codecs that have a place in a transport stream.
    pub(crate) fn tracks(&self) -> (Option<srs_ts::Codec>, Option<srs_ts::Codec>) {
        let place = |codec: Option<Codec>| codec.and_then(srs_ts::Codec::of);
        (place(self.elementary.video()), place(self.elementary.audio()))
    }

    /// The access unit of a coded frame, in bytes that are good until the next call.
    pub(crate) fn unit(&mut self, frame: &Frame) -> Option<(Access, &[u8])> {
        self.bytes.clear();
        match self.elementary.access(frame, &mut self.bytes) {
            Ok(access) => access.map(|access| (access, &self.bytes[..])),
            Err(error) => {
                if !std::mem::replace(&mut self.complained, true) {
                    tracing::warn!(%error, "frames are left out of transport streams");
                }
                None
            }
        }
    }
}

/// An access unit as the multiplexer takes it.
pub(crate) fn ts_unit<'a>(access: &Access, data: &'a [u8]) -> Unit<'a> {
    let track = if access.kind == Kind::Video { Track::Video } else { Track::Audio };
    Unit { track, dts: ticks(access.dts), pts: ticks(access.pts.max(access.dts)), key: access.key, data }
}

/// Frames as a transport stream. It has no head: its tables are in the stream wherever a viewer may start.
pub(crate) struct Ts {
    chunked: bool,
    hears: Hears,
    units: Units,
    muxer: Muxer,
    packets: BytesMut,
    /// Tables are due with the next packets.
    due: bool,
}

impl Ts {
    /// With or without HTTP's chunked coding around the packets of each frame.
    pub(crate) fn new(chunked: bool) -> Ts {
        let (hears, units, muxer) = (Hears::default(), Units::default(), Muxer::new());
        Ts { chunked, hears, units, muxer, packets: BytesMut::new(), due: true }
    }

    /// For who hears something else than most.
    pub(crate) fn hearing(self, hears: Hears) -> Ts {
        Ts { hears, ..self }
    }
}

impl Rendition for Ts {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(Headless)
    }

    fn begin(&mut self, headers: &Headers) {
        self.units = Units::hearing(self.hears, headers);
        self.due = true;
    }

    fn push(&mut self, frame: &Frame, start: bool, out: &mut BytesMut) {
        self.due |= start;
        let Some(frame) = self.hears.see(frame) else { return };
        let frame = &*frame;
        if self.units.configure(frame) {
            return;
        }
        let Some((access, _)) = self.units.unit(frame) else { return };
        let tracks = self.units.tracks();
        if tracks != self.muxer.tracks() {
            self.muxer.set_tracks(tracks.0, tracks.1);
            self.due = true;
        }
        self.packets.clear();
        if std::mem::take(&mut self.due) {
            self.muxer.tables(&mut self.packets);
        }
        self.muxer.push(&ts_unit(&access, &self.units.bytes), &mut self.packets);
        let packets = &self.packets;
        framed(self.chunked, packets.len(), out, |out| out.put_slice(packets));
    }
}

/// Bare audio frames of one codec.
pub(crate) struct Sound {
    codec: Codec,
    chunked: bool,
    units: Units,
}

impl Sound {
    /// Frames of `codec` alone: ADTS for AAC, MPEG audio frames for MP3.
    pub(crate) fn new(codec: Codec, chunked: bool) -> Sound {
        Sound { codec, chunked, units: Units::default() }
    }
}

impl Rendition for Sound {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(Headless)
    }

    fn begin(&mut self, headers: &Headers) {
        self.units = Units::hearing(Hears::NoOpus, headers);
    }

    fn push(&mut self, frame: &Frame, _start: bool, out: &mut BytesMut) {
        let Some(frame) = Hears::NoOpus.see(frame) else { return };
        let frame = &*frame;
        if frame.kind != Kind::Audio || self.units.configure(frame) || frame.codec != self.codec {
            return;
        }
        if let Some((_, data)) = self.units.unit(frame) {
            framed(self.chunked, data.len(), out, |out| out.put_slice(data));
        }
    }
}

/// Formats that need nothing in front.
pub(crate) struct Headless;

impl Opener for Headless {
    fn head(&self, _headers: &Headers, _time: i64, _first: bool, _out: &mut BytesMut) {}
}

#[cfg(test)]
mod tests;
