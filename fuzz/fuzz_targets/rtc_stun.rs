//! A message of STUN is read within its datagram, and without the password it changes nothing.
#![no_main]

#[path = "../../crates/rtc/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::stun(data));
