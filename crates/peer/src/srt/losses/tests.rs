use std::time::{Duration, Instant};

use super::{Losses, Place};
use crate::srt::numbers;

const FIRST: u32 = (1 << 31) - 4;

fn at(ahead: u64) -> u64 {
    numbers::first(FIRST) + ahead
}

fn number(ahead: u64) -> u32 {
    numbers::number_of(at(ahead))
}

#[test]
fn gaps_close_from_both_sides_and_split_in_the_middle() {
    let now = Instant::now();
    let mut losses = Losses::new(FIRST, 100);
    assert_eq!(losses.place(number(0)), Place::Ahead(at(0)));
    losses.arrived(at(0), now);
    losses.arrived(at(9), now);
    assert_eq!(losses.place(number(5)), Place::Missing(at(5)));
    for ahead in [1, 8, 5] {
        losses.arrived(at(ahead), now);
        assert_eq!(losses.place(number(ahead)), Place::Known);
    }
    let words = losses.ask(now, Duration::from_secs(1)).unwrap();
    let range = 1 << 31;
    assert_eq!(words, [number(2) | range, number(4), number(6) | range, number(7)]);
    assert_eq!((number(3), number(4)), (0x7fff_ffff, 0));
    assert_eq!(losses.ask(now, Duration::from_secs(1)), None);
    assert_eq!((losses.overdue(now), losses.overdue(now)), (Some(at(2)..at(5)), Some(at(6)..at(8))));
    assert_eq!((losses.overdue(now), losses.next(Duration::ZERO, true)), (None, None));
}

#[test]
fn what_is_missing_is_given_up_when_the_next_packet_is_due() {
    let now = Instant::now();
    let later = |count| now + Duration::from_millis(count);
    let mut losses = Losses::new(FIRST, 100);
    losses.arrived(at(5), later(50));
    losses.arrived(at(3), later(30));
    assert_eq!(losses.next(Duration::ZERO, true), Some(later(30)));
    assert_eq!(losses.overdue(later(29)), None);
    assert_eq!(losses.overdue(later(30)), Some(at(0)..at(3)));
    assert_eq!(losses.overdue(later(49)), None);
    assert_eq!(losses.overdue(later(50)), Some(at(4)..at(5)));
}

#[test]
fn what_the_peer_gives_up_is_taken_out_of_the_gaps() {
    let now = Instant::now();
    let mut losses = Losses::new(FIRST, 100);
    losses.arrived(at(10), now);
    losses.arrived(at(5), now);
    assert_eq!(losses.given_up(at(3), at(7)), Some(at(6)..at(8)));
    assert_eq!(losses.given_up(at(3), at(7)), Some(at(3)..at(5)));
    assert_eq!(losses.given_up(at(3), at(7)), None);
    assert_eq!(losses.given_up(at(9), at(1)), None);
    assert_eq!((losses.overdue(now), losses.overdue(now)), (Some(at(0)..at(3)), Some(at(8)..at(10))));
}

#[test]
fn packets_far_from_all_others_have_no_place() {
    let mut losses = Losses::new(FIRST, 100);
    losses.arrived(at(0), Instant::now());
    assert_eq!(losses.place(number(100)), Place::Ahead(at(100)));
    assert_eq!(losses.place(number(101)), Place::Far);
    assert_eq!(losses.place(number(1 << 29)), Place::Far);
    assert_eq!(losses.place(FIRST - 50), Place::Known);
}
