use super::super::value::target;
use super::*;

fn found(number: usize) -> (StreamKey, Found) {
    let url = format!("rtmp://h/live/{number}");
    let target = target(&url).unwrap();
    (
        StreamKey::new("v", "live", &number.to_string()).unwrap(),
        Found { url, target, owner: None, cached: false },
    )
}

#[test]
fn what_was_not_asked_for_longest_is_forgotten_first() {
    let mut known = Known::default();
    for number in 0..MAX_KNOWN {
        let (key, found) = found(number);
        known.keep(&key, found);
    }
    let (first, of_first) = found(0);
    assert_eq!(known.get(&first), Some(of_first));
    let (more, of_more) = found(MAX_KNOWN);
    known.keep(&more, of_more);
    assert_eq!((known.streams.len(), known.order.len()), (MAX_KNOWN, MAX_KNOWN));
    assert!(known.get(&first).is_some() && known.get(&more).is_some());
    assert_eq!(known.get(&found(1).0), None);
}

#[test]
fn a_stream_that_is_nowhere_any_more_is_forgotten() {
    let mut known = Known::default();
    let (key, found) = found(1);
    known.keep(&key, found.clone());
    known.keep(&key, found);
    known.forget(&key);
    assert_eq!(known.get(&key), None);
    assert!(known.order.is_empty());
}
