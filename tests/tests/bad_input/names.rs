//! B24: spellings of names that somebody could read differently.

use srs_srt::Reason;
use srs_srt::packet::ControlKind;
use srs_tests::srt::Caller;
use srs_tests::{FlvPlayer, Player, Publisher, Refusal, Source, Target, logs};

use crate::Beside;

/// Spellings of `app/stream`, each as it stands in an RTMP app and stream name, and in an HTTP path.
fn spellings() -> Vec<(&'static str, String, String, String)> {
    let same = |name, app: &str, stream: &str| {
        (name, app.to_owned(), stream.to_owned(), format!("/{app}/{stream}.flv"))
    };
    let long = "x".repeat(4096);
    vec![
        same("plain", "live", "plain"),
        same("an escaped dot", "live", "a%2eb"),
        same("two slashes", "live//deep", "c"),
        same("a semicolon", "live", "a;b"),
        same("a NUL", "live", "a%00b"),
        same("a new line", "live", "a%0ab"),
        same("a carriage return and a line", "live", "a%0d%0aERROR%20forged"),
        same("an escaped slash", "live", "a%2fb"),
        same("an escaped twice slash", "live", "a%252fb"),
        same("dots", "live", ".."),
        same("escaped dots", "live", "%2e%2e"),
        same("dots in the app", "live/../etc", "passwd"),
        same("a full-width letter", "live", "%EF%BD%81bc"),
        same("a mathematical letter", "live", "%F0%9D%90%9Abc"),
        same("a letter with an accent", "live", "caf%C3%A9"),
        same("no UTF-8", "live", "a%ffb"),
        same("a right-to-left mark", "live", "a%E2%80%AEb"),
        same("4 KiB", "live", &long),
        same("a backslash", "live", "a%5cb"),
        same("a quote", "live", "a%22b"),
        same("markup", "live", "%3Cscript%3E"),
        ("a question mark inside", "live".to_owned(), "q%3fx".to_owned(), "/live/q%3fx.flv".to_owned()),
        ("a query of its own", "live".to_owned(), "own?x=1".to_owned(), "/live/own.flv?x=1".to_owned()),
        (
            "app and stream in the query",
            "live".to_owned(),
            "own2?app=other&stream=z".to_owned(),
            "/live/own2.flv?app=other&stream=z".to_owned(),
        ),
    ]
}

fn target(app: &str, stream: &str) -> Target {
    Target { app: app.to_owned(), tc_url: format!("rtmp://127.0.0.1:1935/{app}"), ..Target::live(stream) }
}

#[tokio::test]
async fn b24_every_spelling_is_one_name_in_rtmp_and_flv_or_refused_by_both() {
    let beside = Beside::start().await;
    for (number, (name, app, stream, path)) in spellings().into_iter().enumerate() {
        for (rtmp, http) in beside.rtmp().into_iter().zip(beside.http()) {
            match Publisher::connect(rtmp, &target(&app, &stream)).await {
                Ok(mut publisher) => {
                    let seed = u8::try_from(number).expect("few");
                    publisher.send_all(&Source::new(seed).clip(3)).await;
                    let last = *publisher.sent.last().expect("frames");
                    let mut flv = FlvPlayer::request(http, &path).await;
                    assert_eq!(flv.head().await.status, 200, "{name}");
                    flv.reach(last).await;
                    let mut player =
                        Player::connect(rtmp, &target(&app, &stream)).await.expect("playing begins");
                    player.reach(last).await;
                    publisher.goodbye().await;
                    player.finish().await;
                }
                Err(refused) => {
                    assert!(matches!(refused, Refusal::Told { .. }), "{name}: {refused:?}");
                    assert_eq!(refused.code(), "NetStream.Publish.BadName", "{name}: {refused:?}");
                    let played = Player::connect(rtmp, &target(&app, &stream)).await.err();
                    assert_eq!(
                        played.as_ref().map(Refusal::code),
                        Some("NetStream.Play.StreamNotFound"),
                        "{name}"
                    );
                    let head = FlvPlayer::request(http, &path).await.head().await;
                    assert_eq!(head.status, 400, "{name}");
                }
            }
        }
    }
    let forged = logs::lines(&["\n"]);
    assert!(forged.is_empty(), "no name makes a line of its own: {forged:?}");
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b24_every_spelling_is_the_same_name_over_srt_or_refused() {
    let beside = Beside::start().await;
    let doors = [beside.cluster.srt(), beside.cluster.origin(0).srt()[0]];
    for (number, (name, app, stream, _)) in spellings().into_iter().enumerate() {
        let stream_id = format!("#!::r={app}/{stream},m=request");
        if stream_id.len() > srs_srt::handshake::MOST_STREAM_ID {
            continue;
        }
        for (rtmp, srt) in beside.rtmp().into_iter().zip(doors) {
            let mut caller = Caller::new(srt).await;
            match Publisher::connect(rtmp, &target(&app, &stream)).await {
                Ok(mut publisher) => {
                    let seed = u8::try_from(number).expect("few");
                    publisher.send_all(&Source::new(seed).clip(12)).await;
                    assert_eq!(caller.call(&stream_id).await, Ok(()), "{name}");
                    assert!(caller.hears_media().await, "{name} plays nothing");
                    let shutdown = caller.control(ControlKind::SHUTDOWN, 0, &[0; 4]);
                    caller.send(&shutdown).await;
                    publisher.goodbye().await;
                }
                Err(_) => {
                    assert_eq!(caller.call(&stream_id).await, Err(Reason::BAD_REQUEST), "{name}");
                }
            }
        }
    }
    let forged = logs::lines(&["\n"]);
    assert!(forged.is_empty(), "no name makes a line of its own: {forged:?}");
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b24_raw_control_characters_are_refused_in_words() {
    let beside = Beside::start().await;
    for stream in ["a\0b", "a\nERROR forged", "a\r\nb", "a\u{202e}b", "ａ"] {
        for door in beside.rtmp() {
            let refused = Publisher::connect(door, &target("live", stream)).await.err();
            assert_eq!(refused.as_ref().map(Refusal::code), Some("NetStream.Publish.BadName"), "{stream:?}");
        }
    }
    let forged = logs::lines(&["\n"]);
    assert!(forged.is_empty(), "no name makes a line of its own: {forged:?}");
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b24_the_host_header_counts_with_and_without_its_port() {
    let beside = Beside::start().await;
    let named = |host: &str| Target { tc_url: format!("rtmp://{host}/live"), ..Target::live("b24-host") };
    let mut publisher =
        Publisher::connect(beside.cluster.rtmp(), &named("b24.example.com")).await.expect("begins");
    publisher.send_all(&Source::new(99).clip(3)).await;
    let last = *publisher.sent.last().expect("frames");
    for host in ["b24.example.com", "b24.example.com:8080", "B24.Example.COM:1", "b24.example.com."] {
        let head = format!("GET /live/b24-host.flv HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let mut flv = FlvPlayer::ask(beside.cluster.http(), &head, None).await;
        flv.reach(last).await;
        let mut player = Player::connect(beside.cluster.rtmp(), &named(host)).await.expect("playing begins");
        player.reach(last).await;
    }
    beside.noticed_nothing().await;
}
