use srs_names::Inventory as _;
use srs_names::envelope::Purpose;
use srs_net::rtmp::Error;
use srs_rtmp::client;
use tokio::task::LocalSet;

use crate::Vhost;
use crate::testkit::{claimed, envelope, gateway, key, rtmp, rtmp_from, to_publish};

use super::*;

fn publishing() -> client::Role {
    client::Role::Publish { kind: "live".to_owned() }
}

fn term(epoch: u64) -> Term {
    Term { domain: "d".to_owned(), epoch, resumed: false }
}

#[tokio::test(start_paused = true)]
async fn a_draining_origin_takes_publishers_from_nodes_alone_and_players_as_ever() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let _before = rtmp(&gateway, "before", publishing()).await.unwrap();
            gateway.drain(true);
            match rtmp(&gateway, "a", publishing()).await {
                Err(Error::Refused { description, .. }) => {
                    assert_eq!(description, "the origin is being drained");
                }
                other => panic!("not refused: {:?}", other.err()),
            }
            let sent = to_publish(&envelope(Purpose::Relay));
            let _sent = rtmp_from(&gateway, "a", publishing(), &sent).await.unwrap();
            let _player = rtmp(&gateway, "before", client::Role::Play).await.unwrap();
            assert_eq!(gateway.publishers(), 2);
            gateway.drain(false);
            let _after = rtmp(&gateway, "b", publishing()).await.unwrap();
        })
        .await;
}

#[test]
fn who_waits_for_a_drain_is_told_once() {
    let gateway = gateway(Vhost::default());
    let mut drains = gateway.drains();
    gateway.drain(false);
    assert!(!drains.has_changed().unwrap());
    gateway.drain(true);
    assert!(drains.has_changed().unwrap() && *drains.borrow_and_update() && gateway.draining());
    gateway.drain(true);
    assert!(!drains.has_changed().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_another_node_owns_by_now_ends_for_publisher_and_players() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let mut up = rtmp_from(&gateway, "a", publishing(), &to_publish(&claimed(6))).await.unwrap();
            // Its vhost is served by the default one, as that of the publish is.
            let named = key("a").with_vhost("some.where").unwrap();
            assert!(!gateway.fence(&named, &term(6)));
            assert!(gateway.fence(&named, &term(7)));
            let mut codes = Vec::new();
            while let Ok(Some(event)) = up.next().await {
                if let client::Event::Status { code, .. } = event {
                    codes.push(code);
                }
            }
            assert_eq!(codes, ["NetStream.Publish.Failed"]);
            assert_eq!(gateway.publishers(), 0);
        })
        .await;
}
