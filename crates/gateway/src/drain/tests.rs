use std::sync::Arc;

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

/// How long after `from` each of so many publishers leaves, whose sessions were made then.
async fn leave_after(
    gateway: &Arc<Gateway>,
    (from, made): (Instant, Instant),
    count: usize,
) -> Vec<Duration> {
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..count {
        let gateway = Arc::clone(gateway);
        all.spawn(async move {
            gateway.turn_to_leave(Some(made)).await;
            from.elapsed()
        });
    }
    let mut after = all.join_all().await;
    after.sort();
    after
}

#[tokio::test(start_paused = true)]
async fn publishers_that_nobody_can_move_leave_one_by_one_once_the_proxies_know() {
    let (gateway, made) = (gateway(Vhost::default()), Instant::now());
    gateway.drain(true);
    let after = leave_after(&gateway, (made, made), 10).await;
    for (number, after) in (0_u32..).zip(after) {
        let due = TOLD + STEP * number;
        assert!((due..due + STEP / 2).contains(&after), "{number}: {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn however_many_there_are_they_leave_within_a_nodes_grace() {
    let (gateway, made) = (gateway(Vhost::default()), Instant::now());
    gateway.drain(true);
    let after = leave_after(&gateway, (made, made), 500).await;
    assert!(after.iter().all(|after| *after < Duration::from_millis(3_200)));
    let early = after.iter().filter(|after| **after < TOLD + MOST / 2).count();
    assert!((100..400).contains(&early), "not all at once: {early}");
}

#[tokio::test(start_paused = true)]
async fn who_has_not_left_when_a_drain_is_taken_back_stays_until_the_next() {
    let (gateway, made) = (gateway(Vhost::default()), Instant::now());
    let mut leaves = std::pin::pin!(gateway.turn_to_leave(Some(made)));
    let mut stays = async |time| tokio::time::timeout(time, leaves.as_mut()).await.is_err();
    assert!(stays(TOLD).await);
    gateway.drain(true);
    assert!(stays(TOLD / 2).await);
    gateway.drain(false);
    assert!(stays(TOLD * 20).await);
    gateway.drain(true);
    assert!(!stays(TOLD + STEP).await);
}

#[tokio::test(start_paused = true)]
async fn who_is_sent_to_a_node_whose_drain_is_known_stays_there() {
    let gateway = gateway(Vhost::default());
    gateway.drain(true);
    // Sent by who could not know yet.
    tokio::time::sleep(TOLD / 2).await;
    let (early, from) = (Instant::now(), Instant::now());
    tokio::time::sleep(TOLD / 2).await;
    let knowing = Instant::now();
    let stays = tokio::time::timeout(TOLD * 60, gateway.turn_to_leave(Some(knowing)));
    assert!(stays.await.is_err());
    assert_eq!(leave_after(&gateway, (from, early), 1).await.len(), 1);
}
