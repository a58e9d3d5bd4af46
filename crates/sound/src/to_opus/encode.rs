//! Samples into Opus packets.

use std::collections::VecDeque;

use bytes::Bytes;
use opus::{Application, Bitrate, Channels};

use crate::{Error, Made, RATE};

/// Samples of each channel in a packet: 20 ms, which is what every player takes.
const PACKET: usize = 960;
/// The same in ms.
const PACKET_MS: i64 = 20;

/// Of 10: half of the work of the best, and no difference that is heard at these rates.
const COMPLEXITY: i32 = 5;

/// The largest packet of one frame (RFC 6716 3.4).
const MOST_BYTES: usize = 1_275;

/// Packets that wait for who polls: a minute of them, which is more than is ever pushed at once.
const MOST_READY: usize = 3_000;

/// Cuts samples into packets, each with the time at which it is heard.
pub(super) struct Encoder {
    encoder: opus::Encoder,
    channels: usize,
    /// What comes out late, in samples of each channel: by the encoder, and by who made the samples.
    late: usize,
    /// So many are left out still, so that what is heard is heard in time.
    skip: usize,
    pending: Vec<f32>,
    /// Time of the next packet; none before the first beginning.
    time: Option<i64>,
    ready: VecDeque<Made>,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("time", &self.time).finish_non_exhaustive()
    }
}

impl Encoder {
    /// For samples that are `late` already. The bit rate is that of stereo.
    pub(super) fn new(channels: usize, bitrate: u32, late: usize) -> Result<Encoder, Error> {
        let refused = |error: opus::Error| Error::Library(error.to_string());
        let layout = if channels == 1 { Channels::Mono } else { Channels::Stereo };
        let mut encoder = opus::Encoder::new(RATE, layout, Application::Audio).map_err(refused)?;
        let bitrate = if channels == 1 { bitrate / 2 } else { bitrate };
        encoder.set_bitrate(Bitrate::Bits(i32::try_from(bitrate).unwrap_or(i32::MAX))).map_err(refused)?;
        encoder.set_complexity(COMPLEXITY).map_err(refused)?;
        let lookahead = usize::try_from(encoder.get_lookahead().map_err(refused)?).unwrap_or(0);
        let head = u8::try_from(channels).ok().and_then(srs_media::opus::head).unwrap_or_default();
        Ok(Encoder {
            encoder,
            channels,
            late: late.saturating_add(lookahead),
            skip: 0,
            pending: Vec::new(),
            time: None,
            ready: VecDeque::from([Made::Header(head.into())]),
        })
    }

    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// The next sample that is pushed is heard at `time` (ms), whatever was before.
    pub(super) fn begin(&mut self, time: i64) {
        self.pending.clear();
        self.skip = self.late;
        self.time = Some(time);
    }

    /// Takes samples, those of the channels in turn.
    pub(super) fn push(&mut self, samples: &[f32]) {
        let Some(mut time) = self.time else { return };
        let skipped = samples.len().min(self.skip.saturating_mul(self.channels));
        self.skip = self.skip.saturating_sub(skipped.checked_div(self.channels).unwrap_or(0));
        self.pending.extend_from_slice(samples.get(skipped..).unwrap_or_default());
        let size = PACKET.saturating_mul(self.channels);
        let mut done = 0usize;
        let mut packet = [0; MOST_BYTES];
        while let Some(frame) = self.pending.get(done..done.saturating_add(size)) {
            // A packet that cannot be made is one that is lost: times stay true.
            if let Ok(length) = self.encoder.encode_float(frame, &mut packet)
                && let Some(data) = packet.get(..length)
                && self.ready.len() < MOST_READY
            {
                self.ready.push_back(Made::Frame { time, data: Bytes::copy_from_slice(data) });
            }
            time = time.saturating_add(PACKET_MS);
            done = done.saturating_add(size);
        }
        self.pending.drain(..done);
        self.time = Some(time);
    }

    pub(super) fn pop(&mut self) -> Option<Made> {
        self.ready.pop_front()
    }
}
