use super::{Error, Kind, MOST_BYTES, MOST_GROWTH, MOST_LINE, Reference, rewrite};
use crate::{is_relative, with_query};
use proptest::prelude::*;

/// What the media list of an SRS origin looks like behind a proxy, with names that a text replacement falls over.
const MEDIA: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-TARGETDURATION:11\n\
    #EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=AES-128,URI=\"my.ts-7.key\",IV=0x000102030405060708090a0b0c0d0e0f\n\
    #EXTINF:10.000, no desc\nmy.ts-7.ts?hls_ctx=5z1k8x2q\n#EXTINF:9.960, no desc\nmy.ts-8.ts?hls_ctx=5z1k8x2q\n";

/// The first answer of an SRS origin with `hls_ctx on`.
const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=1\n\
    /live/livestream.m3u8?hls_ctx=5z1k8x2q&token=x\n";

fn seen(list: &str) -> Vec<(Kind, String)> {
    let mut seen = Vec::new();
    let same = rewrite(list.as_bytes(), |found| {
        seen.push((found.kind, found.uri.to_owned()));
        None
    });
    assert_eq!(same.as_deref(), Ok(list.as_bytes()));
    seen
}

fn marked(list: &str) -> String {
    let change = |found: Reference<'_>| is_relative(found.uri).then(|| with_query(found.uri, "n", "v"));
    String::from_utf8(rewrite(list.as_bytes(), change).unwrap()).unwrap()
}

#[test]
fn segments_and_keys_of_srs_are_changed_where_they_are_addresses() {
    let wanted = MEDIA.replace("ctx=5z1k8x2q", "ctx=5z1k8x2q&n=v").replace("7.key", "7.key?n=v");
    assert_eq!(marked(MEDIA), wanted);
}

#[test]
fn the_master_list_of_srs_leads_to_a_variant() {
    assert_eq!(seen(MASTER), [(Kind::Variant, "/live/livestream.m3u8?hls_ctx=5z1k8x2q&token=x".into())]);
    assert_eq!(marked(MASTER), MASTER.replace("token=x", "token=x&n=v"));
}

#[test]
fn each_tag_with_an_address_says_what_it_is() {
    let list = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"a.m3u8\"\n\
        #EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"s.key\"\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"i.m3u8\"\n\
        #EXT-X-SESSION-DATA:DATA-ID=\"x\",URI=\"d.json\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"k.key\"\n\
        #EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"100@0\"\n#EXT-X-PART:DURATION=0.5,INDEPENDENT=YES,URI=\"p.m4s\"\n\
        #EXTINF:2,\nseg.m4s\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"q.m4s\"\n\
        #EXT-X-RENDITION-REPORT:URI=\"../b.m3u8\",LAST-MSN=7\n#EXT-X-STREAM-INF:BANDWIDTH=9\n\nvariant.m3u8\nnext.ts";
    let wanted = [
        (Kind::Media, "a.m3u8"),
        (Kind::SessionKey, "s.key"),
        (Kind::IFrame, "i.m3u8"),
        (Kind::Other, "d.json"),
        (Kind::Key, "k.key"),
        (Kind::Map, "init.mp4"),
        (Kind::Part, "p.m4s"),
        (Kind::Segment, "seg.m4s"),
        (Kind::PreloadHint, "q.m4s"),
        (Kind::RenditionReport, "../b.m3u8"),
        (Kind::Variant, "variant.m3u8"),
        (Kind::Segment, "next.ts"),
    ];
    assert_eq!(seen(list), wanted.map(|(kind, uri)| (kind, uri.to_owned())));
}

#[test]
fn only_the_address_in_a_line_changes() {
    let list = "\u{feff}#EXTM3U \r\n# a comment URI=\"c.ts\"\r\n#EXTINF:4,URI=\"title.ts\"\r\n  a.ts \r\n\r\n\
        #EXT-X-NEW:X=\"a,URI=b\",Y=1, URI=\"u.ts\",Z=\"URI\",URI=\"w.ts\"\r\n\
        #EXT-X-DATERANGE:ID=\"x\",X-ASSET-URI=\"y.m3u8\"\r\nhttp://other/a.ts\r\nb.ts";
    let wanted = list
        .replace("  a.ts ", "  a.ts?n=v ")
        .replace("\"u.ts\"", "\"u.ts?n=v\"")
        .replace("\"w.ts\"", "\"w.ts?n=v\"")
        .replace("\nb.ts", "\nb.ts?n=v");
    assert_eq!(marked(list), wanted);
}

#[test]
fn attributes_that_are_no_list_are_left_alone() {
    let list = "#EXTM3U\n#EXT-X-KEY:URI=\"open.key\n#EXT-X-KEY:lower=1,URI=\"a\"\n#EXT-X-KEY:URI=bare\n\
        #EXT-X-KEY:\"URI=\"a\"\n#EXT-X-KEY:\n#EXT-X-KEY\n  #EXT-X-MAP:URI=\"a\"\n#EXT-X-PROGRAM-DATE-TIME:2010-02-19T14:54:23.031Z\n";
    assert_eq!(seen(list), []);
}

