//! Sound: frames found in what the units hold, and when each is heard.

use super::{Coding, Error, Unit};
use crate::body;
use bytes::Bytes;
use srs_media::aac::{self, Adts};
use srs_media::latm::{self, Latm};
use srs_media::{Codec, mp3, opus};

/// Ticks a second.
const CLOCK: u64 = 90_000;

/// A frame of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// When it is heard; 90 kHz ticks, of which 33 bits count.
    pub at: u64,
    /// It does not go on where the one before ended.
    pub broken: bool,
    /// The body of the codec header that stands before it, where it differs from the one before.
    pub config: Option<Bytes>,
    pub body: Bytes,
}

/// The sound of one stream.
#[derive(Debug)]
pub(super) struct Sound {
    coding: Coding,
    /// The beginning of a frame whose end the next unit brings.
    held: Vec<u8>,
    /// The next frame begins where the last one ended, so that its header needs no proof.
    aligned: bool,
    /// The next frame does not go on where the last one ended.
    broken: bool,
    /// What the last unit said.
    pts: Option<u64>,
    /// A time in ticks, and how many samples at this rate came since.
    base: u64,
    samples: u64,
    rate: u32,
    /// The configuration that was told last.
    config: Vec<u8>,
    latm: Latm,
}

/// What stands at the front of some bytes.
enum Front {
    /// A frame of so many bytes.
    Frame(usize),
    /// Too little to say.
    Short,
    /// No frame.
    Other,
}

impl Sound {
    pub(super) fn new(coding: Coding) -> Self {
        Self {
            coding,
            held: Vec::new(),
            aligned: false,
            broken: false,
            pts: None,
            base: 0,
            samples: 0,
            rate: 0,
            config: Vec::new(),
            latm: Latm::new(),
        }
    }

    pub(super) fn coding(&self) -> Coding {
        self.coding
    }

    /// Takes a unit, and gives out the frames that end in it.
    pub(super) fn take(&mut self, unit: &Unit<'_>, out: &mut impl FnMut(Piece)) -> Result<(), Error> {
        if unit.discontinuity {
            self.held.clear();
            (self.aligned, self.broken) = (false, true);
        }
        if let Coding::Opus { channels } = self.coding {
            self.anchor(unit.pts);
            return self.packets(channels, unit.data, out);
        }
        if let Coding::OpusPacket { channels } = self.coding {
            self.anchor(unit.pts);
            return self.packet(channels, unit.data, out);
        }
        let mut data = std::mem::take(&mut self.held);
        // A unit's time is that of the first frame that begins in it.
        let carried = data.len();
        data.extend_from_slice(unit.data);
        let (mut at, mut anchored, mut result) = (0usize, false, Ok(()));
        while let Some(rest) = data.get(at..).filter(|rest| !rest.is_empty()) {
            let front = self.front(rest);
            let whole = match front {
                Front::Frame(length) => rest.split_at_checked(length),
                Front::Short => None,
                Front::Other => {
                    self.aligned = false;
                    at = at.saturating_add(1);
                    continue;
                }
            };
            // Also of one that ends in a later unit.
            let begins = |sound: &mut Self, anchored: &mut bool| {
                if at >= carried && !std::mem::replace(anchored, true) {
                    sound.anchor(unit.pts);
                }
            };
            let Some((frame, behind)) = whole else {
                begins(self, &mut anchored);
                break;
            };
            if !self.aligned && matches!(self.front(behind), Front::Other) {
                at = at.saturating_add(1);
                continue;
            }
            begins(self, &mut anchored);
            self.aligned = true;
            at = at.saturating_add(frame.len());
            result = result.and(self.frame(frame, out));
        }
        data.drain(..at.min(data.len()));
        self.held = data;
        result
    }

    /// The next frame is at this time, unless the unit before said the same: then it had none of its own.
    fn anchor(&mut self, pts: u64) {
        if self.pts != Some(pts) {
            (self.pts, self.base, self.samples) = (Some(pts), pts, 0);
        }
    }

    fn front(&self, bytes: &[u8]) -> Front {
        let (header, length) = match self.coding {
            Coding::MpegAudio => (4, mp3::header(bytes).map(|header| header.length)),
            Coding::Latm => {
                (latm::HEADER, latm::length(bytes).map(|length| length.saturating_add(latm::HEADER)))
            }
            _ => (7, Adts::read(bytes).map(|header| header.length)),
        };
        match length {
            _ if bytes.len() < header => Front::Short,
            Some(length) => Front::Frame(length),
            None => Front::Other,
        }
    }

