use super::*;
use crate::heads;
use proptest::prelude::*;

#[test]
fn heads_say_their_channels() {
    for channels in 1..=8 {
        assert_eq!(heads::opus(&head(channels).unwrap()).unwrap().channels, channels);
    }
    assert_eq!((head(0), head(9)), (None, None));
    assert_eq!(head(2).unwrap().len(), 19);
    assert_eq!(head(6).unwrap()[19..], [4, 2, 0, 4, 1, 2, 3, 5]);
}

#[test]
fn packets_say_how_long_they_play() {
    assert_eq!(samples(&[0xfc]), Some(960), "CELT, 20 ms");
    assert_eq!(samples(&[0x78]), Some(960), "hybrid, 20 ms");
    assert_eq!(samples(&[0x59]), Some(5_760), "two of 60 ms");
    assert_eq!(samples(&[0x83, 0x30]), Some(5_760), "48 of 2.5 ms");
    assert_eq!(samples(&[0x5b, 3]), None, "180 ms");
    assert_eq!((samples(&[]), samples(&[0x03]), samples(&[0x03, 0])), (None, None, None));
}

#[test]
fn what_control_headers_say_beside_the_length_is_skipped() {
    let mut data = &[0x7f, 0xfc, 2, 0, 9, 0, 9, 3, 1, 2, 3, 0xaa, 0xbb, 0x7f, 0xe0, 1, 0xcc][..];
    assert_eq!(packet_off(&mut data), Some(&[0xaa, 0xbb][..]));
    assert_eq!(packet_off(&mut data), Some(&[0xcc][..]));
    assert_eq!(packet_off(&mut data), None);
    assert_eq!(packet_off(&mut &[0x7f, 0xe0, 2, 1][..]), None, "cut short");
    assert_eq!(packet_off(&mut &[0x7e, 0xe0, 1, 1][..]), None, "another mark");
}

proptest! {
    #[test]
    fn packets_are_read_as_written(lengths in prop::collection::vec(0usize..1_300, 0..6)) {
        let mut data = Vec::new();
        for &length in &lengths {
            put_control(length, &mut data);
            data.extend(std::iter::repeat_n(7, length));
        }
        let mut rest = data.as_slice();
        let found: Vec<usize> = std::iter::from_fn(|| packet_off(&mut rest)).map(<[u8]>::len).collect();
        prop_assert_eq!(found, lengths);
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn byte_soup_is_survived(soup in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = samples(&soup);
        let _ = packet_off(&mut soup.as_slice());
        let _ = packet_off(&mut [&[0x7f, 0xff], soup.as_slice()].concat().as_slice());
    }
}
