use srs_media::{Frame, Role};

use super::*;

const KEY: &[u8] = &[0, 0, 0, 2, 0x65, 0x88];
const INTER: &[u8] = &[0, 0, 0, 2, 0x41, 0x9a];
/// x264: pictures come at most two before one that is shown before them.
const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10,
    0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x42, 0x99, 0x60,
];

fn frames(maker: &mut Maker) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some(event) = maker.take() {
        match event {
            Event::Frame(frame) => frames.push(frame),
            other => panic!("{other:?}"),
        }
    }
    frames
}

fn roles(maker: &mut Maker) -> Vec<(Kind, Role)> {
    frames(maker).iter().map(|frame| (frame.kind, frame.role)).collect()
}

#[test]
fn heads_come_before_what_they_are_for() {
    let mut maker = Maker::default();
    maker.picture_config(Codec::H264, b"first", SPS);
    maker.sound_config(b"aac");
    maker.picture(Codec::H264, 0, KEY);
    maker.sound(0, b"raw");
    let (video, audio) = (Kind::Video, Kind::Audio);
    let all = [(video, Role::Config), (audio, Role::Config), (video, Role::Key), (audio, Role::Key)];
    assert_eq!(roles(&mut maker), all);
}

#[test]
fn a_new_head_in_mid_stream_comes_once_and_before_the_key_picture() {
    let mut maker = Maker::default();
    maker.picture_config(Codec::H264, b"first", SPS);
    maker.picture(Codec::H264, 0, KEY);
    maker.picture_config(Codec::H264, b"first", SPS);
    maker.picture(Codec::H264, 40, INTER);
    maker.picture_config(Codec::H264, b"second", SPS);
    maker.picture(Codec::H264, 80, KEY);
    let roles: Vec<Role> = roles(&mut maker).into_iter().map(|(_, role)| role).collect();
    assert_eq!(roles, [Role::Config, Role::Key, Role::Inter, Role::Config, Role::Key]);
}

#[test]
fn what_cannot_be_decoded_without_a_head_is_a_sign_of_life_alone() {
    let mut maker = Maker::default();
    maker.picture(Codec::H264, 0, KEY);
    maker.sound(0, b"raw");
    for _ in 0..2 {
        assert!(matches!(maker.take(), Some(Event::Alive)));
    }
    assert!(maker.take().is_none());
}

#[test]
fn sound_keeps_its_place_beside_pictures_that_are_decoded_early() {
    let mut maker = Maker::default();
    maker.picture_config(Codec::H264, b"first", SPS);
    maker.sound_config(b"aac");
    for (shown, nals) in [(0, KEY), (160, INTER), (80, INTER), (40, INTER), (120, INTER)] {
        maker.picture(Codec::H264, shown, nals);
        maker.sound(shown, b"raw");
    }
    let frames = frames(&mut maker);
    let shown = |frame: &Frame| frame.time + i64::from(frame.composition);
    let coded = |kind| frames.iter().filter(move |frame| frame.kind == kind && frame.role != Role::Config);
    let pictures: Vec<i64> = coded(Kind::Video).map(shown).collect();
    assert_eq!(pictures, coded(Kind::Audio).map(shown).collect::<Vec<_>>());
    assert_eq!(pictures, [80, 240, 160, 120, 200].map(|time| BEGIN + time));
}

#[test]
fn no_time_is_below_zero_where_something_lies_before_what_came_first() {
    let mut maker = Maker::default();
    maker.picture_config(Codec::H264, b"first", SPS);
    maker.sound_config(b"aac");
    maker.sound(7_000, b"raw");
    maker.picture(Codec::H264, 7_000, KEY);
    let times: Vec<i64> = frames(&mut maker)
        .iter()
        .filter(|frame| frame.role != Role::Config)
        .map(|frame| frame.time)
        .collect();
    assert!(times.iter().all(|time| *time >= 0), "{times:?}");
    assert_eq!(times[0] - times[1], 80, "decoded two pictures before it is shown: {times:?}");
}
