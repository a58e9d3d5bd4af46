use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use srs_srt::engine::Stats;

use super::kit::{CALLER, End, SECRET, connect_from, latency, ms, secret};

const FIRST: u32 = 1_000;

/// An end that has sent two hundred packets from [`FIRST`] on, a second ago, and has given up to send the last one
/// again.
fn sender(now: Instant) -> End {
    let (mut end, _, _) = connect_from(&latency(2_000), &latency(2_000), now, Some(FIRST)).unwrap();
    for _ in 0..200 {
        assert!(end.send(now, Bytes::from_static(&[0x47; 1316])));
    }
    let (mut out, mut left) = (BytesMut::new(), 0);
    for at in 10..=20 {
        end.tick(now + ms(50 * at));
        while end.next_packet(now + ms(50 * at), &mut out) {
            left += usize::from(out.split()[0] & 0x80 == 0);
        }
    }
    assert_eq!(left, 200 + 4);
    end
}

fn control(kind: u16, subtype: u16, info: u32, words: &[u32]) -> Vec<u8> {
    let head = [0x8000_0000 | u32::from(kind) << 16 | u32::from(subtype), info, 1, CALLER.0];
    head.iter().chain(words).flat_map(|word| word.to_be_bytes()).collect()
}

/// What an end does with a packet: how many of media leave again, and its figures.
fn after(end: &mut End, now: Instant, mut packet: Vec<u8>) -> (u64, Stats) {
    let (begin, mut out) = (Instant::now(), BytesMut::new());
    let before = end.stats(now).resent;
    end.packet(now, &mut packet);
    end.tick(now + ms(30));
    while end.next_packet(now + ms(30), &mut out) {
        out.clear();
    }
    assert!(begin.elapsed() < Duration::from_secs(1), "{packet:?}");
    assert_eq!(end.ended(), None, "{packet:?}");
    let stats = end.stats(now);
    (stats.resent - before, stats)
}

#[test]
fn what_is_asked_for_again_is_sent_again_once_within_a_round_trip() {
    let now = Instant::now();
    let mut end = sender(now);
    let (range, mut late) = (1 << 31, now + ms(1_010));
    let mut ask = |words: &[u32]| {
        late += ms(40);
        after(&mut end, late, control(3, 0, 0, words)).0
    };
    assert_eq!(ask(&[1_005]), 1);
    assert_eq!(ask(&[1_010 | range, 1_019, 1_030]), 11);
    late += ms(20);
    after(&mut end, late, control(2, 0, 1, &[FIRST, 200_000, 50, 8192]));
    let mut ask = |words: &[u32]| {
        late += ms(40);
        after(&mut end, late, control(3, 0, 0, words)).0
    };
    assert_eq!(ask(&[1_004 | range, 1_006]), 2);
    // It left 70 ms ago.
    assert_eq!([ask(&[1_005]), ask(&[1_005]), ask(&[1_005]), ask(&[1_005])], [0, 0, 1, 0]);
}

#[test]
fn wishes_that_cannot_be_bring_nothing_and_take_no_time() {
    let now = Instant::now();
    let (mut end, mut late) = (sender(now), now + ms(1_010));
    let range = 1 << 31;
    let cases: [&[u32]; 8] = [
        &[],
        &[5_000],
        &[10 | range, 990],
        &[1_010 | range, 1_005],
        &[0xffff_fffe, 1],
        &[1_005 | range],
        &[range | 0x3fff_ffff, 0x7fff_fff0],
        &[5_000 | range, 9_000],
    ];
    for words in cases {
        late += ms(40);
        assert_eq!(after(&mut end, late, control(3, 0, 0, words)).0, 0, "{words:?}");
    }
    // One packet as a range, and one that has nearly all numbers.
    assert_eq!(after(&mut end, late + ms(40), control(3, 0, 0, &[1_005 | range, 1_005])).0, 1);
    let (again, stats) = after(&mut end, late + ms(100), control(3, 0, 0, &[range, 0x3fff_ffff]));
    // As many as may leave in so short a time.
    assert!((30..=200).contains(&again), "{again}");
    assert_eq!(stats.waiting, 200);
}

#[test]
fn acknowledgements_that_cannot_be_are_left_out() {
    let now = Instant::now();
    let (mut end, late) = (sender(now), now + ms(1_010));
    let cases: [(u32, &[u32]); 7] = [
        (1, &[99_999, 100, 50, 8192]),
        (u32::MAX, &[1_010, 100, 50, 8192]),
        (1, &[1_010, 0x7fff_ffff, 0x7fff_ffff, 8192]),
        (1, &[1_010, 0x8000_0000, 0x8000_0000, 8192]),
        (1, &[0x8000_0000 | 1_010]),
        (1, &[]),
        (1, &[900, 100, 50, 8192]),
    ];
    for (count, words) in cases {
        assert_eq!(after(&mut end, late, control(2, 0, count, words)).1.waiting, 200, "{words:?}");
    }
    let (_, stats) = after(&mut end, late, control(2, 0, 1, &[1_100, 20_000, 50, 8192]));
    assert_eq!((stats.waiting, stats.rtt), (100, ms(20)));
    assert_eq!(after(&mut end, late, control(2, 0, 0, &[1_150])).1.waiting, 50);
}

