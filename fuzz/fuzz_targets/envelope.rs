//! No text of a stranger is opened; what stands behind a good seal is read without a panic, and is the same when it is
//! sealed and read again.
#![no_main]

use hmac::{Hmac, Mac};
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;
use srs_names::envelope::{Foreign, MOST_BYTES, Seal};

const SECRET: &[u8] = b"fuzz";

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().to_vec()
}

fuzz_target!(|data: &[u8]| {
    let Ok(told) = std::str::from_utf8(data) else { return };
    let seal = Seal::new(SECRET);
    assert!(seal.open(told, |_| true, 0).is_err());
    let mac = hmac(&hmac(SECRET, b"node envelope v1"), told.as_bytes());
    let mac: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    // When it was sent is the last number but one.
    let now = told.rsplit(';').nth(1).and_then(|sent| sent.parse().ok()).unwrap_or(0);
    let sealed = seal.open(&format!("{told};{mac}"), |_| true, now);
    assert_ne!(sealed, Err(Foreign::Secret));
    let Ok((envelope, mark)) = sealed else { return };
    let again = seal.sign(&envelope, mark.sent_ms, mark.nonce);
    match seal.open(&again, |to| to == envelope.to, now) {
        Ok(read) => assert_eq!(read, (envelope, mark)),
        Err(error) => assert!(again.len() > MOST_BYTES && error == Foreign::Malformed),
    }
});
