use std::time::{Duration, Instant};

use super::Clock;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// How far a time of the peer that is now is from ours that is now, in milliseconds.
fn off(clock: &Clock, now: Instant, theirs: u32) -> i32 {
    clock.told(theirs).wrapping_sub(clock.ours(now)) as i32 / 1_000
}

#[test]
fn a_handshake_that_waited_for_a_decision_is_put_right_by_the_first_packets() {
    let start = Instant::now();
    // It is said to be 5 s there, but was 700 ms ago.
    let mut clock = Clock::new(start, start, 5_000_000);
    assert_eq!(off(&clock, start, 5_700_000), 700);
    clock.heard(start + ms(20), 5_700_000);
    assert_eq!(off(&clock, start + ms(20), 5_700_000), 0);
    // One that took longer changes nothing.
    clock.heard(start + ms(60), 5_710_000);
    assert_eq!(off(&clock, start + ms(20), 5_700_000), 0);
}

#[test]
fn a_clock_that_runs_faster_is_followed() {
    let start = Instant::now();
    let mut clock = Clock::new(start, start, u32::MAX - 1_000);
    let theirs = |count: u64| (u32::MAX - 1_000).wrapping_add((count * 10_005) as u32);
    for count in 0..20_000 {
        clock.heard(start + ms(10 * count), theirs(count));
    }
    // 100 ms in 200 s; the last thousand are 5 ms.
    assert!(off(&clock, start + ms(200_000), theirs(20_000)).abs() <= 8);
    assert_eq!(clock.when(start, clock.ours(start).wrapping_add(5_000)), start + ms(5));
    assert_eq!(clock.when(start + ms(9), clock.ours(start)), start);
}
