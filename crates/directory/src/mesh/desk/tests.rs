//! What is shown, and what is not shown twice.

use super::*;
use bytes::Bytes;
use futures_util::FutureExt as _;

fn beat(id: &str, body: Vec<u8>) -> Beat {
    Beat { id: NodeId::new(id).unwrap(), body: Bytes::from(body), local: false, host: String::new() }
}

fn post(number: u64) -> Post {
    Post { number, beat: beat("o1", vec![1]) }
}

#[tokio::test]
async fn a_beat_that_comes_again_is_no_news() {
    let desk = Desk::new();
    desk.receive(1, post(5));
    assert_eq!(desk.news().await.len(), 1);
    for number in [5, 4] {
        desk.receive(1, post(number));
        assert_eq!(desk.news().now_or_never(), None);
    }
    desk.receive(1, post(6));
    assert!(desk.news().now_or_never().is_some());
}

#[tokio::test]
async fn a_beat_of_another_run_is_news() {
    let desk = Desk::new();
    desk.receive(1, post(5));
    desk.news().await;
    desk.receive(2, post(1));
    assert!(desk.news().now_or_never().is_some());
}

#[tokio::test]
async fn a_beat_that_is_too_long_is_not_shown() {
    let desk = Desk::new();
    assert!(desk.post(beat("o1", vec![0; MAX_BODY + 1])).is_none());
    assert!(desk.post(beat("o1", vec![0; MAX_BODY])).is_some());
}

#[tokio::test(start_paused = true)]
async fn old_beats_are_not_shown_to_those_who_join() {
    let desk = Desk::new();
    desk.post(beat("old", Vec::new()));
    tokio::time::advance(LIFE).await;
    desk.post(beat("new", Vec::new()));
    let recent: Vec<_> = desk.recent().into_iter().map(|post| post.beat.id).collect();
    assert_eq!(recent, [NodeId::new("new").unwrap()]);
}

#[tokio::test]
async fn what_is_remembered_has_a_limit() {
    let desk = Desk::new();
    for run in 0..MAX_SEEN as u64 + 10 {
        desk.receive(run, post(1));
    }
    assert_eq!(lock(&desk.seen).len(), MAX_SEEN);
    for number in 0..MAX_NODES + 10 {
        desk.post(beat(&format!("n{number}"), Vec::new()));
    }
    assert_eq!(desk.recent().len(), MAX_NODES);
}
