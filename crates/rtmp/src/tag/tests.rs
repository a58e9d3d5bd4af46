use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::{Error, FILE_HEADER, MAX_BODY, Reader, Tag, write};
use crate::chunk::Bodies;

fn read_pieces(pieces: &[&[u8]], bodies: Bodies) -> Result<Vec<Tag>, Error> {
    let mut reader = Reader::new(bodies);
    let mut tags = Vec::new();
    for piece in pieces {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(tag) = reader.read(&mut input)? {
            tags.push(tag);
        }
        assert!(input.is_empty(), "None must mean that the input is used up");
    }
    Ok(tags)
}

fn read_all(wire: &[u8]) -> Result<Vec<Tag>, Error> {
    read_pieces(&[wire], Bodies::Owned)
}

fn file(tags: &[Tag]) -> BytesMut {
    let mut out = BytesMut::from(FILE_HEADER.as_slice());
    tags.iter().for_each(|tag| write(tag.kind, tag.timestamp, &tag.body, &mut out));
    out
}

fn tag(kind: u8, timestamp: u32, body: &'static [u8]) -> Tag {
    Tag { kind, timestamp, body: Bytes::from_static(body) }
}

proptest! {
    #[test]
    fn tags_survive_the_round_trip(
        tags in prop::collection::vec((0u8..32, any::<u32>(), prop::collection::vec(any::<u8>(), 0..200)), 0..10),
        cut in 1usize..300,
    ) {
        let tags: Vec<Tag> =
            tags.into_iter().map(|(kind, timestamp, body)| Tag { kind, timestamp, body: body.into() }).collect();
        let wire = file(&tags);
        let pieces: Vec<&[u8]> = wire.chunks(cut).collect();
        prop_assert_eq!(read_pieces(&pieces, Bodies::Shared).unwrap(), tags);
    }

    #[test]
    fn byte_soup_never_panics(soup in prop::collection::vec(any::<u8>(), 0..400), cut in 1usize..50) {
        let wire = [&FILE_HEADER[..], &soup].concat();
        let pieces: Vec<&[u8]> = wire.chunks(cut).collect();
        let _ = read_pieces(&pieces, Bodies::Owned);
        let _ = read_all(&soup);
    }
}

#[test]
fn a_tag_has_the_bytes_of_the_standard() {
    let mut out = BytesMut::new();
    write(9, 0x0102_0304, b"ab", &mut out);
    assert_eq!(&out[..], [9, 0, 0, 2, 2, 3, 4, 1, 0, 0, 0, b'a', b'b', 0, 0, 0, 13]);
}

#[test]
fn a_file_may_be_cut_anywhere() {
    let tags = [tag(18, 0, b"meta"), tag(9, 0, b""), tag(8, 0x0100_0000, b"x")];
    let wire = file(&tags);
    for cut in 0..=wire.len() {
        let (head, tail) = wire.split_at(cut);
        assert_eq!(read_pieces(&[head, tail], Bodies::Owned).unwrap(), tags, "cut at {cut}");
    }
}

#[test]
fn wrong_back_pointers_are_ignored() {
    let mut wire = file(&[tag(9, 1, b"abc"), tag(9, 2, b"def")]);
    let at = wire.len() - 18 - 4;
    wire[at..at + 4].fill(0xff);
    wire[9..13].fill(0xee);
    assert_eq!(read_all(&wire).unwrap().len(), 2);
}

#[test]
fn the_data_offset_is_honoured_within_bounds() {
    let mut wire = b"FLV\x01\x05\x00\x00\x00\x0cxyz\x00\x00\x00\x00".to_vec();
    wire.extend_from_slice(&file(&[tag(8, 7, b"a")])[13..]);
    assert_eq!(read_all(&wire).unwrap(), [tag(8, 7, b"a")]);
    for offset in [0u32, 8, 65_537, u32::MAX] {
        wire[5..9].copy_from_slice(&offset.to_be_bytes());
        assert_eq!(read_all(&wire), Err(Error::BadOffset { offset }));
    }
}

#[test]
fn what_is_no_flv_is_refused() {
    assert_eq!(read_all(b"GET / HTTP/1.1"), Err(Error::NoSignature));
}

#[test]
fn a_tag_that_is_too_long_is_refused_where_it_begins() {
    let mut wire = file(&[tag(8, 7, b"a")]);
    wire.extend_from_slice(&[9, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(read_all(&wire), Err(Error::TooLong { length: 0x00ff_ffff, at: 29 }));
}

#[test]
fn an_announced_length_reserves_next_to_nothing() {
    let [_, a, b, c] = u32::try_from(MAX_BODY).unwrap().to_be_bytes();
    let wire = [&FILE_HEADER[..], &[9, a, b, c, 0, 0, 0, 0, 0, 0, 0, 1]].concat();
    let mut reader = Reader::new(Bodies::Owned);
    assert_eq!(reader.read(&mut Bytes::from(wire)), Ok(None));
    assert!(reader.body.reserved() <= 64 * 1024);
}

#[test]
fn the_encryption_bit_is_not_part_of_the_kind() {
    let mut wire = file(&[tag(9, 7, b"a")]);
    wire[13] |= 0x20;
    assert_eq!(read_all(&wire).unwrap()[0].kind, 9);
}
