use std::time::{Duration, Instant};

use super::kit::{Line, Outcome, Wire, connect, connect_from, latency, ms};

const LOSSY: Wire = Wire {
    delay: Duration::from_millis(10),
    jitter: Duration::from_millis(2),
    loss: 50,
    reorder: 20,
    dark: None,
};

/// So many packets a second for so long.
fn run(wire: Wire, held: u64, rate: u32, seconds: u64) -> (Line, u64) {
    let now = Instant::now();
    let ends = connect(&latency(held), &latency(held), now).unwrap();
    let mut line = Line::new(ends, now, wire);
    line.run(Duration::from_secs(1) / rate, Duration::from_secs(seconds));
    let whole = line.outcome.sent;
    (line, whole)
}

fn clean(outcome: &Outcome) {
    assert_eq!((outcome.received, outcome.missing, outcome.wrong), (outcome.sent, 0, 0), "{outcome:?}");
}

#[test]
fn nothing_is_lost_where_five_percent_of_packets_are() {
    let (mut line, sent) = run(LOSSY, 400, 400, 30);
    assert_eq!(sent, 12_000);
    clean(&line.outcome);
    let (now, start) = (line.now, line.start);
    let [one, other] = &mut line.ends;
    let (one, other) = (one.stats(now), other.stats(now));
    assert_eq!((one.sent, other.received, other.lost, one.waiting), (12_000, 12_000, 0, 0));
    // What is lost is sent again, and not much else.
    assert!((600..1_200).contains(&one.resent), "{one:?}");
    assert!((ms(15)..ms(40)).contains(&other.rtt), "{other:?} after {:?}", now - start);
}

#[test]
fn messages_are_given_out_in_the_rhythm_in_which_they_were_sent() {
    let wire = Wire { delay: ms(20), jitter: ms(30), ..Wire::default() };
    let (line, _) = run(wire, 200, 200, 60);
    clean(&line.outcome);
    assert!(line.outcome.least >= ms(190), "{:?}", line.outcome);
    assert!(line.outcome.most <= ms(260), "{:?}", line.outcome);
}

#[test]
fn a_long_round_trip_loses_nothing_within_a_latency_of_four_and_wastes_little() {
    let wire = Wire { delay: ms(60), loss: 30, ..Wire::default() };
    let (mut line, sent) = run(wire, 480, 500, 30);
    clean(&line.outcome);
    let resent = line.ends[0].stats(line.now).resent;
    assert!(resent < sent / 20, "{resent} of {sent}");
}

#[test]
fn a_latency_of_hardly_more_than_two_round_trips_loses_one_packet_in_a_thousand() {
    let wire = Wire { delay: ms(60), loss: 30, ..Wire::default() };
    let (mut line, sent) = run(wire, 300, 500, 30);
    let (missing, resent) = (line.outcome.missing, line.ends[0].stats(line.now).resent);
    assert!(missing <= sent / 1_000, "{missing} of {sent}");
    assert!(resent < sent / 20, "{resent} of {sent}");
}

#[test]
fn what_comes_too_late_is_left_out_and_nothing_else() {
    // Nothing comes through for longer than what was sent is kept there: a second.
    let wire = Wire { delay: ms(5), dark: Some((ms(2_000), ms(4_000))), ..Wire::default() };
    let (mut line, sent) = run(wire, 200, 500, 8);
    assert_eq!(line.outcome.received + line.outcome.missing, sent, "{:?}", line.outcome);
    let lost = line.ends[1].stats(line.now).lost;
    assert_eq!(lost, line.outcome.missing);
    assert!((500..=560).contains(&lost), "{lost}");
    // What could still be had was late, and given out before what follows.
    assert!(line.outcome.most <= ms(1_250), "{:?}", line.outcome);
}

#[test]
fn the_last_packets_before_a_pause_are_not_lost() {
    let now = Instant::now();
    let ends = connect(&latency(200), &latency(200), now).unwrap();
    let mut line = Line::new(ends, now, Wire { delay: ms(5), loss: 200, ..Wire::default() });
    for _ in 0..60 {
        line.run(ms(5), ms(15));
    }
    let outcome = &line.outcome;
    assert!(outcome.sent == 180 && outcome.sent - outcome.received <= 2, "{outcome:?}");
}

#[test]
fn numbers_begin_again_amid_losses() {
    let now = Instant::now();
    let (one, other, first) =
        connect_from(&latency(400), &latency(400), now, Some((1 << 31) - 1_000)).unwrap();
    assert_eq!(first, (1 << 31) - 1_000);
    let mut line = Line::new((one, other), now, LOSSY);
    clean(line.run(ms(2), Duration::from_secs(8)));
}

#[test]
fn numbers_begin_again_where_nothing_comes_through() {
    let now = Instant::now();
    let (one, other, _) = connect_from(&latency(200), &latency(200), now, Some((1 << 31) - 1_000)).unwrap();
    let dark = Some((ms(1_000), ms(3_000)));
    let mut line = Line::new((one, other), now, Wire { delay: ms(5), dark, ..Wire::default() });
    let outcome = line.run(ms(2), Duration::from_secs(6));
    assert_eq!(outcome.received + outcome.missing, outcome.sent);
    assert!((500..=560).contains(&outcome.missing), "{outcome:?}");
}

#[test]
fn the_peers_clock_begins_again_and_runs_differently() {
    // 80 minutes: 32 bits of microseconds begin again after 71, and half of them is 36. The library alone goes wrong
    // then, with so much jitter.
    let wire = Wire { delay: ms(10), jitter: ms(40), loss: 5, ..Wire::default() };
    let (line, _) = run(wire, 300, 10, 80 * 60);
    clean(&line.outcome);
    assert!(line.outcome.least >= ms(280) && line.outcome.most <= ms(380), "{:?}", line.outcome);
}

#[test]
fn an_idle_connection_wakes_seldom_and_lasts() {
    let now = Instant::now();
    let ends = connect(&latency(120), &latency(120), now).unwrap();
    let mut line = Line::new(ends, now, Wire { delay: ms(5), ..Wire::default() });
    line.until(now + Duration::from_secs(60));
    assert!(line.ends.iter().all(|end| end.ended().is_none()));
    assert!(line.outcome.wakes <= 2 * 60 * 10, "{}", line.outcome.wakes);
}

#[test]
fn without_the_rhythm_messages_come_at_once() {
    let now = Instant::now();
    let at_once = super::super::Settings { tsbpd: false, ..latency(300) };
    let ends = connect(&at_once, &at_once, now).unwrap();
    let mut line = Line::new(ends, now, Wire { delay: ms(10), loss: 20, ..Wire::default() });
    let outcome = line.run(ms(5), Duration::from_secs(10));
    clean(outcome);
    assert!(outcome.least <= ms(15), "{outcome:?}");
}
