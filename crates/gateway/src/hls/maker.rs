//! The rendition that cuts: it writes nothing for viewers of its own, and hands segments to the stream's store.

use std::sync::{Arc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use srs_hls::{Segmenter, Unit, first_sequence};
use srs_hub::{Headers, Opener, Rendition};
use srs_media::{Frame, Kind};
use srs_names::Term;
use srs_ts::Muxer;
use tokio::time::Instant;

use super::Hls;
use super::stream::Stream;
use crate::rendition::Hears;
use crate::rendition::ts::{Headless, Units, ts_unit};

/// Cuts one stream, through all its publishers.
pub(super) struct Maker {
    hls: Weak<Hls>,
    stream: Arc<Stream>,
    units: Units,
    muxer: Muxer,
    segmenter: Segmenter,
    /// Tables are due before the next unit.
    tables: bool,
    /// The stream is over, or never was: who publishes next continues nothing.
    over: bool,
    /// The claim by which the present publisher sends.
    term: Option<Term>,
    began: Instant,
}

/// Below these bits an epoch is milliseconds since 1970.
const EPOCH_TAG_BITS: u32 = 16;

/// Milliseconds since 1970.
fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

impl Maker {
    pub(super) fn new(hls: Weak<Hls>, stream: Arc<Stream>) -> Maker {
        let segmenter = Segmenter::new(stream.settings().cut);
        Maker {
            hls,
            stream,
            units: Units::default(),
            muxer: Muxer::new(),
            segmenter,
            tables: true,
            over: true,
            term: None,
            began: Instant::now(),
        }
    }

    fn store(&self, segment: Option<srs_hls::Segment>) {
        let (Some(segment), Some(hls)) = (segment, self.hls.upgrade()) else { return };
        hls.store(&self.stream, &segment, unix_ms());
    }
}

impl Rendition for Maker {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(Headless)
    }

    fn begin(&mut self, headers: &Headers) {
        // A publisher that brings no claim is an epoch of its own, from when it came.
        let epoch = headers.term.as_ref().map_or_else(unix_ms, |term| term.epoch >> EPOCH_TAG_BITS);
        let moved = self.term != headers.term;
        self.term.clone_from(&headers.term);
        if std::mem::take(&mut self.over) {
            self.segmenter.begin(first_sequence(epoch), true);
            self.stream.begin();
            if headers.term.as_ref().is_some_and(|term| term.resumed) {
                // Players have segments of the origin before.
                self.segmenter.discontinuity();
            }
        } else {
            if moved {
                // Its media is not to stand under a number of the new epoch.
                let last = self.segmenter.end();
                self.store(last);
                self.stream.next_epoch();
            }
            self.segmenter.begin(first_sequence(epoch), moved);
        }
        self.units = Units::hearing(Hears::NoOpus, headers);
        self.tables = true;
    }

    fn push(&mut self, frame: &Frame, _start: bool, _out: &mut BytesMut) {
        // Players of HLS know Opus in MP4 alone.
        let Some(frame) = Hears::NoOpus.see(frame) else { return };
        let frame = &*frame;
        let known = self.units.tracks();
        if self.units.configure(frame) {
            // A track that comes late breaks nothing, another picture size does.
            let had = if frame.kind == Kind::Video { known.0 } else { known.1 };
            if had.is_some() {
                self.segmenter.discontinuity();
            }
            return;
        }
        let Some((access, data)) = self.units.unit(frame) else { return };
        let unit = Unit { video: access.kind == Kind::Video, dts_ms: access.dts, key: access.key };
        self.segmenter.clock(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let closed = self.segmenter.due(&unit).then(|| self.segmenter.cut(Some(&unit))).flatten();
        let ts = ts_unit(&access, data);
        let (muxer, tracks) = (&mut self.muxer, known);
        let tracks = if access.kind == Kind::Audio && tracks.1.is_none() {
            // MP3 is known by its first frame.
            (tracks.0, srs_ts::Codec::of(access.codec))
        } else {
            tracks
        };
        self.tables |= self.segmenter.is_empty() || tracks != muxer.tracks();
        let due = std::mem::take(&mut self.tables);
        self.segmenter.push(&unit, |out| {
            if due {
                muxer.set_tracks(tracks.0, tracks.1);
                muxer.tables(out);
            }
            muxer.push(&ts, out);
        });
        self.store(closed);
    }

    fn end(&mut self) {
        let last = self.segmenter.end();
        self.store(last);
        self.over = true;
        if let Some(hls) = self.hls.upgrade() {
            hls.end(&self.stream);
        }
    }
}
