use std::future::Future as _;
use std::task::Poll;

use srs_hub::{Finish, Publisher};
use srs_names::Inventory as _;
use srs_rtmp::{Message, MessageKind, client};
use tokio::task::LocalSet;

use super::*;
use crate::testkit::{begin, gateway, inter, key, publisher, rtmp, rtmp_served, video};

fn publishing() -> client::Role {
    client::Role::Publish { kind: "live".to_owned() }
}

fn message(time: u32, body: &[u8]) -> Message {
    Message { kind: MessageKind::VIDEO, timestamp: time, stream_id: 1, body: Bytes::copy_from_slice(body) }
}

async fn send(link: &mut Link<client::Session>, time: u32, body: &[u8]) {
    link.machine().write(&message(time, body));
    link.drain().await.unwrap();
}

/// Everything that comes up to the end of the connection.
async fn all(link: &mut Link<client::Session>) -> Vec<client::Event> {
    let mut events = Vec::new();
    while let Ok(Some(event)) = link.next().await {
        events.push(event);
    }
    events
}

fn times(events: &[client::Event]) -> Vec<u32> {
    let time = |event: &client::Event| match event {
        client::Event::Message(message) if message.kind == MessageKind::VIDEO => Some(message.timestamp),
        _ => None,
    };
    events.iter().filter_map(time).collect()
}

fn codes(events: &[client::Event]) -> Vec<&str> {
    fn code(event: &client::Event) -> Option<&str> {
        match event {
            client::Event::Status { code, .. } => Some(code.as_str()),
            client::Event::StreamEof => Some("eof"),
            _ => None,
        }
    }
    events.iter().filter_map(code).collect()
}

async fn live(gateway: &Gateway, stream: &str, phase: Option<Phase>) {
    while gateway.hub.phase(&key(stream)) != phase {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_published_is_played() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let mut up = rtmp(&gateway, "a", publishing()).await.unwrap();
            let mut down = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
            send(&mut up, 1000, &[0x17, 0, 0, 0, 0, 1]).await;
            for count in 0..50_u32 {
                let body = [if count % 10 == 0 { 0x17 } else { 0x27 }, 1, 0, 0, 0, count as u8];
                send(&mut up, 1000 + count * 40, &body).await;
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            up.machine().close();
            up.drain().await.unwrap();
            let events = all(&mut down).await;
            let expected: Vec<_> = (0..50).map(|count| count * 40).collect();
            assert_eq!(times(&events)[1..], expected);
            assert_eq!(codes(&events), ["eof", "NetStream.Play.UnpublishNotify"]);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_player_of_a_stream_that_does_not_come_is_told_after_thirty_seconds() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let began = Instant::now();
            let mut down = rtmp(&gateway, "none", client::Role::Play).await.unwrap();
            let events = all(&mut down).await;
            assert_eq!(codes(&events), ["NetStream.Play.StreamNotFound"]);
            assert_eq!(began.elapsed().as_secs(), 30);
            live(&gateway, "none", None).await;
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_player_without_a_picture_does_not_wait_for_ever_when_the_stream_ended() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let mut down = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
            let publisher: Publisher = publisher(&gateway, "a");
            inter(&publisher, 0, 10);
            tokio::time::sleep(Duration::from_secs(40)).await;
            publisher.finish(Finish::Clean);
            let began = Instant::now();
            let events = all(&mut down).await;
            assert_eq!(codes(&events), ["NetStream.Play.StreamNotFound"]);
            assert!(began.elapsed() <= NOT_LIVE);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_player_that_waits_for_a_live_stream_is_kept() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let mut down = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
            let publisher = publisher(&gateway, "a");
            tokio::time::sleep(Duration::from_secs(100)).await;
            begin(&publisher);
            publisher.finish(Finish::Clean);
            assert_eq!(times(&all(&mut down).await), [0, 0]);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn viewers_of_a_lost_publisher_wait_ten_seconds() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let mut up = rtmp(&gateway, "a", publishing()).await.unwrap();
            send(&mut up, 0, &[0x17, 1, 0, 0, 0, 0]).await;
            let mut down = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
            drop(up);
            live(&gateway, "a", Some(Phase::Held)).await;
            let began = Instant::now();
            assert_eq!(codes(&all(&mut down).await), ["eof", "NetStream.Play.UnpublishNotify"]);
            assert_eq!(began.elapsed().as_secs(), 10);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_publishers_connection_is_done_with_while_its_stream_is_held() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let (up, served) = rtmp_served(&gateway, "a", publishing()).await;
            send(&mut up.unwrap(), 0, &[0x17, 1, 0, 0, 0, 0]).await;
            served.await.unwrap();
            assert_eq!(gateway.hub.phase(&key("a")), Some(Phase::Held));
            tokio::time::sleep(Vhost::default().publish.hold).await;
            live(&gateway, "a", None).await;
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_falls_silent_is_ended_after_five_seconds() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let mut up = rtmp(&gateway, "a", publishing()).await.unwrap();
            send(&mut up, 0, &[0x17, 1, 0, 0, 0, 0]).await;
            let began = Instant::now();
            assert_eq!(codes(&all(&mut up).await), ["NetStream.Publish.Failed"]);
            assert_eq!(began.elapsed().as_secs(), 5);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_is_taken_over_is_told() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let mut first = rtmp(&gateway, "a", publishing()).await.unwrap();
            let _second = rtmp(&gateway, "a", publishing()).await.unwrap();
            assert_eq!(codes(&all(&mut first).await), ["NetStream.Publish.Failed"]);
            assert_eq!(gateway.hub.phase(&key("a")), Some(Phase::Live));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_message_does_not_end_the_publish() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let mut up = rtmp(&gateway, "a", publishing()).await.unwrap();
            send(&mut up, 0, &[0x90]).await;
            send(&mut up, 0, &[0x17, 1, 0, 0, 0, 0]).await;
            while gateway.streams().first().is_none_or(|stream| stream.video_frames == 0) {
                tokio::task::yield_now().await;
            }
            assert_eq!(gateway.hub.phase(&key("a")), Some(Phase::Live));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn answers_are_read_whole_where_a_vhost_has_its_own_chunk_size() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost { chunk_size: 128, ..Vhost::default() });
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            let mut down = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
            inter(&publisher, 40, 1000);
            publisher.finish(Finish::Clean);
            let events = all(&mut down).await;
            assert_eq!(times(&events), [0, 0, 40]);
            assert_eq!(codes(&events), ["eof", "NetStream.Play.UnpublishNotify"]);
        })
        .await;
}

