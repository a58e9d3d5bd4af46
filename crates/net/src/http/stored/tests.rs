use super::*;

#[test]
fn large_content_is_stored_and_small_content_stays() {
    assert!(matches!(Content::stored(Bytes::from(vec![1; LEAST])), Content::Stored(..)));
    assert!(matches!(Content::stored(Bytes::from(vec![1; LEAST - 1])), Content::Bytes(_)));
}

#[test]
fn what_is_let_go_of_makes_room() {
    let before = OPEN.load(Ordering::Relaxed);
    let stored = Content::stored(Bytes::from(vec![1; LEAST]));
    let part = stored.part(10..20);
    drop(stored);
    assert_eq!((part.len(), OPEN.load(Ordering::Relaxed)), (10, before + 1));
    drop(part);
    assert_eq!(OPEN.load(Ordering::Relaxed), before);
}

#[test]
fn too_much_of_it_stays_in_our_own_memory() {
    let all: Vec<Content> = (0..most() + 10).map(|_| Content::stored(Bytes::from(vec![1; LEAST]))).collect();
    assert!(matches!(all.last(), Some(Content::Bytes(_))));
    assert!(all.iter().filter(|content| matches!(content, Content::Stored(..))).count() <= most());
}
