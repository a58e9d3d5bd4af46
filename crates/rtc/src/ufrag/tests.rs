use proptest::prelude::*;

use super::*;

fn keys() -> Keys {
    Keys::of_secret(b"a secret of 32 bytes, or about so")
}

#[test]
fn a_name_says_which_node_and_which_session() {
    let keys = keys();
    let made = keys.make(keys.route("vid-1"), [7; 12]);
    let read = Ufrag::parse(&made.ufrag).unwrap();
    assert_eq!(read.route(), keys.route("vid-1"));
    assert_ne!(read.route(), keys.route("vid-2"));
    assert_eq!(read.session(), &made.ufrag[..24]);
    assert_eq!(made.password, keys.password(&made.ufrag));
}

#[test]
fn names_and_passwords_are_what_ice_allows() {
    let keys = keys();
    let made = keys.make(keys.route("vid-1"), [0xff; 12]);
    assert_eq!((made.ufrag.len(), made.password.len()), (25, 24));
    assert!(made.ufrag.bytes().chain(made.password.bytes()).all(is_letter));
}

#[test]
fn a_restart_keeps_the_session_and_changes_the_password() {
    let keys = keys();
    let first = keys.make(keys.route("vid-1"), [7; 12]);
    let second = keys.next(&first.ufrag).unwrap();
    assert_eq!(Ufrag::parse(&first.ufrag).unwrap().session(), Ufrag::parse(&second.ufrag).unwrap().session());
    assert_ne!(first.ufrag, second.ufrag);
    assert_ne!(first.password, second.password);
    assert_eq!(second.password, keys.password(&second.ufrag));
}

#[test]
fn sixty_four_restarts_come_round() {
    let keys = keys();
    let first = keys.make(keys.route("vid-1"), [7; 12]);
    let mut seen = std::collections::HashSet::new();
    let mut now = first.clone();
    while seen.insert(now.ufrag.clone()) {
        now = keys.next(&now.ufrag).unwrap();
    }
    assert_eq!((seen.len(), now), (64, first));
}

#[test]
fn another_secret_makes_other_routes_and_passwords() {
    let other = Keys::of_secret(b"another");
    assert_ne!(keys().route("vid-1"), other.route("vid-1"));
    assert_ne!(keys().password("x"), other.password("x"));
}

#[test]
fn names_of_other_software_are_not_ours() {
    let good = "A".repeat(25);
    assert!(Ufrag::parse(&good).is_some());
    for bad in
        ["", "4cXY", &"A".repeat(24), &"A".repeat(26), &"=".repeat(25), &format!("{}é", "A".repeat(23))]
    {
        assert_eq!(Ufrag::parse(bad), None, "{bad}");
        assert_eq!(keys().next(bad), None, "{bad}");
    }
}

#[test]
fn a_secret_does_not_show_in_debug_text() {
    assert_eq!(format!("{:?}", keys()), "Keys { .. }");
}

proptest! {
    #[test]
    fn what_is_made_is_read_back(id in ".{0,40}", random in any::<[u8; 12]>()) {
        let keys = keys();
        let made = keys.make(keys.route(&id), random);
        prop_assert_eq!(Ufrag::parse(&made.ufrag).map(|read| read.route()), Some(keys.route(&id)));
    }

    #[test]
    fn any_text_is_read_without_harm(text in ".{0,60}") {
        if let Some(ours) = Ufrag::parse(&text) {
            prop_assert_eq!(ours.as_str(), &text);
        }
    }
}
