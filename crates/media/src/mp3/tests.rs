use super::*;
use proptest::prelude::*;

#[test]
fn headers_of_all_versions_are_read() {
    let said = |bytes: [u8; 4]| {
        let header = header(&bytes).unwrap();
        (header.layer, header.sample_rate, header.channels, header.samples, header.length)
    };
    assert_eq!(said([0xff, 0xfb, 0x90, 0x64]), (3, 44_100, 2, 1_152, 417), "128 kbit/s");
    assert_eq!(said([0xff, 0xfb, 0x92, 0xc4]), (3, 44_100, 1, 1_152, 418), "padded");
    assert_eq!(said([0xff, 0xf3, 0x48, 0xc4]), (3, 16_000, 1, 576, 144), "MPEG-2, 32 kbit/s");
    assert_eq!(said([0xff, 0xe3, 0x18, 0xc4]), (3, 8_000, 1, 576, 72), "MPEG-2.5, 8 kbit/s");
    assert_eq!(said([0xff, 0xfd, 0xa4, 0x04]), (2, 48_000, 2, 1_152, 576), "layer II");
    assert_eq!(said([0xff, 0xff, 0x10, 0x04]), (1, 44_100, 2, 384, 32), "layer I");
}

#[test]
fn what_is_no_header_is_none() {
    for bytes in [
        [0xff, 0x1b, 0x90, 0x64], // sync
        [0xff, 0xeb, 0x90, 0x64], // version
        [0xff, 0xf9, 0x90, 0x64], // layer 0, which is ADTS
        [0xff, 0xfb, 0x00, 0x64], // free format
        [0xff, 0xfb, 0xf0, 0x64], // bit rate
        [0xff, 0xfb, 0x9c, 0x64], // sample rate
    ] {
        assert_eq!(header(&bytes), None, "{bytes:x?}");
    }
    assert_eq!(header(&[0xff, 0xfb, 0x90]), None);
}

proptest! {
    #[test]
    fn every_header_has_a_length(bytes: [u8; 4]) {
        if let Some(header) = header(&bytes) {
            prop_assert!(header.length >= 4 && header.sample_rate >= 8_000);
        }
    }
}
