//! The chunk layer against two independent implementations, each within what it is known to do right: rtmp-rs breaks at
//! extended timestamps, drops empty messages and cannot step back in time; scuffle-rtmp takes chunk sizes from 128.

use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;
use rtmp_rs::protocol::chunk::{ChunkDecoder, ChunkEncoder, RtmpChunk};
use scuffle_rtmp::chunk::Chunk;
use scuffle_rtmp::chunk::reader::ChunkReader;
use scuffle_rtmp::chunk::writer::ChunkWriter;
use scuffle_rtmp::messages::MessageType;
use srs_rtmp::chunk::{Bodies, Reader, Writer, csid_for, set_chunk_size};
use srs_rtmp::{Message, MessageKind};

fn body() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 1..3000).prop_map(Bytes::from)
}

fn kind() -> impl Strategy<Value = MessageKind> {
    prop::sample::select(vec![
        MessageKind::AUDIO,
        MessageKind::VIDEO,
        MessageKind::DATA_AMF0,
        MessageKind::COMMAND_AMF0,
    ])
}

fn message(times: impl Strategy<Value = u32>) -> impl Strategy<Value = Message> {
    (kind(), times, 0u32..5, body()).prop_map(|(kind, timestamp, stream_id, body)| Message {
        kind,
        timestamp,
        stream_id,
        body,
    })
}

/// Messages with 24-bit times that never step back. Equal lengths are common, so that short headers are used.
fn forward() -> impl Strategy<Value = Vec<Message>> {
    let step = (prop_oneof![Just(40u32), 0u32..5000], message(Just(0)), any::<bool>());
    prop::collection::vec(step, 1..20).prop_map(|steps| {
        let mut time = 0;
        let next = steps.into_iter().map(|(step, message, same)| {
            time += step;
            let body = if same { Bytes::from_static(&[0x55; 200]) } else { message.body };
            Message { timestamp: time, stream_id: 1, body, ..message }
        });
        next.collect()
    })
}

fn times() -> impl Strategy<Value = u32> {
    prop_oneof![any::<u32>(), 0u32..1000, (0u32..6).prop_map(|step| 0x00ff_fffc + step)]
}

fn write(messages: &[Message], chunk_size: u32) -> BytesMut {
    let mut out = BytesMut::new();
    let writer = Writer::new(chunk_size);
    messages.iter().for_each(|message| writer.write(message, &mut out));
    out
}

/// Reads what a peer wrote that cuts at `chunk_size` without having said so.
#[expect(clippy::unwrap_used, reason = "a failure here is the failure of the test that calls it")]
fn read(wire: &[u8], chunk_size: u32) -> Vec<Message> {
    let mut all = BytesMut::new();
    Writer::new(128).write(&set_chunk_size(chunk_size), &mut all);
    all.extend_from_slice(wire);
    let (mut reader, mut input) = (Reader::new(Bodies::Shared), all.freeze());
    std::iter::from_fn(|| reader.read(&mut input).unwrap()).collect()
}

proptest! {
    #[test]
    fn rtmp_rs_reads_what_we_write(messages in forward(), chunk_size in 1u32..4000) {
        let mut wire = write(&messages, chunk_size);
        let mut decoder = ChunkDecoder::new();
        decoder.set_chunk_size(chunk_size);
        let mut found = Vec::new();
        while !wire.is_empty() {
            let before = wire.len();
            match decoder.decode(&mut wire).unwrap() {
                Some(chunk) => found.push(Message {
                    kind: MessageKind(chunk.message_type),
                    timestamp: chunk.timestamp,
                    stream_id: chunk.stream_id,
                    body: chunk.payload,
                }),
                // A chunk that completed no message.
                None => prop_assert!(wire.len() < before, "rtmp-rs is stuck"),
            }
        }
        prop_assert_eq!(found, messages);
    }

    #[test]
    fn we_read_what_rtmp_rs_writes_with_its_short_headers(messages in forward(), chunk_size in 1u32..4000) {
        let mut encoder = ChunkEncoder::new();
        encoder.set_chunk_size(chunk_size);
        let mut wire = BytesMut::new();
        for message in &messages {
            let chunk = RtmpChunk {
                csid: csid_for(message.kind),
                timestamp: message.timestamp,
                message_type: message.kind.0,
                stream_id: message.stream_id,
                payload: message.body.clone(),
            };
            encoder.encode(&chunk, &mut wire);
        }
        prop_assert_eq!(read(&wire, chunk_size), messages);
    }

    #[test]
    fn scuffle_reads_what_we_write(messages in prop::collection::vec(message(times()), 1..10), chunk_size in 128u32..4000) {
        let mut wire = write(&messages, chunk_size);
        let mut reader = ChunkReader::default();
        prop_assert!(reader.update_max_chunk_size(usize::try_from(chunk_size).unwrap()));
        let mut found = Vec::new();
        while let Some(chunk) = reader.read_chunk(&mut wire).unwrap() {
            found.push(Message {
                kind: MessageKind(chunk.message_header.msg_type_id.0),
                timestamp: chunk.message_header.timestamp,
                stream_id: chunk.message_header.msg_stream_id,
                body: chunk.payload,
            });
        }
        prop_assert_eq!(found, messages);
    }

    #[test]
    fn we_read_what_scuffle_writes(messages in prop::collection::vec(message(times()), 1..10), chunk_size in 128u32..4000) {
        let mut writer = ChunkWriter::default();
        writer.set_chunk_size(usize::try_from(chunk_size).unwrap());
        let mut wire = BytesMut::new().writer();
        for Message { kind, timestamp, stream_id, body } in &messages {
            let chunk = Chunk::new(csid_for(*kind), *timestamp, MessageType(kind.0), *stream_id, body.clone());
            writer.write_chunk(&mut wire, chunk).unwrap();
        }
        prop_assert_eq!(read(wire.get_ref(), chunk_size), messages);
    }
}
