//! AAC: what AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) says.

use crate::bits::Bits;
use crate::{AudioInfo, Codec};

/// The fields of an AudioSpecificConfig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Of the core coder: 1 Main, 2 LC, 3 SSR, …
    pub object_type: u8,
    /// Hz of the core coder; what ADTS headers say.
    pub core_rate: u32,
    /// Hz with spectral band replication; None without.
    pub extension_rate: Option<u32>,
    /// Number of channels; 0 where a program config element lists them.
    pub channels: u8,
    /// Parametric stereo is signalled: the one core channel plays as two.
    pub parametric_stereo: bool,
}

const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
const SBR: u8 = 5;
const PS: u8 = 29;

/// Reads the configuration; `None` for one that is cut short or reserved.
pub fn config(record: &[u8]) -> Option<Config> {
    let mut bits = Bits::new(record);
    let mut object_type = object_type(&mut bits)?;
    let core_rate = rate(&mut bits)?;
    let channels = match bits.take(4)? {
        7 => 8,
        11 => 7,
        12 | 14 => 8,
        13 => 24,
        count @ 0..=6 => u8::try_from(count).ok()?,
        _ => return None,
    };
    let parametric_stereo = object_type == PS;
    let mut extension_rate = None;
    if object_type == SBR || object_type == PS {
        extension_rate = Some(rate(&mut bits)?);
        object_type = self::object_type(&mut bits)?;
    }
    (object_type != 0).then_some(Config {
        object_type,
        core_rate,
        extension_rate,
        channels,
        parametric_stereo,
    })
}

/// What the configuration says, in the words of the HTTP API.
pub fn info(record: &[u8]) -> Option<AudioInfo> {
    let config = config(record)?;
    let profile = match (config.extension_rate, config.object_type) {
        (Some(_), _) if config.parametric_stereo => "HEv2",
        (Some(_), _) => "HE",
        (None, 1) => "Main",
        (None, 2) => "LC",
        (None, 3) => "SSR",
        _ => "Other",
    };
    Some(AudioInfo {
        codec: Codec::Aac,
        sample_rate: config.extension_rate.unwrap_or(config.core_rate),
        channels: if config.parametric_stereo { 2 } else { config.channels },
        profile: profile.to_owned(),
    })
}

/// The header of an ADTS frame (ISO/IEC 14496-3 1.A.3.2) without its length: see [`with_length`]. The core coder is what
/// it names, so that HE-AAC is LC at the core's rate, as players of ADTS expect.
///
/// `None` for what the header has no numbers for: object types over 4, rates not in its table, layouts over 7.1.
pub fn adts(config: &Config) -> Option<[u8; 7]> {
    let object_type = config.object_type.checked_sub(1).filter(|&number| number < 4)?;
    let rate = u8::try_from(RATES.iter().position(|&rate| rate == config.core_rate)?).ok()?;
    let channels = match config.channels {
        count @ 0..=6 => count,
        8 => 7,
        _ => return None,
    };
    // Sync word, MPEG-4, no CRC | object type, rate, channels | … | a rate that varies (0x7ff), one block.
    Some([0xff, 0xf1, object_type << 6 | rate << 2 | channels >> 2, (channels & 3) << 6, 0, 0x1f, 0xfc])
}

/// The header `adts` in front of `payload` bytes; `None` where its 13 bits do not hold the length.
pub fn with_length(adts: [u8; 7], payload: usize) -> Option<[u8; 7]> {
    let length = u16::try_from(payload.checked_add(adts.len())?).ok().filter(|&length| length < 1 << 13)?;
    let [a, b, c, d, e, f, g] = adts;
    let [_, high, middle, low] = (u32::from(length) << 5).to_be_bytes();
    Some([a, b, c, d | high, e | middle, f | low, g])
}

/// What the header of one ADTS frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adts {
    /// The AudioSpecificConfig that means the same: HE-AAC is said to be LC at the core's rate.
    pub config: [u8; 2],
    /// Hz of the core coder.
    pub sample_rate: u32,
    /// Raw data blocks in the frame, of 1024 samples each; 1 but for encoders that nobody uses.
    pub blocks: u8,
    /// Bytes of the header, with its CRC where it has one.
    pub header: usize,
    /// Bytes of the frame with its header.
    pub length: usize,
}

impl Adts {
    /// Samples of a raw data block.
    pub const BLOCK: u32 = 1024;

    /// Reads the header at the front; `None` for what is none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let &[sync, second, third, fourth, fifth, sixth, seventh] = bytes.first_chunk::<7>()?;
        // The layer is 0, which tells it from MPEG audio.
        if sync != 0xff || second & 0xf6 != 0xf0 {
            return None;
        }
        let (object_type, rate) = ((third >> 6).checked_add(1)?, third >> 2 & 0x0f);
        let sample_rate = *RATES.get(usize::from(rate))?;
        let channels = (third & 1) << 2 | fourth >> 6;
        let header = if second & 1 == 0 { 9 } else { 7 };
        let length = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
        (length >= header).then_some(Self {
            config: [object_type << 3 | rate >> 1, (rate & 1) << 7 | channels << 3],
            sample_rate,
            blocks: (seventh & 3).checked_add(1)?,
            header,
            length,
        })
    }
}

fn object_type(bits: &mut Bits<'_>) -> Option<u8> {
    let value = match bits.take(5)? {
        31 => bits.take(6)? + 32,
        value => value,
    };
    u8::try_from(value).ok()
}

fn rate(bits: &mut Bits<'_>) -> Option<u32> {
    let rate = match bits.take(4)? {
        15 => bits.take(24)?,
        index => *RATES.get(usize::try_from(index).ok()?)?,
    };
    (rate > 0).then_some(rate)
}

#[cfg(test)]
mod tests;
