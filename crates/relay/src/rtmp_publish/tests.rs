use std::time::Duration;

use bytes::Bytes;
use srs_amf::Value;
use srs_net::limits;
use srs_net::rtmp::{Request, accept};
use srs_rtmp::{Message, MessageKind, user_control};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
use crate::testkit::{id, key, listener, nobody, relay, rtmp};

fn publishing() -> client::Role {
    client::Role::Publish { kind: "live".to_owned() }
}

fn video(time: u32, size: usize) -> Message {
    let mut body = vec![0x27, 1, 0, 0, 0];
    body.resize(5 + size, 7);
    Message { kind: MessageKind::VIDEO, timestamp: time, stream_id: 1, body: Bytes::from(body) }
}

async fn origin(listener: &TcpListener) -> (Link<server::Session>, server::PublishRequest) {
    let (stream, _) = listener.accept().await.unwrap();
    let (link, request) = accept(stream, server::Config::default()).await.unwrap();
    let Request::Publish(request) = request else { panic!("{request:?}") };
    (link, request)
}

/// A publish through the relay, let begin by the origin behind `listener`.
async fn through(
    relay: &Arc<Relay>,
    listener: &TcpListener,
) -> (Link<client::Session>, Link<server::Session>) {
    let grant = async {
        let (mut link, request) = origin(listener).await;
        assert_eq!((request.stream.as_str(), request.kind.as_str()), ("a?token=1", "live"));
        assert_eq!(request.connect.object.get("unknown").and_then(|value| value.as_str()), Some("kept"));
        link.machine().accept_publish();
        link.drain().await.unwrap();
        link
    };
    let (client, origin) = tokio::join!(rtmp(relay, "a?token=1", publishing()), grant);
    (client.unwrap(), origin)
}

async fn is_claimed(relay: &Relay) -> bool {
    relay.balancer.tick(relay.now()).await;
    relay.balancer.locate(&key("a"), relay.now()).is_some()
}

#[tokio::test]
async fn all_that_is_published_reaches_the_origin_in_order_and_the_end_is_told() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let (mut client, mut origin) = through(&relay, &listener).await;
            assert!(is_claimed(&relay).await);
            let send = async {
                for time in 0..100 {
                    client.machine().write(&video(time, 50_000));
                    client.drain().await.unwrap();
                }
                client.machine().close();
                client.drain().await.unwrap();
            };
            let receive = async {
                let mut times = Vec::new();
                loop {
                    match origin.next().await.unwrap().expect("closed without a goodbye") {
                        server::Event::Message(message) => times.push(message.timestamp),
                        server::Event::EndOfStream => return times,
                        _ => {}
                    }
                }
            };
            let ((), times) = tokio::join!(send, receive);
            assert_eq!(times, (0..100).collect::<Vec<_>>());
            while is_claimed(&relay).await {
                tokio::task::yield_now().await;
            }
        })
        .await;
}

#[tokio::test]
async fn a_publisher_that_vanishes_is_not_ended_at_the_origin() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let (client, mut origin) = through(&relay, &listener).await;
            drop(client);
            while let Ok(Some(event)) = origin.next().await {
                assert!(!matches!(event, server::Event::EndOfStream), "the origin could not hold the stream");
            }
        })
        .await;
}

#[tokio::test]
async fn the_origins_refusal_reaches_the_publisher_in_its_words_and_frees_the_claim() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let refuse = async {
                let (mut link, _) = origin(&listener).await;
                link.machine().reject("NetStream.Publish.BadName", "busy, they say");
                link.drain().await.unwrap();
                link
            };
            let (refused, _link) = tokio::join!(rtmp(&relay, "a", publishing()), refuse);
            let Err(Error::Refused { code, description }) = refused else { panic!("not refused") };
            assert_eq!(
                (code.as_str(), description.as_str()),
                ("NetStream.Publish.BadName", "busy, they say")
            );
            assert!(!is_claimed(&relay).await);
        })
        .await;
}

#[tokio::test]
async fn a_stranger_who_is_refused_does_not_shorten_the_time_for_which_a_claim_is_held() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let (client, mut first) = through(&relay, &listener).await;
            drop(client);
            // Its leg is closed when the claim is held.
            while let Ok(Some(_)) = first.next().await {}
            let refuse = async {
                let (mut link, _) = origin(&listener).await;
                link.machine().reject("NetStream.Publish.Denied", "wrong key");
                link.drain().await.unwrap();
                link
            };
            let (refused, _link) = tokio::join!(rtmp(&relay, "a", publishing()), refuse);
            assert!(matches!(refused, Err(Error::Refused { .. })));
            assert!(is_claimed(&relay).await);
        })
        .await;
}

#[tokio::test]
async fn an_origin_that_is_lost_is_told_to_the_publisher() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let (mut client, origin) = through(&relay, &listener).await;
            drop(origin);
            let event = client.next().await.unwrap();
            assert!(
                matches!(&event, Some(client::Event::Status { code, .. }) if code == "NetStream.Publish.Failed"),
                "{event:?}"
            );
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_takes_nothing_for_ten_seconds_is_given_up() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let (mut client, _stuck) = through(&relay, &listener).await;
            // More than the relay's limit and all kernel buffers between.
            (0..60).for_each(|time| client.machine().write(&video(time, 1 << 20)));
            let (_reader, mut write, mut flood) = client.split();
            let flood = flood.take_all();
            let flood = tokio::task::spawn_local(async move {
                tokio::io::AsyncWriteExt::write_all(&mut write, &flood).await
            });
            // The only origin there is takes no other connection either.
            let _gave_up = timeout(6 * limits::STALL, flood).await.expect("the publisher waits for ever");
        })
        .await;
}

