//! What decodes encodes to bytes that decode to the same.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use srs_amf::{Value, decode, encode};

fn bytes(value: &Value) -> BytesMut {
    let mut out = BytesMut::new();
    encode(value, &mut out);
    out
}

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    while let Ok(value) = decode(&mut rest) {
        let first = bytes(&value);
        let again = decode(&mut &first[..]).expect("what was encoded decodes");
        // By bytes: a NaN is not equal to itself.
        assert_eq!(first, bytes(&again));
    }
});
