use super::*;

#[test]
fn codes_are_those_of_libsrt() {
    let codes = |range: std::ops::Range<u32>| {
        ALL.iter().map(|reason| reason.0).filter(|code| range.contains(code)).collect::<Vec<_>>()
    };
    assert_eq!(codes(0..1000), (0..=17).collect::<Vec<_>>());
    assert_eq!(codes(1000..1400), [1000, 1001, 1002, 1003]);
    assert_eq!(codes(1400..1500), [1400, 1401, 1402, 1403, 1404, 1405, 1406, 1409, 1415, 1423, 1424]);
    assert_eq!(codes(1500..2000), [1500, 1501, 1502, 1503, 1505, 1507]);
    assert_eq!(codes(2000..u32::MAX), []);
}

#[test]
fn a_reason_is_said_in_words_when_it_is_known() {
    assert_eq!(Reason::BAD_SECRET.to_string(), "10 (wrong passphrase)");
    assert_eq!(Reason(2001).to_string(), "2001");
}
