use super::*;
use crate::stun::binding_request;

const CONSENT: Duration = Duration::from_secs(30);
const A: &str = "192.0.2.1:4000";
const B: &str = "192.0.2.2:5000";

fn credentials(name: &str) -> Credentials {
    Credentials { ufrag: name.to_owned(), password: format!("the password of {name}") }
}

fn path(peer: &str) -> Path {
    Path { peer: peer.parse().unwrap(), local: None, tcp: false }
}

/// A check to the side with this name.
fn check(ours: &str, use_candidate: bool) -> Vec<u8> {
    binding_request([3; 12], &format!("{ours}:peer"), &credentials(ours).password, 1, 1, use_candidate)
}

/// An agent, and the beginning of its time.
fn agent() -> (Agent, Instant) {
    let now = Instant::now();
    (Agent::new(credentials("us"), credentials("peer"), CONSENT, now), now)
}

/// Whether the check is answered well.
fn is_good(agent: &mut Agent, now: Instant, from: &str, bytes: &[u8]) -> bool {
    match agent.check(now, path(from), &Message::read(bytes).unwrap()) {
        Answer::Reply(reply) => Message::read(&reply).unwrap().kind() == Kind::Success,
        Answer::Nothing => false,
    }
}

#[test]
fn a_good_check_is_answered_with_its_address() {
    let (mut agent, now) = agent();
    let bytes = check("us", false);
    let Answer::Reply(reply) = agent.check(now, path(A), &Message::read(&bytes).unwrap()) else { panic!() };
    let reply = Message::read(&reply).unwrap();
    assert_eq!((reply.kind(), reply.transaction()), (Kind::Success, [3; 12]));
    assert_eq!(reply.mapped_address(), Some(A.parse().unwrap()));
    assert!(reply.verify(&credentials("us").password));
}

#[test]
fn the_first_good_check_is_followed_until_one_is_nominated() {
    let (mut agent, now) = agent();
    assert_eq!(agent.path(), None);
    assert!(is_good(&mut agent, now, A, &check("us", false)));
    assert!(is_good(&mut agent, now, B, &check("us", false)));
    assert_eq!((agent.path(), agent.is_nominated()), (Some(path(A)), false));
    assert!(is_good(&mut agent, now, B, &check("us", true)));
    assert_eq!((agent.path(), agent.is_nominated()), (Some(path(B)), true));
}

#[test]
fn the_newest_nominated_path_is_followed() {
    let (mut agent, now) = agent();
    for from in [A, B, A] {
        assert!(is_good(&mut agent, now, from, &check("us", true)));
        assert_eq!(agent.path(), Some(path(from)));
    }
    assert!(is_good(&mut agent, now, B, &check("us", false)));
    assert_eq!(agent.path(), Some(path(A)));
}

#[test]
fn tcp_and_udp_from_one_address_are_two_paths() {
    let (mut agent, now) = agent();
    assert!(is_good(&mut agent, now, A, &check("us", true)));
    let tcp = Path { tcp: true, ..path(A) };
    let bytes = check("us", true);
    assert!(matches!(agent.check(now, tcp, &Message::read(&bytes).unwrap()), Answer::Reply(_)));
    assert_eq!(agent.path(), Some(tcp));
}

#[test]
fn what_is_not_signed_with_the_password_changes_nothing_and_has_no_answer() {
    let (mut agent, now) = agent();
    assert!(is_good(&mut agent, now, A, &check("us", true)));
    let later = now + CONSENT / 2;
    let wrong = binding_request([3; 12], "us:peer", "another password", 1, 1, true);
    for bytes in [wrong, check("them", true)] {
        assert_eq!(agent.check(later, path(B), &Message::read(&bytes).unwrap()), Answer::Nothing);
    }
    assert_eq!(agent.path(), Some(path(A)));
    assert_eq!(agent.deadline(), now + CONSENT);
}

#[test]
fn answers_and_indications_have_no_answer() {
    let (mut agent, now) = agent();
    let request = check("us", true);
    let mut indication = request[..20].to_vec();
    indication[1] = 0x11;
    indication[2..4].fill(0);
    let success = stun::success(&Message::read(&request).unwrap(), A.parse().unwrap(), "the password of us");
    for bytes in [indication, success] {
        assert_eq!(agent.check(now, path(A), &Message::read(&bytes).unwrap()), Answer::Nothing);
    }
    assert_eq!(agent.path(), None);
}

