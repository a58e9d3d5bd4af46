use super::*;

const LIST: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-TARGETDURATION:2\n\
    #EXTINF:2.000,\ns-7.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.499,\ns-8.ts?a=b\n";

fn media(text: &str) -> Media {
    match List::read(text).unwrap() {
        List::Media(media) => media,
        List::Master(uri) => panic!("a master list of {uri}"),
    }
}

#[test]
fn segments_come_with_numbers_durations_and_breaks() {
    let media = media(LIST);
    assert_eq!((media.target_s, media.sequence, media.end()), (2, 7, 9));
    let segment = |uri: &str, duration_ms, breaks| Segment { uri: uri.to_owned(), duration_ms, breaks };
    assert_eq!(media.segments, [segment("s-7.ts", 2000, false), segment("s-8.ts?a=b", 2499, true)]);
    assert!(media.keeps_target());
}

#[test]
fn a_segment_that_rounds_to_more_than_the_target_is_too_long() {
    assert!(!media(&LIST.replace("2.499", "2.500")).keeps_target());
}

#[test]
fn a_master_list_is_its_first_variant() {
    let text =
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ns.m3u8?hls_ctx=a\n#EXT-X-STREAM-INF:BANDWIDTH=2\nt.m3u8\n";
    assert_eq!(List::read(text), Ok(List::Master("s.m3u8?hls_ctx=a".to_owned())));
}

#[test]
fn a_text_that_is_no_list_is_refused() {
    assert!(List::read("<html>").is_err());
    assert!(List::read("#EXTM3U\n#EXTINF:2,\na.ts\n").is_err());
}

#[test]
fn addresses_are_relative_to_the_list() {
    for (uri, path) in [
        ("s-1.ts", "/live/s-1.ts"),
        ("./s:1.ts", "/live/s:1.ts"),
        ("/x/s.ts?a", "/x/s.ts?a"),
        ("http://h:1/y/s.ts", "/y/s.ts"),
    ] {
        assert_eq!(resolve("/live/s.m3u8?hls_ctx=a/b", uri), path);
    }
}
