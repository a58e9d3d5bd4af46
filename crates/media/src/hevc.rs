//! H.265: what HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 8.3.3.1) and SPS (H.265 7.3.2.2) say.

use crate::bits::{Bits, bytes_off, u16_off};
use crate::info::sane;
use crate::nal::put_set;
use crate::{Codec, ParameterSets, VideoInfo};

/// Fixed part of the record before its arrays of parameter sets; the last byte counts the arrays.
const FIXED: usize = 23;
const NAL_VPS: u8 = 32;
const NAL_SPS: u8 = 33;
const NAL_PPS: u8 = 34;

/// What the configuration record of FLV and MP4 says; `None` when it or its first SPS is damaged.
pub fn config(record: &[u8]) -> Option<VideoInfo> {
    let mut rest = record;
    let fixed = bytes_off(&mut rest, FIXED)?;
    let arrays = *fixed.last()?;
    for _ in 0..arrays {
        let kind = *bytes_off(&mut rest, 1)?.first()? & 0x3f;
        for _ in 0..u16_off(&mut rest)? {
            let length = usize::from(u16_off(&mut rest)?);
            let nal = bytes_off(&mut rest, length)?;
            if kind == NAL_SPS {
                return sps(nal);
            }
        }
    }
    None
}

/// The VPS, SPS and PPS of the configuration record, in this order whatever that of the record is; `None` when it is
/// damaged. What else it holds (SEI with the encoder's name) and empty sets are left out.
pub fn parameter_sets(record: &[u8]) -> Option<ParameterSets<'_>> {
    let mut rest = record;
    let (&size, &arrays) = match bytes_off(&mut rest, FIXED)? {
        [.., size, arrays] => (size, arrays),
        _ => return None,
    };
    let mut found = Vec::new();
    for _ in 0..arrays {
        let kind = *bytes_off(&mut rest, 1)?.first()? & 0x3f;
        for _ in 0..u16_off(&mut rest)? {
            let length = usize::from(u16_off(&mut rest)?);
            let nal = bytes_off(&mut rest, length)?;
            if matches!(kind, NAL_VPS | NAL_SPS | NAL_PPS) && !nal.is_empty() {
                found.push((kind, nal));
            }
        }
    }
    found.sort_by_key(|&(kind, _)| kind);
    ParameterSets::new(size, found.into_iter().map(|(_, nal)| nal).collect())
}

/// The configuration record of FLV and MP4 for these sets, with lengths of four bytes in the frames; `None` where the first
/// SPS cannot be read, or a kind is missing. What would take a look at the VUI (segments, parallelism) is left open.
pub fn record(vps: &[&[u8]], sps: &[&[u8]], pps: &[&[u8]]) -> Option<Vec<u8>> {
    let Read { sub_layers, nested, profile, chroma, mut bits, .. } = read(sps.first()?)?;
    let (luma, deep) = (bits.ue()?, bits.ue()?);
    let depth = |value: u32| u8::try_from(value).ok().filter(|&value| value < 8);
    let layers = u8::try_from(sub_layers).ok()?.checked_add(1)?;
    let mut record = vec![1];
    record.extend(profile);
    // min_spatial_segmentation_idc 0, parallelismType unknown
    record.extend([0xf0, 0, 0xfc, 0xfc | chroma, 0xf8 | depth(luma)?, 0xf8 | depth(deep)?]);
    // avgFrameRate and constantFrameRate unknown
    record.extend([0, 0, (layers & 7) << 3 | u8::from(nested) << 2 | 3, 3]);
    for (kind, sets) in [(NAL_VPS, vps), (NAL_SPS, sps), (NAL_PPS, pps)] {
        let count = u16::try_from(sets.len()).ok().filter(|&count| count > 0)?;
        // array_completeness 0: frames may bring their own.
        record.push(kind);
        record.extend(count.to_be_bytes());
        sets.iter().try_for_each(|set| put_set(set, &mut record))?;
    }
    Some(record)
}

/// The number of a PPS, by which a later one replaces it; its two NAL header bytes included.
pub fn pps_id(nal: &[u8]) -> Option<u32> {
    let (&[first, _], payload) = nal.split_first_chunk::<2>()?;
    (first >> 1 & 0x3f == NAL_PPS).then(|| Bits::of_nal(payload).ue())?
}

/// Reads one SPS, its two NAL header bytes included.
pub fn sps(nal: &[u8]) -> Option<VideoInfo> {
    read(nal).map(|read| read.info)
}

