use super::*;
use proptest::prelude::*;

type Payloads = Vec<Vec<u8>>;

/// The payloads of a unit, of which the last one alone must be said to be it.
fn pushed(packetizer: &mut Packetizer, codec: Codec, key: bool, data: &[u8]) -> Payloads {
    let (mut payloads, mut lasts) = (Vec::new(), Vec::new());
    packetizer.push(Unit { codec, key, data }, &mut |payload, last| {
        payloads.push(payload.to_vec());
        lasts.push(last);
    });
    let expected: Vec<bool> = (1..=payloads.len()).map(|count| count == payloads.len()).collect();
    assert_eq!(lasts, expected);
    payloads
}

fn cut(most: usize, codec: Codec, data: &[u8]) -> Payloads {
    pushed(&mut Packetizer::new(most), codec, false, data)
}

fn annex_b(nals: &[Vec<u8>]) -> Vec<u8> {
    nals.iter().flat_map(|nal| [&[0, 0, 0, 1], &nal[..]].concat()).collect()
}

/// A unit of this header, and bytes among which there is no start code.
fn nal(header: &[u8], size: usize) -> Vec<u8> {
    header.iter().copied().chain((0..size).map(|at| (at % 251) as u8 | 1)).collect()
}

/// What a receiver makes of payloads of H.264 (RFC 6184 sections 5.6 to 5.8).
fn h264_back(payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (mut nals, mut open): (Vec<Vec<u8>>, Option<Vec<u8>>) = (Vec::new(), None);
    for payload in payloads {
        match payload[0] & 0x1f {
            24 => nals.extend(lengths(&payload[1..])),
            28 => {
                let (start, end) = (payload[1] & 0x80 != 0, payload[1] & 0x40 != 0);
                assert!(!(start && end) && payload[1] & 0x20 == 0);
                if start {
                    assert!(open.replace(vec![payload[0] & 0xe0 | payload[1] & 0x1f]).is_none());
                }
                open.as_mut().unwrap().extend(&payload[2..]);
                if end {
                    nals.extend(open.take());
                }
            }
            1..=23 => nals.push(payload.clone()),
            other => panic!("payload of type {other}"),
        }
    }
    assert_eq!(open, None);
    nals
}

/// The same of H.265 (RFC 7798 section 4.4).
fn h265_back(payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (mut nals, mut open): (Vec<Vec<u8>>, Option<Vec<u8>>) = (Vec::new(), None);
    for payload in payloads {
        match payload[0] >> 1 & 0x3f {
            48 => nals.extend(lengths(&payload[2..])),
            49 => {
                let (start, end) = (payload[2] & 0x80 != 0, payload[2] & 0x40 != 0);
                assert!(!(start && end));
                if start {
                    let first = payload[0] & 0x81 | (payload[2] & 0x3f) << 1;
                    assert!(open.replace(vec![first, payload[1]]).is_none());
                }
                open.as_mut().unwrap().extend(&payload[3..]);
                if end {
                    nals.extend(open.take());
                }
            }
            0..=47 => nals.push(payload.clone()),
            other => panic!("payload of type {other}"),
        }
    }
    assert_eq!(open, None);
    nals
}

fn lengths(mut rest: &[u8]) -> Vec<Vec<u8>> {
    let mut nals = Vec::new();
    while !rest.is_empty() {
        let (nal, behind) = rest[2..].split_at(usize::from(u16::from_be_bytes([rest[0], rest[1]])));
        nals.push(nal.to_vec());
        rest = behind;
    }
    assert!(nals.len() > 1, "a payload of several that holds one");
    nals
}

