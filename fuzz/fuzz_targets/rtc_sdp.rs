//! An SDP is given back as it was, and what is set in it is found in it.
#![no_main]

#[path = "../../crates/rtc/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::sdp(data));
