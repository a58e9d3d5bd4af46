use srs_names::Seal;
use srs_names::envelope::{Purpose, bound};

use super::*;
use crate::map::Rule;
use crate::testkit::{id, seal};

/// What a rule of this URL makes of a stream, for a viewer who said `query`.
fn target(url: &str, query: &str) -> Target {
    let rule = Rule::new("/", "srt", &[url]).unwrap();
    rule.targets("live", "a", query).unwrap().remove(0)
}

fn said(url: &str, query: &str) -> String {
    stream_id(&target(url, query)).unwrap()
}

fn asker(seal: Option<Seal>) -> Asker {
    Asker { seal, me: id("edge"), client: None, hops: Vec::new(), debug: false, servers: Vec::new() }
}

#[test]
fn a_stream_is_asked_for_by_its_path_and_what_the_viewer_said() {
    assert_eq!(said("h/", ""), "#!::r=live/a,m=request");
    assert_eq!(said("h/up/?k=v", "token=1&vhost=x"), "#!::r=up/live/a,m=request,k=v,token=1");
    let target = Target { vhost: Some("v.example".to_owned()), ..target("h/", "") };
    assert_eq!(stream_id(&target).unwrap(), "#!::h=v.example,r=live/a,m=request");
}

#[test]
fn a_streamid_counts_before_the_path() {
    assert_eq!(said("h/up/?streamid=read:x%2526y&latency=50", "token=1"), "read:x%26y");
}

#[test]
fn a_listener_with_one_stream_is_called_without_a_stream_id() {
    let rule = Rule::new("/live/a", "srt", &["h:9000?latency=50"]).unwrap();
    assert_eq!(stream_id(&rule.targets("live", "a", "").unwrap().remove(0)), None);
}

#[test]
fn what_a_viewer_says_changes_neither_stream_nor_mode_nor_caller() {
    for query in [
        "m=publish&r=live/b&h=other",
        "x=1,m=publish,r=live/b",
        "x=1?m=publish?r=live/b",
        "x=1;m=publish;r=live/b",
        "srsNode=forged",
        "streamid=live/b&passphrase=0123456789&latency=1&mode=listener",
        "#!::r=live/b,m=publish",
        "x=1;vhost=other,domain=other?vhost=other",
    ] {
        let target = target("h/", query);
        assert_eq!(target.srt, Default::default(), "{query}");
        let text = stream_id(&target).unwrap();
        let id = StreamId::parse(&text, &Defaults::default()).unwrap();
        assert_eq!(
            (id.path.as_str(), id.mode, id.host.as_deref()),
            ("live/a", Mode::Request, None),
            "{query}: {text}"
        );
        assert_eq!(id.key().unwrap().0.vhost(), DEFAULT_VHOST, "{query}: {text}");
        assert_eq!(strip_key(&text, SRT_KEY).1, None, "{query}: {text}");
    }
}

#[test]
fn a_server_of_ours_believes_what_it_is_told() {
    let target = target("h:9000/", "token=1");
    let text = stream_id(&target).unwrap();
    let sealed = sealed(&text, &target, Some(&asker(Some(seal())))).unwrap();
    let (bare, envelope) = strip_key(&sealed, SRT_KEY);
    assert_eq!(bare, text);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = u64::try_from(now.as_millis()).unwrap();
    let (opened, _) = seal().open(&envelope.unwrap(), |to| to == "h:9000", now).unwrap();
    assert_eq!((opened.purpose, opened.bound), (Purpose::Pull, bound::of_srt(&bare)));
}

#[test]
fn nobody_is_told_without_a_secret_nor_in_a_form_of_others() {
    let target = target("h/", "");
    let text = stream_id(&target).unwrap();
    assert_eq!(sealed(&text, &target, Some(&asker(None))), None);
    assert_eq!(sealed(&text, &target, None), None);
    assert_eq!(sealed("read:live/a", &target, Some(&asker(Some(seal())))), None);
}
