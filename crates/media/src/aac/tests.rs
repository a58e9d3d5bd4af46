use super::*;
use proptest::prelude::*;

#[test]
fn low_complexity_stereo_is_read() {
    // ffmpeg's encoder, with its extension that says "no SBR".
    let info = info(&[0x12, 0x10, 0x56, 0xe5, 0x00]).unwrap();
    assert_eq!((info.profile.as_str(), info.sample_rate, info.channels), ("LC", 44_100, 2));
}

#[test]
fn high_efficiency_plays_at_the_extension_rate() {
    // 5: SBR | 6: 24 kHz | 2 channels | 3: 48 kHz | 2: LC
    let record = [0b0010_1011, 0b0001_0001, 0b1000_1000];
    let parsed = config(&record).unwrap();
    assert_eq!((parsed.core_rate, parsed.extension_rate, parsed.object_type), (24_000, Some(48_000), 2));
    let info = info(&record).unwrap();
    assert_eq!((info.profile.as_str(), info.sample_rate, info.channels), ("HE", 48_000, 2));
}

#[test]
fn parametric_stereo_plays_as_two_channels() {
    // 29: PS | 6: 24 kHz | 1 channel | 3: 48 kHz | 2: LC
    let info = info(&[0b1110_1011, 0b0000_1001, 0b1000_1000]).unwrap();
    assert_eq!((info.profile.as_str(), info.sample_rate, info.channels), ("HEv2", 48_000, 2));
}

#[test]
fn explicit_rate_is_read() {
    // 2: LC | 15: explicit | 44100 in 24 bits | 1 channel
    let rate = 44_100u32;
    let bits = (2u64 << 35) | (15u64 << 31) | (u64::from(rate) << 7) | (1 << 3);
    let record = &bits.to_be_bytes()[3..];
    assert_eq!(config(record).unwrap().core_rate, rate);
}

#[test]
fn reserved_rates_and_short_records_are_refused() {
    assert!(config(&[]).is_none());
    assert!(config(&[0x12]).is_none());
    assert!(config(&[0b0001_0110, 0b1001_0000]).is_none(), "rate index 13 is reserved");
}

fn header(record: &[u8], payload: usize) -> Option<[u8; 7]> {
    with_length(adts(&config(record)?)?, payload)
}

#[test]
fn an_adts_header_says_what_the_configuration_says() {
    // As ffmpeg writes it: LC, 44.1 kHz, stereo, 100 + 7 bytes.
    assert_eq!(header(&[0x12, 0x10], 100), Some([0xff, 0xf1, 0x50, 0x80, 0x0d, 0x7f, 0xfc]));
    // HE-AAC is LC at the rate of its core, 24 kHz.
    let he = header(&[0b0010_1011, 0b0001_0001, 0b1000_1000], 100);
    assert_eq!(he, Some([0xff, 0xf1, 0x58, 0x80, 0x0d, 0x7f, 0xfc]));
    // Channels that only a program config element lists; 7.1.
    assert_eq!(header(&[0x12, 0x00], 100).unwrap()[2..4], [0x50, 0x00]);
    assert_eq!(header(&[0x12, 0x38], 100).unwrap()[2..4], [0x51, 0xc0]);
}

#[test]
fn an_adts_header_holds_13_bits_of_length() {
    assert_eq!(header(&[0x12, 0x10], 8191 - 7), Some([0xff, 0xf1, 0x50, 0x83, 0xff, 0xff, 0xfc]));
    assert_eq!(header(&[0x12, 0x10], 8192 - 7), None);
    assert_eq!(header(&[0x12, 0x10], usize::MAX), None);
}

#[test]
fn what_adts_has_no_numbers_for_gets_no_header() {
    let lc = config(&[0x12, 0x10]).unwrap();
    assert!(adts(&lc).is_some());
    assert_eq!(adts(&Config { object_type: 42, ..lc }), None);
    assert_eq!(adts(&Config { core_rate: 44_101, ..lc }), None);
    assert_eq!(adts(&Config { channels: 24, ..lc }), None);
}

#[test]
fn adts_headers_are_read_as_written() {
    for (record, rate) in [([0x12, 0x10], 44_100), ([0x11, 0x90], 48_000), ([0x14, 0x08], 16_000)] {
        let header = with_length(adts(&config(&record).unwrap()).unwrap(), 100).unwrap();
        let read = Adts::read(&header).unwrap();
        assert_eq!(
            (read.config, read.sample_rate, read.blocks, read.header, read.length),
            (record, rate, 1, 7, 107)
        );
    }
}

#[test]
fn adts_headers_with_a_crc_are_longer() {
    let mut header = with_length(adts(&config(&[0x12, 0x10]).unwrap()).unwrap(), 100).unwrap();
    header[1] &= 0xfe;
    assert_eq!(Adts::read(&header).map(|read| (read.header, read.length)), Some((9, 107)));
    header[6] |= 1;
    assert_eq!(Adts::read(&header).unwrap().blocks, 2);
}

#[test]
fn what_is_no_adts_header_is_none() {
    let good = with_length(adts(&config(&[0x12, 0x10]).unwrap()).unwrap(), 100).unwrap();
    for (at, bits) in [(0, 1), (1, 0x10), (1, 2), (2, 0x3c)] {
        let mut header = good;
        header[at] = if at == 2 { header[at] | bits } else { header[at] ^ bits };
        assert_eq!(Adts::read(&header), None, "byte {at}");
    }
    assert_eq!(Adts::read(&good[..6]), None);
    assert_eq!(Adts::read(&[0xff, 0xf1, 0x50, 0x80, 0, 0x1f, 0xfc]), None, "shorter than its header");
}

proptest! {
    #[test]
    fn byte_soup_is_survived(soup in proptest::collection::vec(any::<u8>(), 0..16)) {
        let _ = (info(&soup), config(&soup).map(|config| adts(&config)));
    }
}
