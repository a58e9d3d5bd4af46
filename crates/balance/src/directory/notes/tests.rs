use super::*;

const S: Duration = Duration::from_secs(1);

#[test]
fn a_note_is_good_until_its_end_and_the_newest_of_a_name_counts() {
    let notes = Notes::default();
    notes.put("a", "1", 2 * S, S).unwrap();
    assert_eq!(notes.get("a", S).as_deref(), Some("1"));
    notes.put("a", "2", 3 * S, S).unwrap();
    assert_eq!(notes.get("a", 2 * S).as_deref(), Some("2"));
    assert_eq!((notes.get("a", 3 * S), notes.get("b", S)), (None, None));
}

#[test]
fn what_is_not_good_any_more_makes_room() {
    let notes = Notes::default();
    for number in 0..3 * MOST as u32 {
        notes.put(&number.to_string(), "x", (number + 1000) * S, number * S).unwrap();
    }
    assert!(notes.table().texts.len() <= 4 * FEW);
}

#[test]
fn beyond_the_limit_and_too_long_ones_are_refused() {
    let notes = Notes::default();
    for number in 0..MOST {
        notes.put(&number.to_string(), "x", S, Duration::ZERO).unwrap();
    }
    assert_eq!(notes.put("new", "x", S, Duration::ZERO), Err(Error::Full));
    assert_eq!(notes.put("1", "y", S, Duration::ZERO), Ok(()));
    assert!(matches!(notes.put("1", &"y".repeat(2049), S, Duration::ZERO), Err(Error::Unavailable(_))));
    assert!(matches!(notes.put(&"n".repeat(321), "y", S, Duration::ZERO), Err(Error::Unavailable(_))));
}