#[test]
fn what_is_no_playlist_is_refused() {
    for list in ["", "\n#EXTM3U\n", "#EXTM3U8\n", "#EXTINF:1,\na.ts\n", "<html>#EXTM3U", "#extm3u\n"] {
        assert_eq!(rewrite(list.as_bytes(), |_| None), Err(Error::NoPlaylist), "{list:?}");
    }
    assert_eq!(rewrite(b"#EXTM3U\n\xff.ts\n", |_| None), Err(Error::Text));
    assert!(rewrite(b"#EXTM3U", |_| None).is_ok());
    assert!(rewrite(b"#EXTM3U\tx-tvg-url=\"x\"\n", |_| None).is_ok());
}

#[test]
fn a_list_is_bounded_in_bytes_and_a_line_too() {
    let mut list = b"#EXTM3U\n".to_vec();
    list.resize(MOST_BYTES, b'\n');
    assert_eq!(rewrite(&list, |_| None), Ok(list.clone()));
    list.push(b'\n');
    assert_eq!(rewrite(&list, |_| None), Err(Error::Large(MOST_BYTES + 1)));
    let long = |length: usize| format!("#EXTM3U\n{}\r\n", "x".repeat(length));
    assert!(rewrite(long(MOST_LINE).as_bytes(), |_| None).is_ok());
    assert_eq!(rewrite(long(MOST_LINE + 1).as_bytes(), |_| None), Err(Error::Line(MOST_LINE + 1)));
}

#[test]
fn a_hundred_thousand_lines_are_a_list_like_any_other() {
    let list = format!("#EXTM3U\n{}", "a.ts\n".repeat(100_000));
    assert_eq!(marked(&list), list.replace(".ts", ".ts?n=v"));
}

#[test]
fn what_is_made_of_a_list_is_bounded() {
    let list = format!("#EXTM3U\n{}", "a\n".repeat(10_000));
    assert_eq!(rewrite(list.as_bytes(), |_| Some("b".repeat(500))), Err(Error::Result));
    let longest = "b".repeat(1 + MOST_GROWTH);
    assert!(rewrite(b"#EXTM3U\na\n", |_| Some(longest.clone())).is_ok());
    assert_eq!(rewrite(b"#EXTM3U\na\n", |_| Some(longest.clone() + "b")), Err(Error::Change));
}

#[test]
fn a_new_address_cannot_become_a_line_or_an_attribute() {
    let line = |new: &str| rewrite(b"#EXTM3U\na.ts\n", |_| Some(new.to_owned()));
    for new in ["", "a\nb", "a\r", "#EXT-X-ENDLIST", " a", "a\0b"] {
        assert_eq!(line(new), Err(Error::Change), "{new:?}");
    }
    assert!(line("a b\"c#d").is_ok());
    let quoted = |new: &str| rewrite(b"#EXTM3U\n#EXT-X-MAP:URI=\"a\"\n", |_| Some(new.to_owned()));
    assert_eq!(quoted("b\",X=\"c"), Err(Error::Change));
    assert_eq!(quoted("#b").as_deref(), Ok(b"#EXTM3U\n#EXT-X-MAP:URI=\"#b\"\n".as_slice()));
}

/// Text in which there is something to find, and any other.
fn some_list() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "\\PC{0,20}",
        "#EXT-X-[A-Z]{1,4}:([A-Z]{1,3}|URI)=\"[a-z.=,]{0,5}\"(,URI=\"?[a-z]{0,3}\"?){0,2}",
        Just("#EXT-X-STREAM-INF:BANDWIDTH=1".to_owned()),
        "[a-z/ ?&]{0,8}",
    ];
    let lines = proptest::collection::vec((line, prop_oneof!["\n", "\r\n", "\r"]), 0..12);
    lines.prop_map(|lines| {
        let text: String = lines.into_iter().map(|(line, end)| line + &end).collect();
        format!("#EXTM3U\n{text}")
    })
}

proptest! {
    #[test]
    fn a_list_of_which_nothing_is_changed_is_the_same(list in some_list()) {
        prop_assert_eq!(rewrite(list.as_bytes(), |_| None), Ok(list.into_bytes()));
    }

    #[test]
    fn an_address_replaced_by_itself_changes_nothing(list in some_list()) {
        let same = rewrite(list.as_bytes(), |found| {
            let whole = !found.uri.is_empty() && found.uri.trim() == found.uri;
            (whole && !found.uri.contains(char::is_control)).then(|| found.uri.to_owned())
        });
        prop_assert_eq!(same, Ok(list.into_bytes()));
    }

    #[test]
    fn no_bytes_panic(list in proptest::collection::vec(any::<u8>(), 0..200), begun: bool) {
        let list = if begun { [b"#EXTM3U\n".as_slice(), &list].concat() } else { list };
        if let Ok(same) = rewrite(&list, |_| None) {
            prop_assert_eq!(same, list.clone());
        }
        let _ = rewrite(&list, |found| Some(with_query(found.uri, "n", "v")));
    }

    #[test]
    fn marks_come_out_of_the_addresses_of_a_changed_list(list in some_list()) {
        let mut before = Vec::new();
        let marked = rewrite(list.as_bytes(), |found| {
            before.push(found.uri.to_owned());
            None
        }).and_then(|_| rewrite(list.as_bytes(), |found| Some(with_query(found.uri, "n", "v"))));
        let Ok(marked) = marked else { return Ok(()) };
        let mut after = Vec::new();
        rewrite(&marked, |found| { after.push(found.uri.to_owned()); None }).unwrap();
        let wanted: Vec<String> = before.iter().map(|uri| with_query(uri, "n", "v")).collect();
        prop_assert_eq!(after, wanted);
    }
}
