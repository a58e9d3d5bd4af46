use super::*;

#[test]
fn a_typing_error_finds_its_name() {
    let names = ["gop_cache", "queue_length", "mw_latency"];
    for (typed, meant) in
        [("gop_cahce", "gop_cache"), ("queuelength", "queue_length"), ("mw_latensy", "mw_latency")]
    {
        assert_eq!(nearest(typed, names), Some(meant));
    }
}

#[test]
fn another_word_finds_nothing() {
    assert_eq!(nearest("banana", ["gop_cache", "queue_length"]), None);
    assert_eq!(nearest(&"a".repeat(10_000), ["gop_cache"]), None);
}

#[test]
fn the_fewest_errors_win() {
    assert_eq!(nearest("latency", ["mr_latency", "latencies", "latencx"]), Some("latencx"));
}

#[test]
fn distances_count_as_a_typist_would() {
    for (a, b, errors) in
        [("", "", 0), ("", "ab", 2), ("abc", "abc", 0), ("ab", "ba", 1), ("kitten", "sitting", 3)]
    {
        assert_eq!(distance(a, b), Some(errors), "{a} {b}");
    }
}
