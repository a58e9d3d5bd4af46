use super::*;
use crate::Limits;
use crate::signed::{Asked, Signatures, is_of_body};
use crate::testkit::{HANG, Served};
use axum::Router;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

type Beat = (Message, Option<String>, Instant);

/// A proxy that tells each heartbeat it gets, and answers with this status.
async fn proxy(status: StatusCode) -> (Served, String, mpsc::UnboundedReceiver<Beat>) {
    let (told, beats) = mpsc::unbounded_channel();
    let handler = move |headers: HeaderMap, body: Bytes| {
        let token = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        told.send((Message::parse(&body).unwrap(), token, Instant::now())).unwrap();
        std::future::ready(status)
    };
    let served = Served::start(Router::new().route("/register", post(handler)), Limits::default()).await;
    let url = format!("http://{}/register", served.address);
    (served, url, beats)
}

async fn next(beats: &mut mpsc::UnboundedReceiver<Beat>) -> Beat {
    tokio::time::timeout(HANG, beats.recv()).await.unwrap().unwrap()
}

/// No reason to beat early.
fn never() -> watch::Receiver<()> {
    watch::Sender::new(()).subscribe()
}

fn numbered() -> (impl FnMut() -> Message, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let made = Arc::clone(&count);
    let make = move || Message { pid: made.fetch_add(1, Ordering::SeqCst).to_string(), ..Message::default() };
    (make, count)
}

#[tokio::test(start_paused = true)]
async fn the_first_beat_comes_at_once_and_the_others_each_interval() {
    let (_served, url, mut beats) = proxy(StatusCode::OK).await;
    let begun = Instant::now();
    let (make, _) = numbered();
    let task = tokio::spawn(Heartbeat::new(&url, Duration::from_secs(1), None).unwrap().run(
        never(),
        make,
        |_, _| {},
    ));
    let mut last = begun;
    for number in 0..5 {
        let (message, _, at) = next(&mut beats).await;
        assert_eq!(message.pid, number.to_string(), "each is made anew");
        let gap = at - last;
        let expected = if number == 0 { 0..=50 } else { 900..=1_060 };
        assert!(expected.contains(&gap.as_millis()), "beat {number} after {gap:?}");
        last = at;
    }
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_beat_does_not_end_the_others() {
    let (_served, url, mut beats) = proxy(StatusCode::OK).await;
    let (mut make, _) = numbered();
    let fragile = move || {
        let message = make();
        assert_ne!(message.pid, "1", "on purpose");
        message
    };
    let task = tokio::spawn(Heartbeat::new(&url, Duration::from_secs(1), None).unwrap().run(
        never(),
        fragile,
        |_, _| {},
    ));
    assert_eq!(next(&mut beats).await.0.pid, "0");
    assert_eq!(next(&mut beats).await.0.pid, "2");
    task.abort();
}

#[tokio::test]
async fn the_token_is_sent() {
    let (_served, url, mut beats) = proxy(StatusCode::OK).await;
    let task = tokio::spawn(Heartbeat::new(&url, Duration::from_secs(9), Some("secret")).unwrap().run(
        never(),
        Message::default,
        |_, _| {},
    ));
    assert_eq!(next(&mut beats).await.1.as_deref(), Some("Bearer secret"));
    task.abort();
}

#[tokio::test]
async fn a_signed_beat_is_opened_by_whoever_was_dialled() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let handler = move |headers: HeaderMap, body: Bytes| {
        told.send((headers, body)).unwrap();
        std::future::ready(StatusCode::OK)
    };
    let served = Served::start(Router::new().route("/", post(handler)), Limits::default()).await;
    let me = srs_names::NodeId::new("vid-a").unwrap();
    let beat = Heartbeat::new(&format!("http://{}/", served.address), Duration::from_secs(9), None).unwrap();
    let beat = beat.signed(Some(Signer::new(b"secret", me.clone(), "origin")));
    let task = tokio::spawn(beat.run(never(), Message::default, |_, _| {}));
    let (headers, body) = tokio::time::timeout(HANG, heard.recv()).await.unwrap().unwrap();
    task.abort();
    let proxy = Signatures::new(b"secret", "vid-proxy", vec![served.address.port()]);
    let envelope = proxy.open(&headers, Asked::Beat).unwrap().unwrap();
    assert!(envelope.from == me && is_of_body(&envelope, &body));
}

