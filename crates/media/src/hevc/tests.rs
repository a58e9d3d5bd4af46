use super::*;
use proptest::prelude::*;

/// x265, `testsrc2` of 1278x718: VPS, SPS, PPS.
const MAIN: &[u8] = &[
    0x01, 0x01, 0x60, 0x00, 0x00, 0x00, 0x90, 0x00, 0x00, 0x00, 0x00, 0x00, 0x5d, 0xf0, 0x00, 0xfc, 0xfd,
    0xf8, 0xf8, 0x00, 0x00, 0x0f, 0x03, 0x20, 0x00, 0x01, 0x00, 0x18, 0x40, 0x01, 0x0c, 0x01, 0xff, 0xff,
    0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x5d, 0x95, 0x98,
    0x09, 0x21, 0x00, 0x01, 0x00, 0x2c, 0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00,
    0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x5d, 0xa0, 0x02, 0x80, 0x80, 0x2d, 0x1d, 0x56, 0x59, 0x59, 0xa4,
    0x93, 0x2b, 0xc0, 0x5a, 0x02, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x32, 0x10, 0x22,
    0x00, 0x01, 0x00, 0x07, 0x44, 0x01, 0xc1, 0x72, 0xb4, 0x62, 0x40,
];

#[test]
fn cropped_picture_is_read() {
    let info = config(MAIN).unwrap();
    assert_eq!((info.profile.as_str(), info.level.as_str()), ("Main", "3.1"));
    assert_eq!((info.width, info.height), (1278, 718));
}

#[test]
fn record_without_sps_is_refused() {
    let mut record = MAIN[..52].to_vec();
    record[22] = 1;
    assert!(config(&record).is_none());
}

#[test]
fn lying_array_counts_are_survived() {
    let mut record = MAIN[..23].to_vec();
    record[22] = 255;
    record.extend([33, 0xff, 0xff]);
    record.extend(vec![0; 100_000]);
    assert!(config(&record).is_none());
}

fn kinds(record: &[u8]) -> Option<Vec<u8>> {
    Some(parameter_sets(record)?.nals.iter().map(|nal| nal[0] >> 1).collect())
}

#[test]
fn parameter_sets_are_found_in_the_record() {
    assert_eq!(parameter_sets(MAIN).unwrap().length_size, 4);
    assert_eq!(kinds(MAIN), Some(vec![32, 33, 34]));
    for end in 0..MAIN.len() {
        assert_eq!(parameter_sets(&MAIN[..end]), None, "{end}");
    }
}

#[test]
fn parameter_sets_are_put_in_the_order_of_decoders_and_sei_is_left_out() {
    let array = |kind: u8| [kind, 0, 1, 0, 2, kind << 1, 1];
    let record = [&MAIN[..22], &[4], &array(34), &array(39), &array(33), &array(32)].concat();
    assert_eq!(kinds(&record), Some(vec![32, 33, 34]));
}

proptest! {
    #[test]
    fn byte_soup_is_survived(soup in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (config(&soup), parameter_sets(&soup));
        let _ = sps(&soup);
    }

    #[test]
    fn damaged_record_is_survived(at in 0..MAIN.len(), value: u8) {
        let mut record = MAIN.to_vec();
        record[at] = value;
        if let Some(info) = config(&record) {
            prop_assert!(info.width <= 16_384 && info.height <= 16_384);
        }
    }
}
