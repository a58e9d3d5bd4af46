use super::*;

const KEY: &[u8] = &[0x17, 1, 0, 0, 0, 9];
const INTER: &[u8] = &[0x27, 1, 0, 0, 0, 9];
const SOUND: &[u8] = &[0xaf, 1, 9];
const WATCHED: Duration = Duration::from_secs(3);

fn seen(row: &[(u8, u32, &[u8])]) -> Seen {
    let mut seen = Seen::default();
    row.iter().for_each(|(kind, time, body)| seen.take(*kind, *time, body, Duration::from_millis(12)));
    seen
}

#[test]
fn steady_stream_from_a_key_frame_is_fine() {
    let seen = seen(&[(9, 500, KEY), (8, 501, SOUND), (9, 2000, INTER), (8, 3500, SOUND), (9, 3480, INTER)]);
    assert_eq!(seen.verdict(WATCHED), Ok(()));
    let said = seen.to_string();
    assert_eq!(said, "3 video (1 key) and 2 audio frames, 3.0 s of media, 0 KB, first frame after 12 ms");
}

#[test]
fn silence_is_told() {
    assert_eq!(seen(&[(9, 0, &[0x17, 0, 0, 0, 0])]).verdict(WATCHED), Err("nothing came".to_owned()));
}

#[test]
fn picture_before_the_first_key_frame_is_told() {
    let said = seen(&[(9, 0, INTER), (9, 40, KEY), (9, 3000, INTER)]).verdict(WATCHED);
    assert!(said.unwrap_err().contains("key frame"));
}

#[test]
fn too_little_media_is_told() {
    let said = seen(&[(9, 0, KEY), (9, 1700, INTER)]).verdict(WATCHED);
    assert!(said.unwrap_err().contains("1.7 s of media in 3.0 s"));
}

#[test]
fn timestamp_that_goes_back_is_told() {
    let said = seen(&[(9, 1000, KEY), (9, 900, INTER), (9, 4000, INTER)]).verdict(WATCHED);
    assert!(said.unwrap_err().contains("back by 100 ms"));
}

#[test]
fn timestamps_may_wrap() {
    let said = seen(&[(9, u32::MAX - 999, KEY), (9, 0, INTER), (9, 2000, INTER)]).verdict(WATCHED);
    assert_eq!(said, Ok(()));
}
