use super::*;
use crate::Limits;
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
    let task = tokio::spawn(Heartbeat::new(&url, Duration::from_secs(1), None).unwrap().run(make));
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
    let task = tokio::spawn(Heartbeat::new(&url, Duration::from_secs(1), None).unwrap().run(fragile));
    assert_eq!(next(&mut beats).await.0.pid, "0");
    assert_eq!(next(&mut beats).await.0.pid, "2");
    task.abort();
}

#[tokio::test]
async fn the_token_is_sent() {
    let (_served, url, mut beats) = proxy(StatusCode::OK).await;
    let task = tokio::spawn(
        Heartbeat::new(&url, Duration::from_secs(9), Some("secret")).unwrap().run(Message::default),
    );
    assert_eq!(next(&mut beats).await.1.as_deref(), Some("Bearer secret"));
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn a_refused_beat_is_followed_by_others() {
    let (_served, url, mut beats) = proxy(StatusCode::UNAUTHORIZED).await;
    let task =
        tokio::spawn(Heartbeat::new(&url, Duration::from_secs(1), None).unwrap().run(Message::default));
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
    let task = tokio::spawn(Heartbeat::new(&url, Duration::from_secs(1), None).unwrap().run(make));
    let (first, _) = listener.accept().await.unwrap();
    let begun = Instant::now();
    let (second, _) = listener.accept().await.unwrap();
    assert!((1_900..2_500).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert_eq!(count.load(Ordering::SeqCst), 2, "the first was given up before the second was made");
    drop((first, second));
    task.abort();
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
