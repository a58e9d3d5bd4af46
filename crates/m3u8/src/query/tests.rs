use super::{encode_path, is_relative, with_query, without_query};
use proptest::prelude::*;

#[test]
fn a_parameter_goes_behind_the_query_that_is_there() {
    for (uri, with) in [
        ("a.ts", "a.ts?n=v"),
        ("a.ts?", "a.ts?n=v"),
        ("a.ts?x=1", "a.ts?x=1&n=v"),
        ("a.ts?x=1&&y=2", "a.ts?x=1&&y=2&n=v"),
        ("a.ts?x=1&", "a.ts?x=1&&n=v"),
        ("/live/my.ts.stream-3.ts?token=a/b?c", "/live/my.ts.stream-3.ts?token=a/b?c&n=v"),
        ("", "?n=v"),
    ] {
        assert_eq!(with_query(uri, "n", "v"), with);
    }
}

#[test]
fn a_parameter_goes_before_the_fragment() {
    assert_eq!(with_query("a.ts#t=1", "n", "v"), "a.ts?n=v#t=1");
    assert_eq!(with_query("a.ts?x#t?=1", "n", "v"), "a.ts?x&n=v#t?=1");
}

#[test]
fn what_would_end_a_parameter_is_encoded_in_it() {
    let with = with_query("a.ts", "n", "1&2=3#4\r\n\"ü");
    assert_eq!(with, "a.ts?n=1%262%3D3%234%0D%0A%22%C3%BC");
    assert_eq!(without_query(&with, "n"), ("a.ts".into(), Some("1&2=3#4\r\n\"ü".into())));
}

#[test]
fn a_parameter_comes_out_wherever_it_stands() {
    for (uri, without, value) in [
        ("a.ts?n=v", "a.ts", "v"),
        ("a.ts?n=v&x=1", "a.ts?x=1", "v"),
        ("a.ts?x=1&n=v", "a.ts?x=1", "v"),
        ("a.ts?x=1&n=v&y=2", "a.ts?x=1&y=2", "v"),
        // SRS's proxy writes its own in front.
        ("a.ts?n=1f&&hls_ctx=5z", "a.ts?hls_ctx=5z", "1f"),
        ("a.ts?x&&n=v&&y", "a.ts?x&&y", "v"),
        ("a.ts?n=", "a.ts", ""),
        ("a.ts?n", "a.ts", ""),
        ("a.ts?n=a=b", "a.ts", "a=b"),
        ("a.ts?n=%zz", "a.ts", "%zz"),
        ("a.ts?n=%ff", "a.ts", "%ff"),
    ] {
        assert_eq!(without_query(uri, "n"), (without.into(), Some(value.into())), "{uri}");
    }
}

#[test]
fn without_the_parameter_nothing_changes() {
    for uri in ["a.ts", "a.ts?", "a.ts?nn=1&&n2=3", "a.ts?x=n=v", "n=v", "a.ts?N=v"] {
        assert_eq!(without_query(uri, "n"), (uri.into(), None));
    }
}

#[test]
fn of_two_equal_names_the_last_one_was_ours() {
    assert_eq!(without_query("a.ts?n=theirs&n=ours", "n"), ("a.ts?n=theirs".into(), Some("ours".into())));
}

#[test]
fn only_addresses_without_scheme_and_host_are_relative() {
    for uri in ["seg.ts", "/path", "/path//x", "?x", "#f", "", "a/b:c", "./a:b", "/a?u=http://x", "../x.ts"] {
        assert!(is_relative(uri), "{uri}");
    }
    for uri in
        ["http://x/a", "file:///etc/passwd", "//host/a", "data:,x", "HTTPS:a", "a:b", "/\\host/a", "\\\\h"]
    {
        assert!(!is_relative(uri), "{uri}");
    }
    for uri in ["\thttp://x", " http://x", "ht\ntp://x", "/\t/x"] {
        assert!(!is_relative(uri), "{uri:?}");
    }
}

#[test]
fn a_name_of_a_file_means_nothing_else_in_an_address() {
    assert_eq!(encode_path("live/a b?c#d%20-1.ts"), "live/a%20b%3Fc%23d%2520-1.ts");
    assert_eq!(encode_path("http:x.ts"), "http%3Ax.ts");
}

proptest! {
    #[test]
    fn what_was_added_comes_out_again(
        path in "[a-z/.%=&;]{0,12}", query in "(\\?[a-z=&%?/]{1,20})?", name in "[a-z_ü]{1,5}", value in "\\PC{0,8}",
    ) {
        let uri = format!("{path}{query}");
        let with = with_query(&uri, &name, &value);
        prop_assert_eq!(without_query(&with, &name), (uri, Some(value)));
    }

    #[test]
    fn no_address_panics(uri in "\\PC{0,40}", name in "\\PC{0,3}") {
        is_relative(&uri);
        without_query(&with_query(&uri, &name, &uri), &name);
        without_query(&uri, &name);
        encode_path(&uri);
    }
}
