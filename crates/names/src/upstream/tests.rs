use super::*;
use crate::StreamKey;

#[test]
fn the_vhost_upstream_is_the_one_that_is_said_in_which_this_one_may_stand() {
    for (said, vhost, upstream) in [
        ("[vhost]", "a.example", Some("a.example")),
        ("[vhost]", DEFAULT_VHOST, None),
        ("up.example", DEFAULT_VHOST, Some("up.example")),
        ("[vhost].up", "a", Some("a.up")),
        ("", "a.example", None),
        (DEFAULT_VHOST, "a.example", None),
    ] {
        assert_eq!(upstream_vhost(said, vhost).as_deref(), upstream, "{said} {vhost}");
    }
}

#[test]
fn a_query_loses_its_vhost_and_nothing_else() {
    for (query, left) in [
        ("vhost=a", ""),
        ("token=1&vhost=a&k", "token=1&k"),
        ("token=1;domain=a,k=v", "token=1;k=v"),
        ("%76host=a&token=a%26b", "token=a%26b"),
        ("vhosts=a&my_vhost=b", "vhosts=a&my_vhost=b"),
        ("token=a,b", "token=a,b"),
        ("", ""),
    ] {
        assert_eq!(without_vhost(query), left, "{query}");
    }
}

fn words(tc_url: &str, app: &str, stream: &str) -> RtmpWords {
    let [tc_url, app, stream] = [tc_url, app, stream].map(str::to_owned);
    RtmpWords { tc_url, app, stream }
}

#[test]
fn a_publish_is_said_for_another_host_with_all_else_where_it_was_said() {
    for (said, told) in [
        (("rtmp://e.x:1936/live", "live", "s?token=1"), ("rtmp://up/live", "live", "s?token=1")),
        (("rtmp://e.x/live?vhost=v&k=1", "live?vhost=v&k=1", "s"), ("rtmp://up/live?k=1", "live?k=1", "s")),
        (("rtmp://e.x/live", "live", "s?domain=v&token=1"), ("rtmp://up/live", "live", "s?token=1")),
        (("rtmp://e.x/live...vhost...v", "live...vhost...v", "s"), ("rtmp://up/live", "live", "s")),
        (("rtmps://[::1]:443/a/b", "a/b", "s"), ("rtmp://up/a/b", "a/b", "s")),
        (("live", "live", "s"), ("rtmp://up/live", "live", "s")),
        (("", "live", "s"), ("rtmp://up/", "live", "s")),
        (("rtmp://e.x/live?k=1&vhost=v/s", "live", ""), ("rtmp://up/live?k=1/s", "live", "")),
        (("rtmp://e.x/live?vhost=v/s", "live", ""), ("rtmp://up/live/s", "live", "")),
    ] {
        let said = words(said.0, said.1, said.2);
        let at_up = said.at("up");
        assert_eq!(at_up, words(told.0, told.1, told.2), "{said:?}");
        let key =
            |words: &RtmpWords| StreamKey::from_rtmp(&words.tc_url, &words.app, &words.stream).unwrap().0;
        let other = said.at("up.example:1935");
        assert_eq!(key(&other), key(&said).with_vhost("up.example").unwrap(), "{said:?}");
    }
}
