use super::*;
use crate::Times;
use crate::pes::{Head, VIDEO_ID};
use bytes::BytesMut;
use proptest::prelude::*;

/// A packet of PID 0x100 that begins so.
fn packet(front: &[u8]) -> [u8; PACKET] {
    let mut packet = [0; PACKET];
    packet[..front.len()].copy_from_slice(front);
    packet
}

#[test]
fn what_a_strict_reader_refuses_is_read() {
    // An adaptation field of a splice countdown, and stuffing of zeros.
    let odd = packet(&[0x47, 0x41, 0x00, 0x35, 7, 0xc4, 9, 0, 0, 0, 0, 0, 0xaa]);
    let Read::Packet(read) = read(&odd) else { panic!() };
    assert_eq!((read.pid, read.start, read.counter), (0x100, true, 5));
    assert_eq!((read.marks.discontinuity, read.marks.random_access), (true, true));
    assert_eq!(read.payload.map(|payload| (payload.len(), payload[0])), Some((176, 0xaa)));
}

#[test]
fn packets_without_payload_have_none() {
    for front in [[0x47, 1, 0, 0x20, 183, 0x80], [0x47, 1, 0, 0x30, 183, 0x80]] {
        assert!(matches!(read(&packet(&front)), Read::Packet(Packet { payload: None, .. })), "{front:x?}");
    }
}

#[test]
fn damaged_and_scrambled_packets_are_told_apart() {
    assert!(matches!(read(&packet(&[0x47, 0x81, 0, 0x10])), Read::Damaged));
    assert!(matches!(read(&packet(&[0x47, 1, 0, 0x00])), Read::Damaged));
    assert!(matches!(read(&packet(&[0x47, 1, 0, 0x30, 184])), Read::Damaged));
    assert!(matches!(read(&packet(&[0x47, 1, 0, 0x90])), Read::Scrambled));
}

#[test]
fn marker_bits_are_not_asked_for() {
    let head = |flags, time: &[u8]| [&[0, 0, 1, 0xe0, 0, 0, 0x80, flags, 5], time].concat();
    let said = |bytes: Vec<u8>| match pes(&bytes) {
        Begin::Pes(pes) => (pes.pts, pes.dts),
        other => panic!("{other:?}"),
    };
    assert_eq!(said(head(0x80, &[0, 0, 0, 0, 4])), (Some(2), None));
    assert_eq!(said(head(0xc0, &[0, 0, 0, 0, 4])), (Some(2), None), "no room for a DTS");
    assert_eq!(said(head(0x00, &[0, 0, 0, 0, 4])), (None, None));
}

#[test]
fn units_that_carry_no_stream_are_known() {
    assert_eq!(pes(&[0, 0, 1, 0xbe, 0, 9, 0xff, 0xff, 0xff]), Begin::Nothing);
    assert_eq!(pes(&[0, 0, 1, 0xe0, 0, 9, 0x90, 0, 0]), Begin::Scrambled);
    assert_eq!(pes(&[0, 0, 1, 0xe0, 0, 9, 0x00, 0, 0]), Begin::Damaged, "MPEG-1");
    assert_eq!(pes(&[0, 0, 2, 0xe0, 0, 9, 0x80, 0, 0]), Begin::Damaged);
    assert_eq!(pes(&[0, 0, 1, 0xe0, 0, 2, 0x80, 0, 0]), Begin::Damaged, "shorter than its header");
}

proptest! {
    #[test]
    fn headers_are_read_as_written(pts: u64, dts: u64, payload in 0usize..70_000) {
        let mut out = BytesMut::new();
        let head = Head::new(VIDEO_ID, Times { pts, dts }, payload);
        head.put(&mut out);
        for end in 0..out.len() {
            prop_assert_eq!(pes(&out[..end]), Begin::More);
        }
        let times = head.times.unwrap();
        let Begin::Pes(read) = pes(&out) else { panic!() };
        prop_assert_eq!((read.start, read.payload), (out.len(), head.payload));
        prop_assert_eq!((read.pts, read.dts.unwrap_or(times.pts)), (Some(times.pts), times.dts));
    }

    #[test]
    fn byte_soup_is_survived(soup in proptest::collection::vec(any::<u8>(), PACKET)) {
        let _ = read(soup.first_chunk().unwrap());
        let _ = pes(&soup);
        let _ = pes(&[&[0, 0, 1], &soup[..]].concat());
    }
}
