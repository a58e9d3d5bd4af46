//! Viewers of streams that are fetched, looped, or not for them.

mod http;
mod streams;

use std::sync::Arc;

use srs_hub::{Finish, Settings};
use srs_names::Inventory as _;
use srs_net::rtmp::{Error, Link};
use srs_rtmp::{MessageKind, client};
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::*;
use crate::testkit::source::{Says, Spring, missing};
use crate::testkit::{
    begin, envelope, gateway, key, publisher, rtmp, rtmp_from, rtmp_served, to_play, to_publish,
};

async fn local(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

fn node(id: &str) -> NodeId {
    NodeId::new(id).unwrap()
}

/// From an edge behind which these nodes wait.
fn pull(hops: &[&str]) -> Envelope {
    let hops = hops.iter().map(|hop| node(hop)).collect();
    Envelope { hops, ..envelope(Purpose::Pull) }
}

/// The code and the words of a refusal.
fn refusal(link: Result<Link<client::Session>, Error>) -> (String, String) {
    match link {
        Err(Error::Refused { code, description }) => (code, description),
        other => panic!("not refused: {:?}", other.err()),
    }
}

/// What is said up to the end of the connection, and the times of pictures.
async fn all(link: &mut Link<client::Session>) -> (Vec<(String, String)>, Vec<u32>) {
    let (mut said, mut times) = (Vec::new(), Vec::new());
    while let Ok(Some(event)) = link.next().await {
        match event {
            client::Event::Status { code, status, .. } => {
                let words = status.get("description").and_then(srs_amf::Value::as_str).unwrap_or_default();
                said.push((code, words.to_owned()));
            }
            client::Event::Message(message) if message.kind == MessageKind::VIDEO => {
                times.push(message.timestamp);
            }
            _ => {}
        }
    }
    (said, times)
}

fn of(code: &str, words: &str) -> (String, String) {
    (code.to_owned(), words.to_owned())
}

/// As a pull publishes.
fn pulled(gateway: &Gateway) -> srs_hub::Publisher {
    let publisher = gateway.hub.publish(&key("a"), Settings::default()).unwrap();
    gateway.begin_hls(&key("a"), false);
    publisher
}

#[test]
fn what_a_player_said_behind_the_stream_and_behind_the_url_is_said_on() {
    let told = |tc_url: &str, app: &str, stream: &str| {
        let connect = server::Connect {
            app: app.to_owned(),
            tc_url: tc_url.to_owned(),
            object: srs_amf::Value::Null,
            arguments: Vec::new(),
        };
        let request = server::PlayRequest {
            connect: Arc::new(connect),
            stream: stream.to_owned(),
            start: -2.0,
            duration: -1.0,
            reset: true,
            buffer_ms: None,
        };
        let (host, query) = said(&request);
        format!("{host} {query}")
    };
    assert_eq!(told("rtmp://h:1935/live", "live", "a?k=v&l=w"), "h k=v&l=w");
    assert_eq!(told("rtmp://h/live?x=1", "live?x=1", "a?k=v"), "h k=v&x=1");
    assert_eq!(told("rtmp://h/live?x=1", "live?x=1", "a?x=1"), "h x=1");
    assert_eq!(told("rtmp://h/live", "live?x=1/_definst_", "a"), "h x=1");
    assert_eq!(told("", "live", "a"), " ");
}

#[tokio::test(start_paused = true)]
async fn the_source_is_told_who_wants_what_and_who_waits_behind_it() {
    local(async {
        let spring = Spring::new(Says::Here);
        let gateway = spring.gateway(Vhost::default());
        let _player = rtmp(&gateway, "a?k=v", client::Role::Play).await.unwrap();
        let far = to_play(&pull(&["vid-far", "vid-near"]));
        let _edge = rtmp_from(&gateway, "a", client::Role::Play, &far).await.unwrap();
        let own = |query: &str, client: &str, hops: &str| {
            ["__defaultVhost__/live/a", "some.where", query, client, hops].map(str::to_owned)
        };
        let expected = [own("k=v", "127.0.0.1", ""), own("", "203.0.113.7", "vid-far vid-near")];
        assert_eq!(spring.wishes(), expected);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_had_is_refused_with_the_reason() {
    local(async {
        let spring = Spring::new(Says::Here);
        let gateway = spring.gateway(Vhost::default());
        for (kind, code) in [
            (MissingKind::NotFound, "NetStream.Play.StreamNotFound"),
            (MissingKind::Loop, "NetStream.Play.StreamNotFound"),
            (MissingKind::Unreachable, "NetStream.Play.StreamNotFound"),
            (MissingKind::Forbidden, "NetStream.Play.Failed"),
        ] {
            spring.say(Says::Missing(missing(kind, "it is so")));
            let refused = rtmp(&gateway, "a", client::Role::Play).await;
            assert_eq!(refusal(refused), of(code, "it is so"));
        }
        assert_eq!(gateway.totals().errors, 4);
        assert_eq!(gateway.hub.phase(&key("a")), None, "nobody was seated");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_player_that_waits_for_a_stream_is_told_when_it_is_given_up() {
    local(async {
        let spring = Spring::new(Says::Coming);
        let gateway = spring.gateway(Vhost::default());
        let mut down = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
        spring.give_up(missing(MissingKind::Unreachable, "nobody answers"));
        let (said, times) = all(&mut down).await;
        assert_eq!(said, [of("NetStream.Play.StreamNotFound", "nobody answers")]);
        assert!(times.is_empty());
        while gateway.hub.phase(&key("a")).is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_player_that_has_a_picture_does_not_care_that_the_stream_was_given_up() {
    local(async {
        let spring = Spring::new(Says::Coming);
        let gateway = spring.gateway(Vhost { min_latency: true, ..Vhost::default() });
        let mut down = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
        let publisher = pulled(&gateway);
        begin(&publisher);
        loop {
            if let client::Event::Message(message) = down.next().await.unwrap().unwrap()
                && message.kind == MessageKind::VIDEO
            {
                break;
            }
        }
        spring.give_up(missing(MissingKind::NotFound, "too late"));
        crate::testkit::inter(&publisher, 40, 10);
        publisher.finish(Finish::Clean);
        let (said, times) = all(&mut down).await;
        assert_eq!(said.last().unwrap().0, "NetStream.Play.UnpublishNotify");
        assert_eq!(times.last(), Some(&40));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_says_nothing_is_waited_for_as_long_as_a_node_waits_for_the_answer() {
    local(async {
        let spring = Spring::new(Says::Silent);
        let gateway = spring.gateway(Vhost::default());
        let began = Instant::now();
        let refused = rtmp(&gateway, "a", client::Role::Play).await;
        let expected = of("NetStream.Play.StreamNotFound", "upstream did not answer in 4 s");
        assert_eq!((refusal(refused), began.elapsed().as_secs()), (expected, 4));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_player_that_leaves_while_the_source_is_asked_is_let_go() {
    local(async {
        let spring = Spring::new(Says::Silent);
        let gateway = spring.gateway(Vhost::default());
        let leaving = tokio::task::spawn_local({
            let gateway = Arc::clone(&gateway);
            async move {
                tokio::select! {
                    (_, served) = rtmp_served(&gateway, "a", client::Role::Play) => Some(served),
                    () = tokio::time::sleep(Duration::from_secs(1)) => None,
                }
            }
        });
        spring.heard(1).await;
        assert!(leaving.await.unwrap().is_none());
        // While this yields, no time passes.
        while Arc::strong_count(&gateway) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_pull_is_told_after_three_seconds_that_a_stream_is_not_live() {
    local(async {
        let gateway = gateway(Vhost::default());
        for (purpose, seconds) in [(Purpose::Pull, 3), (Purpose::Relay, 30)] {
            let began = Instant::now();
            let text = to_play(&envelope(purpose));
            let mut down = rtmp_from(&gateway, "a", client::Role::Play, &text).await.unwrap();
            let (said, _) = all(&mut down).await;
            assert_eq!(said, [of("NetStream.Play.StreamNotFound", "the stream is not live")]);
            assert_eq!(began.elapsed().as_secs(), seconds, "{purpose:?}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_pull_waits_for_what_is_fetched_here_as_long_as_the_fetch() {
    local(async {
        let spring = Spring::new(Says::Coming);
        let gateway = spring.gateway(Vhost::default());
        let began = Instant::now();
        let mut down =
            rtmp_from(&gateway, "a", client::Role::Play, &to_play(&pull(&["vid-far"]))).await.unwrap();
        assert_eq!(all(&mut down).await.0[0].0, "NetStream.Play.StreamNotFound");
        assert_eq!(began.elapsed().as_secs(), COMING.as_secs());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_on_behalf_of_this_node_is_refused_and_the_loop_is_named() {
    local(async {
        let spring = Spring::new(Says::Coming);
        let gateway = spring.gateway(Vhost::default());
        for purpose in [Purpose::Pull, Purpose::Relay] {
            let looped = Envelope { purpose, ..pull(&["vid-far", "vid-origin", "vid-b"]) };
            let refused = rtmp_from(&gateway, "a", client::Role::Play, &to_play(&looped)).await;
            let expected = of("NetStream.Play.StreamNotFound", "loop: vid-origin > vid-b > vid-origin");
            assert_eq!(refusal(refused), expected);
        }
        let pushed = Envelope { purpose: Purpose::Push, ..pull(&["vid-origin", "vid-b"]) };
        let role = client::Role::Publish { kind: "live".to_owned() };
        let refused = rtmp_from(&gateway, "a", role, &to_publish(&pushed)).await;
        assert_eq!(refusal(refused).1, "loop: vid-origin > vid-b > vid-origin");
        assert!(spring.wishes().is_empty());
    })
    .await;
}

/// Doors for the cluster alone.
fn closed() -> Vhost {
    let play = crate::Play { from: From::Cluster, ..crate::Play::default() };
    Vhost { play, ..Vhost::default() }
}

#[tokio::test(start_paused = true)]
async fn where_the_cluster_alone_plays_strangers_are_refused_and_told_so() {
    local(async {
        let gateway = gateway(closed());
        let publisher = publisher(&gateway, "a");
        begin(&publisher);
        let (code, words) = refusal(rtmp(&gateway, "a", client::Role::Play).await);
        assert!(code == "NetStream.Play.Failed" && words.contains("play_from cluster"), "{code} {words}");
        for purpose in [Purpose::Pull, Purpose::Relay] {
            let text = to_play(&envelope(purpose));
            rtmp_from(&gateway, "a", client::Role::Play, &text).await.unwrap();
        }
        let role = client::Role::Publish { kind: "live".to_owned() };
        rtmp(&gateway, "b", role).await.unwrap();
    })
    .await;
}
