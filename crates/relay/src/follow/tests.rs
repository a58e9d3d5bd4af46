use std::time::Duration;

use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
use crate::testkit::{id, key, nobody, relay};

fn place(node: &str, epoch: Option<u64>) -> Place {
    Place { node: id(node), epoch: epoch.map(Epoch), edge: false }
}

#[test]
fn a_place_is_better_when_its_claim_is_newer() {
    for (there, here, better) in [
        (place("b", Some(2)), place("a", Some(1)), true),
        (place("b", Some(1)), place("a", Some(2)), false),
        (place("a", Some(2)), place("a", Some(1)), false),
        (place("b", None), place("a", None), true),
        (place("b", None), place("a", Some(1)), false),
        (place("b", Some(1)), place("a", None), true),
    ] {
        assert_eq!(there.is_better_than(&here), better, "{there:?} {here:?}");
    }
}

#[test]
fn an_edge_is_no_place_to_leave_for_a_newer_claim() {
    let edge = Place { edge: true, ..place("e", None) };
    assert!(!place("b", Some(2)).is_better_than(&edge));
    assert!(!place("b", None).is_better_than(&edge));
}

#[tokio::test]
async fn a_follower_that_needs_it_now_hears_of_a_claim_that_no_version_told() {
    let relay = relay(&[("a", nobody().await), ("b", nobody().await)]);
    LocalSet::new()
        .run_until(async {
            tokio::task::spawn_local(Arc::clone(&relay).look());
            let mut follower = relay.follow(&key("s"));
            follower.set_restless(true);
            let placed = relay.balancer.pick_play(&key("s"), &[], relay.now()).await.unwrap();
            let here = Place::of(&placed);
            let not = [placed.node.id.clone()];
            let owner = relay.balancer.pick_publish(&key("s"), &not, relay.now()).await.unwrap();
            timeout(Duration::from_secs(5), follower.moved(&here)).await.unwrap();
            assert_ne!(owner.node.id, here.node);
        })
        .await;
}

#[tokio::test]
async fn nothing_is_kept_of_a_stream_that_nobody_follows() {
    let relay = relay(&[]);
    let (mut one, other) = (relay.follow(&key("s")), relay.follow(&key("s")));
    one.set_restless(true);
    assert_eq!(relay.followed.restless(0), [key("s")]);
    drop(one);
    assert!(relay.followed.restless(0).is_empty());
    assert_eq!(relay.followed.all().len(), 1);
    drop(other);
    assert!(relay.followed.all().is_empty());
}

#[tokio::test]
async fn a_place_that_is_gone_moves_nobody() {
    let relay = relay(&[("a", nobody().await), ("b", nobody().await)]);
    LocalSet::new()
        .run_until(async {
            tokio::task::spawn_local(Arc::clone(&relay).look());
            let owner = relay.balancer.pick_publish(&key("s"), &[], relay.now()).await.unwrap();
            let mut follower = relay.follow(&key("s"));
            follower.set_restless(true);
            let elsewhere = place("elsewhere", None);
            timeout(Duration::from_secs(5), follower.moved(&elsewhere)).await.unwrap();
            relay.balancer.publish_ended(&owner.claim.unwrap(), srs_balance::Ending::Clean, relay.now());
            relay.balancer.tick(relay.now()).await;
            let known = async {
                while follower.place.borrow().is_some() {
                    tokio::time::sleep(LOOK).await
                }
            };
            timeout(Duration::from_secs(5), known).await.expect("it is remembered for ever");
        })
        .await;
}
