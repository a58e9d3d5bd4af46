//! Names of keys, and the tag in them.

use super::*;

fn key(name: &str) -> StreamKey {
    StreamKey::new("__defaultVhost__", "live", name).unwrap()
}

#[test]
fn both_keys_of_a_stream_have_one_tag() {
    let keys = Keys::new("").stream(&key("s"));
    assert_eq!(keys, ["srs:{__defaultVhost__/live/s}:claim", "srs:{__defaultVhost__/live/s}:last"]);
    assert_eq!(Keys::new("p").stream(&key("s"))[0], "p:srs:{__defaultVhost__/live/s}:claim");
}

#[test]
fn a_brace_in_a_name_does_not_break_the_tag() {
    let [claim, last] = Keys::new("").stream(&key("a}b{"));
    assert_eq!(claim, "srs:{__defaultVhost__/live/a%7Db%7B}:claim");
    assert_eq!(last, "srs:{__defaultVhost__/live/a%7Db%7B}:last");
}
