use super::*;

fn seen(body: &[u8]) -> (Codec, Role) {
    let frame = demux(0, Bytes::copy_from_slice(body)).unwrap();
    (frame.codec, frame.role)
}

#[test]
fn legacy_frames_have_their_roles() {
    assert_eq!(seen(&[0xaf, 0, 0x12, 0x10]), (Codec::Aac, Role::Config));
    assert_eq!(seen(&[0xaf, 1, 9]), (Codec::Aac, Role::Key));
    assert_eq!(seen(&[0x2f, 0xff]), (Codec::Mp3, Role::Key));
    assert_eq!(seen(&[0x72, 9]), (Codec::G711A, Role::Key));
    assert_eq!(seen(&[0x82, 9]), (Codec::G711U, Role::Key));
    assert_eq!(seen(&[0xb2, 9]), (Codec::Speex, Role::Key));
    assert_eq!(seen(&[0x3e, 9]), (Codec::Pcm, Role::Key));
    assert_eq!(seen(&[0x52, 9]), (Codec::Other(5), Role::Key));
}

#[test]
fn header_without_payload_never_becomes_configuration_or_key() {
    for body in [&[0xaf][..], &[0xaf, 0], &[0xaf, 1], &[0x2f], b"\x90Opus", b"\x91mp4a"] {
        assert_eq!(seen(body).1, Role::Other, "{body:?}");
    }
}

#[test]
fn enhanced_frames_have_their_roles() {
    assert_eq!(seen(b"\x90OpusOpusHead"), (Codec::Opus, Role::Config));
    assert_eq!(seen(b"\x91Opus\x09"), (Codec::Opus, Role::Key));
    assert_eq!(seen(b"\x92Opus"), (Codec::Opus, Role::Other));
    assert_eq!(seen(b"\x94ac-3\x01\x02"), (Codec::Ac3, Role::Other));
    assert_eq!(seen(b"\x91ec-3\x09"), (Codec::Eac3, Role::Key));
    assert_eq!(seen(b"\x91fLaC\x09"), (Codec::Flac, Role::Key));
    assert_eq!(seen(b"\x91.mp3\x09"), (Codec::Mp3, Role::Key));
}

#[test]
fn first_track_gives_role_and_number() {
    let frame =
        demux(0, Bytes::from_static(b"\x95\x10mp4a\x01\0\0\x02\x12\x10\x02\0\0\x02\x12\x10")).unwrap();
    assert_eq!((frame.codec, frame.role, frame.track), (Codec::Aac, Role::Config, 1));
}

#[test]
fn nanosecond_prefix_is_skipped() {
    assert_eq!(seen(b"\x97\x02\0\0\x09\x01Opus\x09"), (Codec::Opus, Role::Key));
}

#[test]
fn cut_fourcc_is_refused() {
    assert_eq!(demux(0, Bytes::from_static(b"\x91Opu")), Err(Error::Truncated { kind: AUDIO, at: 4 }));
}
