use super::*;
use proptest::prelude::*;
use srs_media::{Codec, Kind, Role};

/// x264, 1278x718 High.
const AVC_CONFIG: &[u8] = &[
    0x17, 0x00, 0x00, 0x00, 0x00, 0x01, 0x64, 0x00, 0x1f, 0xff, 0xe1, 0x00, 0x1b, 0x67, 0x64, 0x00, 0x1f,
    0xac, 0xd9, 0x40, 0x50, 0x05, 0xbe, 0xab, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03,
    0x03, 0x20, 0xf1, 0x83, 0x19, 0x60, 0x01, 0x00, 0x06, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0, 0xfd, 0xf8,
    0xf8, 0x00,
];
const AAC_CONFIG: &[u8] = &[0xaf, 0x00, 0x12, 0x10, 0x56, 0xe5, 0x00];

fn frame(kind: u8, body: &[u8]) -> Frame {
    demux(kind, 40, Bytes::copy_from_slice(body)).unwrap()
}

#[test]
fn body_stays_as_received() {
    let frame = frame(VIDEO, AVC_CONFIG);
    assert_eq!((frame.kind, frame.time, &frame.wire[..]), (Kind::Video, 40, AVC_CONFIG));
}

#[test]
fn legacy_video_configuration_is_described() {
    let info = describe_video(&frame(VIDEO, AVC_CONFIG)).unwrap();
    assert_eq!((info.codec, info.width, info.height), (Codec::H264, 1278, 718));
}

#[test]
fn enhanced_video_configuration_is_described_alike() {
    let body = [b"\x90avc1", &AVC_CONFIG[5..]].concat();
    assert_eq!(describe_video(&frame(VIDEO, &body)), describe_video(&frame(VIDEO, AVC_CONFIG)));
}

#[test]
fn multitrack_configuration_is_described_from_its_first_track() {
    let record = &AVC_CONFIG[5..];
    let size = [0, 0, u8::try_from(record.len()).unwrap()];
    let body = [&b"\x96\x10avc1\x03"[..], &size, record, &[4, 0, 0, 1, 0xff]].concat();
    let frame = frame(VIDEO, &body);
    assert_eq!((frame.role, frame.track), (Role::Config, 3));
    assert_eq!(payload(&frame).unwrap(), record);
    assert_eq!(describe_video(&frame).unwrap().width, 1278);
}

#[test]
fn damaged_configuration_is_passed_on_and_not_described() {
    let frame = frame(VIDEO, &AVC_CONFIG[..20]);
    assert_eq!((frame.role, describe_video(&frame)), (Role::Config, None));
}

#[test]
fn coded_frames_are_not_described_as_configuration() {
    assert_eq!(describe_video(&frame(VIDEO, &[0x17, 1, 0, 0, 0, 1, 2])), None);
    assert_eq!(describe_audio(&frame(AUDIO, &[0xaf, 1, 0x12, 0x10])), None);
}

#[test]
fn aac_configuration_is_described_in_both_headers() {
    let legacy = describe_audio(&frame(AUDIO, AAC_CONFIG)).unwrap();
    assert_eq!((legacy.profile.as_str(), legacy.sample_rate, legacy.channels), ("LC", 44_100, 2));
    let enhanced = describe_audio(&frame(AUDIO, b"\x90mp4a\x12\x10\x56\xe5\x00"));
    assert_eq!(enhanced, Some(legacy));
}

#[test]
fn opus_configuration_is_described() {
    let info = describe_audio(&frame(AUDIO, b"\x90OpusOpusHead\x01\x02\x38\x01\x44\xac\0\0\0\0\0")).unwrap();
    assert_eq!((info.codec, info.sample_rate, info.channels), (Codec::Opus, 48_000, 2));
}

#[test]
fn mp3_is_described_by_its_own_header() {
    // The FLV bits say stereo, LAME's frame header says mono and is right.
    let info = describe_audio(&frame(AUDIO, &[0x2f, 0xff, 0xfb, 0x50, 0xc4])).unwrap();
    assert_eq!((info.codec, info.sample_rate, info.channels), (Codec::Mp3, 44_100, 1));
}

#[test]
fn g711_is_described_from_its_header_bits() {
    let info = describe_audio(&frame(AUDIO, &[0x72, 0xd5, 0xe0])).unwrap();
    assert_eq!((info.codec, info.sample_rate, info.channels), (Codec::G711A, 8_000, 1));
}

#[test]
fn empty_bodies_are_frames() {
    for kind in [AUDIO, VIDEO, DATA, DATA_AMF3] {
        assert_eq!(frame(kind, &[]).role, Role::Other);
        assert_eq!(payload(&frame(kind, &[])), None);
    }
}

#[test]
fn other_message_types_are_refused() {
    assert_eq!(demux(20, 0, Bytes::from_static(&[1, 2])), Err(Error::NotMedia(20)));
}

proptest! {
    #[test]
    fn byte_soup_is_survived(
        kind in prop::sample::select(vec![AUDIO, VIDEO, DATA, DATA_AMF3]),
        soup in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        if let Ok(frame) = demux(kind, 0, Bytes::from(soup.clone())) {
            prop_assert!(soup.ends_with(&frame.wire));
            let _ = (payload(&frame), describe_video(&frame), describe_audio(&frame), metadata(&frame));
        }
    }

    #[test]
    fn enhanced_soup_is_survived(
        kind in prop::sample::select(vec![AUDIO, VIDEO]),
        packet in 0u8..16,
        shape: u8,
        fourcc in prop::sample::select(vec![*b"avc1", *b"hvc1", *b"av01", *b"mp4a", *b"Opus", *b"fLaC"]),
        soup in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut body = vec![0x90 | packet];
        if packet >= 5 {
            body.push(shape);
        }
        body.extend(fourcc);
        body.extend(soup);
        if let Ok(frame) = demux(kind, 0, Bytes::from(body)) {
            let _ = (payload(&frame), describe_video(&frame), describe_audio(&frame));
        }
    }
}