#[tokio::test(start_paused = true)]
async fn a_refused_beat_is_followed_by_others() {
    let (_served, url, mut beats) = proxy(StatusCode::UNAUTHORIZED).await;
    let task = tokio::spawn(Heartbeat::new(&url, Duration::from_secs(1), None).unwrap().run(
        never(),
        Message::default,
        |_, _| {},
    ));
    for _ in 0..3 {
        next(&mut beats).await;
    }
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_hangs_gets_the_next_beat_within_the_three_seconds_of_silence() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (make, count) = numbered();
    let task = tokio::spawn(Heartbeat::new(&url, Duration::from_secs(1), None).unwrap().run(
        never(),
        make,
        |_, _| {},
    ));
    let (first, _) = listener.accept().await.unwrap();
    let begun = Instant::now();
    let (second, _) = listener.accept().await.unwrap();
    assert!((1_900..2_500).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert_eq!(count.load(Ordering::SeqCst), 2, "the first was given up before the second was made");
    drop((first, second));
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_at_once() {
    let (_served, url, mut beats) = proxy(StatusCode::OK).await;
    let (change, early) = watch::channel(false);
    let (make, _) = numbered();
    let beat = Heartbeat::new(&url, Duration::from_secs(30), None).unwrap();
    let task = tokio::spawn(beat.run(early, make, |_, _| {}));
    assert_eq!(next(&mut beats).await.0.pid, "0");
    let begun = Instant::now();
    change.send(true).unwrap();
    assert_eq!(next(&mut beats).await.0.pid, "1");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    task.abort();
}

#[tokio::test]
async fn what_a_proxy_answers_is_given_with_what_it_was_told() {
    let body = r#"{"code":0,"fenced":[{"key":"v.example/live/a","domain":"d","epoch":18446744073709551615},
        {"key":"../../etc","domain":"d","epoch":1},7]}"#;
    let router = Router::new().route("/register", post(move || std::future::ready(body)));
    let served = Served::start(router, Limits::default()).await;
    let url = format!("http://{}/register", served.address);
    let (answers, mut heard) = mpsc::unbounded_channel();
    let (make, _) = numbered();
    let told = move |message: &Message, answer| answers.send((message.pid.clone(), answer)).unwrap();
    let task =
        tokio::spawn(Heartbeat::new(&url, Duration::from_secs(9), None).unwrap().run(never(), make, told));
    let (pid, answer) = tokio::time::timeout(HANG, heard.recv()).await.unwrap().unwrap();
    let fence = (
        "v.example/live/a".parse().unwrap(),
        Term { domain: "d".to_owned(), epoch: u64::MAX, resumed: false },
    );
    assert_eq!((pid.as_str(), answer), ("0", Some(Answer { fenced: vec![fence] })));
    task.abort();
}

#[tokio::test]
async fn a_refused_beat_has_no_answer() {
    let (_served, url, _beats) = proxy(StatusCode::UNAUTHORIZED).await;
    let (answers, mut heard) = mpsc::unbounded_channel();
    let told = move |_: &Message, answer| answers.send(answer).unwrap();
    let beat = Heartbeat::new(&url, Duration::from_secs(9), None).unwrap();
    let task = tokio::spawn(beat.run(never(), Message::default, told));
    assert_eq!(tokio::time::timeout(HANG, heard.recv()).await.unwrap(), Some(None));
    task.abort();
}

#[test]
fn an_answer_of_another_kind_says_nothing() {
    for body in ["", "0", "ok", "[]", r#"{"code":0}"#, r#"{"fenced":7}"#, r#"{"fenced":null}"#] {
        assert_eq!(Answer::read(body.as_bytes()), Answer::default(), "{body}");
    }
}

#[test]
fn only_changes_are_news() {
    let mut news = News::default();
    let told: Vec<bool> = [false, false, true, true, true, false, true]
        .into_iter()
        .map(|answered| news.is_new(answered))
        .collect();
    assert_eq!(told, [true, false, true, false, false, true, true]);
}

#[test]
fn an_interval_of_nothing_is_made_longer() {
    assert_eq!(Heartbeat::new("http://a/", Duration::ZERO, None).unwrap().interval(), MIN_INTERVAL);
}

#[test]
fn a_token_that_no_header_holds_is_refused() {
    assert!(Heartbeat::new("http://a/", Duration::from_secs(1), Some("a\nb")).is_err());
}
