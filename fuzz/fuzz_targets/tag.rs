//! The same tags however the file is cut; and they survive being written again.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use srs_rtmp::chunk::Bodies;
use srs_rtmp::peek::peek;
use srs_rtmp::tag::{Error, FILE_HEADER, Reader, Tag, write};

fn read(data: &[u8], bodies: Bodies, step: usize) -> (Vec<Tag>, Option<Error>) {
    let mut reader = Reader::new(bodies);
    let mut tags = Vec::new();
    for piece in data.chunks(step) {
        let mut input = Bytes::copy_from_slice(piece);
        loop {
            match reader.read(&mut input) {
                Ok(Some(tag)) => tags.push(tag),
                Ok(None) => break,
                Err(error) => return (tags, Some(error)),
            }
        }
        assert!(input.is_empty());
    }
    (tags, None)
}

fuzz_target!(|data: &[u8]| {
    let whole = read(data, Bodies::Shared, data.len().max(1));
    assert_eq!(whole, read(data, Bodies::Owned, 7));
    let mut wire = BytesMut::from(FILE_HEADER.as_slice());
    for tag in &whole.0 {
        peek(tag.kind, &tag.body);
        write(tag.kind, tag.timestamp, &tag.body, &mut wire);
    }
    assert_eq!(read(&wire, Bodies::Owned, 1000), (whole.0, None));
});
