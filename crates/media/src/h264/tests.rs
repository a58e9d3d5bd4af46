use super::*;
use proptest::prelude::*;

/// x264, `testsrc2` of 1278x718, 4:2:0: cropped on both sides.
const HIGH: &[u8] = &[
    0x01, 0x64, 0x00, 0x1f, 0xff, 0xe1, 0x00, 0x1b, 0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05,
    0xbe, 0xab, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x83, 0x19,
    0x60, 0x01, 0x00, 0x06, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0, 0xfd, 0xf8, 0xf8, 0x00,
];
/// x264, the same picture in 4:2:2 and 10 bits.
const HIGH_422: &[u8] = &[
    0x01, 0x7a, 0x00, 0x1f, 0xff, 0xe1, 0x00, 0x1b, 0x67, 0x7a, 0x00, 0x1f, 0xb6, 0xcd, 0x94, 0x05, 0x00,
    0x5b, 0xea, 0xf0, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x32, 0x0f, 0x18, 0x31,
    0x96, 0x01,
];
/// x264, 720x576 interlaced.
const INTERLACED: &[u8] = &[
    0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x5a, 0x12, 0x6c,
    0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x87, 0xc5, 0x0a, 0x65, 0x80,
];

fn shown(record: &[u8]) -> (String, String, u32, u32) {
    let info = config(record).unwrap();
    (info.profile, info.level, info.width, info.height)
}

/// Writes bits most significant first, for headers that no encoder makes.
#[derive(Default)]
struct Writer(Vec<bool>);

