use proptest::prelude::*;

use super::*;

/// All whole datagrams that are there.
fn take_all(reader: &mut Reader) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| reader.take().unwrap()).map(|datagram| datagram.to_vec()).collect()
}

#[test]
fn a_frame_is_taken_when_it_is_whole() {
    let mut reader = Reader::default();
    for (bytes, whole) in [(&b"\0"[..], 0), (b"\x03a", 0), (b"b", 0), (b"c\0\x01", 1), (b"d", 1)] {
        reader.push(bytes);
        assert_eq!(take_all(&mut reader).len(), whole, "{bytes:?}");
    }
}

#[test]
fn empty_frames_are_passed_over() {
    let mut reader = Reader::default();
    reader.push(b"\0\0\0\0\0\x01a\0\0");
    assert_eq!(take_all(&mut reader), [b"a"]);
}

#[test]
fn a_frame_that_is_too_long_is_known_by_its_head() {
    let mut reader = Reader::default();
    reader.push(&[0x08, 0x01]);
    assert_eq!(reader.take(), Err(TooLong { length: 2049 }));
    let mut reader = Reader::default();
    reader.push(&[0x08, 0x00]);
    assert_eq!(reader.take(), Ok(None));
}

#[test]
fn a_datagram_that_is_too_long_is_not_written() {
    for length in [2049, 70_000] {
        let mut out = BytesMut::new();
        assert_eq!(write(&mut out, &vec![0; length]), Err(TooLong { length }));
        assert!(out.is_empty());
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_however_it_is_cut(
        datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..8),
        cut in 1_usize..50,
    ) {
        let mut out = BytesMut::new();
        for datagram in &datagrams {
            write(&mut out, datagram).unwrap();
        }
        let mut reader = Reader::default();
        let mut came = Vec::new();
        for piece in out.chunks(cut) {
            reader.push(piece);
            came.extend(take_all(&mut reader));
        }
        prop_assert_eq!(came, datagrams);
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        let mut reader = Reader::default();
        reader.push(&bytes);
        while let Ok(Some(datagram)) = reader.take() {
            prop_assert!(!datagram.is_empty() && datagram.len() <= MOST_BYTES);
        }
    }
}
