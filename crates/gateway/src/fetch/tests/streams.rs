//! Nodes that want every stream of a vhost.

use srs_amf::Value;

use super::*;
use crate::testkit::to_play_all;

fn publishing() -> client::Role {
    client::Role::Publish { kind: "live".to_owned() }
}

/// The next list of names.
async fn names(link: &mut Link<client::Session>) -> Vec<String> {
    loop {
        let client::Event::Message(message) = link.next().await.unwrap().unwrap() else { continue };
        let mut body = message.body.as_ref();
        if message.kind != MessageKind::DATA_AMF0
            || srs_amf::decode(&mut body).unwrap() != Value::from("onStreams")
        {
            continue;
        }
        let Value::StrictArray(names) = srs_amf::decode(&mut body).unwrap() else { panic!("no list") };
        assert!(body.is_empty());
        return names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    }
}

#[tokio::test]
async fn a_node_that_plays_all_is_told_the_names_of_streams_and_again_when_they_change() {
    local(async {
        let spring = Spring::new(Says::Missing(missing(MissingKind::NotFound, "not to be asked")));
        let publish = crate::Publish { hold: Duration::ZERO, ..crate::Publish::default() };
        let gateway = spring.gateway(Vhost { publish, ..Vhost::default() });
        let b = rtmp(&gateway, "b", publishing()).await.unwrap();
        let _fetched = pulled(&gateway);
        let mut down = rtmp_from(&gateway, "*", client::Role::Play, &to_play_all(&pull(&[]))).await.unwrap();
        assert_eq!(names(&mut down).await, ["live/b"]);
        let _c = rtmp(&gateway, "c", publishing()).await.unwrap();
        assert_eq!(names(&mut down).await, ["live/b", "live/c"]);
        drop(b);
        assert_eq!(names(&mut down).await, ["live/c"]);
        assert!(spring.wishes().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_stream_whose_publisher_is_awaited_stays_among_the_names() {
    local(async {
        let gateway = gateway(Vhost::default());
        drop(rtmp(&gateway, "b", publishing()).await.unwrap());
        while gateway.hub.phase(&key("b")) != Some(srs_hub::Phase::Held) {
            tokio::task::yield_now().await;
        }
        let mut down = rtmp_from(&gateway, "*", client::Role::Play, &to_play_all(&pull(&[]))).await.unwrap();
        assert_eq!(names(&mut down).await, ["live/b"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_plays_all_can_be_sent_away() {
    local(async {
        let gateway = gateway(Vhost::default());
        let mut down = rtmp_from(&gateway, "*", client::Role::Play, &to_play_all(&pull(&[]))).await.unwrap();
        assert!(names(&mut down).await.is_empty());
        let listed = gateway.clients();
        assert_eq!((listed[0].url.as_str(), listed[0].via.as_deref()), ("/live/*", Some("vid-proxy")));
        assert!(gateway.kick(&listed[0].id));
        assert_eq!(all(&mut down).await.0, [of("NetStream.Play.Failed", "ended by an operator")]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn to_a_stranger_it_is_a_stream_like_any_other() {
    local(async {
        let gateway = gateway(Vhost { min_latency: true, ..Vhost::default() });
        let _b = rtmp(&gateway, "b", publishing()).await.unwrap();
        let publisher = publisher(&gateway, "*");
        begin(&publisher);
        let mut down = rtmp(&gateway, "*", client::Role::Play).await.unwrap();
        loop {
            match down.next().await.unwrap().unwrap() {
                client::Event::Message(message) if message.kind == MessageKind::VIDEO => break,
                client::Event::Message(message) => {
                    assert!(!message.body.windows(9).any(|nine| nine == b"onStreams"));
                }
                _ => {}
            }
        }
    })
    .await;
}
