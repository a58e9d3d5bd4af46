use super::*;
use crate::testkit::{SECRET, id, key};

#[test]
fn a_note_is_opened_by_the_secret_and_for_its_session_alone() {
    let tokens = Tokens::of_notes(SECRET);
    for publishes in [None, Some(key("s"))] {
        let note = Note { node: id("a"), password: "p+/".to_owned(), publishes };
        let sealed = note.seal(&tokens, "ufrag").unwrap();
        assert!(!sealed.contains("p+/"));
        assert_eq!(Note::open(&Tokens::of_notes(SECRET), "ufrag", &sealed), Some(note));
        assert_eq!(Note::open(&tokens, "other", &sealed), None);
        assert_eq!(Note::open(&Tokens::of_notes(b"another"), "ufrag", &sealed), None);
        assert_eq!(Note::open(&Tokens::of_sessions(SECRET), "ufrag", &sealed), None);
    }
}
