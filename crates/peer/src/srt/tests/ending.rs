use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use srs_srt::engine::{Caller as _, Ended};
use srs_srt::packet::{Control, ControlKind, Kind};
use srs_srt::{Header, SocketId};

use super::kit::{CALLER, End, LISTENER, Line, Wire, address, connect, connect_from, latency, ms};
use crate::srt::{Call, Settings};

const SECOND: Duration = Duration::from_secs(1);

fn line(settings: &Settings, wire: Wire) -> Line {
    let now = Instant::now();
    Line::new(connect(settings, settings, now).unwrap(), now, wire)
}

#[test]
fn a_closed_connection_ends_at_both_ends_and_what_came_is_given_out_first() {
    let mut line = line(&latency(500), Wire { delay: ms(5), ..Wire::default() });
    let now = line.now;
    for count in 0..10u64 {
        let mut message = vec![count as u8; 1316];
        message[..8].copy_from_slice(&count.to_be_bytes());
        message[8..16].fill(0);
        assert!(line.ends[0].send(now, Bytes::from(message)));
        line.until(now + ms(10 * count));
    }
    line.until(now + ms(150));
    assert_eq!(line.outcome.received, 0);
    line.ends[0].close(line.now);
    assert_eq!(line.ends[0].ended(), Some(Ended::Here));
    assert!(!line.ends[0].send(line.now, Bytes::from_static(b"late")));
    line.until(now + ms(300));
    assert_eq!(line.ends[1].ended(), None);
    line.until(now + SECOND);
    assert_eq!((line.ends[1].ended(), line.outcome.received), (Some(Ended::Peer), 10));
}

#[test]
fn a_peer_that_falls_silent_is_given_up() {
    let dark = Some((SECOND, SECOND * 100));
    let settings = Settings { idle_timeout: SECOND * 3, ..latency(120) };
    let mut line = line(&settings, Wire { delay: ms(5), dark, ..Wire::default() });
    line.until(line.start + ms(2_900));
    assert_eq!(line.ends[0].ended(), None);
    line.until(line.start + SECOND * 5);
    assert_eq!(line.ends[0].ended(), Some(Ended::Silent(SECOND * 3)));
    assert_eq!(line.ends[0].tick(line.now), None);
}

#[test]
fn a_break_shorter_than_the_idle_timeout_is_survived() {
    let dark = Some((SECOND * 2, SECOND * 9));
    let mut line = line(&latency(120), Wire { delay: ms(5), dark, ..Wire::default() });
    line.run(ms(5), SECOND * 20);
    assert_eq!((line.ends[0].ended(), line.ends[1].ended()), (None, None));
    assert!(line.outcome.received > 2_400, "{:?}", line.outcome);
}

/// Calls this end for so long, as its driver would, with a sign of life of its peer each half second.
fn alive(end: &mut End, now: &mut Instant, whole: Duration, mut each: impl FnMut(&mut End, Instant)) {
    let begin = *now;
    let mut out = BytesMut::new();
    while *now - begin < whole && end.ended().is_none() {
        let control = Control { kind: ControlKind::KEEP_ALIVE, subtype: 0, info: 0 };
        let timestamp = (*now - begin).as_micros() as u32;
        let mut packet = Header { kind: Kind::Control(control), timestamp, destination: LISTENER }.write();
        end.packet(*now, &mut packet);
        for _ in 0..50 {
            each(end, *now);
            end.tick(*now);
            while end.next_packet(*now, &mut out) {
                out.clear();
            }
            *now += ms(10);
        }
    }
}

#[test]
fn a_peer_that_acknowledges_nothing_is_deaf() {
    let mut now = Instant::now();
    let (_, mut end) = connect(&latency(120), &latency(120), now).unwrap();
    let message = Bytes::from(vec![0x47; 1316]);
    alive(&mut end, &mut now, SECOND * 4, |end, now| {
        end.send(now, message.clone());
    });
    assert_eq!(end.ended(), None);
    alive(&mut end, &mut now, SECOND * 2, |_, _| {});
    assert_eq!(end.ended(), Some(Ended::Deaf(SECOND * 5)));
}

#[test]
fn a_peer_that_misses_the_last_packet_before_a_pause_is_not_deaf() {
    let mut now = Instant::now();
    let (_, mut end) = connect(&latency(120), &latency(120), now).unwrap();
    assert!(end.send(now, Bytes::from_static(&[0x47; 1316])));
    alive(&mut end, &mut now, SECOND * 30, |_, _| {});
    assert_eq!(end.ended(), None);
}

#[test]
fn a_peer_that_was_sent_nothing_is_not_deaf() {
    let mut now = Instant::now();
    let (_, mut end) = connect(&latency(120), &latency(120), now).unwrap();
    alive(&mut end, &mut now, SECOND * 30, |_, _| {});
    assert_eq!(end.ended(), None);
}

#[test]
fn a_full_buffer_takes_no_more_until_something_was_acknowledged() {
    let now = Instant::now();
    let settings = Settings { send_buffer: 100 * 1472, ..latency(120) };
    let ends = connect(&settings, &latency(120), now).unwrap();
    let mut line = Line::new(ends, now, Wire { delay: ms(5), ..Wire::default() });
    let mut message = vec![0; 1316];
    let mut send = |line: &mut Line, number: u64| {
        message[..8].copy_from_slice(&number.to_be_bytes());
        message[16..].fill(number as u8);
        line.ends[0].send(line.now, Bytes::from(message.clone()))
    };
    for count in 0..100 {
        assert!(send(&mut line, count), "{count}");
    }
    assert!(!send(&mut line, 100));
    assert_eq!(line.ends[0].stats(now).waiting, 100);
    line.until(now + SECOND);
    assert!(send(&mut line, 100));
    line.until(now + SECOND * 2);
    assert_eq!(line.outcome.received, 101);
}

#[test]
fn only_messages_that_fit_into_a_packet_are_taken() {
    let now = Instant::now();
    let (mut end, _) = connect(&latency(120), &latency(120), now).unwrap();
    assert!(end.send(now, Bytes::from(vec![0; 1456])));
    assert!(!end.send(now, Bytes::from(vec![0; 1457])));
    assert!(!end.send(now, Bytes::new()));
}

#[test]
fn a_connection_ends_when_all_that_comes_is_too_far_ahead() {
    let now = Instant::now();
    let (_, mut end, first) = connect_from(&latency(120), &latency(120), now, None).unwrap();
    let mut packet = |number: u32| {
        let data = [number & 0x7fff_ffff, 0xc000_0001, 5, LISTENER.0, 0x4747_4747];
        let mut bytes = data.map(u32::to_be_bytes).as_flattened().to_vec();
        end.packet(now, &mut bytes);
        end.tick(now);
        end.ended()
    };
    assert_eq!(packet(first), None);
    for count in 0..63 {
        assert_eq!(packet(first.wrapping_add(1_000_000 + count)), None);
    }
    assert_eq!(packet(first.wrapping_add(1_000_063)), Some(Ended::Lost));
}

#[test]
fn a_call_is_repeated_and_fails_in_time() {
    let mut now = Instant::now();
    let settings = latency(120);
    let mut call = Call::new(&settings, None, address(), CALLER, now).unwrap();
    let (begin, mut out, mut said) = (now, BytesMut::new(), 0);
    while let Some(next) = call.tick(now) {
        while call.next_packet(now, &mut out) {
            said += 1;
        }
        now = next.max(now + ms(1));
    }
    assert_eq!((said, now - begin), (12, SECOND * 3));
    assert_eq!(call.local_id(), SocketId(33));
}