#[test]
fn an_acknowledgement_of_what_was_acknowledged_is_answered_and_changes_nothing() {
    let now = Instant::now();
    let (mut end, late) = (sender(now), now + ms(1_010));
    after(&mut end, late, control(2, 0, 1, &[1_100, 20_000, 50, 8192]));
    // By which a listener asks whether a new address is the caller's.
    end.packet(late, &mut control(2, 0, 0x7abc_def0, &[FIRST - 1, 100_000, 50_000, 8192, 0, 0, 0]));
    let (mut out, mut answers) = (BytesMut::new(), 0);
    while end.next_packet(late, &mut out) {
        let packet = out.split();
        answers += usize::from(packet[..8] == [0x80, 6, 0, 0, 0x7a, 0xbc, 0xde, 0xf0]);
    }
    assert_eq!((answers, end.stats(late).rtt), (1, ms(20)));
    // The next one of the row is understood.
    let (_, stats) = after(&mut end, late, control(2, 0, 2, &[1_150, 30_000, 50, 8192]));
    assert_eq!((stats.waiting, stats.rtt), (50, ms(30)));
}

#[test]
fn control_that_nobody_sends_is_dropped() {
    let now = Instant::now();
    let (mut end, late) = (sender(now), now + ms(1_010));
    let cases = [
        control(4, 0, 0, &[0]),
        control(8, 0, 4_000, &[0]),
        control(0, 0, 0, &[5; 12]),
        control(0x7fff, 0, 0, &[]),
        control(0x7fff, 5, 0, &[]),
        control(0x7fff, 5, 0, &[0x6463_6261]),
        control(0x7fff, 8, 0, &[]),
        control(0x7fff, 3, 0, &[0x1220_2901, 0, 0x0200_0200, 0x0000_0404]),
        control(0x7fff, 4, 0, &[4]),
        control(6, 0, 0, &[0]),
        control(6, 0, u32::MAX, &[0]),
        control(7, 0, 0, &[1]),
        control(7, 0, 0, &[1_005, 1_001]),
        control(7, 0, 0, &[1_000, 1_000 + (1 << 30)]),
        control(9, 0, 0, &[0]),
        vec![0x80; 15],
        vec![],
    ];
    for case in cases {
        assert_eq!(after(&mut end, late, case.clone()).0, 0, "{case:?}");
    }
}

#[test]
fn a_flood_of_new_keys_costs_four_derivations_a_second() {
    let now = Instant::now();
    let settings = secret(SECRET, 16);
    let (mut end, _, _) = connect_from(&settings, &settings, now, Some(FIRST)).unwrap();
    let begin = Instant::now();
    let mut words = [7; 20];
    words[..4].copy_from_slice(&[0x1220_2903, 0, 0x0200_0200, 0x0000_0404]);
    words[18..].fill(9);
    for count in 0..2_000 {
        words[5] = count;
        let mut packet = control(0x7fff, 3, 0, &words[..18]);
        end.packet(now, &mut packet);
    }
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert_eq!(end.ended(), None);
}

#[test]
fn a_receiver_with_holes_lives_through_what_drops_them() {
    let now = Instant::now();
    let (mut end, _, _) = connect_from(&latency(120), &latency(120), now, Some(FIRST)).unwrap();
    let media = |number: u32| {
        let head = [number, 0xc000_0001, 5, CALLER.0, 0x4747_4747];
        head.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>()
    };
    for number in [1_000, 1_010, 1_020, 1_000, 1_015, 1_011] {
        after(&mut end, now, media(number));
    }
    after(&mut end, now, control(7, 0, 1, &[1_008, 1_002]));
    after(&mut end, now, control(7, 0, 1, &[0x7fff_ff00, 1_002]));
    assert_eq!(end.stats(now).lost, 2);
    after(&mut end, now, control(7, 0, 1, &[1_005, 1_012]));
    assert_eq!(end.stats(now).lost, 2 + 5 + 1);
    let later = now + ms(400);
    end.tick(later);
    let mut messages = 0;
    while end.next_message(later).is_some() {
        messages += 1;
    }
    assert_eq!((messages, end.stats(later).lost), (5, 16));
}
