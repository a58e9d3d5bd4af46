use super::*;
use crate::testkit::{id, key};

fn name(marked: bool) -> Name {
    Name { key: key("s"), target: "/live/s.m3u8".to_owned(), marked }
}

fn text(answer: Option<Answer>) -> Option<String> {
    let Content::Bytes(body) = answer?.body else { panic!("no bytes") };
    Some(String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_last_list_is_shown_with_the_mark_of_who_asks_until_it_is_too_old() {
    let lasts = Lasts::default();
    let list = Bytes::from_static(b"#EXTM3U\n#EXTINF:2,\ns-1.ts?hls_ctx=aaa&x=1\n");
    lasts.note(&name(true), Some("aaa"), &list, &HeaderMap::new(), &id("a"));
    let shown = text(lasts.answer(&name(true), Some("bbb"))).unwrap();
    assert_eq!(shown, "#EXTM3U\n#EXTINF:2,\ns-1.ts?hls_ctx=bbb&x=1\n");
    assert!(lasts.node(&name(false)).is_none(), "another kind of list");
    tokio::time::advance(STALE).await;
    assert_eq!(text(lasts.answer(&name(true), Some("bbb"))), None);
}

#[tokio::test(start_paused = true)]
async fn the_list_of_a_stream_that_ended_is_not_shown_again() {
    let lasts = Lasts::default();
    lasts.note(&name(false), None, &Bytes::from_static(b"#EXTM3U\n"), &HeaderMap::new(), &id("a"));
    assert_eq!(lasts.node(&name(false)), Some(id("a")));
    lasts.note(
        &name(false),
        None,
        &Bytes::from_static(b"#EXTM3U\n#EXT-X-ENDLIST\n"),
        &HeaderMap::new(),
        &id("a"),
    );
    assert!(lasts.node(&name(false)).is_none());
}

#[tokio::test(start_paused = true)]
async fn no_more_lists_are_kept_than_the_limit() {
    let lasts = Lasts::default();
    for number in 0..LASTS + 10 {
        let name = Name { target: number.to_string(), ..name(false) };
        lasts.note(&name, None, &Bytes::from_static(b"#EXTM3U\n"), &HeaderMap::new(), &id("a"));
    }
    assert_eq!(lasts.lock().len(), LASTS);
}
