use super::*;
use proptest::prelude::*;

/// libaom, `testsrc2` of 1278x718.
const MAIN: &[u8] =
    &[0x81, 0x05, 0x0c, 0x00, 0x0a, 0x0b, 0x00, 0x00, 0x00, 0x2d, 0x4c, 0xfd, 0xb3, 0x4d, 0xaf, 0x90, 0x04];

#[test]
fn picture_is_read_from_the_sequence_header() {
    let info = config(MAIN).unwrap();
    assert_eq!((info.profile.as_str(), info.level.as_str()), ("Main", "3.1"));
    assert_eq!((info.width, info.height), (1278, 718));
}

#[test]
fn record_without_sequence_header_has_no_size() {
    let info = config(&MAIN[..4]).unwrap();
    assert_eq!((info.level.as_str(), info.width, info.height), ("3.1", 0, 0));
}

#[test]
fn oversized_obu_is_refused() {
    assert!(
        config(&[0x81, 5, 0x0c, 0, 0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).is_none()
    );
}

proptest! {
    #[test]
    fn byte_soup_is_survived(soup in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = config(&[&MAIN[..5], &soup].concat());
        let _ = config(&soup);
    }

    #[test]
    fn damaged_record_is_survived(at in 4..MAIN.len(), value: u8) {
        let mut record = MAIN.to_vec();
        record[at] = value;
        let _ = config(&record);
    }
}
