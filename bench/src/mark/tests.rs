use super::*;

fn marked() -> (Mark, Vec<u8>) {
    let mark =
        Mark { stream: 0x1234_5678_9abc_def0, instance: 7, sequence: u32::MAX, sent_ns: 98_765_432_101_234 };
    let mut body = vec![0x17, 1, 0, 0, 0];
    let at = mark.write(&mut body);
    assert_eq!(body.len() - at, LEN);
    body.extend_from_slice(&[0xff; 500]);
    seal(&mut body, at);
    (mark, body)
}

#[test]
fn mark_is_read_back() {
    let (mark, body) = marked();
    assert_eq!(Mark::read(&body), Ok(mark));
}

#[test]
fn any_changed_byte_is_noticed() {
    let (_, body) = marked();
    for at in 0..body.len() {
        let mut bad = body.clone();
        bad[at] ^= 0x10;
        assert!(Mark::read(&bad).is_err(), "byte {at}");
    }
}

#[test]
fn truncated_body_is_no_mark() {
    let (_, body) = marked();
    for len in 0..body.len() {
        assert!(Mark::read(&body[..len]).is_err(), "length {len}");
    }
}

#[test]
fn mark_holds_no_start_code() {
    let (_, body) = marked();
    assert!(body[5..5 + LEN].iter().all(|&byte| byte >= 0x20));
}

#[test]
fn checksum_is_the_ieee_one() {
    assert_eq!(!crc32(u32::MAX, b"123456789"), 0xcbf4_3926);
}
