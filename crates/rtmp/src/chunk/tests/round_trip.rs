//! What is written is read back, by us and by others.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::{read_all, read_pieces};
use crate::chunk::{Bodies, Reader, Writer, csid_for, set_chunk_size};
use crate::{Message, MessageKind};

fn any_message() -> impl Strategy<Value = Message> {
    let kinds = prop::sample::select(vec![3u8, 4, 5, 6, 8, 9, 15, 17, 18, 20, 22, 99]);
    let times = prop_oneof![
        any::<u32>(),
        0u32..1000,
        (0u32..5).prop_map(|step| 0x00ff_fffd + step),
        (0u32..5).prop_map(|step| 0x7fff_fffd + step),
        (0u32..5).prop_map(|step| 0xffff_fffb + step),
    ];
    let bodies = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..300),
        1 => prop::collection::vec(any::<u8>(), 0..5000),
    ];
    (kinds, times, any::<u32>(), bodies).prop_map(|(kind, timestamp, stream_id, body)| Message {
        kind: MessageKind(kind),
        timestamp,
        stream_id,
        body: body.into(),
    })
}

fn write_all(messages: &[Message], chunk_size: u32) -> Bytes {
    let mut out = BytesMut::new();
    let mut writer = Writer::new(crate::chunk::DEFAULT_CHUNK_SIZE);
    writer.write(&set_chunk_size(chunk_size), &mut out);
    writer.set_chunk_size(chunk_size);
    messages.iter().for_each(|message| writer.write(message, &mut out));
    out.freeze()
}

proptest! {
    #[test]
    fn messages_survive_the_round_trip(
        messages in prop::collection::vec(any_message(), 0..12),
        chunk_size in prop_oneof![1u32..10, 10u32..70_000],
        cut in 1usize..4000,
    ) {
        let wire = write_all(&messages, chunk_size);
        prop_assert_eq!(&read_all(&wire).unwrap(), &messages);
        let pieces: Vec<&[u8]> = wire.chunks(cut).collect();
        prop_assert_eq!(read_pieces(&mut Reader::new(Bodies::Shared), &pieces).unwrap(), messages);
    }

    #[test]
    fn parts_are_the_same_bytes(message in any_message(), chunk_size in 1u32..3000) {
        let writer = Writer::new(chunk_size);
        let mut whole = BytesMut::new();
        writer.write(&message, &mut whole);
        let mut parts = Vec::new();
        writer.write_parts(&message, &mut BytesMut::new(), &mut parts);
        prop_assert_eq!(whole.freeze(), Bytes::from(parts.concat()));
    }
}

#[test]
fn a_session_may_be_cut_anywhere() {
    let message =
        |kind, timestamp, length| Message { kind, timestamp, stream_id: 1, body: vec![1; length].into() };
    let messages = [
        message(MessageKind::VIDEO, 0x00ff_fffe, 300),
        message(MessageKind::AUDIO, 0x00ff_ffff, 1),
        message(MessageKind::VIDEO, 0x0100_0001, 300),
        message(MessageKind::DATA_AMF0, u32::MAX, 0),
        message(MessageKind::AUDIO, 3, 129),
    ];
    let wire = write_all(&messages, 100);
    for cut in 0..=wire.len() {
        let (head, tail) = wire.split_at(cut);
        assert_eq!(
            read_pieces(&mut Reader::new(Bodies::Owned), &[head, tail]).unwrap(),
            messages,
            "cut at {cut}"
        );
    }
}

#[test]
fn a_timestamp_that_goes_back_is_written_as_it_is() {
    let times = [5000, 5040, 5020, 5060];
    let messages = times.map(|timestamp| super::audio(timestamp, b"x"));
    assert_eq!(read_all(&write_all(&messages, 128)).unwrap(), messages);
}

#[test]
fn a_body_that_24_bits_cannot_announce_is_not_written() {
    let mut out = BytesMut::new();
    let body = Bytes::from(vec![0; 0x0100_0000]);
    let message = Message { kind: MessageKind::VIDEO, timestamp: 0, stream_id: 1, body };
    Writer::new(60_000).write(&message, &mut out);
    assert!(out.is_empty());
}

#[test]
fn parts_do_not_copy_the_body() {
    let body = Bytes::from(vec![7; 1000]);
    let range = body.as_ptr_range();
    let mut parts = Vec::new();
    let message = Message { kind: MessageKind::VIDEO, timestamp: 0, stream_id: 1, body };
    Writer::new(400).write_parts(&message, &mut BytesMut::new(), &mut parts);
    assert_eq!(parts.len(), 6);
    assert!(parts.iter().skip(1).step_by(2).all(|part| range.contains(&part.as_ptr())));
}

#[test]
fn every_kind_has_a_chunk_stream_id_of_one_byte() {
    assert!((0..=255).all(|kind| (2..64).contains(&csid_for(MessageKind(kind)))));
}
