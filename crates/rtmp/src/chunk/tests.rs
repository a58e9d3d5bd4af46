//! Header forms and the habits of senders. Limits and round trips are in the modules below.

mod limits;
mod round_trip;

use bytes::{Bytes, BytesMut};

use super::{Bodies, Error, Reader};
use crate::{Message, MessageKind};

/// Reads all messages from pieces of input.
fn read_pieces(reader: &mut Reader, pieces: &[&[u8]]) -> Result<Vec<Message>, Error> {
    let mut messages = Vec::new();
    for piece in pieces {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(message) = reader.read(&mut input)? {
            messages.push(message);
        }
        assert!(input.is_empty(), "None must mean that the input is used up");
    }
    Ok(messages)
}

fn read_all(wire: &[u8]) -> Result<Vec<Message>, Error> {
    read_pieces(&mut Reader::new(Bodies::Owned), &[wire])
}

/// The timestamps that come out, whatever the place at which the input is cut.
fn times(wire: &[u8]) -> Vec<u32> {
    let whole = read_all(wire).unwrap();
    for cut in 0..wire.len() {
        let (head, tail) = wire.split_at(cut);
        assert_eq!(
            read_pieces(&mut Reader::new(Bodies::Shared), &[head, tail]).unwrap(),
            whole,
            "cut at {cut}"
        );
    }
    whole.iter().map(|message| message.timestamp).collect()
}

/// A type 0 chunk of an audio message on stream 1 with one byte of body.
fn full(csid: u8, time: u32) -> Vec<u8> {
    let mut wire = vec![csid];
    let field = time.min(0x00ff_ffff);
    wire.extend_from_slice(&field.to_be_bytes()[1..]);
    wire.extend_from_slice(&[0, 0, 1, 8, 1, 0, 0, 0]);
    if field == 0x00ff_ffff {
        wire.extend_from_slice(&time.to_be_bytes());
    }
    wire.push(0xaf);
    wire
}

/// A Set Chunk Size message.
fn resize(size: u32) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0], size.to_be_bytes().as_slice()].concat()
}

fn audio(timestamp: u32, body: &[u8]) -> Message {
    Message { kind: MessageKind::AUDIO, timestamp, stream_id: 1, body: Bytes::copy_from_slice(body) }
}

#[test]
fn a_full_header_says_all() {
    let message = read_all(&full(4, 0x0001_0203)).unwrap().remove(0);
    assert_eq!(message, audio(0x0001_0203, &[0xaf]));
}

#[test]
fn the_three_lengths_of_chunk_stream_ids_are_told_apart() {
    let tail = &full(0, 5)[1..];
    // 64, 320 and 65599; the same chunk streams again by type 3 headers in their own spelling.
    let basics: [&[u8]; 4] = [&[0, 0], &[1, 0, 1], &[1, 0xff, 0xff], &[63]];
    let first = basics.map(|basic| [basic, tail].concat()).concat();
    let again = basics.map(|basic| [&[basic[0] | 0xc0], &basic[1..], &[0xaf]].concat()).concat();
    assert_eq!(times(&[first, again].concat()), [5, 5, 5, 5, 10, 10, 10, 10]);
}

#[test]
fn two_spellings_of_an_id_are_one_chunk_stream() {
    let wire = [&[0, 6], &full(0, 5)[1..], &[0xc1, 6, 0, 0xaf]].concat();
    assert_eq!(times(&wire), [5, 10]);
}

#[test]
fn shorter_headers_add_their_delta() {
    let delta_with_length = [0x44, 0, 0, 20, 0, 0, 2, 8, 1, 2];
    let delta_alone = [0x84, 0, 0, 30, 3, 4];
    let same_again = [0xc4, 5, 6];
    let wire = [&full(4, 1000), &delta_with_length[..], &delta_alone, &same_again].concat();
    assert_eq!(times(&wire), [1000, 1020, 1050, 1080]);
}

#[test]
fn a_type_3_message_after_a_full_header_steps_by_its_timestamp() {
    // ffmpeg: frames at 40 and 80 ms have the same field, so the second header is left out.
    assert_eq!(times(&[full(4, 40), vec![0xc4, 0xaf], vec![0xc4, 0xaf]].concat()), [40, 80, 120]);
}

#[test]
fn a_type_3_message_far_from_the_start_repeats_the_timestamp() {
    assert_eq!(times(&[full(4, 3_600_000), vec![0xc4, 0xaf]].concat()), [3_600_000, 3_600_000]);
}

#[test]
fn deltas_wrap_at_32_bits() {
    let wire = [&full(4, u32::MAX - 9)[..], &[0x84, 0, 0, 20, 0xaf]].concat();
    assert_eq!(times(&wire), [u32::MAX - 9, 10]);
}

#[test]
fn an_extended_delta_is_a_delta() {
    let wire = [&full(4, 1000)[..], &[0x84, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0xaf]].concat();
    assert_eq!(times(&wire), [1000, 0x0200_0000 + 1000]);
}

#[test]
fn a_type_1_or_2_header_without_predecessor_counts_from_zero() {
    assert_eq!(times(&[0x44, 0, 0, 7, 0, 0, 1, 8, 0xaf]), [7]);
    assert_eq!(times(&[0x84, 0, 0, 7]), [7]);
}

