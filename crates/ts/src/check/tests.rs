use super::*;
use crate::{AUDIO_PID, Codec, Muxer, PACKET, PMT_PID, Track, Unit, VIDEO_PID};
use bytes::BytesMut;
use proptest::prelude::*;

const FRAME: u64 = 3_600;

/// Ten pictures of 3 packets with as many sounds of 1 between them.
fn stream() -> Vec<u8> {
    let (mut muxer, mut out) = (Muxer::new(), BytesMut::new());
    muxer.set_tracks(Some(Codec::H264), Some(Codec::Aac));
    muxer.tables(&mut out);
    for at in 0..10 {
        let (dts, pts) = (at * FRAME, at * FRAME + FRAME);
        muxer.push(&Unit { track: Track::Video, dts, pts, key: at == 0, data: &[9; 500] }, &mut out);
        muxer.push(&Unit { track: Track::Audio, dts, pts: dts, key: false, data: &[8; 120] }, &mut out);
    }
    out.to_vec()
}

fn check(stream: &[u8]) -> (Checker, Vec<Fault>) {
    let mut checker = Checker::new();
    let faults: Vec<Fault> =
        stream.chunks(PACKET).filter_map(|packet| checker.packet(packet).err()).collect();
    let end = checker.end().err();
    (checker, faults.into_iter().chain(end).collect())
}

fn without(stream: &[u8], packet: usize) -> Vec<u8> {
    [&stream[..packet * PACKET], &stream[(packet + 1) * PACKET..]].concat()
}

/// The first fault of two pictures of these times.
fn of_times(first: (u64, u64), second: (u64, u64)) -> Result<(), What> {
    let (mut muxer, mut out) = (Muxer::new(), BytesMut::new());
    muxer.set_tracks(None, Some(Codec::Aac));
    muxer.tables(&mut out);
    for (dts, pts) in [first, second] {
        muxer.push(&Unit { track: Track::Audio, dts, pts, key: false, data: &[9; 10] }, &mut out);
    }
    Checker::new().packets(&out).map_err(|fault| fault.what)
}

#[test]
fn a_good_stream_is_told_by_its_streams() {
    let (checker, faults) = check(&stream());
    assert_eq!(faults, []);
    assert_eq!((checker.count(), checker.continuity_errors(), checker.clocks()), (42, 0, 10));
    let video = checker.stream(VIDEO_PID).unwrap();
    assert_eq!((video.stream_type, video.units, video.keys, video.bytes), (0x1b, 10, 1, 5_000));
    assert_eq!(video.first, Some(Times { pts: FRAME, dts: 0 }));
    assert_eq!(video.last, Some(Times { pts: 10 * FRAME, dts: 9 * FRAME }));
    let types: Vec<_> = checker.streams().map(|(pid, stream)| (pid, stream.stream_type)).collect();
    assert_eq!(types, [(VIDEO_PID, 0x1b), (AUDIO_PID, 0x0f)]);
}

#[test]
fn every_dropped_packet_is_one_fault() {
    let stream = stream();
    // Not the first or last packet of a PID, in front of which or behind which nothing shows the gap.
    for packet in (3..38).filter(|&packet| packet != 5) {
        let (checker, faults) = check(&without(&stream, packet));
        assert_eq!((checker.continuity_errors(), faults.len()), (1, 1), "{packet}: {faults:?}");
        assert!(matches!(faults[0].what, What::Continuity { .. }), "{packet}: {faults:?}");
    }
}

#[test]
fn a_lost_end_is_found_where_the_stream_ends() {
    let stream = stream();
    let (_, faults) = check(&without(&stream, 40));
    assert!(
        matches!(faults[..], [Fault { pid: VIDEO_PID, what: What::UnitLength { said: 500, .. }, .. }]),
        "{faults:?}"
    );
}

#[test]
fn doubled_and_swapped_packets_are_found() {
    let stream = stream();
    let doubled = [&stream[..4 * PACKET], &stream[3 * PACKET..]].concat();
    assert_eq!(check(&doubled).0.continuity_errors(), 1);
    let mut swapped = stream.clone();
    swapped[3 * PACKET..5 * PACKET].rotate_left(PACKET);
    assert!(check(&swapped).0.continuity_errors() > 0);
}

