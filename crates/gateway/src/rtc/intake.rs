//! From frames as a session has them to frames at the hub.

use std::sync::Arc;
use std::time::{Duration, Instant};

use srs_flv::compose::{Coding, Composer, Unit};
use srs_media::Frame as Coded;
use srs_rtc::Track;
use srs_rtc::engine::Frame;
use srs_rtp::{Stamp, Sync};

/// A layer of simulcast of which nothing came for so long is not sent any more.
const LAYER_GONE: Duration = Duration::from_secs(2);

/// Turns what a publisher sends into frames of its stream.
pub(super) struct Intake {
    began: Instant,
    sync: Sync,
    composer: Composer,
    layers: Layers,
    /// A frame is missing, or is not whole: pictures begin again with a key frame.
    broken: bool,
    damaged: u64,
    complained: bool,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Took {
    /// It went on.
    Passed,
    /// It was left out.
    LeftOut,
    /// It was left out, and a key frame of this layer's is needed to go on.
    NeedsKey,
}

impl Intake {
    pub(super) fn new(layers: &[Arc<str>]) -> Intake {
        Intake {
            began: Instant::now(),
            sync: Sync::new(),
            composer: Composer::new(),
            layers: Layers::new(layers),
            broken: true,
            damaged: 0,
            complained: false,
        }
    }

    /// Frames that were not whole.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Whether pictures wait for a key frame.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// The layer that viewers get.
    pub(super) fn layer(&self) -> Option<Arc<str>> {
        self.layers.chosen()
    }

    /// From now on viewers get this layer, or the best one.
    pub(super) fn choose(&mut self, layer: Option<Arc<str>>) {
        self.layers.wish(layer);
    }

    /// Takes a frame, and gives out what it is as frames of a stream: codec headers too. `cid` is for the log.
    pub(super) fn take(&mut self, frame: &Frame, cid: &str, out: &mut impl FnMut(Coded)) -> Took {
        let is_picture = frame.codec.track() == Track::Video;
        if is_picture {
            if !self.layers.takes(frame) {
                // The layer that goes on came to rest, or another is wished for.
                let is_next = frame.layer.is_some() && self.layers.wanted() == frame.layer;
                return if is_next { Took::NeedsKey } else { Took::LeftOut };
            }
            if !frame.follows && !frame.key {
                self.damaged = self.damaged.saturating_add(1);
                self.broken = true;
            }
            if self.broken && !frame.key {
                return Took::NeedsKey;
            }
            self.broken = false;
        }
        let stamp = Stamp {
            rtp: frame.time,
            clock: frame.clock,
            came: frame.came.saturating_duration_since(self.began),
            report: frame.report,
        };
        let track = frame.codec.track();
        let time = self.sync.time(track, &stamp);
        let unit = Unit::at(coding(frame.codec), time, time, &frame.data);
        let mut gave = false;
        let composed = self.composer.push(&unit, &mut |frame| {
            gave = true;
            out(frame);
        });
        if let Err(error) = composed
            && !std::mem::replace(&mut self.complained, true)
        {
            tracing::warn!(cid, %error, "webrtc publish: a frame was left out");
        }
        if is_picture && frame.key && !gave {
            // Its parameter sets were in a packet of their own, which was the first one and is lost: nobody missed it.
            self.broken = true;
            return Took::NeedsKey;
        }
        Took::Passed
    }
}

fn coding(codec: srs_rtc::Codec) -> Coding {
    match codec {
        srs_rtc::Codec::H264 => Coding::H264,
        srs_rtc::Codec::H265 => Coding::Hevc,
        srs_rtc::Codec::Av1 => Coding::Av1,
        srs_rtc::Codec::Vp8 => Coding::Vp8,
        srs_rtc::Codec::Vp9 => Coding::Vp9,
        // RFC 7587 section 7: what says otherwise is about what is heard, not about packets.
        srs_rtc::Codec::Opus => Coding::OpusPacket { channels: 2 },
    }
}

/// The layers of simulcast: which of them goes on.
///
/// The best is the one whose key frames are the largest, of those that are sent at all: browsers stop the best when their
/// line is too narrow, and list them in any order. A change takes place at a key frame.
#[derive(Debug)]
struct Layers {
    known: Vec<Layer>,
    /// The one that goes on.
    current: Option<Arc<str>>,
    /// The one that is to; none for the best.
    wished: Option<Arc<str>>,
}

#[derive(Debug)]
struct Layer {
    name: Arc<str>,
    /// Bytes of its newest key frame.
    key: usize,
    came: Option<Instant>,
}

impl Layers {
    fn new(names: &[Arc<str>]) -> Layers {
        let known = names.iter().map(|name| Layer { name: Arc::clone(name), key: 0, came: None }).collect();
        Layers { known, current: None, wished: None }
    }

    fn chosen(&self) -> Option<Arc<str>> {
        self.wanted().or_else(|| self.current.clone())
    }

    fn wish(&mut self, layer: Option<Arc<str>>) {
        self.wished = layer.filter(|name| self.known.iter().any(|layer| layer.name == *name));
    }

    /// The layer that should go on: the one that is wished for, if it is sent, else the best.
    fn wanted(&self) -> Option<Arc<str>> {
        let newest = self.known.iter().filter_map(|layer| layer.came).max()?;
        let is_sent = |layer: &&Layer| {
            layer.came.is_some_and(|came| newest.saturating_duration_since(came) < LAYER_GONE)
        };
        let wished =
            self.known.iter().filter(is_sent).find(|layer| Some(&layer.name) == self.wished.as_ref());
        let best = || self.known.iter().filter(is_sent).max_by_key(|layer| layer.key);
        wished.or_else(best).map(|layer| Arc::clone(&layer.name))
    }

    /// Whether this frame goes on.
    fn takes(&mut self, frame: &Frame) -> bool {
        let Some(name) = &frame.layer else { return true };
        if !self.known.iter().any(|layer| layer.name == *name) && self.known.len() < 8 {
            self.known.push(Layer { name: Arc::clone(name), key: 0, came: None });
        }
        if let Some(layer) = self.known.iter_mut().find(|layer| layer.name == *name) {
            layer.came = Some(frame.came);
            if frame.key {
                layer.key = frame.data.len();
            }
        }
        if self.current.as_ref() != Some(name) && frame.key && self.wanted().as_ref() == Some(name) {
            self.current = Some(Arc::clone(name));
        }
        self.current.as_ref() == Some(name)
    }
}

#[cfg(test)]
mod tests;