impl Writer {
    fn bits(mut self, value: u64, count: u32) -> Self {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn ue(self, value: u64) -> Self {
        let length = 63 - (value + 1).leading_zeros();
        self.bits(0, length).bits(value + 1, length + 1)
    }

    fn bytes(mut self) -> Vec<u8> {
        self.0.push(true);
        self.0
            .chunks(8)
            .map(|chunk| (0..8).fold(0, |byte, at| byte << 1 | u8::from(chunk.get(at) == Some(&true))))
            .collect()
    }
}

/// A baseline SPS of this many macroblocks.
fn sps_of(width: u64, height: u64) -> Vec<u8> {
    let bits = Writer::default().bits(0x67, 8).bits(66, 8).bits(0xc0, 8).bits(30, 8);
    bits.ue(0).ue(0).ue(2).ue(1).bits(0, 1).ue(width - 1).ue(height - 1).bits(0b1100, 4).bytes()
}

#[test]
fn cropped_picture_is_read_from_high_profile() {
    assert_eq!(shown(HIGH), ("High".into(), "3.1".into(), 1278, 718));
}

#[test]
fn crop_units_follow_the_chroma_format() {
    assert_eq!(shown(HIGH_422), ("High 4:2:2".into(), "3.1".into(), 1278, 718));
}

#[test]
fn interlaced_height_counts_both_fields() {
    assert_eq!(shown(INTERLACED), ("Main".into(), "3".into(), 720, 576));
}

#[test]
fn constrained_baseline_is_told_from_baseline() {
    let info = sps(&sps_of(40, 30)).unwrap();
    assert_eq!((info.profile.as_str(), info.width, info.height), ("Constrained Baseline", 640, 480));
}

#[test]
fn absurd_sizes_are_refused() {
    assert!(sps(&sps_of(1024, 1024)).is_some());
    assert!(sps(&sps_of(1025, 30)).is_none());
    assert!(sps(&sps_of(40, 0x0fff_ffff)).is_none());
    assert!(sps(&sps_of(0xffff_fffe, 0xffff_fffe)).is_none());
}

#[test]
fn endless_exp_golomb_is_refused() {
    let mut nal = vec![0x67, 66, 0, 30];
    nal.resize(100_000, 0);
    assert!(sps(&nal).is_none());
}

#[test]
fn record_without_parameter_sets_is_refused() {
    assert!(config(&[1, 0x64, 0, 0x1f, 0xff, 0xe0, 0]).is_none());
}

#[test]
fn every_shortened_record_is_refused() {
    for end in 0..25 {
        assert!(config(&HIGH[..end]).is_none(), "{end}");
    }
}

#[test]
fn parameter_sets_are_found_in_the_record() {
    let sets = parameter_sets(HIGH).unwrap();
    let kinds: Vec<_> = sets.nals.iter().map(|nal| (nal[0] & 0x1f, nal.len())).collect();
    assert_eq!((sets.length_size, kinds), (4, vec![(7, 27), (8, 6)]));
}

#[test]
fn every_shortened_list_of_parameter_sets_is_refused() {
    // What is behind the PPS, for profiles from High on, is not needed.
    for end in 0..HIGH.len() - 4 {
        assert_eq!(parameter_sets(&HIGH[..end]), None, "{end}");
    }
    assert!(parameter_sets(&HIGH[..HIGH.len() - 4]).is_some());
}

#[test]
fn sizes_of_lengths_are_1_2_or_4() {
    let sizes = [0xfc, 0xfd, 0xfe, 0xff].map(|size| {
        let mut record = HIGH.to_vec();
        record[4] = size;
        parameter_sets(&record).map(|sets| sets.length_size)
    });
    assert_eq!(sizes, [Some(1), Some(2), None, Some(4)]);
}

#[test]
fn a_record_may_hold_no_parameter_sets_but_not_absurdly_many() {
    assert_eq!(parameter_sets(&[1, 66, 0, 30, 0xff, 0xe0, 0]).unwrap().nals.len(), 0);
    let mut record = vec![1, 66, 0, 30, 0xff, 0xe1, 0x20, 0x01];
    record.resize(record.len() + 0x2001, 0x67);
    record.push(0);
    assert_eq!(parameter_sets(&record), None);
}

#[test]
fn records_are_made_as_encoders_make_them() {
    for record in [HIGH, INTERLACED, HIGH_422] {
        let sps = &record[8..8 + usize::from(record[7])];
        let made = self::record(&[sps], &[&[0x68, 0xeb]]).unwrap();
        assert_eq!(made[..4], record[..4]);
        assert_eq!(config(&made), config(record));
        let found = parameter_sets(&made).unwrap();
        assert_eq!((found.length_size, found.nals), (4, vec![sps, &[0x68, 0xeb]]));
    }
}

#[test]
fn records_of_high_profiles_say_how_the_picture_is_sampled() {
    let tail = |record: &[u8]| {
        let length = usize::from(record[7]);
        let made = self::record(&[&record[8..8 + length]], &[&[0x68, 0xeb]]).unwrap();
        made[8 + length..].to_vec()
    };
    assert_eq!(tail(HIGH), [1, 0, 2, 0x68, 0xeb, 0xfd, 0xf8, 0xf8, 0]);
    assert_eq!(tail(HIGH_422), [1, 0, 2, 0x68, 0xeb, 0xfe, 0xfa, 0xfa, 0], "4:2:2 of 10 bits");
    assert_eq!(tail(INTERLACED), [1, 0, 2, 0x68, 0xeb], "Main");
}

#[test]
fn no_record_is_made_of_half_the_sets() {
    let sps = &HIGH[8..8 + usize::from(HIGH[7])];
    assert_eq!(record(&[sps], &[]), None);
    assert_eq!(record(&[], &[&[0x68]]), None);
    assert_eq!(record(&[&sps[..6]], &[&[0x68]]), None);
    assert_eq!(record(&[sps], &[&[]]), None);
}

#[test]
fn a_pps_says_its_number() {
    assert_eq!(pps_id(&[0x68, 0xeb]), Some(0));
    assert_eq!(pps_id(&[0x68, 0x5b]), Some(1));
    assert_eq!((pps_id(&[0x67, 0xeb]), pps_id(&[0x68]), pps_id(&[])), (None, None, None));
}

proptest! {
    #[test]
    fn byte_soup_is_survived(soup in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (config(&soup), parameter_sets(&soup));
        if let Some(info) = sps(&soup) {
            prop_assert!(info.width <= 16_384 && info.height <= 16_384);
        }
    }

    #[test]
    fn damaged_record_is_survived(at in 0..HIGH.len(), value: u8) {
        let mut record = HIGH.to_vec();
        record[at] = value;
        let _ = config(&record);
    }
}

#[test]
fn how_far_pictures_are_reordered_is_read_from_the_vui() {
    // x264 without B-frames, with them, and with B-frames that others refer to.
    const NONE: &[u8] = &[
        0x67, 0x64, 0x00, 0x0c, 0xac, 0xb2, 0x02, 0x83, 0x3f, 0x3e, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x20,
        0x00, 0x00, 0x06, 0x41, 0xe2, 0x85, 0x49,
    ];
    const ONE: &[u8] = &[
        0x67, 0x64, 0x00, 0x0c, 0xac, 0xd1, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10,
        0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x42, 0x91, 0x20,
    ];
    const TWO: &[u8] = &[
        0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10,
        0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x42, 0x99, 0x60,
    ];
    assert_eq!([NONE, ONE, TWO].map(reorder), [Some(0), Some(1), Some(2)]);
}

#[test]
fn reordering_without_a_vui_is_ruled_out_by_profile_only() {
    assert_eq!(reorder(&sps_of(40, 30)), Some(0));
    let bits = Writer::default().bits(0x67, 8).bits(77, 8).bits(0x40, 8).bits(30, 8);
    let main = bits.ue(0).ue(0).ue(0).ue(0).ue(2).bits(0, 1).ue(39).ue(29).bits(0b1100, 4).bytes();
    assert!(sps(&main).is_some());
    assert_eq!(reorder(&main), None);
}

#[test]
fn a_vui_that_holds_everything_is_read_to_its_end() {
    let bits = Writer::default().bits(0x67, 8).bits(77, 8).bits(0x40, 8).bits(30, 8);
    let bits = bits.ue(0).ue(0).ue(0).ue(0).ue(2).bits(0, 1).ue(39).ue(29).bits(0b110, 3).bits(1, 1);
    let bits = bits.bits(1, 1).bits(255, 8).bits(0x0001_0001, 32).bits(0b11, 2).bits(1, 1).bits(0b1011, 4);
    let bits = bits.bits(1, 1).bits(0, 24).bits(1, 1).ue(0).ue(0).bits(1, 1).bits(0, 64).bits(1, 1);
    let hrd = |bits: Writer| {
        bits.bits(1, 1).ue(1).bits(0, 8).ue(9).ue(9).bits(1, 1).ue(8).ue(8).bits(0, 1).bits(0, 20)
    };
    let bits = hrd(hrd(bits)).bits(0b001, 3).bits(1, 1).ue(2).ue(1).ue(11).ue(11).ue(3).ue(4);
    assert_eq!(reorder(&bits.bytes()), Some(3));
}
