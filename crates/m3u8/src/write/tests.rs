use super::{Key, Media, Segment, Variant, write_master, write_media};
use m3u8_rs::{KeyMethod, MediaPlaylist, parse_master_playlist_res, parse_media_playlist_res};
use proptest::prelude::*;

const MEDIA: Media =
    Media { version: 3, target_duration_s: 10, media_sequence: 7, discontinuity_sequence: 0, ended: false };

const PLAIN: Segment<'_> = Segment {
    uri: "a-7.ts",
    duration_ms: 9_960,
    discontinuity: false,
    program_date_time_ms: None,
    key: None,
};

fn text(media: &Media, segments: &[Segment<'_>]) -> String {
    let mut out = String::new();
    write_media(media, segments.iter().copied(), &mut out);
    out
}

/// What the other parser finds in the text.
fn parsed(text: &str) -> MediaPlaylist {
    parse_media_playlist_res(text.as_bytes()).expect("a media playlist")
}

#[test]
fn a_plain_list_reads_as_srs_writes_it() {
    let next = Segment { uri: "a-8.ts", duration_ms: 10_005, ..PLAIN };
    let wanted = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-TARGETDURATION:10\n\
        #EXTINF:9.960,\na-7.ts\n#EXTINF:10.005,\na-8.ts\n";
    assert_eq!(text(&MEDIA, &[PLAIN, next]), wanted);
}

#[test]
fn an_ended_list_says_so_and_counts_what_was_before() {
    let media = Media { discontinuity_sequence: 2, ended: true, ..MEDIA };
    let segment = Segment { discontinuity: true, program_date_time_ms: Some(1_266_591_263_031), ..PLAIN };
    let wanted = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-TARGETDURATION:10\n\
        #EXT-X-DISCONTINUITY-SEQUENCE:2\n#EXT-X-DISCONTINUITY\n\
        #EXT-X-PROGRAM-DATE-TIME:2010-02-19T14:54:23.031Z\n#EXTINF:9.960,\na-7.ts\n#EXT-X-ENDLIST\n";
    assert_eq!(text(&media, &[segment]), wanted);
}

#[test]
fn a_key_is_named_where_it_changes() {
    let mut iv = [0; 16];
    iv[15] = 7;
    let (one, other) = (Key { uri: "a-7.key".into(), iv }, Key { uri: "a-9.key?t=1".into(), iv: [0xff; 16] });
    let with = |key| Segment { key, ..PLAIN };
    let list = text(&MEDIA, &[with(Some(&one)), with(Some(&one.clone())), with(Some(&other)), with(None)]);
    let keys: Vec<&str> = list.lines().filter(|line| line.starts_with("#EXT-X-KEY")).collect();
    assert_eq!(
        keys,
        [
            "#EXT-X-KEY:METHOD=AES-128,URI=\"a-7.key\",IV=0x00000000000000000000000000000007",
            "#EXT-X-KEY:METHOD=AES-128,URI=\"a-9.key?t=1\",IV=0xffffffffffffffffffffffffffffffff",
            "#EXT-X-KEY:METHOD=NONE",
        ]
    );
    let segments = parsed(&list).segments;
    assert_eq!(segments[0].key.as_ref().map(|key| &key.method), Some(&KeyMethod::AES128));
}

#[test]
fn the_master_list_is_that_of_srs() {
    let mut out = String::new();
    let variant = Variant {
        uri: "/live/a.m3u8?hls_ctx=5z",
        bandwidth: 1,
        average_bandwidth: 1,
        codecs: None,
        resolution: None,
    };
    write_master([variant], &mut out);
    let wanted = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=1\n/live/a.m3u8?hls_ctx=5z\n";
    assert_eq!(out, wanted);
}

#[test]
fn a_master_list_says_what_players_choose_by() {
    let mut out = String::new();
    let codecs = Some("avc1.64001f,mp4a.40.2\",URI=\"x\n");
    let variant = Variant {
        uri: "a.m3u8",
        bandwidth: 3_000_000,
        average_bandwidth: 2_500_000,
        codecs,
        resolution: Some((1280, 720)),
    };
    write_master([variant, Variant { codecs: None, ..variant }], &mut out);
    let list = parse_master_playlist_res(out.as_bytes()).expect("a master playlist");
    assert_eq!(list.variants.len(), 2);
    let first = &list.variants[0];
    assert_eq!((first.bandwidth, first.average_bandwidth), (3_000_000, Some(2_500_000)));
    assert_eq!(first.codecs.as_deref(), Some("avc1.64001f,mp4a.40.2,URIx"));
    assert_eq!(first.resolution.map(|size| (size.width, size.height)), Some((1280, 720)));
}

#[test]
fn no_name_becomes_a_line_a_tag_or_an_attribute() {
    let key = Key { uri: "k\",IV=0x0\n.key".into(), iv: [0; 16] };
    let evil = Segment { uri: "#EXT-X-ENDLIST\n#x \u{85}\u{2028}.ts", key: Some(&key), ..PLAIN };
    let list = text(&MEDIA, &[evil]);
    assert!(list.ends_with("\n%23EXT-X-ENDLIST%0A#x%20%C2%85%E2%80%A8.ts\n"), "{list}");
    assert!(list.contains("URI=\"k%22,IV=0x0%0A.key\",IV=0x0000"), "{list}");
}

proptest! {
    #[test]
    fn another_parser_reads_what_was_written(
        sequence in 0..u64::from(u32::MAX), before in 0..1_000_u64, ended: bool,
        facts in proptest::collection::vec(
            ("[a-z/.?=&-]{1,20}", 0..1_000_000_u64, any::<bool>(), proptest::option::of(0..4_000_000_000_000_i64)),
            0..20,
        ),
    ) {
        let media = Media { media_sequence: sequence, discontinuity_sequence: before, ended, ..MEDIA };
        let segments: Vec<Segment<'_>> = facts.iter().map(|(uri, duration_ms, discontinuity, time)| Segment {
            uri, duration_ms: *duration_ms, discontinuity: *discontinuity, program_date_time_ms: *time, key: None,
        }).collect();
        let list = parsed(&text(&media, &segments));
        prop_assert_eq!((list.media_sequence, list.discontinuity_sequence), (sequence, before));
        prop_assert_eq!((list.version, list.target_duration, list.end_list), (Some(3), 10, ended));
        prop_assert_eq!(list.segments.len(), segments.len());
        for (found, wanted) in list.segments.iter().zip(&segments) {
            prop_assert_eq!(&found.uri, wanted.uri);
            prop_assert_eq!(found.discontinuity, wanted.discontinuity);
            prop_assert!((f64::from(found.duration) - wanted.duration_ms as f64 / 1e3).abs() < 0.04);
            let time = found.program_date_time.map(|time| time.timestamp_millis());
            prop_assert_eq!(time, wanted.program_date_time_ms);
        }
    }
}
