//! Opus into AAC: decoded here, with what is lost made up for, and encoded by a child.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use opus::{Channels, Decoder};
use srs_media::aac::Adts;
use srs_media::{Codec, heads};

use crate::anchors::Anchors;
use crate::pipe::{Pipe, Told};
use crate::{Error, Made, RATE, Settings};

/// A gap up to this is filled by what the decoder makes of the sound before, in samples: 100 ms. For longer it would howl.
const CONCEALED: usize = 4_800;

/// Behind that a gap is silence, up to this in ms; a longer one is a jump of time.
const SILENCE_MS: i64 = 1_000;

/// Sound that comes earlier than it should by more than this is a jump of time, in ms.
const BACK_MS: i64 = 60;

/// The largest packet, 120 ms, in samples of each channel.
const LONGEST: usize = 5_760;

/// The decoder makes up for what is lost in steps of 2.5 ms.
const STEP: usize = 120;

/// Makes raw AAC frames of Opus packets.
pub(crate) struct ToAac {
    decoder: Decoder,
    channels: usize,
    pipe: Pipe,
    /// Of samples that were given to the child.
    anchors: Anchors,
    position: u64,
    /// What comes next does not go on where that ended which the child was given.
    broken: bool,
    /// From the child, not yet a whole frame.
    rest: BytesMut,
    /// Frames that the child gave.
    frames: u64,
    header: Option<[u8; 2]>,
    ready: VecDeque<Made>,
}

impl std::fmt::Debug for ToAac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToAac").field("position", &self.position).finish_non_exhaustive()
    }
}

impl ToAac {
    /// By the identification header of RFC 7845, which may be missing.
    pub(crate) fn new(header: &[u8], settings: &Settings) -> Result<ToAac, Error> {
        let channels = match heads::opus(header).map(|info| info.channels) {
            Some(1) => 1,
            None | Some(2) => 2,
            Some(_) => return Err(Error::Header(Codec::Opus)),
        };
        let layout = if channels == 1 { Channels::Mono } else { Channels::Stereo };
        let decoder = Decoder::new(RATE, layout).map_err(|error| Error::Library(error.to_string()))?;
        let bitrate = if channels == 1 { settings.aac_bitrate / 2 } else { settings.aac_bitrate };
        let (channels_said, bitrate) = (channels.to_string(), bitrate.to_string());
        // It must neither wait to learn what comes, nor until a buffer is full: measured, a frame comes out some 50 ms
        // behind its first sample, of which it lasts 21 itself. (`-fflags nobuffer` throws the first samples away.)
        let arguments = [
            ["-hide_banner", "-nostats"].as_slice(),
            &["-loglevel", "error", "-probesize", "32", "-analyzeduration", "0"],
            &["-f", "s16le", "-ar", "48000", "-ac", &channels_said, "-i", "pipe:0"],
            &["-c:a", "aac", "-b:a", &bitrate, "-flush_packets", "1", "-f", "adts", "pipe:1"],
        ];
        let arguments = arguments.concat().into_iter().map(str::to_owned).collect();
        let pipe = Pipe::new(settings.ffmpeg.clone(), arguments, "no AAC is made of Opus");
        Ok(ToAac {
            decoder,
            channels,
            pipe,
            anchors: Anchors::default(),
            position: 0,
            broken: true,
            rest: BytesMut::new(),
            frames: 0,
            header: None,
            ready: VecDeque::new(),
        })
    }

    pub(crate) fn push(&mut self, time: i64, packet: &[u8]) {
        let Some(samples) = srs_media::opus::samples(packet) else { return };
        let samples = usize::try_from(samples).unwrap_or(LONGEST);
        self.meet(time, samples, packet);
        let mut pcm = vec![0; samples.saturating_mul(self.channels)];
        // What is damaged plays as silence, so that times stay true.
        if self.decoder.decode(packet, &mut pcm, false).is_err() {
            pcm.fill(0);
        }
        self.give(&pcm);
    }

    /// Brings the samples that were given up to `time`, at which a packet of so many is heard.
    fn meet(&mut self, time: i64, samples: usize, packet: &[u8]) {
        let expected = self.anchors.expected(self.position).filter(|_| !self.broken);
        let gap = expected.map(|expected| time.saturating_sub(expected));
        let Some(gap) = gap.filter(|gap| (-BACK_MS..=SILENCE_MS).contains(gap)) else {
            self.anchors.set(self.position, time);
            self.broken = false;
            return;
        };
        // Times are rounded: less than half a packet is none that is missing.
        let missing = usize::try_from(gap).unwrap_or(0).saturating_mul(48);
        if missing < samples / 2 {
            return;
        }
        let missing = missing.div_euclid(STEP).saturating_mul(STEP);
        let concealed = missing.min(CONCEALED);
        // The packet behind a gap may hold a second, coarse copy of the one before it.
        let copied = if missing <= CONCEALED { concealed.min(samples) } else { 0 };
        self.conceal(concealed.saturating_sub(copied), &[]);
        self.conceal(copied, packet);
        let silence = missing.saturating_sub(concealed);
        if silence > 0 {
            self.give(&vec![0; silence.saturating_mul(self.channels)]);
        }
    }

    fn conceal(&mut self, samples: usize, packet: &[u8]) {
        if samples == 0 {
            return;
        }
        let mut pcm = vec![0; samples.saturating_mul(self.channels)];
        if self.decoder.decode(packet, &mut pcm, !packet.is_empty()).is_err() {
            pcm.fill(0);
        }
        self.give(&pcm);
    }

    fn give(&mut self, pcm: &[i16]) {
        let bytes: Bytes = pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        if self.pipe.push(bytes) {
            let samples = pcm.len().checked_div(self.channels).unwrap_or(0);
            self.position = self.position.saturating_add(samples as u64);
        } else {
            self.broken = true;
        }
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Made> {
        loop {
            if let Some(made) = self.ready.pop_front() {
                return Poll::Ready(made);
            }
            match ready!(self.pipe.poll_next(cx)) {
                Told::Bytes(bytes) => {
                    self.rest.extend_from_slice(&bytes);
                    self.take_frames();
                }
                Told::Ended => {
                    self.anchors.clear();
                    (self.position, self.frames, self.broken) = (0, 0, true);
                    self.rest.clear();
                }
            }
        }
    }

    fn take_frames(&mut self) {
        while let Some(adts) = Adts::read(&self.rest) {
            if self.rest.len() < adts.length {
                return;
            }
            let mut data = self.rest.split_to(adts.length).freeze();
            data.advance(adts.header);
            // The first one is filled with what was before the first sample, as its window overlaps: so each is heard
            // one length before what was put in last when it came out.
            let before =
                self.frames.checked_sub(1).map(|frames| frames.saturating_mul(u64::from(Adts::BLOCK)));
            self.frames = self.frames.saturating_add(1);
            let Some(time) = before.and_then(|position| self.anchors.at(position)) else { continue };
            if self.header != Some(adts.config) {
                self.header = Some(adts.config);
                self.ready.push_back(Made::Header(Bytes::copy_from_slice(&adts.config)));
            }
            self.ready.push_back(Made::Frame { time, data });
        }
        if self.rest.len() > 8 {
            // No header where one must be: never of this child.
            self.rest.clear();
        }
    }
}
