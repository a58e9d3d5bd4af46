use std::time::Duration;

use srs_rtc::engine::{Credentials, Ended, Event};
use srs_rtc::stun::{self, Message};
use srs_rtc::{Codec, Engine, Path};

use super::net::{BOTH, Net, ours, packets, play_pictures, send_picture};
use crate::rtc::Settings;

#[test]
fn a_client_whose_address_changes_is_followed_with_its_next_check() {
    let mut net = Net::play(&Settings::default(), &BOTH, &BOTH);
    net.connect();
    net.seen = "172.16.0.9:1234".parse().unwrap();
    let path = Path { peer: net.seen, local: None, tcp: false };
    net.until(Duration::from_secs(20), |net| net.session.path() == Some(path));
    play_pictures(&mut net, 10);
    assert_eq!(net.sent_to, Some(net.seen));
    assert_eq!(packets(&net, Codec::H264).len(), 20);
}

/// A check of a client's, as `password` signs it.
fn check(ours: &str, password: &str) -> Vec<u8> {
    stun::binding_request([9; 12], &format!("{ours}:theirs"), password, 1, 1, true)
}

#[test]
fn a_check_that_is_not_signed_changes_nothing() {
    let mut net = Net::play(&Settings::default(), &BOTH, &BOTH);
    net.connect();
    let before = net.session.path();
    let path = Path { peer: "6.6.6.6:6".parse().unwrap(), local: None, tcp: false };
    let mut bytes = check(&ours().ufrag, "not the password at all!");
    net.session.datagram(net.now, path, &mut bytes);
    assert_eq!(net.session.path(), before);
    let mut out = bytes::BytesMut::new();
    net.session.tick(net.now);
    let to = net.session.next_datagram(net.now, &mut out);
    assert!(to.is_none_or(|to| to.peer != path.peer), "nothing is sent there");
}

#[test]
fn media_from_where_no_check_came_from_is_not_looked_at() {
    let mut net = Net::publish(&Settings::default(), &BOTH);
    net.connect();
    let before = net.session.stats(net.now).received;
    let path = Path { peer: "6.6.6.6:6".parse().unwrap(), local: None, tcp: false };
    net.session.datagram(net.now, path, &mut [0x80; 200]);
    net.session.datagram(net.now, path, &mut [22; 200]);
    assert_eq!(net.session.stats(net.now).received, before);
    assert_eq!(net.session.ended(), None);
}

#[test]
fn after_a_restart_both_the_old_and_the_new_credentials_hold_until_the_new_are_used() {
    let mut net = Net::play(&Settings::default(), &BOTH, &BOTH);
    net.connect();
    let new = Credentials { ufrag: "new".to_owned(), password: "newnewnewnewnewnewnewnew".to_owned() };
    let theirs = Credentials { ufrag: "theirs".to_owned(), password: String::new() };
    net.session.restart(net.now, new.clone(), theirs);
    let (old_way, new_way) = ("10.0.0.1:5001", "10.0.0.1:5002");
    let at = |text: &str| Path { peer: text.parse().unwrap(), local: None, tcp: false };
    let mut answered = |password: &str, ufrag: &str, from: &str| {
        net.session.datagram(net.now, at(from), &mut check(ufrag, password));
        net.session.tick(net.now);
        let mut out = bytes::BytesMut::new();
        let to = net.session.next_datagram(net.now, &mut out)?;
        let message = Message::read(&out).ok()?;
        (to == at(from)).then(|| message.verify(password))
    };
    assert_eq!(answered(&ours().password, &ours().ufrag, old_way), Some(true));
    assert_eq!(answered(&new.password, &new.ufrag, new_way), Some(true));
    assert_eq!(answered(&ours().password, &ours().ufrag, old_way), None);
    assert_eq!(net.session.path(), Some(at(new_way)));
    assert_eq!(net.session.ended(), None, "DTLS goes on as it was");
}

#[test]
fn a_peer_that_checks_no_more_is_given_up() {
    let mut net = Net::play(&Settings::default(), &BOTH, &BOTH);
    net.connect();
    net.silent = true;
    net.run(Duration::from_secs(29));
    assert_eq!(net.session.ended(), None);
    net.run(Duration::from_secs(5));
    assert_eq!(net.session.ended(), Some(Ended::Silent(Duration::from_secs(30))));
    let mut out = bytes::BytesMut::new();
    assert_eq!(net.session.next_datagram(net.now, &mut out), None);
}

#[test]
fn a_publisher_that_sends_and_checks_no_more_is_still_there() {
    let settings = Settings { consent: Duration::from_secs(3), ..Settings::default() };
    let mut net = Net::publish(&settings, &BOTH);
    net.connect();
    net.unchecked = true;
    for number in 0..20 {
        send_picture(&mut net, number);
        net.run(Duration::from_millis(400));
    }
    assert_eq!(net.session.ended(), None);
    net.run(Duration::from_secs(4));
    assert_eq!(net.session.ended(), Some(Ended::Silent(Duration::from_secs(3))));
}

#[test]
fn a_session_that_nobody_ever_comes_to_ends() {
    let mut net = Net::play(&Settings::default(), &BOTH, &BOTH);
    net.silent = true;
    net.run(Duration::from_secs(31));
    assert_eq!(net.session.ended(), Some(Ended::Silent(Duration::from_secs(30))));
}

#[test]
fn an_idle_session_is_seldom_woken() {
    for mut net in [Net::play(&Settings::default(), &BOTH, &BOTH), Net::publish(&Settings::default(), &BOTH)]
    {
        net.connect();
        net.run(Duration::from_secs(1));
        let before = net.woken;
        net.run(Duration::from_secs(10));
        let woken = net.woken - before;
        assert!(woken <= 50, "{woken} times in 10 s");
    }
}

#[test]
fn both_ends_may_go_to_another_thread() {
    fn goes<T: Engine + Send + 'static>() {}
    goes::<crate::rtc::Session>();
    goes::<crate::rtc::client::Client>();
}

#[test]
fn this_end_may_begin_dtls() {
    let settings = Settings { active: true, ..Settings::default() };
    let mut net = Net::publish(&settings, &BOTH);
    net.connect();
}

#[test]
fn closing_here_tells_the_peer() {
    let mut net = Net::play(&Settings::default(), &BOTH, &BOTH);
    net.connect();
    net.session.close(net.now);
    net.until(Duration::from_secs(1), |net| net.client.ended() == Some(Ended::Peer));
    assert_eq!(net.session.ended(), Some(Ended::Here));
}

#[test]
fn a_peer_that_closes_is_heard() {
    let mut net = Net::publish(&Settings::default(), &BOTH);
    net.connect();
    net.client.close(net.now);
    net.until(Duration::from_secs(1), |net| net.session.ended() == Some(Ended::Peer));
}

#[test]
fn a_peer_with_another_certificate_than_it_said_is_refused() {
    let mut net = Net::publish_with(&Settings::default(), &BOTH, |offer| {
        let (before, after) = offer.split_once("a=fingerprint:sha-256 ").unwrap();
        format!("{before}a=fingerprint:sha-256 {}{}", "AB:".repeat(31), &after[93..])
    });
    net.until(Duration::from_secs(5), |net| net.session.ended() == Some(Ended::Dtls));
    assert!(!net.session_events.iter().any(|event| matches!(event, Event::Connected)));
}
