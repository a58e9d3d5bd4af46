use bytes::Bytes;
use srs_media::{Codec, Role};
use srs_net::http::Body;
use srs_rtmp::chunk::{Bodies, Reader};

use super::*;

fn frame(kind: Kind, time: i64, wire: &'static [u8]) -> Frame {
    let (role, codec) = (Role::Key, Codec::None);
    Frame { kind, role, codec, track: 0, time, composition: 0, wire: Bytes::from_static(wire) }
}

fn headers() -> Headers {
    Headers {
        metadata: Some(frame(Kind::Data, 0, b"meta")),
        configs: vec![frame(Kind::Video, 0, b"avcc"), frame(Kind::Audio, 0, b"asc")],
        audio: true,
        video: true,
        term: None,
    }
}

fn all(rendition: &mut impl Rendition, first: bool) -> Bytes {
    let mut out = BytesMut::new();
    rendition.opener().head(&headers(), 70, first, &mut out);
    rendition.push(&frame(Kind::Video, 70, b"key"), true, &mut out);
    rendition.push(&frame(Kind::Audio, 75, b"sound"), false, &mut out);
    out.freeze()
}

type Tags = Vec<(u8, u32, Bytes)>;

fn tags(mut input: Bytes) -> (Option<[u8; 13]>, Tags) {
    let mut reader = tag::Reader::new(Bodies::Owned);
    let mut tags = Vec::new();
    while let Some(tag) = reader.read(&mut input).unwrap() {
        tags.push((tag.kind, tag.timestamp, tag.body));
    }
    (reader.take_file_header(), tags)
}

const EXPECTED: [(u8, u32, &[u8]); 5] =
    [(18, 0, b"meta"), (9, 70, b"avcc"), (8, 70, b"asc"), (9, 70, b"key"), (8, 75, b"sound")];

#[test]
fn flv_opens_with_metadata_of_no_time_and_codec_headers_at_that_of_the_first_frame() {
    let (file, tags) = tags(all(&mut Flv::new(false), true));
    assert_eq!(file, Some(tag::FILE_HEADER));
    assert_eq!(tags, EXPECTED.map(|(kind, time, body)| (kind, time, Bytes::from_static(body))));
}

#[test]
fn chunks_hold_the_same_flv() {
    let plain = all(&mut Flv::new(false), true);
    let mut chunked = all(&mut Flv::new(true), true);
    let mut fields = http::HeaderMap::new();
    fields.insert("transfer-encoding", http::HeaderValue::from_static("chunked"));
    let mut body = Body::of_response(&fields).unwrap();
    let mut joined = BytesMut::new();
    while let Some(piece) = body.read(&mut chunked).unwrap() {
        joined.extend_from_slice(&piece);
    }
    assert_eq!(joined.freeze(), plain);
}

#[test]
fn a_viewer_that_skips_gets_no_second_file_header() {
    let out = all(&mut Flv::new(false), false);
    assert_ne!(out[..3], *b"FLV");
}

#[test]
fn the_file_header_promises_only_what_is_known_to_come() {
    let of = |audio, video| {
        let mut out = BytesMut::new();
        Flv::new(false).head(&Headers { audio, video, ..Headers::default() }, 0, true, &mut out);
        out[4]
    };
    assert_eq!((of(true, true), of(true, false), of(false, true), of(false, false)), (5, 4, 1, 5));
}

#[test]
fn rtmp_chunks_read_back_as_the_same_messages() {
    let mut input = all(&mut Rtmp::new(4096), true);
    let mut reader = Reader::new(Bodies::Owned);
    let mut size = BytesMut::new();
    chunk::Writer::new(128).write(&chunk::set_chunk_size(4096), &mut size);
    let _handled = reader.read(&mut size.freeze()).unwrap();
    let mut messages = Vec::new();
    while let Some(message) = reader.read(&mut input).unwrap() {
        assert_eq!(message.stream_id, 1);
        messages.push((message.kind.0, message.timestamp, message.body));
    }
    assert_eq!(messages, EXPECTED.map(|(kind, time, body)| (kind, time, Bytes::from_static(body))));
}

#[test]
fn times_beyond_32_bits_wrap() {
    assert_eq!((wrap(0x1_0000_0005), wrap(-1)), (5, u32::MAX));
}