#[test]
fn a_fault_says_where() {
    let mut stream = stream();
    stream[7 * PACKET] = 0x48;
    let fault = Checker::new().packets(&stream).unwrap_err();
    assert_eq!((fault.at, fault.what), (7, What::Format(Error::Sync(0x48))));
    assert_eq!(fault.to_string(), "packet 7 of PID 0x100: sync byte 0x48");
}

#[test]
fn damaged_tables_are_found() {
    let good = stream();
    for (packet, pid) in [(0, 0), (1, PMT_PID)] {
        let mut stream = good.clone();
        stream[packet * PACKET + 15] ^= 1;
        let fault = Checker::new().packets(&stream).unwrap_err();
        assert_eq!(fault.pid, pid);
        assert!(matches!(fault.what, What::Format(Error::Crc { .. })), "{fault}");
    }
}

#[test]
fn a_stream_without_its_tables_is_refused() {
    let fault = Checker::new().packets(&stream()[2 * PACKET..]).unwrap_err();
    assert_eq!(fault.what, What::UnknownPid);
}

#[test]
fn a_broken_start_code_is_found() {
    let mut stream = stream();
    // Behind 4 bytes of header and 8 of adaptation field; the second of the three bytes.
    stream[2 * PACKET + 4 + 8 + 1] = 1;
    assert_eq!(Checker::new().packets(&stream).unwrap_err().what, What::Format(Error::StartCode));
}

#[test]
fn a_segment_that_begins_inside_a_unit_is_found() {
    let stream = stream();
    let mut checker = Checker::new();
    checker.packets(&stream[..3 * PACKET]).unwrap();
    assert!(checker.end().is_err(), "a segment that ends inside a unit");
    assert_eq!(checker.packets(&stream[3 * PACKET..]).unwrap_err().what, What::NoStart);
}

#[test]
fn times_that_go_back_are_found_and_those_that_wrap_are_not() {
    const END: u64 = 1 << 33;
    assert_eq!(of_times((0, 0), (0, 0)), Ok(()));
    assert_eq!(of_times((END - 90, END - 90), (END, END)), Ok(()));
    let back = of_times((90, 90), (END - 90, END - 90)).unwrap_err();
    assert!(matches!(back, What::Clock { .. } | What::Backwards { .. }), "{back}");
    let clock = What::Clock { last: 60_000_000, now: 27_000 };
    assert_eq!(of_times((200_000, 200_000), (90, 90)), Err(clock));
    // The muxer's clock waits for a time so near.
    assert_eq!(of_times((90, 90), (89, 89)), Err(What::Backwards { last: 90, now: 89 }));
    assert!(matches!(of_times((90, 90), (180, 179)), Err(What::Presentation(_))));
}

#[test]
fn forgotten_times_may_go_back() {
    let (mut muxer, mut out) = (Muxer::new(), BytesMut::new());
    muxer.set_tracks(None, Some(Codec::Aac));
    let mut checker = Checker::new();
    for dts in [90_000, 0] {
        out.clear();
        muxer.tables(&mut out);
        muxer.push(&Unit { track: Track::Audio, dts, pts: dts, key: false, data: &[9; 10] }, &mut out);
        checker.forget_times();
        checker.packets(&out).unwrap();
    }
}

#[test]
fn null_packets_and_unread_tables_pass() {
    let mut null = [0xff; PACKET];
    null[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
    let mut description = null;
    description[..4].copy_from_slice(&[0x47, 0x40, 0x11, 0x10]);
    let (_, faults) = check(&[&null[..], &null, &description, &stream()].concat());
    assert_eq!(faults, []);
}

proptest! {
    #[test]
    fn any_damage_is_survived(damage in prop::collection::vec((0usize..42 * PACKET, any::<u8>()), 1..20), cut in 0usize..42 * PACKET) {
        let mut stream = stream();
        for (at, value) in damage {
            stream[at] = value;
        }
        let (checker, _) = check(&stream[..cut]);
        prop_assert_eq!(checker.count(), cut.div_ceil(PACKET) as u64);
    }
}
