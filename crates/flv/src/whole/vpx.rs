//! VP8 (RFC 6386 section 9.1) and VP9 (its bitstream specification, section 6.2): the heads of key frames, and the record of
//! "VP Codec ISO Media File Format Binding" as FLV has it, behind version and flags.

use super::Head;
use crate::bits::Bits;

/// Largest luma picture of each level, by VP9's annex A; rates are not looked at, as nothing says them.
const LEVELS: [(u32, u8); 9] = [
    (36_864, 10),
    (73_728, 11),
    (122_880, 20),
    (245_760, 21),
    (552_960, 30),
    (983_040, 31),
    (2_228_224, 40),
    (8_912_896, 50),
    (35_651_584, 60),
];
/// Colours that are not said.
const UNSAID: u8 = 2;
/// 4:2:0 with samples beside each other, as both codecs have it.
const CHROMA_420: u8 = 1;

/// The head of a key frame of VP8.
pub(super) fn vp8(frame: &[u8]) -> Option<Head> {
    let &[tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = frame.first_chunk::<10>()? else { return None };
    // The lowest bit is that of frames that refer to others; the two highest of a size say how it is scaled.
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    let (width, height) = (side(w0, w1), side(h0, h1));
    let sound = tag & 1 == 0 && width > 0 && height > 0;
    sound.then(|| head(tag >> 1 & 7, 8 << 4 | CHROMA_420 << 1, width, height))
}

/// The head of a key frame of VP9, or of a superframe that begins with one.
pub(super) fn vp9(frame: &[u8]) -> Option<Head> {
    let mut bits = Bits::new(frame);
    if bits.take(2)? != 2 {
        return None;
    }
    let profile = u8::try_from(bits.take(1)? | bits.take(1)? << 1).ok()?;
    if profile == 3 {
        bits.take(1)?; // reserved_zero
    }
    let shows_another = bits.bit()?;
    if shows_another || bits.bit()? {
        return None;
    }
    bits.take(2)?; // show_frame, error_resilient_mode
    if bits.take(24)? != 0x0049_8342 {
        return None;
    }
    let depth = match profile >= 2 {
        true if bits.bit()? => 12,
        true => 10,
        false => 8,
    };
    let has_formats = profile & 1 == 1;
    let (full, chroma) = if bits.take(3)? == 7 {
        (1, 3) // RGB is 4:4:4
    } else {
        let full = u8::try_from(bits.take(1)?).ok()?;
        let chroma = match has_formats.then(|| Some((bits.bit()?, bits.bit()?))) {
            Some(sampled) => match sampled? {
                (true, true) => CHROMA_420,
                (true, false) => 2,
                (false, true) => return None, // 4:4:0 has no number
                (false, false) => 3,
            },
            None => CHROMA_420,
        };
        (full, chroma)
    };
    if has_formats {
        bits.take(1)?; // reserved_zero
    }
    let (width, height) = (bits.take(16)?.checked_add(1)?, bits.take(16)?.checked_add(1)?);
    Some(head(profile, depth << 4 | chroma << 1 | full, width, height))
}

/// ```text
/// version=1 | flags=0 (24) | profile | level | depth (4) chroma (3) full range (1)
/// | primaries | transfer | matrix | size of initialisation data=0 (16)
/// ```
fn head(profile: u8, format: u8, width: u32, height: u32) -> Head {
    let size = width.saturating_mul(height);
    let level = LEVELS.iter().find(|&&(most, _)| size <= most).map_or(62, |&(_, level)| level);
    let record = vec![1, 0, 0, 0, profile, level, format, UNSAID, UNSAID, UNSAID, 0, 0];
    Head { record, width, height }
}
