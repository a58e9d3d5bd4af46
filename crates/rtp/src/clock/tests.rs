use super::*;
use proptest::prelude::*;

/// CELT, 20 ms, one frame.
const TWENTY: &[u8] = &[31 << 3, 1, 2, 3];

fn sound(times: &[i64]) -> Vec<u32> {
    let mut sound = Sound::new(0);
    times.iter().map(|&time| sound.next(time, TWENTY)).collect()
}

#[test]
fn pictures_run_at_90_khz_and_wrap() {
    let pictures = Pictures::new(0);
    assert_eq!([0, 1, 40, -1].map(|time| pictures.at(time)), [0, 90, 3_600, 0_u32.wrapping_sub(90)]);
    // 2^32 ticks are 47,721,858 ms and some.
    assert_eq!(pictures.at(47_721_859), 14);
    assert_eq!(Pictures::new(u32::MAX).at(1), 89);
    pictures.at(i64::MAX);
}

#[test]
fn sound_runs_by_what_packets_play_and_not_by_rounded_milliseconds() {
    assert_eq!(sound(&[0, 21, 39, 62, 79]), [0, 960, 1_920, 2_880, 3_840]);
}

#[test]
fn sound_that_is_off_by_30_ms_stays_and_by_31_is_set_anew() {
    assert_eq!(sound(&[0, 50, 70]), [0, 960, 1_920]);
    assert_eq!(sound(&[0, 51, 71]), [0, 51 * 48, 71 * 48]);
}

#[test]
fn sound_that_jumps_back_is_set_anew() {
    assert_eq!(sound(&[1_000, 1_020, 0, 20]), [48_000, 48_960, 0, 960]);
}

#[test]
fn a_damaged_packet_of_sound_plays_nothing() {
    let mut sound = Sound::new(0);
    assert_eq!([sound.next(0, &[]), sound.next(20, TWENTY), sound.next(40, TWENTY)], [0, 0, 960]);
}

#[test]
fn a_burst_ends_at_the_live_edge_one_millisecond_a_picture() {
    assert_eq!(squeezed(&[0, 3_600, 7_200]), [7_020, 7_110, 7_200]);
    assert_eq!(squeezed(&[]), [0; 0]);
    assert_eq!(squeezed(&[5]), [5]);
}

#[test]
fn a_burst_over_the_wrap_ends_at_its_newest_picture() {
    let (before, after) = (u32::MAX - 3_599, 3_600);
    assert_eq!(squeezed(&[before, 0, after]), [3_420, 3_510, 3_600]);
}

#[test]
fn pictures_of_a_burst_that_are_decoded_out_of_order_keep_their_order() {
    assert_eq!(squeezed(&[0, 9_000, 3_600]), [8_820, 9_000, 8_910]);
}

proptest! {
    #[test]
    fn a_burst_rises_strictly_and_ends_before_what_is_live(first: u32, steps in prop::collection::vec(1_u32..90_000, 0..100)) {
        let mut times = vec![first];
        for step in steps {
            times.push(times[times.len() - 1].wrapping_add(step));
        }
        let out = squeezed(&times);
        prop_assert_eq!(out.last(), times.last());
        prop_assert!(out.windows(2).all(|two| two[1].wrapping_sub(two[0]) == 90));
    }

    #[test]
    fn sound_is_never_off_by_more_than_30_ms(steps in prop::collection::vec(-100_i64..200, 0..200)) {
        let (mut sound, mut heard) = (Sound::new(7), 1_000_000);
        for step in steps {
            heard += step;
            let off = sound.next(heard, TWENTY).wrapping_sub(ticks(heard, 48, 7)).cast_signed();
            prop_assert!(off.abs() <= 30 * 48);
        }
    }
}
