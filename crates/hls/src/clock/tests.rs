use super::Clock;
use crate::Unit;

fn go(clock: &mut Clock, video: bool, dts_ms: i64) -> (i64, bool) {
    let place = clock.accept(&Unit { video, dts_ms, key: false });
    (place.at, place.jumped)
}

#[test]
fn tracks_that_are_close_stand_as_their_stamps_do() {
    let mut clock = Clock::new();
    assert_eq!(go(&mut clock, true, 1_000), (0, false));
    assert_eq!(go(&mut clock, false, 900), (-100, false));
    assert_eq!(go(&mut clock, true, 1_040), (40, false));
    assert_eq!(clock.end(), 80);
}

#[test]
fn a_jump_of_both_tracks_is_one_jump() {
    for jump in [3_600_000, -3_600_000, -2_000] {
        let mut clock = Clock::new();
        go(&mut clock, true, 0);
        go(&mut clock, false, 10);
        assert_eq!(go(&mut clock, true, 40), (40, false));
        assert_eq!(go(&mut clock, true, 80 + jump), (80, true));
        // A late one of the old times, and then the new times here too.
        assert_eq!(go(&mut clock, false, 33), (33, false));
        assert!(!go(&mut clock, false, 90 + jump).1);
        assert_eq!(go(&mut clock, true, 120 + jump), (120, false));
        assert!(go(&mut clock, true, 120 - jump).1);
    }
}

#[test]
fn a_track_that_paused_comes_back_beside_the_other() {
    let mut clock = Clock::new();
    go(&mut clock, true, 0);
    for time in (0..40_000).step_by(20) {
        go(&mut clock, false, time);
    }
    assert_eq!(go(&mut clock, true, 39_990), (39_990, false));
}

#[test]
fn a_small_step_back_is_an_encoders_rounding() {
    let mut clock = Clock::new();
    go(&mut clock, true, 1_000);
    assert_eq!(go(&mut clock, true, 750), (-250, false));
    assert!(go(&mut clock, true, 499).1);
}

#[test]
fn slow_pictures_jump_once_and_are_then_known() {
    let mut clock = Clock::new();
    go(&mut clock, true, 0);
    assert!(go(&mut clock, true, 5_000).1);
    assert!(!go(&mut clock, true, 10_000).1);
    assert!(go(&mut clock, true, 3_600_000).1);
    assert!(!go(&mut clock, true, 3_600_040).1);
    assert!(go(&mut clock, true, 3_605_000).1);
}

#[test]
fn another_publisher_goes_on_where_the_last_one_ended() {
    let mut clock = Clock::new();
    go(&mut clock, true, 77_000);
    go(&mut clock, true, 77_040);
    clock.restart();
    clock.restart();
    assert_eq!(go(&mut clock, false, -5), (80, false));
}

#[test]
fn the_ends_of_time_are_stamps_too() {
    let mut clock = Clock::new();
    for time in [i64::MIN, i64::MAX, 0, i64::MIN, i64::MIN, i64::MAX, i64::MAX] {
        go(&mut clock, true, time);
        go(&mut clock, false, time);
    }
}
