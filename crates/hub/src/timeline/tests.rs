use bytes::Bytes;
use srs_media::Codec;

use super::*;

fn video(time: i64) -> Frame {
    Frame {
        kind: Kind::Video,
        role: Role::Inter,
        codec: Codec::H264,
        track: 0,
        time,
        composition: 0,
        wire: Bytes::from_static(&[1]),
    }
}

fn times(timeline: &mut Timeline, input: &[i64]) -> Vec<i64> {
    let mut out = Vec::new();
    for &time in input {
        timeline.push(video(time));
        while let Some(frame) = timeline.pop() {
            out.push(frame.time);
        }
    }
    out
}

#[test]
fn a_second_publisher_goes_on_where_the_first_ended() {
    for jitter in [Mode::Full, Mode::Zero] {
        let rules = Rules { jitter, ..Rules::default() };
        let mut timeline = Timeline::default();
        timeline.begin(rules);
        assert_eq!(times(&mut timeline, &[5000, 5040, 5080]), [0, 40, 80], "{jitter:?}");
        timeline.begin(rules);
        let second = times(&mut timeline, &[900_000, 900_040]);
        assert!(second[0] > 80 && second[0] <= 120, "{jitter:?} {second:?}");
        assert_eq!(second[1], second[0] + 40);
    }
}

#[test]
fn absolute_times_are_kept() {
    let mut timeline = Timeline::default();
    timeline.begin(Rules { atc: true, ..Rules::default() });
    assert_eq!(times(&mut timeline, &[5_000_000, 4_000_000]), [5_000_000, 4_000_000]);
}

#[test]
fn frames_held_for_mixing_are_not_lost_at_the_end() {
    let mut timeline = Timeline::default();
    timeline.begin(Rules { mix_correct: true, ..Rules::default() });
    assert!(times(&mut timeline, &[0, 40]).is_empty());
    assert_eq!(timeline.drain().map(|frame| frame.time), Some(0));
    assert_eq!(timeline.drain().map(|frame| frame.time), Some(40));
    assert!(timeline.drain().is_none());
}

fn sound(track: u8, time: i64) -> Frame {
    Frame { kind: Kind::Audio, role: Role::Key, track, ..video(time) }
}

#[test]
fn derived_sound_is_mended_as_that_was_of_which_it_was_made() {
    let mut timeline = Timeline::default();
    timeline.begin(Rules::default());
    let mut push = |frame| {
        timeline.push(frame);
        timeline.pop().unwrap().time
    };
    assert_eq!(push(sound(0, 5_000)), 0);
    assert_eq!(push(sound(0, 5_400)), 400);
    assert_eq!(push(sound(DERIVED, 5_040)), 40);
    assert_eq!(push(sound(0, 5_420)), 420);
}

#[test]
fn derived_sound_is_not_held_for_mixing() {
    let mut timeline = Timeline::default();
    timeline.begin(Rules { mix_correct: true, ..Rules::default() });
    timeline.push(sound(DERIVED, 0));
    assert_eq!(timeline.pop().map(|frame| frame.track), Some(DERIVED));
}
