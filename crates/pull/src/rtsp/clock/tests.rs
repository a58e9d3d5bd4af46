use super::*;

/// A wall clock's time of so many ms, as sender reports have it.
fn ntp(ms: u64) -> u64 {
    (3_900_000_000_u64 << 32) + (ms << 32) / 1_000
}

fn sound(clock: &mut Clock, from: i64, count: i64) -> Vec<i64> {
    (0..count).map(|frame| clock.time(Kind::Audio, from + frame * 20)).collect()
}

#[test]
fn the_frame_that_comes_first_is_at_0() {
    let mut clock = Clock::default();
    assert_eq!(clock.time(Kind::Video, 5_000), 0);
    assert_eq!(clock.time(Kind::Audio, 4_990), -10);
    assert_eq!(clock.time(Kind::Video, 5_040), 40);
}

#[test]
fn reports_that_agree_change_nothing() {
    let mut clock = Clock::default();
    clock.time(Kind::Video, 0);
    clock.report(Kind::Video, 1_000, ntp(1_000));
    clock.report(Kind::Audio, 1_500, ntp(1_512));
    assert_eq!(sound(&mut clock, 0, 4), [0, 20, 40, 60]);
}

#[test]
fn sound_that_lies_apart_is_moved_little_by_little_and_never_back() {
    for apart in [-300, 300] {
        let mut clock = Clock::default();
        clock.time(Kind::Video, 0);
        assert_eq!(sound(&mut clock, 0, 2), [0, 20]);
        clock.report(Kind::Video, 1_000, ntp(5_000));
        clock.report(Kind::Audio, 1_000, ntp((5_000 + apart) as u64));
        let times = sound(&mut clock, 40, 200);
        assert!(times.windows(2).all(|pair| (18..=22).contains(&(pair[1] - pair[0]))), "{times:?}");
        assert_eq!(times[199], 40 + 199 * 20 + apart);
    }
}

#[test]
fn reports_of_clocks_that_have_nothing_in_common_are_not_believed() {
    let mut clock = Clock::default();
    clock.time(Kind::Video, 0);
    clock.report(Kind::Video, 0, ntp(0));
    clock.report(Kind::Audio, 0, ntp(3_600_000));
    clock.report(Kind::Audio, 0, 0);
    assert_eq!(sound(&mut clock, 0, 3), [0, 20, 40]);
}

#[test]
fn ticks_before_the_beginning_are_times_before_it() {
    assert_eq!(millis(90_000, 90_000), 1_000);
    assert_eq!(millis(-45, 90_000), -1);
    assert_eq!(millis(i64::MAX, 90_000), i64::MAX / 90);
    assert_eq!(millis(5, 0), 0);
}
