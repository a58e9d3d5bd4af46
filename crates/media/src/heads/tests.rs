use super::*;
use proptest::prelude::*;

#[test]
fn opus_head_is_read() {
    let info = opus(b"OpusHead\x01\x02\x38\x01\x44\xac\0\0\0\0\0").unwrap();
    assert_eq!((info.sample_rate, info.channels), (48_000, 2));
    assert!(opus(b"OpusHead\x01").is_none());
}

#[test]
fn flac_stream_info_is_read_with_and_without_its_mark() {
    // The reference encoder, 48 kHz mono.
    let file =
        b"fLaC\x00\x00\x00\x22\x12\x00\x12\x00\x00\x00\xc2\x00\x04\xff\x0b\xb8\x00\xf0\x00\x00\x25\x80";
    for record in [&file[..], &file[8..]] {
        let info = flac(record).unwrap();
        assert_eq!((info.sample_rate, info.channels), (48_000, 1));
    }
}

#[test]
fn mp3_frame_header_is_read() {
    // LAME, 44.1 kHz mono.
    let info = mp3(&[0xff, 0xfb, 0x50, 0xc4]).unwrap();
    assert_eq!((info.sample_rate, info.channels), (44_100, 1));
    assert!(mp3(&[0x12, 0xfb, 0x50, 0xc4]).is_none());
}

proptest! {
    #[test]
    fn byte_soup_is_survived(soup in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = (opus(&soup), flac(&soup), mp3(&soup));
        let _ = opus(&[b"OpusHead", soup.as_slice()].concat());
    }
}
