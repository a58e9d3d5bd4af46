use srs_media::{Kind, Role};

use super::*;
use crate::testkit::{audio, config, frame, inter, key};

fn push(gop: &mut Gop, frame: &Frame) -> (Start, bool) {
    gop.push(frame, 0)
}

#[test]
fn nothing_is_kept_before_the_first_key_frame() {
    let mut gop = Gop::default();
    push(&mut gop, &config(0, b"c"));
    push(&mut gop, &inter(0, b"i"));
    assert!(gop.frames().is_empty());
}

#[test]
fn a_key_frame_begins_the_cache_anew() {
    let mut gop = Gop::default();
    for frame in [key(0, b"a"), inter(40, b"b"), key(80, b"c"), inter(120, b"d"), audio(125, b"e")] {
        push(&mut gop, &frame);
    }
    let times: Vec<_> = gop.frames().iter().map(|frame| frame.time).collect();
    assert_eq!(times, [80, 120, 125]);
}

#[test]
fn without_a_key_frame_for_ten_seconds_viewers_may_start_every_second() {
    let mut gop = Gop::default();
    push(&mut gop, &key(0, b"k"));
    let starts: Vec<_> = (1..=130)
        .map(|count| count * 100)
        .filter(|time| push(&mut gop, &inter(*time, b"i")).0 == Start::Here)
        .collect();
    assert_eq!(starts, [10_100, 11_100, 12_100]);
    assert_eq!(gop.frames().len(), 10);
    assert_eq!(push(&mut gop, &key(13_050, b"k")), (Start::Here, false));
    assert_eq!(push(&mut gop, &inter(23_050, b"i")), (Start::Inside, false));
}

#[test]
fn a_gop_that_was_too_long_is_counted_once() {
    let mut gop = Gop::default();
    push(&mut gop, &key(0, b"k"));
    let overruns = (1..400).filter(|count| push(&mut gop, &inter(count * 100, b"i")).1).count();
    assert_eq!(overruns, 1);
}

#[test]
fn sound_that_goes_on_without_the_picture_can_be_joined() {
    let mut gop = Gop::default();
    push(&mut gop, &key(0, b"k"));
    let starts = (1..=20).filter(|second| push(&mut gop, &audio(second * 1000, b"a")).0 == Start::Here);
    assert_eq!(starts.collect::<Vec<_>>(), (11..=20).collect::<Vec<_>>());
}

#[test]
fn a_picture_that_never_has_a_key_frame_can_be_joined() {
    let mut gop = Gop::default();
    push(&mut gop, &config(0, b"c"));
    let starts = (0..=12).filter(|second| push(&mut gop, &inter(second * 1000, b"i")).0 == Start::Here);
    assert_eq!(starts.collect::<Vec<_>>(), [11, 12]);
}

#[test]
fn script_data_is_never_a_start() {
    let mut gop = Gop::default();
    push(&mut gop, &key(0, b"k"));
    assert_eq!(push(&mut gop, &frame(Kind::Data, Role::Other, GOP_MS + 1, b"d")).0, Start::Inside);
}

#[test]
fn a_gop_over_eight_mebibytes_is_given_up() {
    let mut gop = Gop::default();
    let body = vec![0; 1 << 20];
    push(&mut gop, &key(0, b"k"));
    let overruns = (0..20).filter(|_| push(&mut gop, &inter(1, &body)).1).count();
    assert_eq!(overruns, 1);
    assert_eq!(gop.bytes(), 0);
}

#[test]
fn tiny_frames_count_for_more_than_their_bytes() {
    let mut gop = Gop::default();
    push(&mut gop, &key(0, b"k"));
    let empty = frame(Kind::Video, Role::Other, 0, b"");
    let kept = (0..1_000_000).take_while(|_| !push(&mut gop, &empty).1).count();
    assert!(kept * size_of::<Frame>() <= GOP_BYTES, "{kept} frames of no bytes were kept");
}

#[test]
fn more_frames_than_the_settings_allow_are_given_up() {
    let mut gop = Gop::default();
    gop.push(&key(0, b"k"), 2);
    assert!(!gop.push(&inter(1, b"i"), 2).1);
    assert!(gop.push(&inter(2, b"i"), 2).1);
    assert!(gop.frames().is_empty());
}

#[test]
fn a_stream_of_sound_alone_can_be_joined_every_second() {
    let mut gop = Gop::default();
    let starts: Vec<_> = (0..30)
        .map(|count| count * 100)
        .filter(|time| push(&mut gop, &audio(*time, b"a")).0 == Start::Here)
        .collect();
    assert_eq!(starts, [0, 1000, 2000]);
}

#[test]
fn sound_is_no_start_once_there_is_a_picture() {
    let mut gop = Gop::default();
    push(&mut gop, &config(0, b"c"));
    assert_eq!(push(&mut gop, &audio(0, b"a")).0, Start::Inside);
    push(&mut gop, &key(0, b"k"));
    assert_eq!(push(&mut gop, &audio(5000, b"a")).0, Start::Inside);
}
