use std::io::Read as _;

use super::*;

#[test]
fn gzip_is_for_those_who_name_it_and_do_not_rule_it_out() {
    let takes =
        |coding: &str| takes_gzip(&Request::builder().header("accept-encoding", coding).body(()).unwrap());
    for coding in ["gzip", "br, GZIP", "gzip;q=0.5", "deflate, gzip ; q=1"] {
        assert!(takes(coding), "{coding}");
    }
    for coding in ["", "br", "gzip;q=0", "gzip; q=0.000", "gzipped", "xgzip", "identity"] {
        assert!(!takes(coding), "{coding}");
    }
}

#[test]
fn a_part_is_asked_for_of_the_plain_body() {
    let request = Request::builder().header("accept-encoding", "gzip").header("range", "bytes=0-1");
    assert!(!takes_gzip(&request.body(()).unwrap()));
}

#[test]
fn a_text_comes_back_as_it_was_and_a_short_one_stays() {
    let plain = "#EXTINF:2.000,\ns-1.ts\n".repeat(50);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&gzip(plain.as_bytes()).unwrap()[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, plain);
    assert_eq!(gzip(&[b'a'; LEAST - 1]), None);
}
