//! The same answer however the input is cut; any C1 that begins with version 3 is answered.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use srs_rtmp::Random;
use srs_rtmp::handshake::{BLOCK, Error, Server};

fn shake(data: &[u8], step: usize) -> (Result<bool, Error>, BytesMut, usize) {
    let (mut random, mut out) = (Random::new([1; 32]), BytesMut::new());
    let (mut server, mut done, mut left) = (Server::new(), false, 0);
    for piece in data.chunks(step) {
        if done {
            left += piece.len();
            continue;
        }
        let mut input = Bytes::copy_from_slice(piece);
        match server.read(&mut input, &mut random, &mut out) {
            Ok(now) => done = now,
            Err(error) => return (Err(error), out, 0),
        }
        left += input.len();
    }
    (Ok(done), out, left)
}

fuzz_target!(|data: &[u8]| {
    let whole = shake(data, data.len().max(1));
    assert_eq!(whole, shake(data, 100));
    if data.first() == Some(&3) {
        assert_eq!(whole.1.len(), if data.len() > BLOCK { 1 + 2 * BLOCK } else { 0 });
    }
});
