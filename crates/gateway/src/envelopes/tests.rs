use std::time::Duration;

use srs_hub::Phase;
use srs_names::Inventory as _;
use srs_net::rtmp::{Error, Link};
use srs_rtmp::{Message, MessageKind, client};
use tokio::task::LocalSet;

use super::*;
use crate::Vhost;
use crate::testkit::{
    claimed, envelope, gateway, get_with, key, rtmp, rtmp_from, seal, to_get, to_play, to_publish,
};

fn publishing() -> client::Role {
    client::Role::Publish { kind: "live".to_owned() }
}

async fn local(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

async fn publish(gateway: &Arc<Gateway>, envelope: &Envelope) -> Link<client::Session> {
    rtmp_from(gateway, "a", publishing(), &to_publish(envelope)).await.unwrap()
}

/// The code and the words of a refusal.
fn refusal(link: Result<Link<client::Session>, Error>) -> (String, String) {
    match link {
        Err(Error::Refused { code, description }) => (code, description),
        other => panic!("not refused: {:?}", other.err()),
    }
}

/// The next word of the server.
async fn status(link: &mut Link<client::Session>) -> String {
    loop {
        if let Some(client::Event::Status { code, .. }) = link.next().await.unwrap() {
            return code;
        }
    }
}

async fn until(gateway: &Gateway, phase: Option<Phase>) {
    while gateway.hub.phase(&key("a")) != phase {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn clients_that_a_node_stands_for_are_listed_by_their_own_addresses() {
    local(async {
        let gateway = gateway(Vhost::default());
        let _up = publish(&gateway, &envelope(Purpose::Relay)).await;
        let relayed = to_play(&envelope(Purpose::Relay));
        let _down = rtmp_from(&gateway, "a", client::Role::Play, &relayed).await.unwrap();
        let ips: Vec<String> = gateway.clients().into_iter().map(|client| client.ip).collect();
        assert_eq!(ips, ["203.0.113.7", "203.0.113.7"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn clients_are_listed_with_the_node_through_which_they_came_and_streams_with_all_of_these() {
    local(async {
        let gateway = gateway(Vhost { min_latency: true, ..Vhost::default() });
        let from = |node: &str, session: &str| Envelope {
            from: srs_names::NodeId::new(node).unwrap(),
            session: session.to_owned(),
            ..envelope(Purpose::Relay)
        };
        let _up = publish(&gateway, &from("vid-two", "s1")).await;
        let _down =
            rtmp_from(&gateway, "a", client::Role::Play, &to_play(&from("vid-one", ""))).await.unwrap();
        let more = format!("{HTTP_HEADER}: {}\r\n", to_get(&from("vid-two", "s3"), "/live/a.flv"));
        let _flv = get_with(&gateway, "/live/a.flv", "1.1", &more).await;
        let _direct = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
        while gateway.clients().len() < 4 {
            tokio::task::yield_now().await;
        }
        let mut told: Vec<_> =
            gateway.clients().into_iter().map(|client| (client.kind, client.via, client.session)).collect();
        told.sort();
        let of = |kind: &str, via: Option<&str>, session: Option<&str>| {
            (kind.to_owned(), via.map(String::from), session.map(String::from))
        };
        let expected = [
            of("flv-play", Some("vid-two"), Some("s3")),
            of("fmle-publish", Some("vid-two"), Some("s1")),
            of("rtmp-play", None, None),
            of("rtmp-play", Some("vid-one"), None),
        ];
        assert_eq!(told, expected);
        assert_eq!(gateway.streams()[0].via, ["vid-one", "vid-two"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_node_carries_is_counted() {
    local(async {
        let gateway = gateway(Vhost { min_latency: true, ..Vhost::default() });
        let by_claim = publish(&gateway, &claimed(7)).await;
        let _down = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
        let _waiting = rtmp(&gateway, "b", client::Role::Play).await.unwrap();
        while gateway.carried().viewers < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gateway.carried().streams, 1);
        assert_eq!(gateway.streams()[0].domain.as_deref(), Some("d"));
        drop(by_claim);
        until(&gateway, Some(Phase::Held)).await;
        assert_eq!(gateway.carried().streams, 1, "one that is held is carried");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_envelope_that_is_not_good_is_as_if_it_were_not_there() {
    local(async {
        let foreign = Seal::new(b"another secret").sign(&claimed(7), 0, 1);
        let old = seal().sign(&claimed(7), 0, 1);
        let other = to_publish(&Envelope { to: "vid-other".to_owned(), ..claimed(7) });
        let pull = to_publish(&Envelope { purpose: Purpose::Pull, ..claimed(7) });
        let play = to_play(&claimed(7));
        for text in [foreign, old, other, pull, play, String::new()] {
            let gateway = gateway(Vhost::default());
            let _up = rtmp_from(&gateway, "a", publishing(), &text).await.unwrap();
            assert_eq!(gateway.clients()[0].ip, "127.0.0.1", "{text}");
            assert_eq!(gateway.live()[0].domain, None, "{text}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_envelope_is_good_for_the_stream_that_it_was_sealed_for() {
    local(async {
        let gateway = gateway(Vhost::default());
        let _other = rtmp_from(&gateway, "b", publishing(), &to_publish(&claimed(7))).await.unwrap();
        assert_eq!((gateway.clients()[0].ip.as_str(), &gateway.live()[0].domain), ("127.0.0.1", &None));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_envelope_of_a_claim_is_good_once() {
    local(async {
        let gateway = gateway(Vhost::default());
        let text = to_publish(&claimed(7));
        for domain in [Some("d"), None] {
            let up = rtmp_from(&gateway, "a", publishing(), &text).await.unwrap();
            assert_eq!(gateway.live()[0].domain.as_deref(), domain);
            drop(up);
            until(&gateway, Some(Phase::Held)).await;
        }
    })
    .await;
}

#[test]
fn an_envelope_is_taken_out_of_what_the_client_said_whether_it_is_good_or_not() {
    let gateway = gateway(Vhost::default());
    for value in [to_publish(&envelope(Purpose::Relay)).into(), "nonsense".into(), Value::Number(1.0)] {
        let object = Value::object([("app", "live".into()), (RTMP_PROPERTY, value)]);
        let mut connect =
            Arc::new(Connect { app: "live".into(), tc_url: String::new(), object, arguments: Vec::new() });
        gateway.envelope_of(&mut connect, ("publish", "a"), &[Purpose::Relay], ([127, 0, 0, 1], 1).into());
        assert_eq!(connect.object, Value::object([("app", "live".into())]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_publisher_is_awaited_for_as_long_as_the_envelope_says() {
    local(async {
        let gateway = gateway(Vhost::default());
        let hold = Some(Duration::from_secs(3));
        drop(publish(&gateway, &Envelope { hold, ..envelope(Purpose::Relay) }).await);
        until(&gateway, Some(Phase::Held)).await;
        tokio::time::sleep(Duration::from_millis(2_990)).await;
        assert_eq!(gateway.hub.phase(&key("a")), Some(Phase::Held));
        tokio::time::sleep(Duration::from_millis(20)).await;
        until(&gateway, None).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_older_claim_is_refused_with_the_epoch_that_it_must_lie_above() {
    local(async {
        let gateway = gateway(Vhost::default());
        let _newer = publish(&gateway, &claimed(7)).await;
        let older = rtmp_from(&gateway, "a", publishing(), &to_publish(&claimed(6))).await;
        let expected = ("NetStream.Publish.Fenced".to_owned(), "epoch must lie above 7".to_owned());
        assert_eq!(refusal(older), expected);
        assert_eq!(gateway.live()[0].epoch, 7);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_claim_takes_over_and_the_older_publisher_is_told() {
    local(async {
        let gateway = gateway(Vhost::default());
        let mut older = publish(&gateway, &claimed(6)).await;
        let _newer = publish(&gateway, &claimed(7)).await;
        assert_eq!(status(&mut older).await, "NetStream.Publish.Failed");
        assert_eq!(gateway.live()[0].epoch, 7);
    })
    .await;
}

#[tokio::test]
async fn beats_tell_of_claims_and_of_holds_and_the_api_of_holds() {
    local(async {
        let gateway = gateway(Vhost::default());
        let by_claim = publish(&gateway, &claimed(7)).await;
        let _direct = rtmp(&gateway, "b", publishing()).await.unwrap();
        let mut live = gateway.live();
        live.sort_by(|one, other| one.key.cmp(&other.key));
        let told: Vec<_> = live.iter().map(|stream| (stream.domain.as_deref(), stream.held)).collect();
        assert_eq!(told, [(Some("d"), false), (None, false)]);
        let began_ms = gateway.streams()[1].live_ms;
        assert_eq!((live[0].epoch, live[1].epoch), (7, began_ms << 16));
        drop(by_claim);
        until(&gateway, Some(Phase::Held)).await;
        assert_eq!(gateway.live().iter().filter(|stream| stream.held && stream.epoch == 7).count(), 1);
        let shown: Vec<_> =
            gateway.streams().iter().map(|stream| (stream.held, stream.publish.active)).collect();
        assert_eq!(shown, [(true, false), (false, true)]);
    })
    .await;
}

#[tokio::test]
async fn a_node_that_plays_is_told_when_the_publisher_is_gone_and_when_there_is_one_again() {
    local(async {
        let gateway = gateway(Vhost { min_latency: true, ..Vhost::default() });
        let up = publish(&gateway, &claimed(7)).await;
        let pulled = to_play(&envelope(Purpose::Pull));
        let mut down = rtmp_from(&gateway, "a", client::Role::Play, &pulled).await.unwrap();
        drop(up);
        assert_eq!(status(&mut down).await, "NetStream.Play.Held");
        let mut late = rtmp_from(&gateway, "a", client::Role::Play, &pulled).await.unwrap();
        assert_eq!(status(&mut late).await, "NetStream.Play.Held");
        let _again = publish(&gateway, &claimed(7)).await;
        assert_eq!(status(&mut down).await, "NetStream.Play.Start");
    })
    .await;
}

#[tokio::test]
async fn a_node_hears_that_the_publisher_is_gone_before_what_is_cached_of_it() {
    local(async {
        let gateway = gateway(Vhost { min_latency: true, ..Vhost::default() });
        let mut up = publish(&gateway, &claimed(7)).await;
        let body = [0x17, 1, 0, 0, 0, 0].as_slice().into();
        up.machine().write(&Message { kind: MessageKind::VIDEO, timestamp: 0, stream_id: 1, body });
        up.drain().await.unwrap();
        let pulled = to_play(&envelope(Purpose::Pull));
        let mut first = rtmp_from(&gateway, "a", client::Role::Play, &pulled).await.unwrap();
        let came = async |down: &mut Link<client::Session>| loop {
            match down.next().await.unwrap().unwrap() {
                client::Event::Message(message) if message.kind == MessageKind::VIDEO => {
                    return "a frame".to_owned();
                }
                client::Event::Status { code, .. } => return code,
                _ => {}
            }
        };
        assert_eq!(came(&mut first).await, "a frame");
        drop(up);
        until(&gateway, Some(Phase::Held)).await;
        let mut late = rtmp_from(&gateway, "a", client::Role::Play, &pulled).await.unwrap();
        assert_eq!(came(&mut late).await, "NetStream.Play.Held");
        assert_eq!(came(&mut late).await, "a frame");
    })
    .await;
}

#[tokio::test]
async fn a_player_is_not_told_of_holds() {
    local(async {
        let gateway = gateway(Vhost { min_latency: true, ..Vhost::default() });
        let up = publish(&gateway, &claimed(7)).await;
        let mut down = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
        drop(up);
        until(&gateway, Some(Phase::Held)).await;
        let mut up = publish(&gateway, &claimed(7)).await;
        let body = [0x17, 1, 0, 0, 0, 0].as_slice().into();
        up.machine().write(&Message { kind: MessageKind::VIDEO, timestamp: 0, stream_id: 1, body });
        up.drain().await.unwrap();
        loop {
            match down.next().await.unwrap().unwrap() {
                client::Event::Message(message) if message.kind == MessageKind::VIDEO => break,
                client::Event::Status { code, .. } => panic!("{code}"),
                _ => {}
            }
        }
    })
    .await;
}
