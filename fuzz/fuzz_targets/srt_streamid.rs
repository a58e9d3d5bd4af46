//! What a stream id of SRT means is the same in the form of pairs, and with a key of ours, which comes out again.
#![no_main]

#[path = "../../crates/srt/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::stream_id(data));
