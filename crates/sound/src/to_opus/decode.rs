//! AAC-LC of one or two channels into samples at 48 kHz.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder as _, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::AacDecoder;

use crate::RATE;

/// Samples of each channel in a frame.
const FRAME: usize = 1_024;

/// Decodes one stream.
pub(crate) struct Decoder {
    aac: AacDecoder,
    channels: usize,
    /// At the stream's own rate.
    decoded: Vec<f32>,
    /// None where that is 48 kHz.
    resampler: Option<Fft<f32>>,
    resampled: Vec<f32>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("channels", &self.channels).finish_non_exhaustive()
    }
}

impl Decoder {
    /// By an AudioSpecificConfig; none for what is not decoded here.
    pub(crate) fn new(header: &[u8], rate: u32, channels: usize) -> Option<Decoder> {
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(CODEC_ID_AAC).with_extra_data(header.into());
        let aac = AacDecoder::try_new(&parameters, &AudioDecoderOptions::default()).ok()?;
        let resampler = if rate == RATE {
            None
        } else {
            let (from, to) = (usize::try_from(rate).ok()?, usize::try_from(RATE).ok()?);
            Some(Fft::new(from, to, FRAME, channels, FixedSync::Input).ok()?)
        };
        Some(Decoder { aac, channels, decoded: Vec::new(), resampler, resampled: Vec::new() })
    }

    /// So many samples of each channel later than they were put in, samples come out.
    pub(crate) fn delay(&self) -> usize {
        self.resampler.as_ref().map_or(0, Fft::output_delay)
    }

    /// The samples of a frame, those of the channels in turn. A damaged frame is silence.
    pub(crate) fn decode(&mut self, frame: &[u8]) -> &[f32] {
        let size = FRAME.saturating_mul(self.channels);
        let packet = PacketRef::new(0, Timestamp::from(0i64), Duration::from(FRAME as u64), frame);
        self.decoded.clear();
        if let Ok(buffer) = self.aac.decode_ref(&packet)
            && buffer.num_planes() == self.channels
        {
            buffer.copy_to_vec_interleaved(&mut self.decoded);
        }
        self.decoded.resize(size, 0.0);
        let Some(resampler) = &mut self.resampler else { return &self.decoded };
        let room = resampler.output_frames_next();
        self.resampled.resize(room.saturating_mul(self.channels), 0.0);
        let made = InterleavedSlice::new(&self.decoded, self.channels, FRAME).ok().and_then(|input| {
            let mut output = InterleavedSlice::new_mut(&mut self.resampled, self.channels, room).ok()?;
            resampler.process_into_buffer(&input, &mut output, None).ok()
        });
        let (_, frames) = made.unwrap_or_default();
        self.resampled.get(..frames.saturating_mul(self.channels)).unwrap_or_default()
    }
}
