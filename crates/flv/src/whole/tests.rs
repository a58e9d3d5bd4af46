use super::*;
use crate::body::Whole::{Av1, Vp8, Vp9};
use crate::testkit::{AV1, AV1_RECORD, VP8, VP9, VP9_RECORD};
use proptest::prelude::*;

fn head_98x66(record: &[u8]) -> Option<Head> {
    Some(Head { record: record.to_vec(), width: 98, height: 66 })
}

/// Bits of this text, spaces left out, and zeros behind them.
fn bits(text: &str) -> Vec<u8> {
    let all: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').map(|byte| byte - b'0').collect();
    let mut bytes: Vec<u8> = all
        .chunks(8)
        .map(|eight| (0..8).fold(0, |sum, at| sum << 1 | eight.get(at).copied().unwrap_or(0)))
        .collect();
    bytes.extend([0; 4]);
    bytes
}

#[test]
fn a_key_frame_of_vp8_says_its_size() {
    assert_eq!(head(Vp8, VP8[0]), head_98x66(&[1, 0, 0, 0, 0, 10, 0x82, 2, 2, 2, 0, 0]));
    assert_eq!(head(Vp8, VP8[1]), None);
}

#[test]
fn the_scale_of_vp8_is_no_part_of_its_size() {
    let head = head(Vp8, &[0x36, 0, 0, 0x9d, 1, 0x2a, 0x80, 0x47, 0xd0, 0x82]).unwrap();
    assert_eq!((head.width, head.height, head.record[4]), (1_920, 720, 3));
}

#[test]
fn a_vp8_picture_without_size_is_none() {
    assert_eq!(head(Vp8, &[0x30, 0, 0, 0x9d, 1, 0x2a, 0, 0, 1, 0]), None);
}

#[test]
fn a_key_frame_of_vp9_says_what_ffmpeg_writes() {
    assert_eq!(head(Vp9, VP9[0]), head_98x66(VP9_RECORD));
    assert_eq!(head(Vp9, VP9[1]), None);
}

#[test]
fn vp9_of_all_profiles_is_read() {
    // Marker, profile (low bit first), show_existing_frame, frame_type, show_frame, error_resilient_mode, sync code.
    let sync = "01001001 10000011 01000010";
    let size = "0000011101111111 0000010000110111";
    let cases = [
        (format!("10 10 0 0 1 0 {sync} 010 0 01 0 {size}"), None),
        (format!("10 10 0 0 1 0 {sync} 010 1 10 0 {size}"), Some((1, 8 << 4 | 2 << 1 | 1))),
        (format!("10 01 0 0 1 0 {sync} 0 010 0 {size}"), Some((2, 10 << 4 | 1 << 1))),
        (format!("10 11 0 0 0 1 0 {sync} 1 111 0 {size}"), Some((3, 12 << 4 | 3 << 1 | 1))),
    ];
    for (text, expected) in cases {
        let head = head(Vp9, &bits(&text));
        assert_eq!(head.as_ref().map(|head| (head.record[4], head.record[6])), expected, "{text}");
        assert!(head.is_none_or(|head| (head.width, head.height, head.record[5]) == (1_920, 1_080, 40)));
    }
}

#[test]
fn a_vp9_frame_that_shows_another_is_no_key_frame() {
    assert_eq!(head(Vp9, &bits("10 00 1 000")), None);
}

#[test]
fn a_key_frame_of_av1_says_what_ffmpeg_writes() {
    assert_eq!(head(Av1, AV1[0]), head_98x66(AV1_RECORD));
    assert_eq!(head(Av1, AV1[1]), None);
}

#[test]
fn av1_of_another_encoder_is_read() {
    // SVT-AV1 4.2.
    let sequence = [0x0a, 0x0b, 0x02, 0x00, 0x00, 0x05, 0x19, 0xb0, 0xc1, 0x1a, 0xbe, 0x60, 0x10];
    let unit = [&sequence[..], &[0x32, 1, 0x10]].concat();
    assert_eq!(head(Av1, &unit), head_98x66(&[&[0x81, 0, 0x0c, 0], &sequence[..]].concat()));
}

#[test]
fn an_av1_key_frame_that_is_not_shown_is_none() {
    let mut unit = AV1[0].to_vec();
    unit[16] = 0x00;
    assert_eq!(head(Av1, &unit), None);
}

#[test]
fn an_av1_sequence_header_without_size_has_one_in_the_record() {
    let sequence = &AV1[0][4..14];
    let unit = [&[0x32, 1, 0x10, 0x08], sequence].concat();
    assert_eq!(head(Av1, &unit), head_98x66(AV1_RECORD));
}

#[test]
fn delimiters_alone_are_taken_off() {
    assert_eq!(av1::undelimited(AV1[1]), &AV1[1][2..]);
    assert_eq!(av1::undelimited(&AV1[1][2..]), &AV1[1][2..]);
    assert_eq!(av1::undelimited(&[0x12, 0]), []);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..64), cut in 0_usize..30, at in 0_usize..20, bit in 0_u8..8) {
        for codec in [Vp8, Vp9, Av1] {
            head(codec, &bytes);
        }
        for (codec, frame) in [(Vp8, VP8[0]), (Vp9, VP9[0]), (Av1, AV1[0])] {
            head(codec, &frame[..cut.min(frame.len())]);
            let mut damaged = frame.to_vec();
            let at = at % damaged.len();
            damaged[at] ^= 1 << bit;
            head(codec, &damaged);
        }
    }
}
