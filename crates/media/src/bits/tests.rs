use super::*;

#[test]
fn emulation_bytes_are_left_out() {
    let mut bits = Bits::of_nal(&[0, 0, 3, 1, 0, 0, 3, 0, 0, 3]);
    assert_eq!(bits.take(24), Some(1));
    assert_eq!(bits.take(32), Some(0));
    assert_eq!(bits.bit(), None);
}

#[test]
fn exp_golomb_reads_as_the_standard_lists() {
    // 1 010 011 00100 00101
    let data = [0b1010_0110, 0b0100_0010, 0b1000_0000];
    let mut bits = Bits::new(&data);
    assert_eq!([(); 5].map(|()| bits.ue().unwrap()), [0, 1, 2, 3, 4]);
    let mut bits = Bits::new(&data);
    assert_eq!([(); 5].map(|()| bits.se().unwrap()), [0, 1, -1, 2, -2]);
}

#[test]
fn longest_exp_golomb_does_not_overflow() {
    let mut bits = Bits::new(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(bits.ue(), Some(u32::MAX - 1));
}

#[test]
fn skipping_past_the_end_is_refused() {
    let mut bits = Bits::new(&[0xff]);
    assert_eq!(bits.skip(9), None);
    assert_eq!(bits.skip(usize::MAX), None);
    assert_eq!(bits.skip(8), Some(()));
    assert_eq!(bits.bit(), None);
}