#[test]
fn a_type_3_header_without_predecessor_is_refused() {
    let wire = [&full(4, 0)[..], &[0xc5, 0]].concat();
    assert_eq!(read_all(&wire), Err(Error::NoPredecessor { csid: 5, at: 13 }));
}

/// A message of six bytes at `time`, with chunk size 2 and the extended timestamp on the later chunks or not.
fn extended(time: u32, repeat: bool, body: &[u8; 6]) -> Vec<u8> {
    let mut wire =
        [&resize(2)[..], &[4, 0xff, 0xff, 0xff, 0, 0, 6, 8, 1, 0, 0, 0], &time.to_be_bytes()].concat();
    for (index, piece) in body.chunks(2).enumerate() {
        if index > 0 {
            wire.push(0xc4);
            if repeat {
                wire.extend_from_slice(&time.to_be_bytes());
            }
        }
        wire.extend_from_slice(piece);
    }
    wire.extend(full(3, 1));
    wire
}

#[test]
fn extended_timestamps_may_be_repeated_or_not() {
    for time in [0x00ff_ffff, 0x0100_0000, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        for repeat in [true, false] {
            let wire = extended(time, repeat, b"abcdef");
            assert_eq!(times(&wire), [time, 1]);
            assert_eq!(read_all(&wire).unwrap()[0].body, b"abcdef".as_slice());
        }
    }
}

#[test]
fn a_body_that_begins_like_the_timestamp_is_not_taken_for_it() {
    // Payload 01 00 behind the second header is half of the timestamp 01 00 00 00.
    let wire = extended(0x0100_0000, false, b"ab\x01\x00ef");
    assert_eq!(times(&wire), [0x0100_0000, 1]);
    assert_eq!(read_all(&wire).unwrap()[0].body, b"ab\x01\x00ef".as_slice());
}

#[test]
fn an_absolute_time_repeated_after_an_extended_delta_is_stepped_over() {
    let header = [0x44, 0xff, 0xff, 0xff, 0, 0, 4, 8, 0x01, 0, 0, 0, 1, 2];
    let again = [&[0xc4][..], &(0x0100_0000u32 + 500).to_be_bytes(), &[3, 4]].concat();
    let wire = [&full(4, 500)[..], &resize(2), &header, &again].concat();
    assert_eq!(read_all(&wire).unwrap()[1].body, [1, 2, 3, 4].as_slice());
}

#[test]
fn interleaved_messages_keep_apart() {
    let wire = [
        &resize(2)[..],
        &[4, 0, 0, 1, 0, 0, 4, 8, 1, 0, 0, 0, b'a', b'b'],
        &[6, 0, 0, 2, 0, 0, 3, 9, 1, 0, 0, 0, b'x', b'y'],
        &[0xc4, b'c', b'd'],
        &[0xc6, b'z'],
    ]
    .concat();
    let messages = read_all(&wire).unwrap();
    assert_eq!(messages[0], audio(1, b"abcd"));
    assert_eq!((messages[1].timestamp, &messages[1].body[..]), (2, b"xyz".as_slice()));
}

#[test]
fn a_chunk_size_that_changes_inside_a_message_counts_from_the_next_chunk() {
    let wire = [
        &resize(2)[..],
        &[4, 0, 0, 1, 0, 0, 6, 8, 1, 0, 0, 0, b'a', b'b'],
        &resize(3)[..14],
        &[0xc2],
        &resize(3)[14..],
        &[0xc4, b'c', b'd', b'e'],
        &[0xc4, b'f'],
    ]
    .concat();
    assert_eq!(read_all(&wire).unwrap(), [audio(1, b"abcdef")]);
}

#[test]
fn an_aborted_message_is_dropped() {
    let abort = [2, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 4];
    let start = [4, 0, 0, 1, 0, 0, 4, 8, 1, 0, 0, 0, b'a', b'b'];
    let wire =
        [&resize(2)[..], &start, &[2, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0], &[0xc2, 0, 4], &full(4, 9)]
            .concat();
    assert_eq!(read_all(&wire).unwrap(), [audio(9, &[0xaf])]);
    // Nothing is held for it either, and an abort of what is not begun does nothing.
    assert_eq!(read_all(&[&abort[..], &full(4, 9)].concat()).unwrap().len(), 1);
}

#[test]
fn a_full_header_inside_a_message_is_refused() {
    let wire = [&resize(2)[..], &[4, 0, 0, 1, 0, 0, 4, 8, 1, 0, 0, 0, b'a', b'b'], &full(4, 9)].concat();
    assert_eq!(read_all(&wire), Err(Error::Overlap { csid: 4, at: 30 }));
}

#[test]
fn a_shared_body_is_a_slice_of_the_input_and_an_owned_one_is_not() {
    let mut input = BytesMut::from(full(4, 0).as_slice()).freeze();
    let range = input.as_ptr_range();
    let shared = Reader::new(Bodies::Shared).read(&mut input.clone()).unwrap().unwrap();
    let owned = Reader::new(Bodies::Owned).read(&mut input).unwrap().unwrap();
    assert!(range.contains(&shared.body.as_ptr()));
    assert!(!range.contains(&owned.body.as_ptr()));
}
