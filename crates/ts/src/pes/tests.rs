use super::*;
use proptest::prelude::*;

#[test]
fn equal_times_are_written_once() {
    let mut out = BytesMut::new();
    Head::new(AUDIO_ID, Times { pts: 1, dts: 1 }, 100).put(&mut out);
    assert_eq!(out[..], [0, 0, 1, 0xc0, 0, 108, 0x84, 0x80, 5, 0x21, 0, 1, 0, 3]);
}

#[test]
fn a_length_of_16_bits_is_said_and_a_longer_one_left_open() {
    let times = Times { pts: 0, dts: 0 };
    let said = |payload| {
        let mut out = BytesMut::new();
        Head::new(VIDEO_ID, times, payload).put(&mut out);
        (u16::from_be_bytes([out[4], out[5]]), parse(&out).unwrap().0.payload)
    };
    assert_eq!(said(65_535 - 8), (65_535, Some(65_535 - 8)));
    assert_eq!(said(65_535 - 7), (0, None));
}

#[test]
fn headers_without_marks_are_refused() {
    let mut out = BytesMut::new();
    Head::new(VIDEO_ID, Times { pts: 2, dts: 1 }, 1).put(&mut out);
    assert!(parse(&out).is_ok());
    for (at, bit) in [(2, 1), (6, 0x80), (7, 0x80), (9, 0x10), (9, 1), (11, 1), (13, 1), (14, 0x10), (18, 1)]
    {
        let mut header = out.to_vec();
        header[at] ^= bit;
        assert!(parse(&header).is_err(), "byte {at}");
    }
    for end in 0..out.len() {
        assert!(parse(&out[..end]).is_err(), "{end} bytes");
    }
}

proptest! {
    #[test]
    fn headers_are_read_as_written(pts: u64, dts: u64, payload in 0usize..70_000) {
        let head = Head::new(VIDEO_ID, Times { pts, dts }, payload);
        let mut out = BytesMut::new();
        head.put(&mut out);
        prop_assert_eq!(out.len(), head.size());
        prop_assert_eq!(parse(&out), Ok((head, &[][..])));
        prop_assert_eq!(head.times.unwrap().dts, dts % (1 << 33));
    }

    #[test]
    fn byte_soup_is_survived(soup in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = parse(&soup);
        let _ = parse(&[&[0, 0, 1], &soup[..]].concat());
    }
}
