//! AV1: OBUs (5.3), what the sequence header says (5.5), and AV1CodecConfigurationRecord (AV1-ISOBMFF 2.3.3).

use super::Head;
use crate::bits::Bits;

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;

/// An OBU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Obu<'a> {
    pub kind: u8,
    /// With its header.
    pub whole: &'a [u8],
    pub payload: &'a [u8],
}

/// The OBUs of a temporal unit, up to damage.
#[derive(Clone, Debug)]
pub(crate) struct Obus<'a>(pub &'a [u8]);

impl<'a> Iterator for Obus<'a> {
    type Item = Obu<'a>;

    fn next(&mut self) -> Option<Obu<'a>> {
        let (&first, mut rest) = self.0.split_first()?;
        if first & 0x04 != 0 {
            rest = rest.get(1..)?; // obu_extension_header
        }
        let size = if first & 0x02 != 0 { leb128(&mut rest)? } else { rest.len() };
        let (payload, behind) = rest.split_at_checked(size)?;
        let whole = self.0.get(..self.0.len().checked_sub(behind.len())?)?;
        self.0 = behind;
        Some(Obu { kind: first >> 3 & 0x0f, whole, payload })
    }
}

fn leb128(data: &mut &[u8]) -> Option<usize> {
    let mut value = 0_u64;
    for index in 0..8 {
        let (&byte, rest) = data.split_first()?;
        *data = rest;
        value |= u64::from(byte & 0x7f) << (index * 7);
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}

/// A temporal unit without the delimiter in front, which other containers do not have.
pub(crate) fn undelimited(unit: &[u8]) -> &[u8] {
    match Obus(unit).next() {
        Some(Obu { kind: TEMPORAL_DELIMITER, whole, .. }) => unit.get(whole.len()..).unwrap_or_default(),
        _ => unit,
    }
}

/// Does it bring a sequence header?
pub(crate) fn brings_sequence(unit: &[u8]) -> bool {
    Obus(unit).any(|obu| obu.kind == SEQUENCE_HEADER)
}

/// The OBUs behind a configuration record's fixed part.
pub(crate) fn record_obus(record: &[u8]) -> Option<&[u8]> {
    record.get(4..).filter(|_| record.first() == Some(&0x81))
}

/// The head of a temporal unit that brings a sequence header and a key frame that is shown.
pub(super) fn head(unit: &[u8]) -> Option<Head> {
    let sequence = Obus(unit).find(|obu| obu.kind == SEQUENCE_HEADER)?;
    let frame = Obus(unit).find(|obu| matches!(obu.kind, FRAME_HEADER | FRAME))?;
    let read = read(sequence.payload)?;
    // show_existing_frame 0, frame_type KEY_FRAME, show_frame 1: with a reduced header it is always so.
    let first = frame.payload.first()?;
    if !read.reduced && first & 0xf0 != 0x10 {
        return None;
    }
    let [head, flags] = read.record;
    let mut record = vec![0x81, head, flags, 0];
    // The record's OBU has a size (2.3.3), whatever that of the frame has.
    let [first, ..] = *sequence.whole else { return None };
    record.extend([first & !0x04 | 0x02]);
    let mut rest = sequence.payload.len();
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        record.push(if rest == 0 { low } else { low | 0x80 });
        if rest == 0 {
            break;
        }
    }
    record.extend(sequence.payload);
    Some(Head { record, width: read.width, height: read.height })
}

/// What a sequence header says.
struct Read {
    width: u32,
    height: u32,
    reduced: bool,
    /// Profile and level, and the flags of tier and colours, as the record has them.
    record: [u8; 2],
}