    fn frame(&mut self, frame: &[u8], out: &mut impl FnMut(Piece)) -> Result<(), Error> {
        match self.coding {
            Coding::MpegAudio => {
                let header = mp3::header(frame).ok_or(Error::Damaged(Codec::Mp3))?;
                let at = self.next(header.sample_rate, header.samples);
                if header.layer != 3 {
                    return Err(Error::NotCarried("MPEG audio of layer I or II"));
                }
                let body = body::mp3(header.sample_rate, header.channels, frame);
                out(Piece { at, broken: std::mem::take(&mut self.broken), config: None, body });
            }
            Coding::Latm => {
                let element = frame.get(latm::HEADER..).unwrap_or_default();
                let frames = self.latm.frames(element).map_err(|error| match error {
                    latm::Error::Damaged => Error::Damaged(Codec::Aac),
                    latm::Error::Unsupported => {
                        Error::NotCarried("AAC in LOAS of several layers or programs")
                    }
                })?;
                let Some(config) = self.latm.config().map(<[u8]>::to_vec) else { return Ok(()) };
                let rate = aac::config(&config).map_or(0, |config| config.core_rate);
                for raw in frames {
                    self.aac(&config, rate, &raw, out);
                }
            }
            _ => {
                let header = Adts::read(frame).ok_or(Error::Damaged(Codec::Aac))?;
                let raw = frame.get(header.header..).unwrap_or_default();
                if header.blocks != 1 {
                    self.next(header.sample_rate, Adts::BLOCK.saturating_mul(header.blocks.into()));
                    return Err(Error::NotCarried("AAC with several blocks in a frame"));
                }
                if header.config.last().is_some_and(|byte| byte & 0x78 == 0) {
                    return Err(Error::NotCarried("AAC with a layout of its own"));
                }
                self.aac(&header.config, header.sample_rate, raw, out);
            }
        }
        Ok(())
    }

    fn aac(&mut self, config: &[u8], rate: u32, raw: &[u8], out: &mut impl FnMut(Piece)) {
        let at = self.next(rate, Adts::BLOCK);
        if raw.is_empty() {
            return;
        }
        let config = self.news(config).then(|| body::audio_config(config));
        out(Piece { at, broken: std::mem::take(&mut self.broken), config, body: body::audio(raw) });
    }

    fn packets(&mut self, channels: u8, mut data: &[u8], out: &mut impl FnMut(Piece)) -> Result<(), Error> {
        while !data.is_empty() {
            let packet = opus::packet_off(&mut data).ok_or(Error::Damaged(Codec::Opus))?;
            self.packet(channels, packet, out)?;
        }
        Ok(())
    }

    fn packet(&mut self, channels: u8, packet: &[u8], out: &mut impl FnMut(Piece)) -> Result<(), Error> {
        let head = opus::head(channels).ok_or(Error::NotCarried("Opus of more than 8 channels"))?;
        let samples = opus::samples(packet).ok_or(Error::Damaged(Codec::Opus))?;
        let at = self.next(opus::RATE, samples);
        let config = self.news(&head).then(|| body::opus_config(&head));
        out(Piece { at, broken: std::mem::take(&mut self.broken), config, body: body::opus(packet) });
        Ok(())
    }

    /// The time of a frame of so many samples: it is where the one before ends.
    fn next(&mut self, rate: u32, samples: u32) -> u64 {
        if rate != self.rate {
            self.base = self.base.wrapping_add(self.since());
            (self.rate, self.samples) = (rate, 0);
        }
        let at = self.base.wrapping_add(self.since());
        self.samples = self.samples.saturating_add(samples.into());
        at
    }

    /// Ticks from the base on.
    fn since(&self) -> u64 {
        self.samples.saturating_mul(CLOCK).checked_div(self.rate.into()).unwrap_or(0)
    }

    fn news(&mut self, config: &[u8]) -> bool {
        let new = self.config != config;
        if new {
            self.config = config.to_vec();
        }
        new
    }
}

#[cfg(test)]
mod tests;
