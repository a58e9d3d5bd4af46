//! AAC into Opus: decoded here where that is possible, else by a child, and encoded here.

mod decode;
mod encode;

use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, Bytes, BytesMut};
use srs_media::{Codec, aac};

use crate::anchors::Anchors;
use crate::pipe::{Pipe, Told};
use crate::{Error, Made, RATE, Settings};
pub(crate) use decode::Decoder;
use encode::Encoder;

/// Times of frames are rounded, and some encoders' are coarse; what differs by more than this from what was expected is a
/// jump, in ms. From one to the next packets follow in exact steps.
const JUMP_MS: i64 = 60;

/// Samples of a frame of the core coder. A few broadcasters use 960, which nothing here decodes.
const FRAME: u64 = 1_024;

/// Makes Opus packets of raw AAC frames.
#[derive(Debug)]
pub(crate) struct ToOpus {
    source: Source,
    encoder: Encoder,
    /// Hz of the core coder.
    rate: u64,
    /// Time of the frame from which on frames are counted, and how many came.
    since: Option<(i64, u64)>,
}

#[derive(Debug)]
enum Source {
    Here(Box<Decoder>),
    Child(Box<Away>),
}

/// A child that decodes.
#[derive(Debug)]
struct Away {
    pipe: Pipe,
    adts: [u8; 7],
    /// Samples at 48 kHz that the child will have given for what it got, and that it has given.
    given: u64,
    got: u64,
    anchors: Anchors,
    /// Where the sound begins that does not go on what was before.
    jumps: std::collections::VecDeque<u64>,
    /// Bytes of a sample that is not whole.
    rest: BytesMut,
    broken: bool,
}

impl ToOpus {
    /// By its AudioSpecificConfig.
    pub(crate) fn new(header: &[u8], settings: &Settings) -> Result<ToOpus, Error> {
        let config = aac::config(header).ok_or(Error::Header(Codec::Aac))?;
        let channels = if config.channels == 1 && !config.parametric_stereo { 1 } else { 2 };
        let rate = u64::from(config.core_rate);
        let simple = config.object_type == 2 && config.extension_rate.is_none() && config.channels <= 2;
        let here = if simple { Decoder::new(header, config.core_rate, channels) } else { None };
        let delay = here.as_ref().map_or(0, Decoder::delay);
        let source = match here {
            Some(decoder) => Source::Here(Box::new(decoder)),
            None => Source::Child(Box::new(Away::new(&config, channels, settings)?)),
        };
        let encoder = Encoder::new(channels, settings.opus_bitrate, delay)?;
        Ok(ToOpus { source, encoder, rate, since: None })
    }

    pub(crate) fn push(&mut self, time: i64, frame: &[u8]) {
        let jumped = self.is_jump(time);
        match &mut self.source {
            Source::Here(decoder) => {
                if jumped {
                    self.encoder.begin(time);
                }
                self.encoder.push(decoder.decode(frame));
            }
            Source::Child(away) => {
                let lasts = FRAME.saturating_mul(u64::from(RATE)).checked_div(self.rate).unwrap_or(0);
                away.push(time, jumped, lasts, frame);
            }
        }
    }

    /// Whether this frame does not go on where the one before ended; it is counted either way.
    fn is_jump(&mut self, time: i64) -> bool {
        let expected = self.since.map(|(since, count)| {
            let ms = count.saturating_mul(FRAME * 1_000).checked_div(self.rate).unwrap_or(0);
            since.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX))
        });
        let jumped = expected.is_none_or(|expected| time.saturating_sub(expected).saturating_abs() > JUMP_MS);
        self.since = match self.since {
            Some((since, count)) if !jumped => Some((since, count.saturating_add(1))),
            _ => Some((time, 1)),
        };
        jumped
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Made> {
        loop {
            if let Some(made) = self.encoder.pop() {
                return Poll::Ready(made);
            }
            let Source::Child(away) = &mut self.source else { return Poll::Pending };
            match ready!(away.pipe.poll_next(cx)) {
                Told::Bytes(bytes) => away.take(&bytes, &mut self.encoder),
                Told::Ended => away.begin_anew(),
            }
        }
    }
}

impl Away {
    fn new(config: &aac::Config, channels: usize, settings: &Settings) -> Result<Away, Error> {
        let adts = aac::adts(config).ok_or(Error::Header(Codec::Aac))?;
        let channels = channels.to_string();
        let arguments = [
            ["-hide_banner", "-nostats"].as_slice(),
            &["-loglevel", "error", "-probesize", "32", "-analyzeduration", "0"],
            &["-f", "aac", "-i", "pipe:0"],
            &["-f", "s16le", "-ar", "48000", "-ac", &channels, "-flush_packets", "1", "pipe:1"],
        ];
        let arguments = arguments.concat().into_iter().map(str::to_owned).collect();
        Ok(Away {
            pipe: Pipe::new(settings.ffmpeg.clone(), arguments, "no Opus is made of this kind of AAC"),
            adts,
            given: 0,
            got: 0,
            anchors: Anchors::default(),
            jumps: std::collections::VecDeque::new(),
            rest: BytesMut::new(),
            broken: true,
        })
    }

    /// A frame that is heard for so many samples at 48 kHz.
    fn push(&mut self, time: i64, jumped: bool, lasts: u64, frame: &[u8]) {
        let Some(header) = aac::with_length(self.adts, frame.len()) else {
            self.broken = true;
            return;
        };
        let mut bytes = BytesMut::with_capacity(header.len().saturating_add(frame.len()));
        bytes.put_slice(&header);
        bytes.put_slice(frame);
        if !self.pipe.push(bytes.freeze()) {
            self.broken = true;
            return;
        }
        if jumped || std::mem::take(&mut self.broken) {
            self.anchors.set(self.given, time);
            self.jumps.push_back(self.given);
        }
        self.given = self.given.saturating_add(lasts);
    }

    /// Takes what the child decoded.
    fn take(&mut self, bytes: &Bytes, encoder: &mut Encoder) {
        self.rest.extend_from_slice(bytes);
        let frame = encoder.channels().saturating_mul(2);
        while self.rest.len() >= frame {
            let mut whole = self.rest.len().checked_div(frame).unwrap_or(0);
            if self.jumps.front().is_some_and(|&jump| jump <= self.got) {
                self.jumps.pop_front();
                encoder.begin(self.anchors.at(self.got).unwrap_or_default());
            }
            if let Some(&jump) = self.jumps.front() {
                let before = usize::try_from(jump.saturating_sub(self.got)).unwrap_or(usize::MAX);
                whole = whole.min(before.max(1));
            }
            let piece = self.rest.split_to(whole.saturating_mul(frame));
            let samples = piece.chunks_exact(2).map(|sample| match sample {
                &[low, high] => f32::from(i16::from_le_bytes([low, high])) / 32_768.0,
                _ => 0.0,
            });
            let samples: Vec<f32> = samples.collect();
            encoder.push(&samples);
            self.got = self.got.saturating_add(whole as u64);
        }
    }

    fn begin_anew(&mut self) {
        (self.given, self.got, self.broken) = (0, 0, true);
        self.anchors.clear();
        self.jumps.clear();
        self.rest.clear();
    }
}