fn read(payload: &[u8]) -> Option<Read> {
    let mut bits = Bits::new(payload);
    let profile = bits.take(3)?;
    bits.take(1)?; // still_picture
    let reduced = bits.bit()?;
    let (level, tier) = if reduced { (bits.take(5)?, 0) } else { operating_points(&mut bits)? };
    let (width_bits, height_bits) = (bits.take(4)?.checked_add(1)?, bits.take(4)?.checked_add(1)?);
    let (width, height) = (bits.take(width_bits)?.checked_add(1)?, bits.take(height_bits)?.checked_add(1)?);
    tools(&mut bits, reduced)?;
    let colours = colours(&mut bits, profile)?;
    let record = [u8::try_from(profile << 5 | level).ok()?, u8::try_from(tier << 7 | colours).ok()?];
    Some(Read { width, height, reduced, record })
}

/// Level and tier of the first operating point.
fn operating_points(bits: &mut Bits<'_>) -> Option<(u32, u32)> {
    let mut delay_bits = None;
    if bits.bit()? {
        bits.take(32)?; // num_units_in_display_tick
        bits.take(32)?; // time_scale
        if bits.bit()? {
            bits.skip_uvlc()?; // num_ticks_per_picture_minus_1
        }
        if bits.bit()? {
            delay_bits = Some(bits.take(5)?.checked_add(1)?);
            bits.take(32)?; // num_units_in_decoding_tick
            bits.take(10)?; // lengths
        }
    }
    let initial_delay = bits.bit()?;
    let mut first = None;
    for _ in 0..=bits.take(5)? {
        bits.take(12)?; // operating_point_idc
        let level = bits.take(5)?;
        let tier = if level > 7 { bits.take(1)? } else { 0 };
        if let Some(length) = delay_bits
            && bits.bit()?
        {
            bits.take(length)?; // decoder_buffer_delay
            bits.take(length)?; // encoder_buffer_delay
            bits.take(1)?; // low_delay_mode_flag
        }
        if initial_delay && bits.bit()? {
            bits.take(4)?;
        }
        first = first.or(Some((level, tier)));
    }
    first
}

/// What encoders may do, up to the colours.
fn tools(bits: &mut Bits<'_>, reduced: bool) -> Option<()> {
    if !reduced && bits.bit()? {
        bits.take(4 + 3)?; // lengths of frame ids
    }
    bits.take(3)?; // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    if !reduced {
        bits.take(4)?; // enable_interintra_compound, _masked_compound, _warped_motion, _dual_filter
        let ordered = bits.bit()?;
        if ordered {
            bits.take(2)?; // enable_jnt_comp, enable_ref_frame_mvs
        }
        let chosen = bits.bit()?; // seq_choose_screen_content_tools
        if (chosen || bits.bit()?) && !bits.bit()? {
            bits.take(1)?; // seq_force_integer_mv
        }
        if ordered {
            bits.take(3)?; // order_hint_bits_minus_1
        }
    }
    bits.take(3).map(drop) // enable_superres, enable_cdef, enable_restoration
}

/// `color_config` (5.5.2), as the seven bits of the record: high depth, 12 bits, monochrome, subsampling across and down,
/// where samples are (2).
fn colours(bits: &mut Bits<'_>, profile: u32) -> Option<u32> {
    /// BT.709 with the transfer of sRGB and no matrix.
    const SRGB: u32 = 1 << 16 | 13 << 8;
    let high = bits.take(1)?;
    let twelve = if profile == 2 && high == 1 { bits.take(1)? } else { 0 };
    let mono = if profile == 1 { 0 } else { bits.take(1)? };
    let said = if bits.bit()? { Some(bits.take(24)?) } else { None };
    let mut flags = high << 6 | twelve << 5 | mono << 4;
    if mono == 1 {
        return Some(flags | 0b1100);
    }
    if said == Some(SRGB) {
        return Some(flags);
    }
    bits.take(1)?; // color_range
    let (across, down) = match profile {
        0 => (1, 1),
        1 => (0, 0),
        _ if twelve == 1 => {
            let across = bits.take(1)?;
            (across, if across == 1 { bits.take(1)? } else { 0 })
        }
        _ => (1, 0),
    };
    flags |= across << 3 | down << 2;
    if across == 1 && down == 1 {
        flags |= bits.take(2)?; // chroma_sample_position
    }
    Some(flags)
}
