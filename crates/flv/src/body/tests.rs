use super::*;
use crate::{AUDIO, VIDEO, demux, describe_audio, payload};
use srs_media::{Codec as Name, Role};

const NALS: &[u8] = &[0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 3, 0x65, 0x88, 0x84];

fn nals(all: &[&[u8]]) -> Vec<u8> {
    all.iter().flat_map(|nal| [&(nal.len() as u32).to_be_bytes()[..], nal].concat()).collect()
}

#[test]
fn pictures_are_what_a_publisher_sends() {
    for (codec, name) in [(Codec::H264, Name::H264), (Codec::Hevc, Name::Hevc)] {
        for (picture, role) in [(Picture::Key, Role::Key), (Picture::Inter, Role::Inter)] {
            for later in [0, 80, 8_000] {
                let frame = demux(VIDEO, 1_234, video(codec, picture, later, NALS)).unwrap();
                assert_eq!(
                    (frame.codec, frame.role, frame.time, frame.composition),
                    (name, role, 1_234, later)
                );
                assert_eq!(payload(&frame).as_deref(), Some(NALS));
            }
        }
        let frame = demux(VIDEO, 0, video_config(codec, b"record")).unwrap();
        assert_eq!(
            (frame.codec, frame.role, payload(&frame).as_deref()),
            (name, Role::Config, Some(&b"record"[..]))
        );
    }
}

#[test]
fn sound_is_what_a_publisher_sends() {
    let frame = demux(AUDIO, 7, audio_config(&[0x12, 0x10])).unwrap();
    assert_eq!(
        (frame.codec, frame.role, payload(&frame).as_deref()),
        (Name::Aac, Role::Config, Some(&[0x12, 0x10][..]))
    );
    let frame = demux(AUDIO, 7, audio(b"raw")).unwrap();
    assert_eq!((frame.role, frame.time, payload(&frame).as_deref()), (Role::Key, 7, Some(&b"raw"[..])));
}

#[test]
fn mp3_is_what_a_publisher_sends() {
    for (rate, channels, first) in [(44_100, 2, 0x2f), (48_000, 1, 0x2e), (24_000, 2, 0x2b), (8_000, 1, 0xe2)]
    {
        let frame = demux(AUDIO, 7, mp3(rate, channels, &[0xff, 0xfb])).unwrap();
        assert_eq!((frame.codec, frame.role, frame.wire[0]), (Name::Mp3, Role::Key, first));
        assert_eq!(payload(&frame).as_deref(), Some(&[0xff, 0xfb][..]));
    }
}

#[test]
fn opus_is_what_a_publisher_sends() {
    let head = srs_media::opus::head(2).unwrap();
    let frame = demux(AUDIO, 7, opus_config(&head)).unwrap();
    assert_eq!((frame.codec, frame.role), (Name::Opus, Role::Config));
    assert_eq!(describe_audio(&frame).map(|info| info.channels), Some(2));
    let frame = demux(AUDIO, 7, opus(b"raw")).unwrap();
    assert_eq!(
        (frame.codec, frame.role, payload(&frame).as_deref()),
        (Name::Opus, Role::Key, Some(&b"raw"[..]))
    );
}

#[test]
fn key_pictures_are_known_by_their_first_slice() {
    let first = |all: &[&[u8]]| picture(Codec::H264, &nals(all));
    assert_eq!(first(&[&[9, 0xf0], &[6, 1], &[0x65, 0x88]]), Picture::Key);
    assert_eq!(first(&[&[0x41, 0x9a]]), Picture::Inter);
    assert_eq!(first(&[&[9, 0xf0], &[6, 1]]), Picture::None);
    let first = |all: &[&[u8]]| picture(Codec::Hevc, &nals(all));
    assert_eq!(first(&[&[70, 1, 0x50], &[38, 1, 0xaf]]), Picture::Key);
    assert_eq!(first(&[&[42, 1, 0xaf]]), Picture::Key);
    assert_eq!(first(&[&[2, 1, 0xd0]]), Picture::Inter);
    assert_eq!(first(&[&[78, 1, 0xd0]]), Picture::None);
}

#[test]
fn a_key_picture_without_its_beginning_is_none() {
    assert_eq!(picture(Codec::H264, &nals(&[&[0x65, 0x08], &[0x65, 0x88]])), Picture::Inter);
    assert_eq!(picture(Codec::Hevc, &nals(&[&[38, 1, 0x2f]])), Picture::Inter);
}

#[test]
fn damaged_lengths_are_survived() {
    assert_eq!(picture(Codec::H264, &[0xff, 0xff, 0xff, 0xff, 0x65]), Picture::None);
    assert_eq!(picture(Codec::H264, &[0, 0, 0, 0, 0, 0]), Picture::None);
    assert_eq!(picture(Codec::Hevc, &nals(&[&[38]])), Picture::None);
}
