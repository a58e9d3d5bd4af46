//! MPEG audio frames: what the header of ISO/IEC 11172-3 2.4.1.3 says of the frame that it begins.

/// The header of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// 1, 2 or 3; MP3 is 3.
    pub layer: u8,
    /// Hz.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u8,
    /// Samples of each channel.
    pub samples: u32,
    /// Bytes of the frame with its header.
    pub length: usize,
}

/// kbit/s by the header's number, from 1 on.
const MPEG1_LAYER1: [u32; 14] = [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448];
const MPEG1_LAYER2: [u32; 14] = [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const MPEG1_LAYER3: [u32; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const MPEG2_LAYER1: [u32; 14] = [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
const MPEG2_OTHERS: [u32; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/// Reads the header at the front; `None` for what is none, and for the free format, whose length nobody knows.
pub fn header(bytes: &[u8]) -> Option<Header> {
    const RATES: [u32; 3] = [44_100, 48_000, 32_000];
    let &[sync, second, third, fourth] = bytes.first_chunk::<4>()?;
    if sync != 0xff || second & 0xe0 != 0xe0 {
        return None;
    }
    let (first_version, divisor) = match second >> 3 & 3 {
        0b00 => (false, 4), // MPEG 2.5
        0b10 => (false, 2),
        0b11 => (true, 1),
        _ => return None,
    };
    let layer = 4u8.checked_sub(second >> 1 & 3).filter(|&layer| layer < 4)?;
    let table = match (first_version, layer) {
        (true, 1) => MPEG1_LAYER1,
        (true, 2) => MPEG1_LAYER2,
        (true, _) => MPEG1_LAYER3,
        (false, 1) => MPEG2_LAYER1,
        (false, _) => MPEG2_OTHERS,
    };
    let bits = table.get(usize::from(third >> 4).checked_sub(1)?)?.checked_mul(1_000)?;
    let sample_rate = RATES.get(usize::from(third >> 2 & 3))?.checked_div(divisor)?;
    let samples = match (layer, first_version) {
        (1, _) => 384,
        (3, false) => 576,
        _ => 1_152,
    };
    let padding = u32::from(third >> 1 & 1);
    let length = if layer == 1 {
        bits.checked_mul(12)?.checked_div(sample_rate)?.checked_add(padding)?.checked_mul(4)?
    } else {
        bits.checked_mul(samples / 8)?.checked_div(sample_rate)?.checked_add(padding)?
    };
    let channels = if fourth >> 6 == 3 { 1 } else { 2 };
    Some(Header { layer, sample_rate, channels, samples, length: usize::try_from(length).ok()? })
}

#[cfg(test)]
mod tests;
