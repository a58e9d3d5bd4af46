//! H.264: what AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1) and SPS (H.264 7.3.2.1) say.

use crate::bits::{Bits, bytes_off, u16_off};
use crate::info::sane;
use crate::nal::put_set;
use crate::{Codec, ParameterSets, VideoInfo};

/// What the configuration record of FLV and MP4 says; `None` when it or its first SPS is damaged.
///
/// ```text
/// version=1 | profile | compatibility | level | 111111 lengthSize-1 | 111 SPS count | (u16 length, SPS)* | …
/// ```
pub fn config(record: &[u8]) -> Option<VideoInfo> {
    let mut rest = record.strip_prefix(&[1])?;
    let &[_, _, _, _, count] = rest.first_chunk::<5>()?;
    bytes_off(&mut rest, 5)?;
    if count & 0x1f == 0 {
        return None;
    }
    let length = usize::from(u16_off(&mut rest)?);
    sps(bytes_off(&mut rest, length)?)
}

/// The SPS and PPS of the configuration record; `None` when it is damaged. Empty sets are left out.
pub fn parameter_sets(record: &[u8]) -> Option<ParameterSets<'_>> {
    let mut rest = record.strip_prefix(&[1])?;
    let &[_, _, _, size, count] = rest.first_chunk::<5>()?;
    bytes_off(&mut rest, 5)?;
    let mut nals = Vec::new();
    sets_off(&mut rest, count & 0x1f, &mut nals)?;
    let count = *bytes_off(&mut rest, 1)?.first()?;
    sets_off(&mut rest, count, &mut nals)?;
    ParameterSets::new(size, nals)
}

/// The configuration record of FLV and MP4 for these sets, with lengths of four bytes in the frames; `None` where the first
/// SPS cannot be read, there is no PPS, or there are more sets than a record counts.
pub fn record(sps: &[&[u8]], pps: &[&[u8]]) -> Option<Vec<u8>> {
    let first = *sps.first()?;
    let Read { format, .. } = read(first)?;
    let &[_, profile, compatibility, level] = first.first_chunk::<4>()?;
    let (sps_count, pps_count) = (u8::try_from(sps.len()).ok()?, u8::try_from(pps.len()).ok()?);
    if sps_count > 0x1f || pps_count == 0 {
        return None;
    }
    let mut record = vec![1, profile, compatibility, level, 0xff, 0xe0 | sps_count];
    sps.iter().try_for_each(|set| put_set(set, &mut record))?;
    record.push(pps_count);
    pps.iter().try_for_each(|set| put_set(set, &mut record))?;
    if !matches!(profile, 66 | 77 | 88) {
        record.extend([0xfc | format.chroma, 0xf8 | format.luma_depth, 0xf8 | format.chroma_depth, 0]);
    }
    Some(record)
}

/// The number of a PPS, by which a later one replaces it; its NAL header byte included.
pub fn pps_id(nal: &[u8]) -> Option<u32> {
    let (&header, payload) = nal.split_first()?;
    (header & 0x1f == 8).then(|| Bits::of_nal(payload).ue())?
}

fn sets_off<'a>(rest: &mut &'a [u8], count: u8, nals: &mut Vec<&'a [u8]>) -> Option<()> {
    for _ in 0..count {
        let length = usize::from(u16_off(rest)?);
        nals.extend(Some(bytes_off(rest, length)?).filter(|nal| !nal.is_empty()));
    }
    Some(())
}

/// Reads one SPS, its NAL header byte included.
pub fn sps(nal: &[u8]) -> Option<VideoInfo> {
    read(nal).map(|read| read.info)
}

/// How many pictures at most come before one that is shown before them, by an SPS with its NAL header byte; `None` when
/// it is damaged or does not say.
pub fn reorder(nal: &[u8]) -> Option<u32> {
    let Read { in_order, mut bits, .. } = read(nal)?;
    if in_order {
        return Some(0);
    }
    bitstream_restriction(&mut bits)
}

/// An SPS up to its VUI.
struct Read<'a> {
    info: VideoInfo,
    format: Format,
    /// Its profile or its way of counting forbids other orders than that of decoding.
    in_order: bool,
    bits: Bits<'a>,
}