/// How many pictures at most come before one that is shown before them, by an SPS with its two NAL header bytes;
/// `None` when it is damaged.
pub fn reorder(nal: &[u8]) -> Option<u32> {
    let Read { sub_layers, mut bits, .. } = read(nal)?;
    bits.ue()?; // bit_depth_luma_minus8
    bits.ue()?; // bit_depth_chroma_minus8
    bits.ue()?; // log2_max_pic_order_cnt_lsb_minus4
    let each = bits.bit()?; // sps_sub_layer_ordering_info_present_flag
    let mut reorder = None;
    for _ in if each { 0 } else { sub_layers }..=sub_layers {
        bits.ue()?; // sps_max_dec_pic_buffering_minus1
        reorder = Some(bits.ue()?);
        bits.ue()?; // sps_max_latency_increase_plus1
    }
    reorder
}

/// An SPS up to its bit depths.
struct Read<'a> {
    info: VideoInfo,
    /// `sps_max_sub_layers_minus1`.
    sub_layers: u32,
    /// `sps_temporal_id_nesting_flag`.
    nested: bool,
    /// The general part of `profile_tier_level`, which the record repeats.
    profile: [u8; 12],
    /// `chroma_format_idc`.
    chroma: u8,
    bits: Bits<'a>,
}

fn read(nal: &[u8]) -> Option<Read<'_>> {
    let (&[first, _], payload) = nal.split_first_chunk::<2>()?;
    if first >> 1 & 0x3f != NAL_SPS {
        return None;
    }
    let mut bits = Bits::of_nal(payload);
    bits.skip(4)?; // sps_video_parameter_set_id
    let sub_layers = bits.take(3)?;
    let nested = bits.bit()?;
    let general = general(payload)?;
    let (profile, level) = profile_tier_level(&mut bits, sub_layers)?;
    bits.ue()?; // sps_seq_parameter_set_id
    let chroma = bits.ue()?;
    let (unit_x, unit_y) = match chroma {
        0 => (1, 1),
        1 => (2, 2),
        2 => (2, 1),
        3 => {
            bits.skip(1)?; // separate_colour_plane_flag
            (1, 1)
        }
        _ => return None,
    };
    let (mut width, mut height) = (bits.ue()?, bits.ue()?);
    if bits.bit()? {
        let crop_x = bits.ue()?.checked_add(bits.ue()?)?.checked_mul(unit_x)?;
        let crop_y = bits.ue()?.checked_add(bits.ue()?)?.checked_mul(unit_y)?;
        width = width.checked_sub(crop_x)?;
        height = height.checked_sub(crop_y)?;
    }
    let (width, height) = sane(width, height)?;
    let info = VideoInfo {
        codec: Codec::Hevc,
        profile: profile_name(profile).to_owned(),
        level: level_name(level),
        width,
        height,
    };
    let chroma = u8::try_from(chroma).ok()?;
    Some(Read { info, sub_layers, nested, profile: general, chroma, bits })
}

/// The twelve bytes behind the first of an SPS' payload.
fn general(payload: &[u8]) -> Option<[u8; 12]> {
    let mut bits = Bits::of_nal(payload);
    bits.skip(8)?;
    let mut bytes = [0; 12];
    for byte in &mut bytes {
        *byte = u8::try_from(bits.take(8)?).ok()?;
    }
    Some(bytes)
}

/// `profile_tier_level(1, sub_layers)` of H.265 7.3.3: general profile and level.
fn profile_tier_level(bits: &mut Bits<'_>, sub_layers: u32) -> Option<(u32, u32)> {
    bits.skip(3)?; // general_profile_space, general_tier_flag
    let profile = bits.take(5)?;
    bits.skip(32 + 48)?; // compatibility flags, source and constraint flags
    let level = bits.take(8)?;
    let mut present = Vec::with_capacity(8);
    for _ in 0..sub_layers {
        present.push((bits.bit()?, bits.bit()?));
    }
    if sub_layers > 0 {
        for _ in sub_layers..8 {
            bits.skip(2)?; // reserved_zero_2bits
        }
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 })?;
        bits.skip(if level { 8 } else { 0 })?;
    }
    Some((profile, level))
}

fn profile_name(profile: u32) -> &'static str {
    match profile {
        1 => "Main",
        2 => "Main10",
        3 => "MainStill",
        4 => "Rext",
        9 => "Scc",
        _ => "Other",
    }
}

/// `general_level_idc` is thirty times the level.
fn level_name(level: u32) -> String {
    match (level / 30, level % 30 / 3) {
        (whole, 0) => whole.to_string(),
        (whole, part) => format!("{whole}.{part}"),
    }
}

#[cfg(test)]
mod tests;
