//! Values are read as they were written, and others are none.

use super::*;
use srs_balance::directory::contract::{ask, key};

#[test]
fn a_claim_is_read_as_it_was_written() {
    for (instance, number) in [("a-1", 0), ("", u64::MAX), ("two\nlines and a }", 42)] {
        let claim = Claim { instance: instance.to_owned(), ..ask("s", "node one", number) };
        let value = write(&claim).unwrap();
        assert_eq!(read(&claim.key, value.as_bytes()), Some(claim));
    }
}

#[test]
fn epochs_compare_as_texts() {
    let numbers = [0, 9, 10, (1 << 53) + 1, (1 << 53) + 2, u64::MAX];
    assert!(numbers.map(|number| digits(Epoch(number))).is_sorted_by(|a, b| a < b));
}

#[test]
fn garbage_is_no_claim() {
    let good = write(&ask("s", "a", 10)).unwrap();
    let nested = "[".repeat(1000);
    let newer = good.replacen('1', "2", 1);
    let long = format!("{good}{}", "x".repeat(MAX_BYTES));
    let bad: [&[u8]; 9] = [
        b"",
        b"\xff\xff",
        nested.as_bytes(),
        newer.as_bytes(),
        long.as_bytes(),
        &good.as_bytes()[..good.len() - 4],
        b"1 12 a\ni",
        b"1 99999999999999999999 a\ni",
        b"1 00000000000000000010 \ni",
    ];
    for value in bad {
        assert_eq!(read(&key("s"), value), None, "{}", String::from_utf8_lossy(value));
    }
    assert_eq!(write(&Claim { instance: "x".repeat(MAX_BYTES), ..ask("s", "a", 1) }), None);
}
