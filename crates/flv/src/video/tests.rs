use super::*;

fn frame(body: &[u8]) -> Frame {
    demux(0, Bytes::copy_from_slice(body)).unwrap()
}

fn seen(body: &[u8]) -> (Codec, Role, i32) {
    let frame = frame(body);
    (frame.codec, frame.role, frame.composition)
}

#[test]
fn legacy_frames_have_their_roles() {
    assert_eq!(seen(&[0x17, 0, 0, 0, 0, 1]), (Codec::H264, Role::Config, 0));
    assert_eq!(seen(&[0x17, 1, 0, 0, 80, 9]), (Codec::H264, Role::Key, 80));
    assert_eq!(seen(&[0x27, 1, 0, 0, 0, 9]), (Codec::H264, Role::Inter, 0));
    assert_eq!(seen(&[0x37, 1, 0, 0, 0, 9]), (Codec::H264, Role::Inter, 0));
    assert_eq!(seen(&[0x17, 2, 0, 0, 0]), (Codec::H264, Role::Other, 0));
    assert_eq!(seen(&[0x22, 9]), (Codec::H263, Role::Inter, 0));
}

#[test]
fn negative_composition_time_is_kept() {
    assert_eq!(seen(&[0x27, 1, 0xff, 0xff, 0xd8, 9]), (Codec::H264, Role::Inter, -40));
}

#[test]
fn hevc_and_av1_by_number_are_read() {
    assert_eq!(seen(&[0x1c, 0, 0, 0, 0, 1]), (Codec::Hevc, Role::Config, 0));
    assert_eq!(seen(&[0x1c, 1, 0, 0, 40, 1]), (Codec::Hevc, Role::Key, 40));
    assert_eq!(seen(&[0x2d, 1, 0, 0, 0, 1]), (Codec::Av1, Role::Inter, 0));
}

#[test]
fn commands_are_passed_on_without_a_role() {
    assert_eq!(seen(&[0x57, 0]), (Codec::H264, Role::Other, 0));
    assert_eq!(seen(&[0x57, 1, 0, 0, 0, 9]), (Codec::H264, Role::Other, 0));
    assert_eq!(seen(&[0xd0, 1]), (Codec::None, Role::Other, 0));
}

#[test]
fn header_without_payload_never_becomes_configuration_or_key() {
    for body in
        [&[0x17][..], &[0x17, 0], &[0x17, 0, 0, 0, 0], &[0x17, 1, 0, 0, 0], b"\x90hvc1", b"\x91hvc1\0\0\x28"]
    {
        assert_eq!(frame(body).role, Role::Other, "{body:?}");
    }
}

#[test]
fn enhanced_frames_have_their_roles() {
    assert_eq!(seen(b"\x90hvc1\x01"), (Codec::Hevc, Role::Config, 0));
    assert_eq!(seen(b"\x91hvc1\0\0\x28\x01"), (Codec::Hevc, Role::Key, 40));
    assert_eq!(seen(b"\xa3hvc1\x01"), (Codec::Hevc, Role::Inter, 0));
    assert_eq!(seen(b"\x91av01\0\0\x28\x01"), (Codec::Av1, Role::Key, 0));
    assert_eq!(seen(b"\xa1vp09\x01"), (Codec::Vp9, Role::Inter, 0));
    assert_eq!(seen(b"\x95av01\x01"), (Codec::Av1, Role::Config, 0));
    assert_eq!(seen(b"\x92avc1"), (Codec::H264, Role::Other, 0));
    assert_eq!(seen(b"\x94hvc1\x02\0\x09colorInfo"), (Codec::Hevc, Role::Other, 0));
    assert_eq!(seen(b"\x91vvc1\x01"), (Codec::Other(0x7676_6331), Role::Key, 0));
}

#[test]
fn nanosecond_prefix_is_skipped() {
    // ModEx: 3 bytes of nanoseconds, type 0, wraps coded frames.
    assert_eq!(seen(b"\x97\x02\0\0\x09\x01hvc1\0\0\x28\x01"), (Codec::Hevc, Role::Key, 40));
}

#[test]
fn long_prefix_is_skipped() {
    let body = [&b"\x97\xff\x01\x00"[..], &[0; 257], b"\x03hvc1\x01"].concat();
    assert_eq!(seen(&body), (Codec::Hevc, Role::Key, 0));
}

#[test]
fn endless_prefixes_are_refused() {
    let body = [&b"\x97"[..], &b"\0\0\x07".repeat(1000)].concat();
    assert!(matches!(demux(0, body.into()), Err(Error::Truncated { kind: VIDEO, .. })));
}

#[test]
fn first_track_gives_role_and_time() {
    // Many tracks, one codec: track 2 of 4 bytes, track 5 of 4 bytes.
    let one_codec = b"\x96\x11avc1\x02\0\0\x04\0\0\x28\x01\x05\0\0\x04\0\0\0\x01";
    // Many codecs: each track with its FourCC.
    let many_codecs = b"\x96\x21avc1\x02\0\0\x04\0\0\x28\x01hvc1\x05\0\0\x04\0\0\0\x01";
    for body in [&one_codec[..], many_codecs] {
        let frame = frame(body);
        assert_eq!((frame.role, frame.track, frame.composition), (Role::Key, 2, 40));
        assert_eq!(&frame.wire[..], body);
    }
}

#[test]
fn single_track_needs_no_length() {
    let frame = frame(b"\xa6\x03avc1\x07\x01");
    assert_eq!((frame.role, frame.track), (Role::Inter, 7));
}

#[test]
fn multitrack_inside_multitrack_is_refused() {
    assert_eq!(demux(0, Bytes::from_static(b"\x96\x16avc1\x02")), Err(Error::Nested(VIDEO)));
}

#[test]
fn every_shortened_enhanced_header_is_refused() {
    let body = b"\x97\x02\0\0\x09\x06\x11avc1\x02\0\0\x01\x01";
    for end in 1..body.len() {
        let cut = Bytes::copy_from_slice(&body[..end]);
        assert_eq!(demux(0, cut).map(|_| ()), Err(Error::Truncated { kind: VIDEO, at: end }));
    }
}
