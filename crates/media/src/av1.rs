//! AV1: what AV1CodecConfigurationRecord (AV1-ISOBMFF 2.3.3) and the sequence header OBU (AV1 5.5) say.

use crate::bits::{Bits, bytes_off};
use crate::info::sane;
use crate::{Codec, VideoInfo};

const OBU_SEQUENCE_HEADER: u8 = 1;
/// A configuration record holds the sequence header and at most some metadata.
const MAX_OBUS: usize = 16;

/// What the configuration record says; size 0 where it brings no sequence header, which is allowed
/// and then comes with each key frame.
pub fn config(record: &[u8]) -> Option<VideoInfo> {
    let (&[marker, profile_level, _, _], mut rest) = record.split_first_chunk::<4>()?;
    if marker != 0x81 {
        return None;
    }
    let (mut width, mut height) = (0, 0);
    for _ in 0..MAX_OBUS {
        if rest.is_empty() {
            break;
        }
        let (kind, payload) = obu(&mut rest)?;
        if kind == OBU_SEQUENCE_HEADER {
            (width, height) = sequence_header(payload)?;
            break;
        }
    }
    Some(VideoInfo {
        codec: Codec::Av1,
        profile: profile_name(profile_level >> 5).to_owned(),
        level: level_name(profile_level & 0x1f),
        width,
        height,
    })
}

/// Takes one OBU off the front: its type and payload.
fn obu<'a>(data: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let header = *bytes_off(data, 1)?.first()?;
    if header & 0x04 != 0 {
        bytes_off(data, 1)?; // obu_extension_header
    }
    let size = if header & 0x02 != 0 { leb128(data)? } else { data.len() };
    Some((header >> 3 & 0x0f, bytes_off(data, size)?))
}

fn leb128(data: &mut &[u8]) -> Option<usize> {
    let mut value = 0u64;
    for index in 0..8 {
        let byte = *bytes_off(data, 1)?.first()?;
        value |= u64::from(byte & 0x7f) << (index * 7);
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}

/// Largest frame width and height.
fn sequence_header(payload: &[u8]) -> Option<(u32, u32)> {
    let mut bits = Bits::new(payload);
    bits.skip(3 + 1)?; // seq_profile, still_picture
    if bits.bit()? {
        bits.skip(5)?; // reduced still picture: seq_level_idx alone
    } else {
        operating_points(&mut bits)?;
    }
    let width_bits = bits.take(4)? + 1;
    let height_bits = bits.take(4)? + 1;
    let width = bits.take(width_bits)?.checked_add(1)?;
    let height = bits.take(height_bits)?.checked_add(1)?;
    sane(width, height)
}

fn operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay_bits = None;
    if bits.bit()? {
        bits.skip(64)?; // num_units_in_display_tick, time_scale
        if bits.bit()? {
            bits.ue()?; // num_ticks_per_picture_minus_1, uvlc() being laid out as ue(v)
        }
        if bits.bit()? {
            delay_bits = Some(usize::try_from(bits.take(5)? + 1).ok()?);
            bits.skip(32 + 5 + 5)?;
        }
    }
    let initial_delay = bits.bit()?;
    for _ in 0..=bits.take(5)? {
        bits.skip(12)?; // operating_point_idc
        if bits.take(5)? > 7 {
            bits.skip(1)?; // seq_tier
        }
        if let Some(length) = delay_bits
            && bits.bit()?
        {
            bits.skip(2 * length + 1)?;
        }
        if initial_delay && bits.bit()? {
            bits.skip(4)?;
        }
    }
    Some(())
}

fn profile_name(profile: u8) -> &'static str {
    match profile {
        0 => "Main",
        1 => "High",
        2 => "Professional",
        _ => "Other",
    }
}

/// `seq_level_idx` counts quarters from level 2.0 (AV1 A.3).
fn level_name(index: u8) -> String {
    format!("{}.{}", 2 + (index >> 2), index & 3)
}

#[cfg(test)]
mod tests;
