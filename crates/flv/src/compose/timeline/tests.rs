use super::*;
use proptest::prelude::*;

const VIDEO: Kind = Kind::Video;
const AUDIO: Kind = Kind::Audio;

/// The times of units that say these milliseconds.
fn placed(units: &[(Kind, i64)]) -> Vec<i64> {
    let mut timeline = Timeline::default();
    let ticks = |ms: i64| ms.wrapping_mul(90).cast_unsigned() & ((1 << BITS) - 1);
    units
        .iter()
        .map(|&(kind, ms)| match kind {
            Kind::Audio => timeline.sound(ticks(ms), false),
            _ => timeline.picture(ticks(ms), ticks(ms), false).0,
        })
        .collect()
}

#[test]
fn the_first_unit_is_at_0_and_nothing_before_it() {
    assert_eq!(placed(&[(VIDEO, 5_000), (AUDIO, 4_990), (AUDIO, 5_013), (VIDEO, 5_040)]), [0, 0, 13, 40]);
}

#[test]
fn times_go_on_over_the_end_of_33_bits() {
    let end = (1 << BITS) / 90;
    assert_eq!(
        placed(&[(VIDEO, end - 40), (AUDIO, end - 30), (VIDEO, end), (AUDIO, end + 23)]),
        [0, 10, 40, 63]
    );
}

#[test]
fn a_jump_is_gone_over_by_both_tracks_alike() {
    let units =
        [(VIDEO, 0), (AUDIO, 5), (VIDEO, 40), (VIDEO, 90_000), (AUDIO, 28), (AUDIO, 90_003), (VIDEO, 90_040)];
    // What comes late from before the jump stays where it was.
    assert_eq!(placed(&units), [0, 5, 40, 50, 28, 53, 90]);
    let back = [(VIDEO, 90_000), (AUDIO, 90_005), (VIDEO, 0), (AUDIO, 10), (VIDEO, 40)];
    assert_eq!(placed(&back), [0, 5, 15, 25, 55]);
}

#[test]
fn a_pause_of_one_track_is_no_jump() {
    let pictures = (0..500).map(|at| (VIDEO, at * 40));
    let units: Vec<_> = [(AUDIO, 0)].into_iter().chain(pictures).chain([(AUDIO, 19_970)]).collect();
    assert_eq!(placed(&units).last(), Some(&19_970));
}

#[test]
fn a_small_step_back_waits() {
    assert_eq!(placed(&[(VIDEO, 1_000), (VIDEO, 1_500), (VIDEO, 1_100), (VIDEO, 1_540)]), [0, 500, 500, 540]);
}

#[test]
fn a_small_step_back_where_the_stream_is_broken_is_a_jump() {
    let mut timeline = Timeline::default();
    let times = [(90_000, false), (180_000, false), (135_000, true), (138_600, false), (138_000, true)];
    // The last one is rounding.
    assert_eq!(times.map(|(time, broken)| timeline.sound(time, broken)), [0, 1_000, 1_010, 1_050, 1_050]);
}

#[test]
fn tracks_far_apart_are_kept_so() {
    // Sent ahead of its sound by more than a step back may be.
    assert_eq!(placed(&[(VIDEO, 3_000), (AUDIO, 3_000), (VIDEO, 5_000), (AUDIO, 3_023)]), [0, 0, 2_000, 23]);
}

#[test]
fn pictures_say_how_much_later_they_are_shown() {
    let mut timeline = Timeline::default();
    assert_eq!(timeline.picture(9_000, 16_200, false), (0, 80));
    assert_eq!(timeline.picture(12_600, 12_600, false), (40, 0));
    assert_eq!(timeline.picture(16_200, 12_600, false), (80, -40));
    assert_eq!(
        timeline.picture(19_800, 19_800 + 90 * 60_000, false),
        (120, 10_000),
        "a minute is no such time"
    );
    assert_eq!(timeline.picture(0, 7_200, false), (120, -140), "the moment it is shown stays where it was");
}

proptest! {
    #[test]
    fn no_track_ever_goes_back(units in prop::collection::vec((any::<bool>(), any::<u64>(), any::<bool>()), 0..60)) {
        let mut timeline = Timeline::default();
        let (mut audio, mut video) = (0, 0);
        for (is_video, time, broken) in units {
            let (last, now) = if is_video {
                (&mut video, timeline.picture(time, time, broken).0)
            } else {
                (&mut audio, timeline.sound(time, broken))
            };
            prop_assert!(now >= *last);
            *last = now;
        }
    }

    #[test]
    fn any_even_pace_is_kept(first: u64, step in 1u64..900_000) {
        let mut timeline = Timeline::default();
        for at in 0..20 {
            let time = timeline.sound(first.wrapping_add(at * step), false);
            prop_assert_eq!(time.cast_unsigned(), at * step / 90);
        }
    }
}
