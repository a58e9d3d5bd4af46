use super::*;

const START: u64 = 1_795_000_000_000;

#[test]
fn epochs_rise_within_one_millisecond() {
    let mut clock = Clock::new(START, 7);
    let first = clock.next(Duration::ZERO);
    let second = clock.next(Duration::ZERO);
    assert!(second > first);
    assert_eq!(first.unix_ms(), START);
}

#[test]
fn an_epoch_never_falls_below_one_seen() {
    let mut clock = Clock::new(START, 7);
    let foreign = Epoch::from_unix_ms(START + 60_000);
    assert!(clock.see(foreign, Duration::ZERO));
    assert!(clock.next(Duration::from_secs(1)) > foreign);
}

#[test]
fn clocks_that_are_wrong_by_an_hour_to_either_side_believe_each_other() {
    let mut behind = Clock::new(START - 3_600_000, 7);
    let mut ahead = Clock::new(START + 3_600_000, 8);
    let epoch = ahead.next(Duration::from_secs(60));
    assert!(behind.see(epoch, Duration::from_secs(50)));
    assert!(behind.next(Duration::from_secs(50)) > epoch);
}

#[test]
fn an_epoch_of_the_far_future_is_not_believed() {
    let mut clock = Clock::new(START, 7);
    assert!(!clock.see(Epoch(u64::MAX), Duration::ZERO));
    assert_eq!(clock.next(Duration::ZERO).unix_ms(), START);
}

#[test]
fn two_nodes_stepping_over_the_same_epoch_differ() {
    let foreign = Epoch::from_unix_ms(START + 5_000);
    let mut left = Clock::new(START, 1);
    let mut right = Clock::new(START, 2);
    left.see(foreign, Duration::ZERO);
    right.see(foreign, Duration::ZERO);
    assert_ne!(left.next(Duration::ZERO), right.next(Duration::ZERO));
}

#[test]
fn two_steps_over_one_epoch_of_the_far_future_differ() {
    let mut clock = Clock::new(START, 7);
    let mad = Epoch::from_unix_ms(START + 365 * 86_400_000);
    let first = clock.next_above(mad, Duration::ZERO);
    let second = clock.next_above(mad, Duration::ZERO);
    assert!(mad < first && first < second);
    assert!(clock.next(Duration::ZERO) < mad, "what follows does not go so far");
}
