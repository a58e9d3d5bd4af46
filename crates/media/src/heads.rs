//! Codecs whose header is a few fixed bytes: Opus, FLAC, MP3.

use crate::bits::Bits;
use crate::{AudioInfo, Codec};

/// The identification header of RFC 7845 5.1, which enhanced RTMP sends as Opus configuration.
pub fn opus(record: &[u8]) -> Option<AudioInfo> {
    let (&[_version, channels, ..], _) = record.strip_prefix(b"OpusHead")?.split_first_chunk::<4>()?;
    // RFC 7845 5.1: the rate in the header is the source's; Opus always plays at 48 kHz.
    Some(AudioInfo { codec: Codec::Opus, sample_rate: 48_000, channels, profile: String::new() })
}

/// STREAMINFO of RFC 9639 8.2, with or without the `fLaC` mark and block header before it.
pub fn flac(record: &[u8]) -> Option<AudioInfo> {
    let block = record.strip_prefix(b"fLaC").and_then(|rest| rest.get(4..)).unwrap_or(record);
    let mut bits = Bits::new(block);
    bits.skip(16 + 16 + 24 + 24)?; // block sizes, frame sizes
    let sample_rate = bits.take(20)?;
    let channels = u8::try_from(bits.take(3)? + 1).ok()?;
    (sample_rate > 0).then_some(AudioInfo {
        codec: Codec::Flac,
        sample_rate,
        channels,
        profile: String::new(),
    })
}

/// The frame header of ISO/IEC 11172-3 2.4.1.3, which starts every MP3 frame.
pub fn mp3(frame: &[u8]) -> Option<AudioInfo> {
    const RATES: [u32; 3] = [44_100, 48_000, 32_000];
    let mut bits = Bits::new(frame);
    if bits.take(11)? != 0x7ff {
        return None;
    }
    let divisor = match bits.take(2)? {
        0b00 => 4, // MPEG 2.5
        0b10 => 2, // MPEG 2
        0b11 => 1, // MPEG 1
        _ => return None,
    };
    bits.skip(2 + 1 + 4)?; // layer, protection, bit rate
    let rate = *RATES.get(usize::try_from(bits.take(2)?).ok()?)?;
    bits.skip(2)?; // padding, private
    let channels = if bits.take(2)? == 0b11 { 1 } else { 2 };
    Some(AudioInfo { codec: Codec::Mp3, sample_rate: rate / divisor, channels, profile: String::new() })
}

#[cfg(test)]
mod tests;
