use super::*;

const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const CONFIG: &[u8] = &[0x17, 0, 0, 0, 0, 1];

fn key(number: u8) -> [u8; 6] {
    [0x17, 1, 0, 0, 0, number]
}

fn inter(number: u8) -> [u8; 6] {
    [0x27, 1, 0, 0, 0, number]
}

const AAC: &[u8] = &[0xaf, 1, 9];

/// A viewer in the middle of the GOP of key frame 7: two more pictures and one sound.
fn inside() -> Viewer {
    let mut leg = Viewer::default();
    assert_eq!(leg.pass(VIDEO, 1000, CONFIG), Some(1000));
    assert_eq!(leg.pass(VIDEO, 1000, &key(7)), Some(1000));
    assert_eq!(leg.pass(AUDIO, 1010, AAC), Some(1010));
    assert_eq!(leg.pass(VIDEO, 1040, &inter(1)), Some(1040));
    assert_eq!(leg.pass(VIDEO, 1080, &inter(2)), Some(1080));
    leg
}

#[test]
fn a_viewer_goes_on_inside_its_gop_without_a_frame_twice_or_none() {
    let mut leg = inside();
    leg.resume();
    let again = [
        (VIDEO, 0, CONFIG.to_vec(), None),
        (VIDEO, 0, key(7).to_vec(), None),
        (AUDIO, 10, AAC.to_vec(), None),
        (VIDEO, 40, inter(1).to_vec(), None),
        (VIDEO, 80, inter(2).to_vec(), None),
        (AUDIO, 90, AAC.to_vec(), Some(1090)),
        (VIDEO, 120, inter(3).to_vec(), Some(1120)),
        (VIDEO, 160, key(8).to_vec(), Some(1160)),
    ];
    for (kind, time, body, sent) in again {
        assert_eq!(leg.pass(kind, time, &body), sent, "at {time}");
    }
}

#[test]
fn sound_that_is_ahead_of_the_picture_does_not_wait_for_it() {
    let mut leg = inside();
    leg.resume();
    leg.pass(VIDEO, 0, &key(7));
    assert_eq!(leg.pass(AUDIO, 10, AAC), None, "sent before");
    assert_eq!(leg.pass(AUDIO, 100, AAC), Some(1100));
    assert_eq!(leg.pass(VIDEO, 40, &inter(1)), None);
}

#[test]
fn a_viewer_goes_on_at_the_next_key_frame_where_its_gop_is_gone() {
    let mut leg = inside();
    leg.resume();
    assert_eq!(leg.pass(AUDIO, 5, AAC), None, "nobody knows when this was");
    assert_eq!(leg.pass(VIDEO, 7, &inter(9)), None);
    assert_eq!(leg.pass(VIDEO, 500, &key(8)), Some(1120));
    assert_eq!(leg.pass(VIDEO, 540, &inter(1)), Some(1160));
}

#[test]
fn a_new_codec_header_is_passed_on_and_the_same_one_is_not() {
    let mut leg = inside();
    leg.resume();
    assert_eq!(leg.pass(VIDEO, 0, CONFIG), None);
    assert_eq!(leg.pass(VIDEO, 0, &[0x17, 0, 0, 0, 0, 2]), Some(1080), "in the viewer's time");
}

#[test]
fn a_stream_of_sound_goes_on_with_the_first_that_comes() {
    let mut leg = Viewer::default();
    leg.pass(AUDIO, 3000, AAC);
    leg.resume();
    assert_eq!(leg.pass(AUDIO, 20, AAC), Some(3040));
    assert_eq!(leg.pass(AUDIO, 43, AAC), Some(3063));
}

#[test]
fn a_viewer_that_was_sent_nothing_begins_as_if_it_had_just_come() {
    let mut leg = Viewer::default();
    leg.pass(VIDEO, 1000, CONFIG);
    leg.resume();
    assert_eq!(leg.pass(VIDEO, 0, CONFIG), Some(0));
    assert_eq!(leg.pass(VIDEO, 0, &key(1)), Some(0));
}

#[test]
fn the_way_is_found_twice() {
    let mut leg = inside();
    leg.resume();
    for (time, body) in [(0, key(7)), (40, inter(1)), (80, inter(2))] {
        leg.pass(VIDEO, time, &body);
    }
    leg.pass(AUDIO, 10, AAC);
    assert_eq!(leg.pass(VIDEO, 120, &inter(3)), Some(1120));
    leg.resume();
    for (time, body) in [(5000, key(7)), (5040, inter(1)), (5080, inter(2)), (5120, inter(3))] {
        assert_eq!(leg.pass(VIDEO, time, &body), None);
    }
    assert_eq!(leg.pass(VIDEO, 5160, &inter(4)), Some(1160));
}

#[test]
fn the_last_timestamp_is_found_across_the_wrap() {
    let mut leg = Viewer::default();
    leg.pass(AUDIO, u32::MAX - 5, AAC);
    leg.pass(VIDEO, 10, &inter(1));
    assert_eq!(leg.last(), Some(10));
}

#[test]
fn headers_are_no_media() {
    let mut leg = Viewer::default();
    leg.pass(VIDEO, 7, CONFIG);
    assert!(!leg.started());
    assert_eq!(leg.last(), None);
}
