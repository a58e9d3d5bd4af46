use std::time::Duration;

use srs_net::rtmp::{Request, accept};
use srs_rtmp::{MessageKind, user_control};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::*;
use crate::testkit::{id, key, listener, nobody, relay, rtmp, told_of_nowhere};

mod edges;

fn video(time: u32, body: &[u8]) -> Message {
    Message { kind: MessageKind::VIDEO, timestamp: time, stream_id: 1, body: Bytes::copy_from_slice(body) }
}

/// An origin's side of a play that it lets begin.
struct Origin {
    link: Link<server::Session>,
    writer: chunk::Writer,
}

impl Origin {
    async fn play(listener: &TcpListener) -> (Origin, server::PlayRequest) {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut link, request) = accept(stream, server::Config::default()).await.unwrap();
        let Request::Play(request) = request else { panic!("{request:?}") };
        link.machine().accept_play();
        link.drain().await.unwrap();
        (Origin { link, writer: chunk::Writer::new(60_000) }, request)
    }

    /// Sends messages, then ends the stream and closes.
    async fn send(self, messages: &[Message]) {
        let mut out = BytesMut::new();
        messages.iter().for_each(|message| self.writer.write(message, &mut out));
        let (mut reader, mut write, _) = self.link.split();
        reader.machine.status("status", "NetStream.Play.UnpublishNotify", "the end");
        out.extend_from_slice(&reader.machine.poll_output().unwrap());
        write.write_all(&out).await.unwrap();
        drop(write);
        // To close with unread answers would reset the connection, and take back what was sent.
        while let Ok(Some(_)) = reader.step().await {}
    }
}

async fn all(link: &mut Link<client::Session>) -> (Vec<u32>, Vec<String>) {
    let (mut times, mut codes) = (Vec::new(), Vec::new());
    while let Ok(Some(event)) = link.next().await {
        match event {
            client::Event::Message(message) if message.kind == MessageKind::VIDEO => {
                times.push(message.timestamp)
            }
            client::Event::Status { code, .. } => codes.push(code),
            _ => {}
        }
    }
    (times, codes)
}

#[tokio::test]
async fn a_play_reaches_the_origin_with_all_that_was_said_and_its_media_the_player() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let (player, (origin, request)) =
                tokio::join!(rtmp(&relay, "a?token=1", client::Role::Play), Origin::play(&listener));
            let mut player = player.unwrap();
            assert_eq!(request.stream, "a?token=1");
            assert_eq!(request.connect.object.get("unknown").and_then(|value| value.as_str()), Some("kept"));
            let body = vec![0x27; 100_000];
            let messages: Vec<_> = (0..50).map(|time| video(time * 40, &body)).collect();
            let ((), (times, codes)) = tokio::join!(origin.send(&messages), all(&mut player));
            assert_eq!(times, (0..50).map(|time| time * 40).collect::<Vec<_>>());
            assert_eq!(codes, ["NetStream.Play.UnpublishNotify"]);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_waiting_player_follows_the_stream_to_another_origin() {
    LocalSet::new()
        .run_until(async {
            let ((one, first), (two, second)) = (listener().await, listener().await);
            let relay = relay(&[("one", first), ("two", second)]);
            let placed = relay.balancer.pick_play(&key("a"), &[], relay.now()).await.unwrap().node.id.clone();
            let (here, there) = if placed == id("one") { (one, two) } else { (two, one) };
            let (player, (_waiting, _)) =
                tokio::join!(rtmp(&relay, "a", client::Role::Play), Origin::play(&here));
            let mut player = player.unwrap();
            relay.balancer.pick_publish(&key("a"), &[placed], relay.now()).await.unwrap();
            let moved = async {
                let (origin, _) =
                    tokio::time::timeout(Duration::from_secs(1), Origin::play(&there)).await.unwrap();
                origin.send(&[video(7, &[0x17, 1, 0, 0, 0])]).await;
            };
            let ((), (times, _)) = tokio::join!(moved, all(&mut player));
            assert_eq!(times, [7]);
        })
        .await;
}

