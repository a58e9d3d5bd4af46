//! The same messages however the input is cut; and they survive being written again.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use srs_rtmp::Message;
use srs_rtmp::chunk::{Bodies, Error, MAX_PARTIAL, Reader, Writer};
use srs_rtmp::peek::peek;

fn read(data: &[u8], bodies: Bodies, step: usize) -> (Vec<Message>, Option<Error>) {
    let mut reader = Reader::new(bodies);
    reader.limit_partial(MAX_PARTIAL);
    let mut messages = Vec::new();
    for piece in data.chunks(step) {
        let mut input = Bytes::copy_from_slice(piece);
        loop {
            match reader.read(&mut input) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
        assert!(input.is_empty());
    }
    (messages, None)
}

fuzz_target!(|data: &[u8]| {
    let Some((&step, data)) = data.split_first() else { return };
    let whole = read(data, Bodies::Shared, data.len().max(1));
    assert_eq!(whole, read(data, Bodies::Owned, usize::from(step).max(1)));
    let writer = Writer::new(u32::from(step).max(1));
    let mut wire = BytesMut::new();
    Writer::new(128).write(&srs_rtmp::chunk::set_chunk_size(u32::from(step).max(1)), &mut wire);
    for message in &whole.0 {
        peek(message.kind.0, &message.body);
        writer.write(message, &mut wire);
    }
    let (again, error) = read(&wire, Bodies::Shared, 777);
    assert_eq!((again, error), (whole.0, None));
});
