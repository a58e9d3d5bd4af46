use super::{Segment, Segmenter, Unit};
use crate::Settings;

fn picture(dts_ms: i64, key: bool) -> Unit {
    Unit { video: true, dts_ms, key }
}

fn sound(dts_ms: i64) -> Unit {
    Unit { video: false, dts_ms, key: false }
}

fn push(segmenter: &mut Segmenter, unit: Unit) {
    segmenter.push(&unit, |buffer| buffer.extend_from_slice(b"media"));
}

/// As a caller does it.
fn go(segmenter: &mut Segmenter, unit: Unit) -> Option<Segment> {
    let closed = segmenter.due(&unit).then(|| segmenter.cut(Some(&unit))).flatten();
    push(segmenter, unit);
    closed
}

fn begun(settings: Settings) -> Segmenter {
    let mut segmenter = Segmenter::new(settings);
    segmenter.begin(100, true);
    segmenter
}

/// With a second of pictures in it.
fn filled() -> Segmenter {
    let mut segmenter = begun(Settings::default());
    push(&mut segmenter, picture(0, true));
    push(&mut segmenter, picture(1_000, false));
    segmenter
}

#[test]
fn nothing_is_due_before_the_first_unit() {
    let mut segmenter = begun(Settings::default());
    assert!(segmenter.is_empty());
    assert!(!segmenter.due(&picture(1_000_000, true)));
    assert_eq!(segmenter.cut(None), None);
    assert_eq!(segmenter.end(), None);
}

#[test]
fn a_segment_says_what_was_put_in_and_when_it_began() {
    let mut segmenter = begun(Settings::default());
    push(&mut segmenter, picture(5_000, true));
    push(&mut segmenter, sound(5_010));
    let segment = segmenter.cut(Some(&picture(7_000, true))).unwrap();
    assert_eq!((segment.sequence, segment.start_ms, segment.duration_ms), (100, 5_000, 2_000));
    assert_eq!((&segment.bytes[..], segment.discontinuity), (b"mediamedia".as_slice(), false));
    assert!(segmenter.is_empty());
}

#[test]
fn a_long_enough_segment_waits_for_a_key_frame() {
    let mut segmenter = filled();
    push(&mut segmenter, picture(3_900, false));
    push(&mut segmenter, picture(6_800, false));
    push(&mut segmenter, picture(9_700, false));
    assert!(!segmenter.due(&picture(9_999, true)));
    assert!(!segmenter.due(&picture(10_000, false)));
    assert!(!segmenter.due(&sound(10_000)));
    assert!(segmenter.due(&picture(10_000, true)));
}

#[test]
fn without_the_wait_any_picture_ends_a_segment() {
    let mut segmenter = begun(Settings { wait_keyframe: false, ..Settings::default() });
    for second in 0..10 {
        push(&mut segmenter, picture(second * 1_000, second == 0));
    }
    assert!(!segmenter.due(&picture(9_999, false)));
    assert!(!segmenter.due(&sound(10_000)));
    assert!(segmenter.due(&picture(10_000, false)));
}

#[test]
fn the_ratio_makes_segments_longer_than_the_fragment() {
    let mut segmenter = begun(Settings { td_ratio: 1.5, ..Settings::default() });
    for second in 0..15 {
        assert!(go(&mut segmenter, picture(second * 1_000, true)).is_none());
    }
    assert!(segmenter.due(&picture(15_000, true)));
}

#[test]
fn a_full_segment_is_cut_whatever_comes() {
    let mut segmenter = begun(Settings { most_bytes: 10, ..Settings::default() });
    push(&mut segmenter, picture(0, true));
    assert!(!segmenter.due(&picture(0, false)));
    push(&mut segmenter, picture(0, false));
    assert!(segmenter.due(&sound(0)));
    assert_eq!(segmenter.cut(Some(&sound(0))).map(|segment| segment.duration_ms), Some(1));
}

#[test]
fn changed_encoding_begins_a_segment_at_once() {
    let mut segmenter = filled();
    segmenter.discontinuity();
    assert!(segmenter.due(&sound(1_040)));
    assert!(!go(&mut segmenter, picture(1_040, true)).unwrap().discontinuity);
    assert!(segmenter.end().unwrap().discontinuity);
}

#[test]
fn a_jump_of_the_clock_begins_a_segment_at_once() {
    for time in [90_000, 100] {
        let mut segmenter = filled();
        let closed = go(&mut segmenter, picture(time, false)).unwrap();
        // The last picture before it lasts as long as the one before.
        assert_eq!((closed.duration_ms, closed.discontinuity), (2_000, false));
        assert!(segmenter.end().unwrap().discontinuity);
    }
}

