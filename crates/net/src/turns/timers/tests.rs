use std::time::Duration;

use super::*;

const ID: u32 = 1;

#[test]
fn who_is_due_comes_in_its_turn_and_once() {
    let (start, mut timers) = (Instant::now(), Timers::default());
    let at = |ms| start + Duration::from_millis(ms);
    let mut dues: Vec<Due> = (0..3).map(|_| Due::default()).collect();
    for (id, ms) in [(0, 30), (1, 10), (2, 20)] {
        timers.set(id, &mut dues[id as usize], Some(at(ms)));
    }
    let mut seen = Vec::new();
    while let Some((listed, id)) = timers.next(at(25)) {
        assert!(timers.is_due(at(25), listed, id, &mut dues[id as usize]));
        seen.push(id);
    }
    assert_eq!((seen, timers.first()), (vec![1, 2], Some(at(30))));
}

#[test]
fn who_is_put_off_is_due_later_and_who_is_brought_forward_sooner() {
    let (start, mut timers) = (Instant::now(), Timers::default());
    let at = |ms| start + Duration::from_millis(ms);
    let mut due = Due::default();
    timers.set(ID, &mut due, Some(at(10)));
    timers.set(ID, &mut due, Some(at(50)));
    let (listed, _) = timers.next(at(10)).unwrap();
    assert!(!timers.is_due(at(10), listed, ID, &mut due));
    assert_eq!(timers.first(), Some(at(50)));
    timers.set(ID, &mut due, Some(at(20)));
    let (listed, _) = timers.next(at(20)).unwrap();
    assert!(timers.is_due(at(20), listed, ID, &mut due));
    // What is left of the later time says nothing.
    let (listed, _) = timers.next(at(50)).unwrap();
    assert!(!timers.is_due(at(50), listed, ID, &mut due));
    assert_eq!(timers.first(), None);
}

#[test]
fn who_has_no_time_any_more_is_not_due() {
    let (start, mut timers) = (Instant::now(), Timers::default());
    let mut due = Due::default();
    timers.set(ID, &mut due, Some(start));
    timers.set(ID, &mut due, None);
    let (listed, _) = timers.next(start).unwrap();
    assert!(!timers.is_due(start, listed, ID, &mut due));
    assert_eq!(timers.first(), None);
}
