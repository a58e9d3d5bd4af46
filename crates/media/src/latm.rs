//! AAC as LOAS carries it (ISO/IEC 14496-3 1.7): a synchronised stream of AudioMuxElements, of which the case that
//! broadcasters use is read, one program of one layer with whole frames.

use crate::aac;
use crate::bits::Bits;

/// Bytes of the header in front of each element.
pub const HEADER: usize = 3;

/// How many bytes the element behind this header has; `None` where there is no header.
pub fn length(bytes: &[u8]) -> Option<usize> {
    let &[first, second, third] = bytes.first_chunk::<HEADER>()?;
    (first == 0x56 && second & 0xe0 == 0xe0).then(|| usize::from(second & 0x1f) << 8 | usize::from(third))
}

/// An element that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It is cut short, or says nonsense.
    Damaged,
    /// Several programs or layers, or a coder other than AAC with frames of their own length.
    Unsupported,
}

/// What the last element that told it said about all that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mux {
    /// AudioSpecificConfig.
    config: Vec<u8>,
    frames: u32,
    /// Bits behind the frames that are something else.
    other: usize,
}

/// Reads element after element.
#[derive(Clone, Debug, Default)]
pub struct Latm {
    mux: Option<Mux>,
}

impl Latm {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The AudioSpecificConfig of the frames that were read last.
    pub fn config(&self) -> Option<&[u8]> {
        self.mux.as_ref().map(|mux| mux.config.as_slice())
    }

    /// The raw AAC frames of one element, its header left out. None, where no element has told yet what they are.
    pub fn frames(&mut self, element: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let mut bits = Bits::new(element);
        if !bits.bit().ok_or(Error::Damaged)? {
            self.mux = None;
            self.mux = Some(stream_mux_config(&mut bits)?);
        }
        let Some(mux) = &self.mux else { return Ok(Vec::new()) };
        let frames = (0..mux.frames).map(|_| frame(&mut bits)).collect::<Option<Vec<_>>>();
        frames.filter(|_| bits.skip(mux.other).is_some()).ok_or(Error::Damaged)
    }
}

/// PayloadLengthInfo and PayloadMux.
fn frame(bits: &mut Bits<'_>) -> Option<Vec<u8>> {
    let mut length = 0u32;
    loop {
        let part = bits.take(8)?;
        length = length.checked_add(part)?;
        if part != 255 {
            break;
        }
    }
    (0..length).map(|_| bits.take(8).and_then(|byte| u8::try_from(byte).ok())).collect()
}

fn stream_mux_config(bits: &mut Bits<'_>) -> Result<Mux, Error> {
    let second = bits.bit().ok_or(Error::Damaged)?;
    if second && bits.bit().ok_or(Error::Damaged)? {
        return Err(Error::Unsupported); // audioMuxVersionA
    }
    if second {
        value(bits).ok_or(Error::Damaged)?; // taraBufferFullness
    }
    let same_time = bits.bit().ok_or(Error::Damaged)?;
    let sub_frames = bits.take(6).ok_or(Error::Damaged)?;
    let more = bits.take(4 + 3).ok_or(Error::Damaged)?; // numProgram, numLayer
    if !same_time || more != 0 {
        return Err(Error::Unsupported);
    }
    let size = if second { Some(value(bits).ok_or(Error::Damaged)?) } else { None };
    let config = specific_config(bits, size)?;
    if bits.take(3).ok_or(Error::Damaged)? != 0 {
        return Err(Error::Unsupported); // frameLengthType
    }
    let other = rest(bits, second).ok_or(Error::Damaged)?;
    Ok(Mux { config, frames: sub_frames.saturating_add(1), other })
}

/// From latmBufferFullness on: how many bits of other data follow the frames.
fn rest(bits: &mut Bits<'_>, second: bool) -> Option<usize> {
    bits.skip(8)?; // latmBufferFullness
    let mut other = 0u32;
    if bits.bit()? {
        if second {
            other = value(bits)?;
        } else {
            while {
                let more = bits.bit()?;
                other = other.checked_mul(256)?.checked_add(bits.take(8)?)?;
                more
            } {}
        }
    }
    if bits.bit()? {
        bits.skip(8)?; // crcCheckSum
    }
    usize::try_from(other).ok()
}

/// LatmGetValue.
fn value(bits: &mut Bits<'_>) -> Option<u32> {
    let more = bits.take(2)?;
    (0..=more).try_fold(0u32, |sum, _| sum.checked_mul(256)?.checked_add(bits.take(8)?))
}

/// The AudioSpecificConfig, which is so many bits, or where that is not said, as long as what it says of itself.
fn specific_config(bits: &mut Bits<'_>, size: Option<u32>) -> Result<Vec<u8>, Error> {
    /// Real ones have 2 to 7 bytes; one with a list of channels some more.
    const MOST: u32 = 8 * 64;
    if let Some(size) = size {
        let config = (size <= MOST).then(|| copied(bits, size)).flatten().ok_or(Error::Damaged)?;
        aac::config(&config).ok_or(Error::Damaged)?;
        return Ok(config);
    }
    let mut ahead = bits.clone();
    let size = own_size(&mut ahead).ok_or(Error::Unsupported)?;
    let config = copied(bits, size).ok_or(Error::Damaged)?;
    aac::config(&config).ok_or(Error::Unsupported)?;
    Ok(config)
}

/// Bits of the AudioSpecificConfig of AAC with one of the usual layouts of channels.
fn own_size(bits: &mut Bits<'_>) -> Option<u32> {
    let (mut kind, mut size) = (bits.take(5)?, 5u32);
    let rate = |bits: &mut Bits<'_>| -> Option<u32> {
        let explicit = bits.take(4)? == 15;
        bits.skip(if explicit { 24 } else { 0 })?;
        Some(if explicit { 28 } else { 4 })
    };
    size = size.checked_add(rate(bits)?)?.checked_add(4)?;
    let channels = bits.take(4)?;
    if matches!(kind, 5 | 29) {
        size = size.checked_add(rate(bits)?)?.checked_add(5)?;
        kind = bits.take(5)?;
    }
    if !(1..=4).contains(&kind) || channels == 0 {
        return None;
    }
    // GASpecificConfig: frameLengthFlag, dependsOnCoreCoder, extensionFlag.
    (bits.take(3)? & 0b011 == 0).then_some(size.checked_add(3)?)
}

fn copied(bits: &mut Bits<'_>, size: u32) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut left = size;
    while left > 0 {
        let count = left.min(8);
        bytes.push(u8::try_from(bits.take(count)? << (8 - count)).ok()?);
        left = left.saturating_sub(count);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
