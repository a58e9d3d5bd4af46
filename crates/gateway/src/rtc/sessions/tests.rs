use srs_peer::rtc::client::Caller;
use srs_peer::rtc::{Settings, publish};

use super::*;
use crate::testkit::key;

const LONG: Duration = Duration::from_secs(60);

fn here() -> IpAddr {
    [127, 0, 0, 1].into()
}

fn credentials(ufrag: &str) -> Credentials {
    Credentials { ufrag: ufrag.to_owned(), password: "passwordpasswordpassword".to_owned() }
}

/// A session as it is made of an offer.
fn made(ufrag: &str) -> (Parked, Resource) {
    let (settings, now) = (Settings::default(), Instant::now());
    let codecs = [srs_rtc::Codec::Opus];
    let caller = Caller::publish(&settings, &codecs, ([127, 0, 0, 1], 9).into(), now).unwrap();
    let accepted = publish(&settings, caller.offer(), credentials(ufrag), now).unwrap();
    let plan = PlayPlan {
        made: tokio::time::Instant::now(),
        key: key("a"),
        peer: ([127, 0, 0, 1], 9).into(),
        about: About::default(),
        tracks: Tracks::default(),
    };
    let answer = Arc::new(Description::parse(&accepted.answer).unwrap());
    let resource = Resource { ours: credentials(ufrag), theirs: accepted.theirs, answer };
    (Parked { engine: accepted.engine, purpose: Purpose::Play(Box::new(plan)) }, resource)
}

fn park_for(sessions: &Sessions, name: &str, of: (IpAddr, Duration)) -> Result<(), NoRoom> {
    let (parked, resource) = made("AAAAAAAABBBBBBBBBBBBBBBBa");
    sessions.park(name, ("token".to_owned(), resource), parked, of)
}

fn park(sessions: &Sessions, name: &str) {
    park_for(sessions, name, (here(), LONG)).unwrap();
}

#[test]
fn a_session_is_served_once() {
    let sessions = Sessions::default();
    park(&sessions, "a");
    let running = sessions.take("a").unwrap().1;
    assert!(sessions.take("a").is_none() && sessions.has("a"));
    drop(running);
    assert!(!sessions.has("a") && sessions.take("a").is_none());
}

#[test]
fn only_who_has_the_token_hears_of_a_session() {
    let sessions = Sessions::default();
    park(&sessions, "a");
    assert!(sessions.resource("a", "token").is_some());
    for wrong in ["", "toke", "tokeN", "token "] {
        assert!(sessions.resource("a", wrong).is_none(), "{wrong}");
    }
    assert!(sessions.resource("b", "token").is_none());
}

#[test]
fn a_session_that_waits_ends_at_once() {
    let sessions = Sessions::default();
    park(&sessions, "a");
    assert_eq!(sessions.choose("a", None), Told::Gone);
    assert_eq!((sessions.end("a"), sessions.end("a")), (Told::Done, Told::Gone));
    assert!(!sessions.has("a"));
}

#[test]
fn a_session_that_runs_is_told_and_not_without_end() {
    let sessions = Sessions::default();
    park(&sessions, "a");
    let mut running = sessions.take("a").unwrap().1;
    for _ in 0..COMMANDS {
        assert_eq!(sessions.choose("a", Some("f".into())), Told::Done);
    }
    assert_eq!(sessions.end("a"), Told::Busy);
    let heard = running.commands.try_recv();
    assert!(matches!(heard, Ok(Command::Layer(Some(layer))) if &*layer == "f"));
    assert_eq!(sessions.end("a"), Told::Done);
}

#[test]
fn of_two_restarts_of_the_same_ice_one_counts() {
    let sessions = Sessions::default();
    park(&sessions, "a");
    let known = sessions.resource("a", "token").unwrap();
    let next = |letter| Resource {
        ours: credentials(&format!("AAAAAAAABBBBBBBBBBBBBBBB{letter}")),
        ..known.clone()
    };
    assert_eq!(sessions.restart("a", &known, next('b')), Told::Done);
    assert_eq!(sessions.restart("a", &known, next('c')), Told::Gone);
    let known = sessions.resource("a", "token").unwrap();
    assert_eq!(known.ours, next('b').ours);
    // The same for one that runs.
    let mut running = sessions.take("a").unwrap().1;
    assert_eq!(sessions.restart("a", &known, next('c')), Told::Done);
    let heard = running.commands.try_recv();
    assert!(matches!(heard, Ok(Command::Restart { ours, .. }) if ours == next('c').ours));
}

#[test]
fn who_never_comes_is_forgotten() {
    let sessions = Sessions::default();
    park_for(&sessions, "a", (here(), Duration::ZERO)).unwrap();
    park(&sessions, "b");
    sessions.sweep();
    assert!(!sessions.has("a") && sessions.has("b"));
    let _running = sessions.take("b").unwrap();
    sessions.sweep();
    assert!(sessions.has("b"));
}

#[test]
fn one_address_cannot_fill_the_table() {
    let sessions = Sessions::default();
    for number in 0..WAITING_OF_ONE {
        park(&sessions, &number.to_string());
    }
    assert!(park_for(&sessions, "one more", (here(), LONG)).is_err());
    park_for(&sessions, "another", ([127, 0, 0, 2].into(), LONG)).unwrap();
    // Who is served does not wait.
    let _running = sessions.take("0").unwrap();
    park(&sessions, "one more");
}

#[test]
fn who_never_came_makes_room() {
    let sessions = Sessions::default();
    for number in 0..WAITING_OF_ONE {
        park_for(&sessions, &number.to_string(), (here(), Duration::ZERO)).unwrap();
    }
    park(&sessions, "one more");
}
