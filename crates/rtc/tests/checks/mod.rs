//! What holds for any bytes from the network: used by the tests here and by the fuzz entry points.

// Each of those uses one.
#![allow(dead_code)]

use std::time::{Duration, Instant};

use srs_rtc::datagram;
use srs_rtc::engine::{Credentials, Path};
use srs_rtc::lite::{Agent, Answer};
use srs_rtc::sdp::{Candidate, Description, Fragment};
use srs_rtc::stun::{self, Message};
use srs_rtc::ufrag::Ufrag;

/// A message that is read has the length that it says, is nobody's without the password, and changes nothing of a session.
/// Answers to it are messages themselves.
pub fn stun(data: &[u8]) {
    let Ok(message) = Message::read(data) else { return };
    assert_eq!(usize::from(u16::from_be_bytes([data[2], data[3]])) + 20, data.len());
    assert_eq!(message.transaction(), data[8..20]);
    assert!(data[0] > 3 || datagram::Kind::of(data) == datagram::Kind::Stun);
    assert!(message.unknown_required().iter().all(|kind| *kind < 0x8000));
    let password = "a password that nobody guesses";
    assert!(!message.verify(password));
    if let Some((ours, _)) = message.username() {
        assert!(Ufrag::parse(ours).is_none_or(|ours| ours.session().len() == 24));
    }

    let address = "192.0.2.1:4000".parse().unwrap();
    let ours = message.username().map_or("ours", |(ours, _)| ours).to_owned();
    let ours = Credentials { ufrag: ours, password: password.to_owned() };
    let now = Instant::now();
    let mut agent = Agent::new(ours.clone(), ours, Duration::from_secs(30), now);
    let path = Path { peer: address, local: None, tcp: false };
    assert_eq!(agent.check(now, path, &message), Answer::Nothing);
    assert_eq!(agent.path(), None);

    let answers = [
        stun::success(&message, address, password),
        stun::error(&message, 420, "Unknown Attribute", password, message.unknown_required()),
    ];
    for answer in answers {
        let answer = Message::read(&answer).unwrap();
        assert!(answer.verify(password) && answer.transaction() == message.transaction());
    }
}

/// A description or a fragment that is read is given back as it was, and what is set in it is found in it, by who reads it
/// again too.
pub fn sdp(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let credentials =
        Credentials { ufrag: "name".to_owned(), password: "a+password+of+24+letters".to_owned() };
    let candidate = Candidate::host("192.0.2.1:8000".parse().unwrap(), true, 0);
    if let Ok(mut description) = Description::parse(text) {
        assert_eq!(description.to_string(), text);
        let sections = description.media().count();
        for media in description.media() {
            assert!(media.formats.len() <= 128 && media.lines().count() > 0);
            assert!(media.formats.iter().all(|format| format.pt < 128));
        }
        let fragment = description.fragment(&credentials, std::slice::from_ref(&candidate));
        assert_eq!(Fragment::parse(&fragment.to_string()).unwrap().credentials(), Some(credentials.clone()));
        let before = description.credentials();
        description.set_credentials(&credentials);
        assert!(before.is_none() || description.credentials() == Some(credentials.clone()));
        description.set_candidates(std::slice::from_ref(&candidate));
        let live = description.media().any(|media| !media.is_rejected());
        assert!(!live || description.candidates().first() == Some(&candidate));
        assert!(description.candidates().iter().all(|other| *other == candidate));
        assert_eq!(description.media().count(), sections);
        // It may have grown beyond the limits; else it is read again as the same.
        if let Ok(again) = Description::parse(&description.to_string()) {
            assert_eq!(again.to_string(), description.to_string());
            assert_eq!(again.candidates(), description.candidates());
        }
    }
    if let Ok(fragment) = Fragment::parse(text) {
        assert_eq!(fragment.to_string(), text);
        for candidate in fragment.candidates() {
            assert_eq!(candidate.to_string().parse(), Ok(candidate));
        }
    }
}
