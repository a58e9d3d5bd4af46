use super::*;

#[test]
fn all_separators_of_srs_are_read() {
    let params = Params::parse("?a=1&b=2&&c=3;d=4,e").unwrap();
    let pairs: Vec<_> = params.iter().collect();
    assert_eq!(pairs, [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "")]);
}

#[test]
fn raw_text_is_kept() {
    let params = Params::parse("token=a%2Fb==&&x").unwrap();
    assert_eq!((params.raw(), params.get("token")), ("token=a%2Fb==&&x", Some("a/b==")));
}

#[test]
fn first_of_several_values_counts() {
    assert_eq!(Params::parse("a=1&a=2").unwrap().get("a"), Some("1"));
}

#[test]
fn oversized_queries_are_refused() {
    let flaw = |query: &str| Params::parse(query).unwrap_err().flaw;
    assert_eq!(flaw(&"x".repeat(MAX_BYTES + 1)), Flaw::TooLong(MAX_BYTES));
    assert_eq!(flaw(&"a&".repeat(MAX_PAIRS + 1)), Flaw::TooMany(MAX_PAIRS));
}

#[test]
fn control_characters_are_refused() {
    assert_eq!(Params::parse("a=1\r\nSet-Cookie: x").unwrap_err().flaw, Flaw::Character('\r'));
}

#[test]
fn broken_escapes_are_kept_and_bytes_that_are_no_text_refused() {
    assert_eq!(Params::parse("a=100%&b=%zz").unwrap().get("b"), Some("%zz"));
    assert_eq!(Params::parse("a=%ff").unwrap_err().flaw, Flaw::NotUtf8);
}
