//! What a hostile sender cannot do.

use bytes::Bytes;
use proptest::prelude::*;

use super::{full, read_all, read_pieces, resize};
use crate::chunk::{Bodies, Error, MAX_CHUNK_STREAMS, MAX_OPEN, MAX_PARTIAL, Reader};

/// The first chunk header of a message of `length` bytes.
fn announce(csid: u8, length: u32) -> Vec<u8> {
    let [_, a, b, c] = length.to_be_bytes();
    vec![csid, 0, 0, 0, a, b, c, 9, 1, 0, 0, 0]
}

#[test]
fn an_announced_length_reserves_next_to_nothing() {
    let mut reader = Reader::new(Bodies::Owned);
    let mut wire = resize(0x7fff_ffff);
    wire.extend(announce(4, 0x00ff_ffff));
    wire.push(0);
    read_pieces(&mut reader, &[&wire]).unwrap();
    assert!(reader.reserved() <= 64 * 1024, "{}", reader.reserved());
}

#[test]
fn thirty_two_unfinished_messages_reserve_little_and_one_more_is_refused() {
    let mut reader = Reader::new(Bodies::Owned);
    // Chunk size 1, so that the next header can follow the first byte.
    let mut wire = resize(1);
    let count = u8::try_from(MAX_OPEN).unwrap();
    for csid in 3..3 + count {
        wire.extend(announce(csid, 0x00ff_ffff));
        wire.push(0);
    }
    assert!(read_pieces(&mut reader, &[&wire]).unwrap().is_empty());
    assert!(reader.reserved() <= 64 * 1024, "{}", reader.reserved());
    let more = announce(3 + count, 5);
    assert!(matches!(read_pieces(&mut reader, &[&more]), Err(Error::TooManyOpen { .. })));
}

#[test]
fn known_chunk_streams_are_limited() {
    let many = u8::try_from(MAX_CHUNK_STREAMS).unwrap();
    let wire: Vec<u8> = (0..many).flat_map(|id| [&[0, id], &full(0, 0)[1..]].concat()).collect();
    assert_eq!(read_all(&wire).unwrap().len(), MAX_CHUNK_STREAMS);
    let wire = [&wire[..], &[0, many], &full(0, 0)[1..]].concat();
    assert!(matches!(read_all(&wire), Err(Error::TooManyStreams { .. })));
}

#[test]
fn unfinished_bytes_are_limited_per_connection() {
    let mut reader = Reader::new(Bodies::Owned);
    let half = vec![0; MAX_PARTIAL / 2];
    let wire = [&resize(u32::try_from(half.len()).unwrap())[..], &announce(4, 0x00ff_ffff), &half].concat();
    assert!(read_pieces(&mut reader, &[&wire, &announce(5, 0x00ff_ffff), &half]).unwrap().is_empty());
    let more = [&announce(6, 0x00ff_ffff)[..], &[0]].concat();
    assert!(matches!(
        read_pieces(&mut reader, &[&more]),
        Err(Error::TooMuchPartial { limit: MAX_PARTIAL, .. })
    ));
}

#[test]
fn the_limit_counts_what_is_held_now() {
    let mut reader = Reader::new(Bodies::Owned);
    reader.limit_partial(1000);
    let mut wire = resize(1000);
    for _ in 0..10 {
        wire.extend(announce(4, 900));
        wire.extend([7; 900]);
    }
    let pieces: Vec<&[u8]> = wire.chunks(100).collect();
    assert_eq!(read_pieces(&mut reader, &pieces).unwrap().len(), 10);
}

#[test]
fn a_chunk_size_of_zero_is_refused() {
    assert_eq!(read_all(&resize(0)), Err(Error::ZeroChunkSize { at: 16 }));
    assert_eq!(read_all(&resize(0x8000_0000)), Err(Error::ZeroChunkSize { at: 16 }));
}

#[test]
fn the_top_bit_of_a_chunk_size_is_ignored() {
    let wire = [&resize(0x8000_0000 | 200)[..], &announce(4, 200), &[1; 200], &full(5, 0)].concat();
    assert_eq!(read_all(&wire).unwrap().len(), 2);
}

#[test]
fn the_smallest_and_largest_chunk_sizes_are_used() {
    let bytewise = [&resize(1)[..], &announce(4, 3), &[b'a', 0xc4, b'b', 0xc4, b'c']].concat();
    assert_eq!(read_all(&bytewise).unwrap()[0].body, b"abc".as_slice());
    let wire = [&resize(0x7fff_ffff)[..], &announce(4, 100_000), &[1; 100_000]].concat();
    assert_eq!(read_all(&wire).unwrap()[0].body.len(), 100_000);
}

#[test]
fn control_messages_that_are_too_short_are_refused() {
    for kind in [1, 2] {
        let wire = [2, 0, 0, 0, 0, 0, 3, kind, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(read_all(&wire), Err(Error::BadControl { kind, at: 15 }));
    }
}

#[test]
fn a_body_gathered_from_pieces_fits_its_allocation() {
    let mut reader = Reader::new(Bodies::Owned);
    let wire = [&resize(700)[..], &announce(4, 5000)].concat();
    read_pieces(&mut reader, &[&wire]).unwrap();
    for piece in [700; 7] {
        read_pieces(&mut reader, &[&vec![1; piece], &[0xc4]]).unwrap();
        assert!(reader.reserved() <= 5000, "{}", reader.reserved());
    }
    assert_eq!(read_pieces(&mut reader, &[&[1; 100]]).unwrap()[0].body.len(), 5000);
}

proptest! {
    #[test]
    fn byte_soup_never_panics(soup in prop::collection::vec(any::<u8>(), 0..2000), cut in 1usize..100) {
        let mut reader = Reader::new(Bodies::Owned);
        for piece in soup.chunks(cut) {
            let mut input = Bytes::copy_from_slice(piece);
            while let Ok(Some(_)) = reader.read(&mut input) {}
        }
    }

    #[test]
    fn a_cut_never_changes_what_soup_means(
        soup in prop::collection::vec(prop_oneof![0u8..8, 0xc2u8..0xc8, Just(0xff)], 0..300),
        cut in 1usize..20,
    ) {
        let whole = read_all(&soup);
        let pieces: Vec<&[u8]> = soup.chunks(cut).collect();
        let cut = read_pieces(&mut Reader::new(Bodies::Shared), &pieces);
        prop_assert_eq!(whole, cut);
    }
}