#[test]
fn what_a_session_says_is_put_between_changes_of_the_chunk_size() {
    let said = Bytes::from(vec![7; 5]);
    assert_eq!(in_own_chunks(said.clone(), 128, 128), said);
    assert_eq!(in_own_chunks(Bytes::new(), 128, 4096), Bytes::new());
    let framed = in_own_chunks(said, 200, 128);
    let (before, after) = (&framed[..16], &framed[21..]);
    assert_eq!((before[7], before[12..].to_vec()), (1, vec![0, 0, 0, 200]));
    assert_eq!((after[7], after[12..].to_vec()), (1, vec![0, 0, 0, 128]));
}

#[tokio::test(start_paused = true)]
async fn a_player_joins_at_the_newest_key_frame() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            inter(&publisher, 40, 10);
            video(&publisher, 80, &[0x17, 1, 0, 0, 0, 0]);
            inter(&publisher, 120, 10);
            let mut down = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
            let seen = next_video(&mut down).await;
            publisher.finish(Finish::Clean);
            // The codec header is stamped with the time of the key frame behind it.
            assert_eq!((seen, times(&all(&mut down).await)), (80, vec![80, 120]));
        })
        .await;
}

async fn next_video(link: &mut Link<client::Session>) -> u32 {
    loop {
        if let Some(client::Event::Message(message)) = link.next().await.unwrap()
            && message.kind == MessageKind::VIDEO
        {
            return message.timestamp;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_kicked_publisher_ends_its_stream_without_a_hold() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let mut up = rtmp(&gateway, "a", publishing()).await.unwrap();
            assert!(gateway.kick(&gateway.clients()[0].id));
            assert_eq!(codes(&all(&mut up).await), ["NetStream.Publish.Failed"]);
            assert_eq!(gateway.hub.phase(&key("a")), None);
            let mut again = std::pin::pin!(all(&mut up));
            assert!(poll_fn(|cx| Poll::Ready(again.as_mut().poll(cx).is_ready())).await);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_kicked_player_is_told_before_its_connection_ends() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost { chunk_size: 128, ..Vhost::default() });
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            let mut down = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
            next_video(&mut down).await;
            assert!(gateway.kick(&gateway.clients()[0].id));
            assert_eq!(codes(&all(&mut down).await), ["NetStream.Play.Failed"]);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_kicked_player_that_reads_nothing_is_closed_after_a_second() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost { min_latency: true, ..Vhost::default() });
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            let (down, served) = rtmp_served(&gateway, "a", client::Role::Play).await;
            inter(&publisher, 40, 8 << 20);
            tokio::time::sleep(Duration::from_secs(1)).await;
            let began = Instant::now();
            assert!(gateway.kick(&gateway.clients()[0].id));
            served.await.unwrap();
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
            drop(down);
        })
        .await;
}
