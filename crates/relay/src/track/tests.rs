use super::*;

const KEY: &[u8] = &[0x17, 1, 0, 0, 0, 9];
const INTER: &[u8] = &[0x27, 1, 0, 0, 0, 9];
const AAC: &[u8] = &[0xaf, 1, 9];

fn message(kind: MessageKind, timestamp: u32, body: &[u8]) -> Message {
    Message { kind, timestamp, stream_id: 1, body: Bytes::copy_from_slice(body) }
}

fn video(timestamp: u32, body: &[u8]) -> Message {
    message(MessageKind::VIDEO, timestamp, body)
}

fn replayed(leg: &Publisher) -> Vec<(u8, u32)> {
    leg.replay().map(|message| (message.kind.0, message.timestamp)).collect()
}

#[test]
fn a_publishers_replay_is_headers_and_the_open_gop() {
    let mut leg = Publisher::default();
    leg.pass(&video(0, &[0x17, 0, 0, 0, 0, 1]));
    leg.pass(&message(MessageKind::AUDIO, 0, &[0xaf, 0, 1]));
    for (time, body) in [(10, KEY), (50, INTER), (90, KEY), (130, INTER)] {
        leg.pass(&video(time, body));
    }
    leg.pass(&message(MessageKind::AUDIO, 140, AAC));
    assert_eq!(replayed(&leg), [(9, 0), (8, 0), (9, 90), (9, 130), (8, 140)]);
}

#[test]
fn a_new_codec_header_takes_the_place_of_the_old_one() {
    let mut leg = Publisher::default();
    leg.pass(&video(0, &[0x17, 0, 0, 0, 0, 1]));
    leg.pass(&video(5, &[0x17, 0, 0, 0, 0, 2]));
    assert_eq!(replayed(&leg), [(9, 5)]);
}

#[test]
fn each_track_of_a_multitrack_publish_keeps_its_codec_header() {
    let mut leg = Publisher::default();
    for track in 0..20 {
        leg.pass(&video(u32::from(track), &[0x96, 0, b'a', b'v', b'c', b'1', track, 1]));
    }
    assert_eq!(replayed(&leg).len(), REPLAY_HEADERS);
}

#[test]
fn a_gop_over_the_bound_is_not_kept_until_the_next_key_frame() {
    let mut leg = Publisher::default();
    leg.pass(&video(0, KEY));
    leg.pass(&video(REPLAY_MS + 1, INTER));
    leg.pass(&video(REPLAY_MS + 2, INTER));
    assert!(replayed(&leg).is_empty());
    leg.pass(&video(REPLAY_MS + 3, KEY));
    assert_eq!(replayed(&leg).len(), 1);
}

#[test]
fn time_that_goes_back_or_wraps_does_not_end_a_gop() {
    let mut leg = Publisher::default();
    leg.pass(&video(u32::MAX - 10, KEY));
    leg.pass(&video(30, INTER));
    leg.pass(&video(u32::MAX - 20, INTER));
    assert_eq!(replayed(&leg).len(), 3);
}

#[test]
fn a_viewer_goes_on_after_the_last_timestamp_it_was_sent() {
    let mut leg = Viewer::default();
    assert_eq!(leg.pass(9, 1000, KEY), 1000);
    assert_eq!(leg.pass(8, 1020, AAC), 1020);
    assert!(leg.started());
    leg.continue_at(50, 40);
    assert_eq!(leg.pass(9, 50, KEY), 1060);
    assert_eq!(leg.keys(), 2);
}

#[test]
fn the_last_timestamp_is_found_across_the_wrap() {
    let mut leg = Viewer::default();
    leg.pass(8, u32::MAX - 5, AAC);
    leg.pass(9, 10, INTER);
    assert_eq!(leg.last(), Some(10));
}

#[test]
fn headers_are_no_media() {
    let mut leg = Viewer::default();
    leg.pass(9, 7, &[0x17, 0, 0, 0, 0, 1]);
    assert!(!leg.started());
    assert_eq!(leg.last(), None);
}