#[tokio::test]
async fn a_player_that_is_sent_on_and_on_is_so_with_pauses() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("here", address)]);
            let began = Instant::now();
            let plays = async {
                for round in 0..5 {
                    let (Origin { link, writer }, _) = Origin::play(&listener).await;
                    let (mut reader, mut write, _) = link.split();
                    let mut out = BytesMut::new();
                    writer.write(&video(round * 40, &[0x17, 1, 0, 0, 0]), &mut out);
                    write.write_all(&out).await.unwrap();
                    while let Ok(Some(_)) = reader.step().await {}
                }
            };
            let plays = told_of_nowhere(&relay, plays);
            let both = async { tokio::join!(plays, rtmp(&relay, "a", client::Role::Play)) };
            let _player = tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
            assert!(began.elapsed() >= 3 * RETRY, "{:?}", began.elapsed());
        })
        .await;
}

#[tokio::test]
async fn without_an_origin_the_player_is_told() {
    LocalSet::new()
        .run_until(async {
            for origins in [vec![], vec![("gone", nobody().await)]] {
                let refused = rtmp(&relay(&origins), "a", client::Role::Play).await;
                assert!(
                    matches!(&refused, Err(Error::Refused { code, .. }) if code == "NetStream.Play.StreamNotFound"),
                    "{refused:?}"
                );
            }
        })
        .await;
}

#[tokio::test]
async fn a_player_that_asks_and_reads_no_answers_is_given_up_before_they_pile_up() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let (player, (mut origin, _)) =
                tokio::join!(rtmp(&relay, "a", client::Role::Play), Origin::play(&listener));
            let (_reader, mut write, _) = player.unwrap().split();
            let mut pings = BytesMut::new();
            let ping = user_control::message(user_control::UserControl::Ping(7));
            (0..500).for_each(|_| chunk::Writer::new(60_000).write(&ping, &mut pings));
            tokio::task::spawn_local(async move {
                // Far more answers than both kernels take, asked for a few at a time.
                for _ in 0..6_000 {
                    if tokio::io::AsyncWriteExt::write_all(&mut write, &pings).await.is_err() {
                        break;
                    }
                    for _ in 0..100 {
                        tokio::task::yield_now().await;
                    }
                }
                std::future::pending::<()>().await;
            });
            // The leg to the origin ends with the player's session.
            let ended = async { while let Ok(Some(_)) = origin.link.next().await {} };
            tokio::time::timeout(limits::STALL / 2, ended).await.expect("the player is kept");
        })
        .await;
}

#[tokio::test]
async fn a_player_that_leaves_while_its_origin_is_dialled_ends_the_dialling() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let player = tokio::task::spawn_local(async move {
                let _never_answered = rtmp(&relay, "a", client::Role::Play).await;
            });
            let (mut origin, _) = listener.accept().await.unwrap();
            player.abort();
            let mut dialled = Vec::new();
            let ended = tokio::io::AsyncReadExt::read_to_end(&mut origin, &mut dialled);
            let _closed = tokio::time::timeout(limits::DIAL_ANSWER / 2, ended).await.expect("still dialled");
        })
        .await;
}

#[tokio::test]
async fn a_player_that_leaves_while_another_origin_is_dialled_ends_the_dialling() {
    LocalSet::new()
        .run_until(async {
            let ((one, first), (two, second)) = (listener().await, listener().await);
            let relay = relay(&[("one", first), ("two", second)]);
            let placed = relay.balancer.pick_play(&key("a"), &[], relay.now()).await.unwrap().node.id.clone();
            let (here, there) = if placed == id("one") { (one, two) } else { (two, one) };
            let (player, (_waiting, _)) =
                tokio::join!(rtmp(&relay, "a", client::Role::Play), Origin::play(&here));
            relay.balancer.pick_publish(&key("a"), &[placed], relay.now()).await.unwrap();
            let (mut origin, _) = there.accept().await.unwrap();
            drop(player);
            let mut dialled = Vec::new();
            let ended = tokio::io::AsyncReadExt::read_to_end(&mut origin, &mut dialled);
            let _closed = tokio::time::timeout(limits::DIAL_ANSWER / 2, ended).await.expect("still dialled");
        })
        .await;
}