fn base128(rest: &mut &[u8]) -> usize {
    let mut value = 0;
    for index in 0.. {
        let byte = rest[0];
        *rest = &rest[1..];
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

/// OBUs without sizes, as a receiver has them (AV1 RTP section 4.4), and whether a sequence is said to begin.
fn av1_back(payloads: &[Vec<u8>]) -> (Vec<Vec<u8>>, bool) {
    let (mut obus, mut open): (Vec<Vec<u8>>, Vec<u8>) = (Vec::new(), Vec::new());
    for (index, payload) in payloads.iter().enumerate() {
        let (first, mut rest) = (payload[0], &payload[1..]);
        let (continues, goes_on, count) = (first & 0x80 != 0, first & 0x40 != 0, first >> 4 & 3);
        assert_eq!(continues, !open.is_empty());
        assert!(first & 8 == 0 || index == 0);
        let mut element = 0;
        while !rest.is_empty() {
            element += 1;
            let size = if element == count { rest.len() } else { base128(&mut rest) };
            assert!(size > 0 && size <= rest.len());
            open.extend(&rest[..size]);
            rest = &rest[size..];
            if !(rest.is_empty() && goes_on) {
                obus.push(std::mem::take(&mut open));
            }
        }
        assert!(count == 0 || element == count);
    }
    assert!(open.is_empty());
    (obus, payloads.first().is_some_and(|first| first[0] & 8 != 0))
}

/// An OBU with a size, and the same one without.
fn obu(kind: u8, extension: Option<u8>, payload: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let head = |size: u8| {
        let first = kind << 3 | u8::from(extension.is_some()) << 2 | size;
        [first].into_iter().chain(extension).collect::<Vec<u8>>()
    };
    let mut size = Vec::new();
    let mut rest = payload.len();
    loop {
        size.push(rest as u8 & 0x7f | if rest > 0x7f { 0x80 } else { 0 });
        rest >>= 7;
        if rest == 0 {
            break;
        }
    }
    ([&head(2)[..], &size, payload].concat(), [&head(0)[..], payload].concat())
}

#[test]
fn parameter_sets_and_sei_go_together_before_a_key_picture() {
    let nals = [nal(&[0x67], 20), nal(&[0x68], 3), nal(&[0x06], 30), nal(&[0x65], 3_000)];
    let payloads = cut(1_000, Codec::H264, &annex_b(&nals));
    assert_eq!(payloads[0][0], 0x60 | 24, "importance of the most important");
    assert_eq!(
        payloads.iter().map(Vec::len).collect::<Vec<_>>(),
        [1 + 6 + 21 + 4 + 31, 1_000, 1_000, 1_000, 8]
    );
    assert_eq!(h264_back(&payloads), nals);
}

#[test]
fn a_nal_unit_that_just_fits_stays_as_it_is() {
    let unit = nal(&[0x41], 99);
    assert_eq!(cut(100, Codec::H264, &annex_b(std::slice::from_ref(&unit))), std::slice::from_ref(&unit));
    assert_eq!(cut(99, Codec::H264, &annex_b(&[unit])).len(), 2);
}

#[test]
fn delimiters_and_filler_are_left_out() {
    let h264 = annex_b(&[vec![9, 0xf0], nal(&[0x41], 5), nal(&[12], 50)]);
    assert_eq!(h264_back(&cut(100, Codec::H264, &h264)), [nal(&[0x41], 5)]);
    let h265 = annex_b(&[vec![0x46, 1, 0x50], nal(&[2, 1], 5), nal(&[0x4c, 1], 50)]);
    assert_eq!(h265_back(&cut(100, Codec::H265, &h265)), [nal(&[2, 1], 5)]);
}

#[test]
fn sei_is_left_out_where_that_is_said() {
    let mut packetizer = Packetizer::default();
    packetizer.set_keep_sei(false);
    let h264 = annex_b(&[nal(&[6], 10), nal(&[0x41], 5)]);
    assert_eq!(pushed(&mut packetizer, Codec::H264, false, &h264), [nal(&[0x41], 5)]);
    let h265 = annex_b(&[nal(&[0x4e, 1], 10), nal(&[2, 1], 5), nal(&[0x50, 1], 10)]);
    assert_eq!(pushed(&mut packetizer, Codec::H265, false, &h265), [nal(&[2, 1], 5)]);
}

#[test]
fn a_unit_with_nothing_to_be_sent_gives_nothing() {
    let delimiters = annex_b(&[vec![9, 0xf0]]);
    for (codec, data) in
        [(Codec::H264, &delimiters[..]), (Codec::H264, &[]), (Codec::Av1, &[0x12, 0]), (Codec::Vp8, &[])]
    {
        assert_eq!(cut(100, codec, data), Payloads::new(), "{codec:?}");
    }
}

#[test]
fn numbers_that_payloads_have_are_no_nal_units() {
    let h264: Vec<_> = [0x78, 0x7c, 0x1f, 0x60].map(|header| nal(&[header], 5)).into();
    assert_eq!(cut(100, Codec::H264, &annex_b(&h264)), Payloads::new());
    let h265: Vec<_> = [48, 49, 50, 63].map(|kind| nal(&[kind << 1, 1], 5)).into();
    assert_eq!(cut(100, Codec::H265, &annex_b(&h265)), Payloads::new());
}

#[test]
fn short_start_codes_and_zeros_behind_units_are_understood() {
    let data = [&[0, 0, 1, 0x41, 1, 0, 0, 0, 0, 0, 1, 0x41, 2][..], &[0, 0, 1, 0x41, 3, 0, 0]].concat();
    assert_eq!(h264_back(&cut(100, Codec::H264, &data)), [[0x41, 1], [0x41, 2], [0x41, 3]]);
}

#[test]
fn h265_together_takes_the_lowest_layer_and_time() {
    let nals = [vec![0x40, 0x0b, 1], vec![0x42, 0x12, 1]];
    let payloads = cut(100, Codec::H265, &annex_b(&nals));
    assert_eq!(payloads[0][..2], [48 << 1, 1 << 3 | 2]);
    assert_eq!(h265_back(&payloads), nals);
}

#[test]
fn a_frame_of_vp8_begins_once_and_counts_on() {
    let (mut packetizer, frame) = (Packetizer::new(64), nal(&[], 130));
    let payloads = pushed(&mut packetizer, Codec::Vp8, true, &frame);
    let heads: Vec<&[u8]> = payloads.iter().map(|payload| &payload[..4]).collect();
    assert_eq!(heads, [[0x90, 0x80, 0x80, 0], [0x80, 0x80, 0x80, 0], [0x80, 0x80, 0x80, 0]]);
    assert_eq!(payloads.iter().flat_map(|payload| payload[4..].to_vec()).collect::<Vec<_>>(), frame);
    assert_eq!(pushed(&mut packetizer, Codec::Vp8, false, &[1])[0], [0x90, 0x80, 0x80, 1, 1]);
    packetizer.picture = 0x7fff;
    assert_eq!(pushed(&mut packetizer, Codec::Vp8, false, &[1])[0][2..4], [0xff, 0xff]);
    assert_eq!(pushed(&mut packetizer, Codec::Vp8, false, &[1])[0][2..4], [0x80, 0]);
}

#[test]
fn a_frame_of_vp9_says_where_it_begins_and_ends_and_whether_it_refers() {
    let (mut packetizer, frame) = (Packetizer::new(64), nal(&[], 130));
    let payloads = pushed(&mut packetizer, Codec::Vp9, true, &frame);
    let heads: Vec<&[u8]> = payloads.iter().map(|payload| &payload[..3]).collect();
    assert_eq!(heads, [[0x88, 0x80, 0], [0x80, 0x80, 0], [0x84, 0x80, 0]]);
    assert_eq!(payloads.iter().flat_map(|payload| payload[3..].to_vec()).collect::<Vec<_>>(), frame);
    assert_eq!(pushed(&mut packetizer, Codec::Vp9, false, &[7]), [[0xcc, 0x80, 1, 7]]);
}

#[test]
fn opus_goes_out_whole() {
    assert_eq!(cut(1_180, Codec::Opus, &nal(&[], 1_275)), [nal(&[], 1_275)]);
    assert_eq!(cut(1_180, Codec::Opus, &nal(&[], 1_401)), Payloads::new());
}

#[test]
fn av1_goes_without_sizes_and_what_is_not_sent() {
    let obus = [
        obu(2, None, &[]),
        obu(1, None, &[10, 11]),
        obu(15, None, &[0; 9]),
        obu(6, Some(0x20), &nal(&[], 300)),
        obu(8, None, &[1]),
    ];
    let unit: Vec<u8> = obus.iter().flat_map(|(sized, _)| sized.clone()).collect();
    let payloads = pushed(&mut Packetizer::new(100), Codec::Av1, true, &unit);
    assert_eq!(payloads[0][..7], [0x68, 3, 1 << 3, 10, 11, 6 << 3 | 4, 0x20]);
    assert_eq!(av1_back(&payloads), (vec![obus[1].1.clone(), obus[3].1.clone()], true));
}

#[test]
fn an_av1_unit_without_key_begins_no_sequence() {
    let (sized, bare) = obu(6, None, &[1, 2, 3]);
    assert_eq!(cut(100, Codec::Av1, &sized), [[&[0x10][..], &bare].concat()]);
}

#[test]
fn the_last_av1_obu_may_come_without_a_size() {
    let unit = [&obu(1, None, &[5]).0[..], &[6 << 3, 1, 2]].concat();
    assert_eq!(av1_back(&cut(100, Codec::Av1, &unit)).0, [vec![1 << 3, 5], vec![6 << 3, 1, 2]]);
}

fn check_sizes(payloads: &[Vec<u8>], most: usize) {
    assert!(payloads.iter().all(|payload| payload.len() <= most));
}

/// All that belongs to one long piece is as long as can be, but its end.
fn check_equal(payloads: &[Vec<u8>], most: usize, is_piece: fn(&[u8]) -> bool, is_last: fn(&[u8]) -> bool) {
    for payload in payloads.iter().filter(|payload| is_piece(payload) && !is_last(payload)) {
        assert_eq!(payload.len(), most);
    }
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![1_usize..40, 40_usize..400, 400_usize..5_000], 1..12)
}

proptest! {
    #[test]
    fn h264_comes_back(sizes in sizes(), headers in prop::collection::vec(0_u8..4, 12), most in 64_usize..1_400) {
        let kinds = [0x67_u8, 0x68, 0x65, 0x41];
        let nals: Vec<_> = sizes.iter().zip(headers).map(|(&size, kind)| nal(&[kinds[usize::from(kind)]], size)).collect();
        let payloads = cut(most, Codec::H264, &annex_b(&nals));
        check_sizes(&payloads, most);
        check_equal(&payloads, most, |payload| payload[0] & 0x1f == 28, |payload| payload[1] & 0x40 != 0);
        prop_assert_eq!(h264_back(&payloads), nals);
    }

    #[test]
    fn h265_comes_back(sizes in sizes(), headers in prop::collection::vec(0_u8..4, 12), most in 64_usize..1_400) {
        let kinds = [32_u8, 33, 19, 1];
        let nals: Vec<_> = sizes.iter().zip(headers).map(|(&size, kind)| nal(&[kinds[usize::from(kind)] << 1, 1], size)).collect();
        let payloads = cut(most, Codec::H265, &annex_b(&nals));
        check_sizes(&payloads, most);
        check_equal(&payloads, most, |payload| payload[0] >> 1 == 49, |payload| payload[2] & 0x40 != 0);
        prop_assert_eq!(h265_back(&payloads), nals);
    }

    #[test]
    fn av1_comes_back(sizes in sizes(), extended in prop::collection::vec(any::<bool>(), 12), key: bool, most in 64_usize..1_400) {
        let obus: Vec<_> = sizes.iter().zip(extended).map(|(&size, extended)| obu(6, extended.then_some(8), &nal(&[], size))).collect();
        let unit: Vec<u8> = obus.iter().flat_map(|(sized, _)| sized.clone()).collect();
        let payloads = pushed(&mut Packetizer::new(most), Codec::Av1, key, &unit);
        check_sizes(&payloads, most);
        check_equal(&payloads, most, |payload| payload[0] & 0x40 != 0, |_| false);
        let bare: Vec<_> = obus.into_iter().map(|(_, bare)| bare).collect();
        prop_assert_eq!(av1_back(&payloads), (bare, key));
    }

    #[test]
    fn frames_of_vp8_and_vp9_come_back(size in 1_usize..9_000, most in 64_usize..1_400, key: bool) {
        for (codec, head) in [(Codec::Vp8, 4), (Codec::Vp9, 3)] {
            let payloads = pushed(&mut Packetizer::new(most), codec, key, &nal(&[], size));
            check_sizes(&payloads, most);
            let (_, full) = payloads.split_last().unwrap();
            prop_assert!(full.iter().all(|payload| payload.len() == most));
            prop_assert_eq!(payloads.iter().flat_map(|payload| payload[head..].to_vec()).collect::<Vec<_>>(), nal(&[], size));
        }
    }

    #[test]
    fn any_bytes_are_cut_without_harm(data in prop::collection::vec(prop_oneof![Just(0_u8), Just(1_u8), any::<u8>()], 0..600), most in 0_usize..200) {
        for codec in [Codec::H264, Codec::H265, Codec::Av1, Codec::Vp8, Codec::Vp9] {
            check_sizes(&cut(most, codec, &data), most.max(LEAST));
        }
    }

    #[test]
    fn start_codes_are_found_as_by_looking_everywhere(data in prop::collection::vec(0_u8..3, 0..40)) {
        let everywhere = data.windows(3).position(|window| window == [0, 0, 1]);
        prop_assert_eq!(nal::start(&data), everywhere);
    }
}
