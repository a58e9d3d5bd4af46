use proptest::prelude::*;

use super::{Peek, peek};

fn check(kind: u8, cases: &[(&[u8], Peek)]) {
    for (body, expected) in cases {
        assert_eq!(peek(kind, body), *expected, "{body:02x?}");
    }
}

#[test]
fn legacy_video_is_told_by_codec_and_packet_type() {
    check(
        9,
        &[
            (&[0x17, 0, 0, 0, 0], Peek::VideoConfig),
            (&[0x17, 1, 0, 0, 0], Peek::VideoKey),
            (&[0x27, 1, 0, 0, 0], Peek::VideoInter),
            (&[0x17, 2, 0, 0, 0], Peek::Other),
            (&[0x1c, 0], Peek::VideoConfig),
            (&[0x1c, 1], Peek::VideoKey),
            (&[0x2c, 1], Peek::VideoInter),
            (&[0x12, 9], Peek::VideoKey),
            // A key frame that a server made.
            (&[0x47, 1, 0, 0, 0], Peek::VideoKey),
            (&[0x42, 9], Peek::VideoKey),
            (&[0x22, 9], Peek::VideoInter),
            (&[0x57, 0], Peek::Other),
            (&[0x17], Peek::Other),
            (&[], Peek::Other),
        ],
    );
}

#[test]
fn enhanced_video_is_told_by_packet_type() {
    check(
        9,
        &[
            (b"\x90hvc1", Peek::VideoConfig),
            (b"\x91hvc1", Peek::VideoKey),
            (b"\xa1av01", Peek::VideoInter),
            (b"\x92hvc1", Peek::Other),
            (b"\x93hvc1", Peek::VideoKey),
            (b"\xa3hvc1", Peek::VideoInter),
            (b"\x94hvc1", Peek::Other),
            (b"\x95hvc1", Peek::VideoConfig),
            (b"\xc1hvc1", Peek::VideoKey),
            (b"\xc3hvc1", Peek::VideoKey),
            // A command to the player: its byte stands where the FourCC would.
            (b"\xd0\x00", Peek::Other),
            (b"\xd1\x00", Peek::Other),
        ],
    );
}

#[test]
fn mod_ex_prefixes_and_multitrack_are_stepped_over() {
    check(
        9,
        &[
            // Three bytes of nanoseconds, then coded frames.
            (b"\x97\x02\x00\x00\x01\x01hvc1", Peek::VideoKey),
            // A wide size: 256 bytes less one is not known by the short form.
            (b"\xa7\xff\x00\x01\x00\x00\x03hvc1", Peek::VideoInter),
            // Two prefixes.
            (b"\x97\x00\x00\x07\x00\x00\x00avc1", Peek::VideoConfig),
            // One track, and many tracks of many codecs.
            (b"\x96\x00avc1\x00", Peek::VideoConfig),
            (b"\x96\x21\x00avc1", Peek::VideoKey),
            (b"\x97\x00\x00\x06\x11avc1\x00", Peek::VideoKey),
            (b"\x97\x05\x00", Peek::Other),
            (b"\x96", Peek::Other),
            (b"\x97\x00\x00\x07\x00\x00\x07\x00\x00\x07\x00\x00\x07\x00\x00\x01", Peek::Other),
        ],
    );
}

#[test]
fn audio_is_told_by_format_and_packet_type() {
    check(
        8,
        &[
            (&[0xaf, 0, 0x12, 0x10], Peek::AudioConfig),
            (&[0xaf, 1, 0x21], Peek::Audio),
            (&[0xaf], Peek::Other),
            (&[0x2f, 0xff], Peek::Audio),
            (b"\x90Opus", Peek::AudioConfig),
            (b"\x91Opus", Peek::Audio),
            (b"\x92Opus", Peek::Other),
            (b"\x94Opus", Peek::AudioConfig),
            (b"\x95\x01mp4a\x00", Peek::Audio),
            (b"\x97\x02\x00\x00\x01\x00Opus", Peek::AudioConfig),
            (&[], Peek::Other),
        ],
    );
}

#[test]
fn metadata_is_told_with_and_without_its_wrapping() {
    let plain: &[u8] = b"\x02\x00\x0aonMetaData\x08";
    let wrapped = [b"\x02\x00\x0d@setDataFrame", plain].concat();
    let stray = [b"\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00", &wrapped[..]].concat();
    check(
        18,
        &[
            (plain, Peek::Metadata),
            (&wrapped, Peek::Metadata),
            (&stray, Peek::Metadata),
            (b"\x02\x00\x0aonTextData", Peek::Other),
            (b"\x02\x00\x0d@setDataFrame\x02\x00\x07onCuePoint", Peek::Other),
            (b"", Peek::Other),
        ],
    );
    assert_eq!(peek(15, &[b"\x00", plain].concat()), Peek::Metadata);
}

#[test]
fn other_kinds_are_other() {
    assert_eq!(peek(20, &[0x17, 0]), Peek::Other);
}

proptest! {
    #[test]
    fn byte_soup_never_panics(kind in prop::sample::select(vec![8u8, 9, 15, 18]), soup in prop::collection::vec(any::<u8>(), 0..40)) {
        peek(kind, &soup);
    }
}