fn read(nal: &[u8]) -> Option<Read<'_>> {
    let (&header, payload) = nal.split_first()?;
    if header & 0x1f != 7 {
        return None;
    }
    let mut bits = Bits::of_nal(payload);
    let profile = bits.take(8)?;
    let constraints = bits.take(8)?;
    let level = bits.take(8)?;
    bits.ue()?; // seq_parameter_set_id
    let (chroma, format) = if has_chroma_format(profile) {
        chroma_format(&mut bits)?
    } else {
        (Chroma::Yuv420, Format { chroma: 1, luma_depth: 0, chroma_depth: 0 })
    };
    bits.ue()?; // log2_max_frame_num_minus4
    let counting = picture_order(&mut bits)?;
    bits.ue()?; // max_num_ref_frames
    bits.skip(1)?; // gaps_in_frame_num_value_allowed_flag
    let width = bits.ue()?.checked_add(1)?.checked_mul(16)?;
    let map_height = bits.ue()?.checked_add(1)?.checked_mul(16)?;
    let frame_mbs_only = bits.bit()?;
    let fields = if frame_mbs_only { 1 } else { 2 };
    let height = map_height.checked_mul(fields)?;
    if !frame_mbs_only {
        bits.skip(1)?; // mb_adaptive_frame_field_flag
    }
    bits.skip(1)?; // direct_8x8_inference_flag
    let (mut crop_x, mut crop_y) = (0u32, 0u32);
    if bits.bit()? {
        let (unit_x, unit_y) = chroma.crop_units();
        crop_x = bits.ue()?.checked_add(bits.ue()?)?.checked_mul(unit_x)?;
        crop_y = bits.ue()?.checked_add(bits.ue()?)?.checked_mul(unit_y)?.checked_mul(fields)?;
    }
    let (width, height) = sane(width.checked_sub(crop_x)?, height.checked_sub(crop_y)?)?;
    let info = VideoInfo {
        codec: Codec::H264,
        profile: profile_name(profile, constraints).to_owned(),
        level: level_name(level, profile, constraints),
        width,
        height,
    };
    Some(Read { info, format, in_order: profile == 66 || counting == 2, bits })
}

/// `max_num_reorder_frames` of the VUI (H.264 E.1.1), where it is there.
fn bitstream_restriction(bits: &mut Bits<'_>) -> Option<u32> {
    if !bits.bit()? {
        return None; // no VUI
    }
    if bits.bit()? && bits.take(8)? == 255 {
        bits.skip(32)?; // sar_width, sar_height
    }
    if bits.bit()? {
        bits.skip(1)?; // overscan_appropriate_flag
    }
    if bits.bit()? {
        bits.skip(4)?; // video_format, video_full_range_flag
        let colours = bits.bit()?;
        bits.skip(if colours { 24 } else { 0 })?;
    }
    if bits.bit()? {
        bits.ue()?; // chroma_sample_loc_type_top_field
        bits.ue()?; // chroma_sample_loc_type_bottom_field
    }
    if bits.bit()? {
        bits.skip(65)?; // num_units_in_tick, time_scale, fixed_frame_rate_flag
    }
    let nal_hrd = bits.bit()?;
    if nal_hrd {
        hrd(bits)?;
    }
    let vcl_hrd = bits.bit()?;
    if vcl_hrd {
        hrd(bits)?;
    }
    if nal_hrd || vcl_hrd {
        bits.skip(1)?; // low_delay_hrd_flag
    }
    bits.skip(1)?; // pic_struct_present_flag
    if !bits.bit()? {
        return None;
    }
    bits.skip(1)?; // motion_vectors_over_pic_boundaries_flag
    for _ in 0..4 {
        bits.ue()?; // max_bytes_per_pic_denom, max_bits_per_mb_denom, log2_max_mv_length_horizontal and _vertical
    }
    bits.ue()
}

