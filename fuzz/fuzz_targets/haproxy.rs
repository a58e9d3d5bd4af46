//! The same answer however the input is cut: none before the header's end, and the header itself whatever is behind it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use srs_net::haproxy::{MAX_HEADER, parse};

fuzz_target!(|data: &[u8]| {
    match parse(data) {
        Ok(Some(header)) => {
            assert!(header.length <= data.len() && header.length <= MAX_HEADER);
            for end in 0..header.length {
                assert_eq!(parse(&data[..end]), Ok(None));
            }
            assert_eq!(parse(&data[..header.length]), Ok(Some(header)));
        }
        Ok(None) => {
            assert!(data.len() < MAX_HEADER);
            for end in 0..data.len() {
                assert_eq!(parse(&data[..end]), Ok(None));
            }
        }
        // Nothing that follows makes a header of it.
        Err(_) => {
            let mut longer = data.to_vec();
            longer.extend(*b" 1.2.3.4 1.2.3.4 1 1\r\n");
            assert!(parse(&longer).is_err());
        }
    }
});
