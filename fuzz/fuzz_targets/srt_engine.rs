//! A running connection of SRT lives through any packets, in short time each and with bounded answers.
#![no_main]

#[path = "../../crates/peer/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::engine(data));
