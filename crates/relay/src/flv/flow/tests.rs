use http::{HeaderMap, HeaderValue};

use super::*;
use srs_net::Outbox;

/// A file of a few tags, one with an empty body and one with an extended time.
fn file() -> Vec<u8> {
    let mut out = BytesMut::from(&tag::FILE_HEADER[..]);
    for (kind, time, body) in [
        (18, 0, &b"meta"[..]),
        (9, 0, &[0x17, 0, 0, 0, 0, 1]),
        (9, 0x0123_4567, &[0x17, 1, 0, 0, 0, 9]),
        (8, 5, b""),
    ] {
        tag::write(kind, time, body, &mut out);
    }
    out.to_vec()
}

fn chunked(file: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for part in file.chunks(size) {
        out.extend_from_slice(&chunk_header(part.len()));
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

fn framing(fields: &[(&'static str, String)]) -> Body {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    Body::of_response(&headers).unwrap()
}

/// What the client is sent when `input` comes in these two parts.
fn through(body: &Body, chunks: bool, input: &[u8], split: usize) -> Vec<u8> {
    let mut flow = Flow::new(body.clone());
    let mut out = Outbox::default();
    for part in [&input[..split], &input[split..]] {
        flow.take(&mut out, chunks, Bytes::copy_from_slice(part)).unwrap();
    }
    out.take_all().to_vec()
}

#[test]
fn flv_is_the_same_behind_every_framing_wherever_the_input_is_split() {
    let file = file();
    let whole = file.clone();
    for (body, input) in [
        (framing(&[]), whole),
        (framing(&[("content-length", file.len().to_string())]), file.clone()),
        (framing(&[("transfer-encoding", "chunked".to_owned())]), chunked(&file, 7)),
        (framing(&[("transfer-encoding", "chunked".to_owned())]), chunked(&file, 1000)),
    ] {
        for split in 0..=input.len() {
            assert_eq!(through(&body, false, &input, split), file, "{body:?} split at {split}");
        }
    }
}

#[test]
fn our_chunks_hold_the_same_flv() {
    let file = file();
    for split in 0..=file.len() {
        let mut input = Bytes::from(through(&Body::UntilClose, true, &file, split));
        let mut body = framing(&[("transfer-encoding", "chunked".to_owned())]);
        let mut joined = Vec::new();
        while let Some(piece) = body.read(&mut input).unwrap() {
            joined.extend_from_slice(&piece);
        }
        assert_eq!(joined, file, "split at {split}");
        assert!(!body.is_over(), "an empty chunk would end the body");
    }
}

#[test]
fn the_senders_flags_are_passed_on() {
    let mut file = tag::FILE_HEADER_AUDIO.to_vec();
    file.extend_from_slice(&self::file()[13..]);
    assert_eq!(through(&Body::UntilClose, false, &file, 3), file);
}

#[test]
fn what_is_no_flv_is_refused() {
    let mut flow = Flow::new(Body::UntilClose);
    let taken = flow.take(&mut Outbox::default(), false, Bytes::from_static(b"<html></html>"));
    assert!(matches!(taken, Err(Broken::Tag(_))));
}

#[test]
fn a_broken_framing_is_refused() {
    let mut flow = Flow::new(framing(&[("transfer-encoding", "chunked".to_owned())]));
    let taken = flow.take(&mut Outbox::default(), false, Bytes::from_static(b"no chunk\r\n"));
    assert!(matches!(taken, Err(Broken::Body(_))));
}