#[test]
fn what_is_too_short_is_joined_to_the_next_and_marks_it() {
    let mut segmenter = begun(Settings::default());
    assert!(go(&mut segmenter, picture(0, true)).is_none());
    assert!(go(&mut segmenter, picture(90_000, true)).is_none());
    segmenter.discontinuity();
    assert!(go(&mut segmenter, picture(90_040, true)).is_none());
    let segment = segmenter.end().unwrap();
    assert_eq!((segment.bytes.len(), segment.discontinuity), (15, true));
    assert!(segment.duration_ms < 250);
}

#[test]
fn an_encoder_whose_clock_jumps_with_each_frame_is_not_cut_at_each_frame() {
    let mut segmenter = begun(Settings::default());
    let closed = (0..1_000).filter_map(|number| go(&mut segmenter, picture(number * 60_000, true))).count();
    assert!(closed <= 1_000 * 40 / 250, "{closed}");
}

#[test]
fn a_return_goes_on_by_one_and_a_new_epoch_with_its_own_number() {
    let mut segmenter = filled();
    assert_eq!(segmenter.end().unwrap().sequence, 100);
    segmenter.begin(9_000, false);
    push(&mut segmenter, picture(0, true));
    let returned = segmenter.end().unwrap();
    assert_eq!((returned.sequence, returned.discontinuity), (101, true));
    segmenter.begin(9_000, true);
    push(&mut segmenter, picture(0, true));
    let epoch = segmenter.end().unwrap();
    assert_eq!((epoch.sequence, epoch.discontinuity), (9_000, true));
}

#[test]
fn a_first_number_below_those_given_out_is_not_taken() {
    let mut segmenter = filled();
    segmenter.end();
    segmenter.begin(3, true);
    push(&mut segmenter, picture(0, true));
    assert_eq!(segmenter.end().unwrap().sequence, 101);
}

#[test]
fn an_origin_that_continues_anothers_stream_begins_with_the_number_given() {
    let mut segmenter = Segmenter::new(Settings::default());
    segmenter.begin(500, false);
    segmenter.discontinuity();
    push(&mut segmenter, picture(0, true));
    let segment = segmenter.end().unwrap();
    assert_eq!((segment.sequence, segment.discontinuity), (500, true));
}

#[test]
fn a_take_over_keeps_what_is_open_and_ends_it_before_its_first_unit() {
    let mut segmenter = filled();
    segmenter.begin(7, false);
    let closed = go(&mut segmenter, picture(777_000, true)).unwrap();
    assert_eq!((closed.bytes.len(), closed.duration_ms, closed.discontinuity), (10, 2_000, false));
    assert!(segmenter.end().unwrap().discontinuity);
}

#[test]
fn a_file_sent_at_full_speed_uses_no_more_numbers_than_time_gives() {
    let mut segmenter = begun(Settings::default());
    let mut last = 0;
    // A second of media with each millisecond.
    for now in 0..10_000 {
        segmenter.clock(now);
        if let Some(segment) = go(&mut segmenter, picture(i64::try_from(now).unwrap() * 1_000, true)) {
            last = segment.sequence;
            assert!((last - 100 + 1) * 250 <= now);
        }
    }
    assert_eq!(last, 100 + 10_000 / 250 - 2);
}

#[test]
fn sound_that_begins_late_changes_nothing() {
    let mut segmenter = begun(Settings::default());
    let mut lengths = Vec::new();
    for time in (0..60_000).step_by(20) {
        let closed = go(&mut segmenter, picture(time, time % 2_000 == 0));
        lengths.extend(closed.map(|segment| segment.duration_ms));
        if time >= 20_000 {
            assert!(go(&mut segmenter, sound(time - 5)).is_none());
        }
    }
    assert_eq!(lengths, [10_000; 5]);
}

#[test]
fn a_segment_holds_no_more_memory_than_its_bytes() {
    let mut segmenter = begun(Settings::default());
    segmenter.push(&picture(0, true), |buffer| buffer.extend_from_slice(&[0; 3 << 20]));
    let large = segmenter.cut(Some(&picture(10_000, true))).unwrap();
    segmenter.push(&picture(10_000, true), |buffer| buffer.extend_from_slice(b"x"));
    assert_eq!(large.bytes.try_into_mut().unwrap().capacity(), 3 << 20);
    segmenter.cut(None);
    assert!(segmenter.open.bytes.capacity() <= super::KEPT_BYTES);
}
