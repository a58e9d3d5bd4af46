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
    leg.pass(&video(REPLAY_GOP_MS + 1, INTER));
    leg.pass(&video(REPLAY_GOP_MS + 2, INTER));
    assert!(replayed(&leg).is_empty());
    leg.pass(&video(REPLAY_GOP_MS + 3, KEY));
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
fn a_flood_of_tiny_messages_is_bounded() {
    let mut leg = Publisher::default();
    leg.pass(&video(0, KEY));
    let mut most = 0;
    for _ in 0..300_000 {
        leg.pass(&video(0, INTER));
        most = most.max(leg.gop.capacity());
    }
    assert!(most * size_of::<Message>() <= REPLAY_GOP_BYTES, "{most} records");
}

#[test]
fn room_that_one_gop_needed_is_not_kept_for_the_next() {
    let mut leg = Publisher::default();
    leg.pass(&video(0, KEY));
    (0..10_000).for_each(|_| leg.pass(&video(0, INTER)));
    leg.pass(&video(0, KEY));
    assert!(leg.gop.capacity() < 100, "{}", leg.gop.capacity());
}

#[test]
fn a_codec_header_too_large_to_be_kept_ends_the_one_before_it() {
    let mut leg = Publisher::default();
    leg.pass(&video(0, &[0x17, 0, 0, 0, 0, 1]));
    leg.pass(&message(MessageKind::AUDIO, 1, &[0xaf, 0, 1]));
    let mut large = vec![0x17, 0, 0, 0, 0];
    large.resize(REPLAY_HEADER_BYTES + 1, 7);
    leg.pass(&video(2, &large));
    assert_eq!(replayed(&leg), [(8, 1)]);
    large.truncate(REPLAY_HEADER_BYTES);
    leg.pass(&video(3, &large));
    assert_eq!(replayed(&leg), [(8, 1), (9, 3)]);
}

#[test]
fn metadata_too_large_to_be_kept_ends_the_metadata_before_it() {
    let mut leg = Publisher::default();
    let mut metadata = b"\x02\x00\x0aonMetaData".to_vec();
    leg.pass(&message(MessageKind::DATA_AMF0, 0, &metadata));
    assert_eq!(replayed(&leg), [(18, 0)]);
    metadata.resize(REPLAY_HEADER_BYTES + 1, 0);
    leg.pass(&message(MessageKind::DATA_AMF0, 1, &metadata));
    assert!(replayed(&leg).is_empty());
}

#[test]
fn a_leg_keeps_no_more_than_its_bound_whatever_is_sent() {
    let mut leg = Publisher::default();
    let mut metadata = b"\x02\x00\x0aonMetaData".to_vec();
    metadata.resize(REPLAY_HEADER_BYTES, 0);
    leg.pass(&message(MessageKind::DATA_AMF0, 0, &metadata));
    for track in 0..=255 {
        let mut header = vec![0x96, 0, b'a', b'v', b'c', b'1', track];
        header.resize(REPLAY_HEADER_BYTES, 0);
        leg.pass(&video(0, &header));
    }
    leg.pass(&video(0, KEY));
    let mut most = 0;
    for size in [6, 100, 10_000, 1_000_000].into_iter().cycle().take(20_000) {
        leg.pass(&video(0, &[INTER, &vec![0; size]].concat()));
        let lists = leg.headers.capacity() + leg.gop.capacity();
        let bodies: usize = leg.replay().map(|message| message.body.len()).sum();
        most = most.max(bodies + lists * size_of::<Message>());
        if leg.gop.is_empty() {
            leg.pass(&video(0, KEY));
        }
    }
    assert!(most <= Publisher::MAX_BYTES, "{most}");
    assert!(most > Publisher::MAX_BYTES / 2, "{most} tells nothing");
}
