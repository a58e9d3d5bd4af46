//! Whose datagrams are opened.

use super::*;

const NOW: u64 = 1_800_000_000_000;

fn me() -> NodeId {
    NodeId::new("p1").unwrap()
}

#[test]
fn a_datagram_opens_under_the_same_secret() {
    let key = Key::new(b"secret");
    let sealed = seal(&key, Kind::Hello, &me(), b"what it says", NOW);
    assert_eq!(open(&Key::new(b"secret"), &sealed, NOW), Ok((Kind::Hello, me(), b"what it says".as_slice())));
}

#[test]
fn a_datagram_of_another_secret_is_foreign() {
    let sealed = seal(&Key::new(b"theirs"), Kind::Gossip, &me(), b"", NOW);
    assert_eq!(open(&Key::new(b"ours"), &sealed, NOW), Err(Foreign::Secret));
}

#[test]
fn a_datagram_is_good_for_half_a_minute_either_way() {
    let key = Key::new(b"secret");
    let sealed = seal(&key, Kind::Gossip, &me(), b"", NOW);
    for now in [NOW - 30_000, NOW + 30_000] {
        assert!(open(&key, &sealed, now).is_ok());
    }
    for now in [NOW - 30_001, NOW + 30_001] {
        assert_eq!(open(&key, &sealed, now), Err(Foreign::Clock));
    }
}

#[test]
fn no_byte_of_a_datagram_can_be_changed() {
    let key = Key::new(b"secret");
    let sealed = seal(&key, Kind::Here, &me(), b"text", NOW);
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(open(&key, &changed, NOW).is_err(), "byte {at}");
    }
}