#[tokio::test]
async fn without_an_origin_the_publisher_is_told() {
    LocalSet::new()
        .run_until(async {
            for origins in [vec![], vec![("gone", nobody().await)]] {
                let refused = rtmp(&relay(&origins), "a", publishing()).await;
                assert!(
                    matches!(&refused, Err(Error::Refused { code, .. }) if code == "NetStream.Publish.Failed"),
                    "{refused:?}"
                );
            }
        })
        .await;
}

#[tokio::test]
async fn a_publisher_that_leaves_while_its_origin_is_dialled_ends_the_dialling_and_the_claim() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let publisher = {
                let relay = Arc::clone(&relay);
                tokio::task::spawn_local(async move {
                    let _never_answered = rtmp(&relay, "a", publishing()).await;
                })
            };
            let (mut origin, _) = listener.accept().await.unwrap();
            assert!(is_claimed(&relay).await);
            publisher.abort();
            let mut dialled = Vec::new();
            let ended = tokio::io::AsyncReadExt::read_to_end(&mut origin, &mut dialled);
            let _closed = timeout(limits::DIAL_ANSWER / 2, ended).await.expect("still dialled");
            assert!(!is_claimed(&relay).await);
        })
        .await;
}

#[tokio::test]
async fn what_is_published_before_the_origin_answered_is_not_lost() {
    LocalSet::new()
        .run_until(async {
            let (origins, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let (door, at) = listener().await;
            let (ours, theirs) = tokio::join!(TcpStream::connect(at), door.accept());
            let (stream, peer) = theirs.unwrap();
            tokio::task::spawn_local(relay.serve_rtmp(stream, peer));
            let connect = Value::object([("app", "live".into()), ("tcUrl", "rtmp://x/live".into())]);
            let session = client::Session::new(client::Config::new(connect, "a", publishing()), [7; 32]);
            let mut publisher = Link::new(ours.unwrap(), session);
            let (mut origin, _) = tokio::select! {
                asked = origin(&origins) => asked,
                _ = publisher.next() => panic!("let begin before the origin was asked"),
            };
            for time in 0..3 {
                publisher.machine().write(&video(time, 5_000));
                publisher.drain().await.unwrap();
                tokio::task::yield_now().await;
            }
            origin.machine().accept_publish();
            origin.drain().await.unwrap();
            for time in 0..3 {
                let event = origin.next().await.unwrap();
                let Some(server::Event::Message(message)) = event else { panic!("{event:?}") };
                assert_eq!((message.timestamp, message.body.len()), (time, 5_005));
            }
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_says_nothing_at_all_does_not_stay_for_ever() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let (_mute, mut origin) = through(&relay, &listener).await;
            let freed = async { while matches!(origin.next().await, Ok(Some(_))) {} };
            timeout(Duration::from_secs(600), freed).await.expect("it stays");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_only_pings_stays() {
    LocalSet::new()
        .run_until(async {
            let (listener, address) = listener().await;
            let relay = relay(&[("o", address)]);
            let (mut client, _origin) = through(&relay, &listener).await;
            for time in 0..20 {
                client.machine().write(&user_control::message(user_control::UserControl::Ping(time)));
                client.drain().await.unwrap();
                tokio::time::sleep(Duration::from_secs(100)).await;
                assert!(is_claimed(&relay).await);
            }
        })
        .await;
}

/// Lets a publish begin at the origin behind `listener`.
async fn grant(listener: &TcpListener) -> Link<server::Session> {
    let (mut link, _) = origin(listener).await;
    link.machine().accept_publish();
    link.drain().await.unwrap();
    link
}

/// The next message that an origin is sent.
async fn heard(origin: &mut Link<server::Session>) -> Message {
    loop {
        match origin.next().await.unwrap() {
            Some(server::Event::Message(message)) => return message,
            Some(_) => {}
            None => panic!("the leg ended"),
        }
    }
}

#[tokio::test]
async fn a_publisher_whose_origin_dies_goes_on_with_another_from_the_open_gop() {
    LocalSet::new()
        .run_until(async {
            let ((one, first), (two, second)) = (listener().await, listener().await);
            let relay = relay(&[("one", first), ("two", second)]);
            let ours = relay.balancer.pick_play(&key("a"), &[], relay.now()).await.unwrap();
            let (dies, lives) = if ours.node.id == id("one") { (one, two) } else { (two, one) };
            let (mut client, mut origin) = through(&relay, &dies).await;
            let body = |first: &'static [u8]| Bytes::from_static(first);
            let sent = [(0, body(&[0x17, 0, 0])), (0, body(&[0x17, 1, 1])), (40, body(&[0x27, 1, 2]))];
            for (time, body) in sent.clone() {
                let message = Message { kind: MessageKind::VIDEO, timestamp: time, stream_id: 1, body };
                client.machine().write(&message);
            }
            client.flush().await.unwrap();
            for (time, body) in sent.clone() {
                let got = heard(&mut origin).await;
                assert_eq!((got.timestamp, got.body), (time, body));
            }
            let before = relay.balancer.locate(&key("a"), relay.now()).unwrap().claim.unwrap();
            drop((dies, origin));
            let mut origin = grant(&lives).await;
            for (time, body) in sent {
                let got = heard(&mut origin).await;
                assert_eq!((got.timestamp, got.body), (time, body));
            }
            client.machine().write(&video(80, 10));
            client.flush().await.unwrap();
            assert_eq!(heard(&mut origin).await.timestamp, 80);
            let after = relay.balancer.locate(&key("a"), relay.now()).unwrap().claim.unwrap();
            assert!(after.epoch > before.epoch && after.holder != before.holder);
        })
        .await;
}
