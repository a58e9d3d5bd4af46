use std::time::{Duration, Instant};

use srs_srt::Reason;

use super::kit::{Line, SECRET, Wire, connect, latency, ms, refused, secret};
use crate::srt::{KeyLength, Passphrase, Settings};

const LOSSY: Wire =
    Wire { delay: Duration::from_millis(5), jitter: Duration::ZERO, loss: 30, reorder: 20, dark: None };

fn run(settings: &Settings, listener: &Settings, wire: Wire, packets: u32) -> Line {
    let now = Instant::now();
    let ends = connect(settings, listener, now).unwrap();
    let mut line = Line::new(ends, now, wire);
    let outcome = line.run(ms(2), ms(2) * packets);
    assert_eq!((outcome.received, outcome.missing, outcome.wrong), (outcome.sent, 0, 0), "{outcome:?}");
    line
}

#[test]
fn keys_of_all_lengths_are_understood() {
    for length in [0, 16, 24, 32] {
        let settings = Settings { receive_latency: ms(400), ..secret(SECRET, length) };
        run(&settings, &settings, LOSSY, 300);
    }
}

#[test]
fn the_listener_takes_keys_of_the_callers_length() {
    let listener = Settings { receive_latency: ms(400), ..secret(SECRET, 32) };
    run(&secret(SECRET, 16), &listener, LOSSY, 200);
    run(&secret(SECRET, 24), &listener, LOSSY, 200);
}

#[test]
fn another_passphrase_is_refused() {
    assert_eq!(refused(&secret("another passphrase", 16), &secret(SECRET, 16)), Some(Reason::BAD_SECRET));
}

#[test]
fn a_passphrase_on_one_side_alone_is_refused() {
    assert_eq!(refused(&latency(120), &secret(SECRET, 16)), Some(Reason::UNSECURE));
    assert_eq!(refused(&secret(SECRET, 16), &latency(120)), Some(Reason::UNSECURE));
}

#[test]
fn keys_change_again_and_again_amid_losses() {
    let each =
        Settings { key_refresh: 100, key_announce: 40, receive_latency: ms(400), ..secret(SECRET, 16) };
    let line = run(&each, &each, LOSSY, 2_000);
    // One waits for the next when the peer's answer is lost.
    assert!(line.outcome.changes >= 12, "{:?}", line.outcome);
}

#[test]
fn a_refresh_that_makes_no_sense_is_made_to() {
    let odd = Settings { key_refresh: 1, key_announce: 0, receive_latency: ms(400), ..secret(SECRET, 16) };
    run(&odd, &odd, Wire::default(), 100);
}

#[test]
fn passphrases_have_ten_to_seventy_nine_bytes_and_are_not_shown() {
    assert_eq!(Passphrase::new("123456789").unwrap_err().length, 9);
    assert!(Passphrase::new(&"a".repeat(79)).is_ok() && Passphrase::new(&"a".repeat(80)).is_err());
    assert!(!format!("{:?}", secret(SECRET, 16)).contains("horse"));
    assert_eq!(KeyLength::new(17), None);
}
