//! A handshake of SRT is read within its datagram, written as it was, and told again with nothing else changed.
#![no_main]

#[path = "../../crates/srt/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::handshake(data));