fn hrd(bits: &mut Bits<'_>) -> Option<()> {
    let count = bits.ue()?;
    if count > 31 {
        return None;
    }
    bits.skip(8)?; // bit_rate_scale, cpb_size_scale
    for _ in 0..=count {
        bits.ue()?; // bit_rate_value_minus1
        bits.ue()?; // cpb_size_value_minus1
        bits.skip(1)?; // cbr_flag
    }
    bits.skip(20) // lengths of delays and of time_offset
}

/// `chroma_format_idc`, with separate planes counting as monochrome (H.264 table 6-1).
#[derive(Clone, Copy)]
enum Chroma {
    Mono,
    Yuv420,
    Yuv422,
    Yuv444,
}

impl Chroma {
    fn crop_units(self) -> (u32, u32) {
        match self {
            Self::Mono | Self::Yuv444 => (1, 1),
            Self::Yuv420 => (2, 2),
            Self::Yuv422 => (2, 1),
        }
    }
}

fn has_chroma_format(profile: u32) -> bool {
    matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135)
}

/// What the record repeats of the SPS: `chroma_format_idc` (2 bits), and the depths less 8 (3 bits each).
struct Format {
    chroma: u8,
    luma_depth: u8,
    chroma_depth: u8,
}

fn chroma_format(bits: &mut Bits<'_>) -> Option<(Chroma, Format)> {
    let idc = bits.ue()?;
    let chroma = match idc {
        0 => Chroma::Mono,
        1 => Chroma::Yuv420,
        2 => Chroma::Yuv422,
        3 if bits.bit()? => Chroma::Mono,
        3 => Chroma::Yuv444,
        _ => return None,
    };
    let depth = |value: u32| u8::try_from(value).ok().filter(|&value| value < 7);
    let format = Format {
        chroma: u8::try_from(idc).ok()?,
        luma_depth: depth(bits.ue()?)?,
        chroma_depth: depth(bits.ue()?)?,
    };
    bits.skip(1)?; // qpprime_y_zero_transform_bypass_flag
    if bits.bit()? {
        let lists = if idc == 3 { 12 } else { 8 };
        for index in 0..lists {
            if bits.bit()? {
                scaling_list(bits, if index < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some((chroma, format))
}

fn scaling_list(bits: &mut Bits<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8i32, 8i32);
    for _ in 0..size {
        if next != 0 {
            let delta = bits.se()?;
            next = last.checked_add(delta)?.rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

/// The `pic_order_cnt_type`.
fn picture_order(bits: &mut Bits<'_>) -> Option<u32> {
    let counting = bits.ue()?;
    match counting {
        0 => {
            bits.ue()?; // log2_max_pic_order_cnt_lsb_minus4
        }
        1 => {
            bits.skip(1)?; // delta_pic_order_always_zero_flag
            bits.se()?; // offset_for_non_ref_pic
            bits.se()?; // offset_for_top_to_bottom_field
            let count = bits.ue()?;
            if count > 255 {
                return None;
            }
            for _ in 0..count {
                bits.se()?;
            }
        }
        2 => {}
        _ => return None,
    }
    Some(counting)
}

fn profile_name(profile: u32, constraints: u32) -> &'static str {
    match profile {
        66 if constraints & 0x40 != 0 => "Constrained Baseline",
        66 => "Baseline",
        77 => "Main",
        88 => "Extended",
        100 => "High",
        110 if constraints & 0x10 != 0 => "High 10 Intra",
        110 => "High 10",
        122 if constraints & 0x10 != 0 => "High 4:2:2 Intra",
        122 => "High 4:2:2",
        144 => "High 4:4:4",
        244 => "High 4:4:4 Predictive",
        44 => "CAVLC 4:4:4 Intra",
        _ => "Other",
    }
}

fn level_name(level: u32, profile: u32, constraints: u32) -> String {
    // Level 1b is written as 11 with constraint_set3 in the profiles before High (H.264 A.3.1).
    if level == 9 || level == 11 && matches!(profile, 66 | 77 | 88) && constraints & 0x10 != 0 {
        return "1b".to_owned();
    }
    match (level / 10, level % 10) {
        (whole, 0) => whole.to_string(),
        (whole, part) => format!("{whole}.{part}"),
    }
}

#[cfg(test)]
mod tests;
