use super::*;

const NOW: u64 = 1_795_000_000_000;

fn mark(sent_ms: u64, nonce: u64) -> Mark {
    Mark { sent_ms, nonce }
}

#[test]
fn marks_are_forgotten_when_their_time_is_over_and_do_not_come_back_when_the_clock_does() {
    let mut heard = Heard::default();
    assert!(heard.is_new(mark(NOW, 1), NOW));
    assert!(heard.is_new(mark(NOW + 31_000, 2), NOW + 31_000));
    assert_eq!(heard.marks.len(), 1);
    assert!(!heard.is_new(mark(NOW, 1), NOW + 1_000), "the clock was set back");
}

#[test]
fn when_there_is_no_room_the_oldest_are_refused_and_nothing_is_heard_twice() {
    let mut heard = Heard::default();
    let all = || (0..=MAX_MARKS as u64).map(|number| mark(NOW + number, number));
    assert!(all().all(|mark| heard.is_new(mark, NOW)));
    assert_eq!(heard.marks.len(), MAX_MARKS);
    assert!(!all().any(|mark| heard.is_new(mark, NOW)));
    assert!(!heard.is_new(mark(NOW, 99_999), NOW), "nobody knows any more whether it was heard");
    assert!(heard.is_new(mark(NOW + 1, 99_999), NOW));
}