/// The code of a refusal.
fn refusal(agent: &mut Agent, now: Instant, bytes: &[u8]) -> Option<u16> {
    match agent.check(now, path(A), &Message::read(bytes).unwrap()) {
        Answer::Reply(reply) => Message::read(&reply).unwrap().error_code(),
        Answer::Nothing => None,
    }
}

/// A check with another attribute, signed.
fn check_with(attribute: &[u8]) -> Vec<u8> {
    stun::signed_request([3; 12], "us:peer", &credentials("us").password, attribute)
}

#[test]
fn a_peer_that_says_it_is_controlled_is_told_of_the_conflict() {
    let (mut agent, now) = agent();
    let bytes = check_with(&[0x80, 0x29, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(refusal(&mut agent, now, &bytes), Some(487));
    assert_eq!(agent.path(), None);
}

#[test]
fn an_attribute_that_must_be_understood_and_is_not_is_refused() {
    let (mut agent, now) = agent();
    let bytes = check_with(&[0x7f, 0xff, 0, 0]);
    assert_eq!(refusal(&mut agent, now, &bytes), Some(420));
    assert_eq!(agent.path(), None);
}

#[test]
fn consent_expires_after_the_last_good_check() {
    let (mut agent, now) = agent();
    let second = Duration::from_secs(1);
    assert!(!agent.is_expired(now + CONSENT - second));
    assert!(agent.is_expired(now + CONSENT));
    assert!(is_good(&mut agent, now + CONSENT - second, A, &check("us", false)));
    assert!(!agent.is_expired(now + CONSENT));
    assert_eq!(agent.deadline(), now + CONSENT - second + CONSENT);
}

#[test]
fn authenticated_media_is_a_sign_of_life_once_a_check_was_good() {
    let (mut agent, now) = agent();
    let later = now + CONSENT / 2;
    agent.heard(later);
    assert_eq!(agent.deadline(), now + CONSENT);
    assert!(is_good(&mut agent, now, A, &check("us", false)));
    agent.heard(later);
    assert_eq!(agent.deadline(), later + CONSENT);
    agent.heard(now);
    assert_eq!(agent.deadline(), later + CONSENT);
}

#[test]
fn after_a_restart_both_are_answered_until_the_new_one_came() {
    let (mut agent, now) = agent();
    assert!(is_good(&mut agent, now, A, &check("us", true)));
    agent.restart(credentials("us2"), credentials("peer2"));
    assert!(is_good(&mut agent, now, A, &check("us", true)));
    assert_eq!(agent.path(), Some(path(A)));
    assert!(is_good(&mut agent, now, B, &check("us2", false)));
    assert_eq!(agent.path(), Some(path(B)));
    assert!(!is_good(&mut agent, now, A, &check("us", true)));
    assert_eq!(agent.path(), Some(path(B)));
    assert_eq!((agent.ours(), agent.theirs()), (&credentials("us2"), &credentials("peer2")));
}

#[test]
fn a_restart_that_the_peer_never_used_does_not_end_what_it_uses() {
    let (mut agent, now) = agent();
    assert!(is_good(&mut agent, now, A, &check("us", true)));
    agent.restart(credentials("us2"), credentials("peer2"));
    agent.restart(credentials("us3"), credentials("peer3"));
    assert!(is_good(&mut agent, now, A, &check("us", true)));
    assert!(!is_good(&mut agent, now, A, &check("us2", true)));
    assert!(is_good(&mut agent, now, B, &check("us3", true)));
    assert!(!is_good(&mut agent, now, A, &check("us", true)));
}

#[test]
fn a_restart_does_not_end_the_media() {
    let (mut agent, now) = agent();
    assert!(is_good(&mut agent, now, A, &check("us", true)));
    agent.restart(credentials("us2"), credentials("peer2"));
    assert_eq!(agent.path(), Some(path(A)));
    assert!(!agent.is_expired(now));
}
